"""Accepts a job where its queue has room: on PostgreSQL by one statement, in one round trip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from moorage_processes.jobs.errors import QueueFull
from moorage_processes.jobs.store.tables import ACCEPTED, INPUTS, JOBS, QUEUES

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


HELD = sa.select(sa.func.coalesce(sa.func.sum(JOBS.c.input_size), 0)).where(JOBS.c.status == ACCEPTED)
SMALL = 4096
"""Bytes of inputs that are admitted whatever others hold: as many as may wait do not fill a disk."""


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


def check_size(database: Database, size: int, limit: int) -> None:
    """Refuse inputs where those that wait hold all they may. It is asked before, so several at once may exceed it.

    Parameters
    ----------
    database : where.
    size : bytes of the inputs.
    limit : bytes that the inputs of all waiting jobs may hold.

    Raises
    ------
    QueueFull
        where they do.
    """
    if size <= SMALL:
        return
    with database.single() as connection:
        held = int(connection.execute(HELD).scalar() or 0)
    if held >= limit:
        reason = f"the inputs of the jobs that wait hold {held} bytes, at most {limit} may be held"
        raise QueueFull(f"{reason}; try again later, or give large inputs by reference")


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
