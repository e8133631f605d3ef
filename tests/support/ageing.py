"""Stores made older than they are, so that no test waits until a lease has run out."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from moorage_processes.jobs.store.tables import JOBS, SECOND


def age(url: str, seconds: float, *, column: sa.Column[Any] = JOBS.c.lease, **where: Any) -> int:
    """Move moments of a store back: of all rows, or those whose columns have these values; how many there were.

    Parameters
    ----------
    url : of the store.
    column : what is moved, the leases of jobs by default.
    """
    table = column.table
    chosen = [column.is_not(None), *(table.c[name] == value for name, value in where.items())]
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        moved = sa.update(table).where(*chosen).values({column: column - int(seconds * SECOND)})
        return connection.execute(moved).rowcount
