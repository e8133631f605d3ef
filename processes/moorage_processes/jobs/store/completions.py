"""Logs each completed job for the operator, once the store has it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage_processes.jobs.job import Status
from moorage_processes.jobs.store.database import microseconds
from moorage_processes.jobs.store.tables import SECOND
from moorage_processes.logs import about

if TYPE_CHECKING:
    import sqlalchemy as sa

    from moorage_processes.jobs.attempt import Ended
    from moorage_processes.jobs.job import Job

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What a job, or a call, came to."""

    job: str
    process: str
    queue: str
    attempt: int
    status: str
    reason: str | None = None
    """Why it failed."""
    ran: int | None = None
    """Microseconds that its last attempt took; None where it did not run."""
    waited: int | None = None
    """Microseconds from its acceptance to the beginning of that."""
    size: int = 0
    """Bytes of its results."""
    kind: str = "job"
    """Or ``call``: one that was waited for."""


def of_attempt(row: Mapping[str, Any] | sa.RowMapping, report: Ended, moment: int) -> Completion:
    """The end of a job by what its attempt reported; *row* is that of the job."""
    started = row["started"]
    return Completion(
        **_names(row),
        status=report.status.value,
        reason=report.failure.reason if report.failure else None,
        ran=None if started is None else moment - started,
        waited=None if started is None else started - row["created"],
        size=sum(each["size"] for each in json.loads(report.artefacts)),
    )


def of_call(row: Mapping[str, Any]) -> Completion:
    """The end of a call by its record."""
    return Completion(
        **_names(row),
        status=row["status"],
        reason=json.loads(row["failure"])["reason"] if row["failure"] else None,
        ran=row["finished"] - row["started"],
        waited=row["started"] - row["created"],
        kind="call",
    )


def of_dismissal(job: Job, moment: int) -> Completion:
    """The end of a job that was not wanted any more."""
    started = None if job.started is None else microseconds(job.started)
    return Completion(
        job=job.id,
        process=job.process,
        queue=job.queue,
        attempt=job.attempt,
        status=Status.DISMISSED.value,
        ran=None if started is None else moment - started,
        waited=None if started is None else started - microseconds(job.created),
    )


def tell(ends: Iterable[Completion]) -> None:
    """Write a line about each."""
    for end in ends:
        more = {"queue": end.queue, "status": end.status, "bytes": end.size}
        if end.reason is not None:
            more["reason"] = end.reason
        if end.ran is not None:
            more["seconds"] = end.ran / SECOND
        subject = about(end.job, end.process, end.attempt, **more)
        LOGGER.info("%s %s is %s", end.kind, end.job, end.status, extra=subject)


def _names(row: Mapping[str, Any] | sa.RowMapping) -> dict[str, Any]:
    return {"job": row["id"], **{name: row[name] for name in ("process", "queue", "attempt")}}
