"""Statistics for the operator: jobs that wait and run, and outcomes so far."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from moorage_processes.jobs.store.database import clock
from moorage_processes.jobs.store.tables import ACCEPTED, COUNTERS, JOBS, QUEUES, RUNNING, SECOND

OLDEST = sa.select(sa.func.min(JOBS.c.created)).where(JOBS.c.queue == QUEUES.c.name, JOBS.c.status == ACCEPTED)
WAITING = sa.select(QUEUES.c.name, QUEUES.c.waiting, OLDEST.scalar_subquery().label("oldest"), clock().label("moment"))
AT_WORK = sa.select(JOBS.c.queue, sa.func.count().label("count")).where(JOBS.c.status == RUNNING).group_by(JOBS.c.queue)
COUNTED = sa.select(COUNTERS).order_by(*COUNTERS.primary_key)


@dataclass(frozen=True)
class QueueStatistics:
    """What is to be done for one site, and what it does now."""

    name: str
    waiting: int
    oldest: float
    """Seconds that the job has waited which was accepted first; 0 where none waits."""
    running: int


@dataclass(frozen=True)
class OutcomeCount:
    """Jobs, or calls, that came to the same end within the same time."""

    queue: str
    process: str
    kind: str
    status: str
    reason: str
    """Why they failed; empty where they did not."""
    bound: int
    """How long they ran at most [microseconds]: :mod:`moorage_processes.jobs.store.counters` tells the special ones."""
    count: int
    ran: int
    """Microseconds, of all together."""
    waited: int
    """Microseconds from acceptance to the last beginning, of all together."""
    size: int
    """Bytes of results, of all together."""


@dataclass(frozen=True)
class JobStatistics:
    """Queues, and outcomes of jobs and calls."""

    queues: tuple[QueueStatistics, ...]
    outcomes: tuple[OutcomeCount, ...]


def read(connection: sa.Connection) -> JobStatistics:
    """As the store tells them, the same whichever process asks."""
    waiting = connection.execute(WAITING).mappings().all()
    running = {row["queue"]: row["count"] for row in connection.execute(AT_WORK).mappings()}
    told = {row["name"]: row for row in waiting}
    queues = tuple(_queue(name, told.get(name), running.get(name, 0)) for name in sorted({*told, *running}))
    return JobStatistics(queues, tuple(OutcomeCount(**row) for row in connection.execute(COUNTED).mappings()))


def _queue(name: str, row: sa.RowMapping | None, running: int) -> QueueStatistics:
    if row is None:
        return QueueStatistics(name, 0, 0.0, running)
    oldest = 0.0 if row["oldest"] is None else max(0, row["moment"] - row["oldest"]) / SECOND
    return QueueStatistics(name, row["waiting"], oldest, running)
