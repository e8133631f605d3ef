"""Accepts a job where its queue has room: on PostgreSQL by one statement, in one round trip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from moorage_processes.jobs.store.tables import INPUTS, JOBS, QUEUES

if TYPE_CHECKING:
    from moorage_processes.jobs.store.database import Database

# made once: making a statement takes as long as running it
TAKE_PLACE = (
    sa.update(QUEUES)
    .where(QUEUES.c.name == sa.bindparam("line"), QUEUES.c.waiting < sa.bindparam("room"))
    .values(waiting=QUEUES.c.waiting + 1)
)
ADD_JOB = sa.insert(JOBS)
ADD_INPUTS = sa.insert(INPUTS)


def _given(table: sa.Table) -> tuple[list[str], sa.Select[Any]]:
    """The columns of a row, and the row itself, where there is a place."""
    columns = [sa.bindparam(f"{table.name}_{column.name}", None, type_=column.type) for column in table.c]
    return [column.name for column in table.c], sa.select(*columns).select_from(PLACE)


PLACE = TAKE_PLACE.returning(QUEUES.c.name).cte("place")
# SQLite has no statements within statements, and needs none: it is asked without a journey
ADMIT = (
    sa.insert(INPUTS)
    .from_select(*_given(INPUTS))
    .add_cte(sa.insert(JOBS).from_select(*_given(JOBS)).cte("job"))
    .returning(INPUTS.c.job)
)


def is_admitted(database: Database, job: Mapping[str, Any], inputs: Mapping[str, Any], room: int) -> bool:
    """Admit a job where that takes one statement; False where it must be done step by step.

    Parameters
    ----------
    database : where.
    job, inputs : its rows.
    room : how many may wait.
    """
    if not database.has_many_writers:
        return False
    rows = {f"{JOBS.name}_{name}": value for name, value in job.items()}
    rows |= {f"{INPUTS.name}_{name}": value for name, value in inputs.items()}
    with database.single() as connection:
        return connection.execute(ADMIT, {**rows, "line": job["queue"], "room": room}).first() is not None


def admit(
    database: Database, connection: sa.Connection, job: Mapping[str, Any], inputs: Mapping[str, Any], room: int
) -> bool:
    """Admit a job step by step; False where there is no place for it."""
    place = {"line": job["queue"], "room": room}
    if not connection.execute(TAKE_PLACE, place).rowcount:
        database.insert_or(connection, QUEUES, [{"name": job["queue"], "waiting": 0}])
        if not connection.execute(TAKE_PLACE, place).rowcount:
            return False
    connection.execute(ADD_JOB, job)
    connection.execute(ADD_INPUTS, inputs)
    return True
