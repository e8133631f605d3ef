"""A job as a row of the store, and a row as a job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moorage_processes.authoring.limits import Limits
from moorage_processes.catalogue.queue import LOCAL
from moorage_processes.execution.request import Artefact, Failure
from moorage_processes.jobs.job import Job, Status
from moorage_processes.jobs.store.database import compact, microseconds, moment
from moorage_processes.jobs.store.expiry import size_of
from moorage_processes.jobs.store.tables import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import sqlalchemy as sa

    from moorage_processes.execution.request import Request


def row_of(job: Job) -> dict[str, Any]:
    """The row of a job; its inputs are kept apart."""
    artefacts = compact([each.to_json() for each in job.artefacts])
    return {
        "id": job.id,
        "process": job.process,
        "queue": job.queue,
        "status": job.status.value,
        "message": storable(job.message),
        "progress": job.progress,
        "created": microseconds(job.created),
        "lease": _lease(job),
        "started": _column(job.started),
        "finished": _column(job.finished),
        "updated": microseconds(job.updated),
        "outputs": compact(dict(job.request.outputs)),
        "answer": compact(dict(job.answer)),
        "limits": compact(job.limits.to_json()),
        "artefacts": artefacts,
        "failure": compact(job.failure.to_json()) if job.failure else None,
        "attempt": job.attempt,
        "epoch": job.epoch,
        "owner": job.owner,
        "listed": job.listed,
        "size": size_of(artefacts),
        "needed": _column(job.needed),
        "expired": _column(job.expired),
        "input_size": 0,
    }


def job_of(row: Mapping[str, Any] | sa.RowMapping, request: Request) -> Job:
    """The job of a row.

    Parameters
    ----------
    row : of the jobs.
    request : what was asked; its inputs are kept apart.
    """
    failure = json.loads(row["failure"]) if row["failure"] else None
    return Job(
        id=row["id"],
        process=row["process"],
        status=Status(row["status"]),
        message=row["message"],
        progress=row["progress"],
        created=moment(row["created"]),
        started=_moment(row["started"]),
        finished=_moment(row["finished"]),
        updated=moment(row["updated"]),
        request=request,
        answer=json.loads(row["answer"]),
        limits=Limits.from_json(json.loads(row["limits"])),
        attempt=row["attempt"],
        epoch=row["epoch"],
        artefacts=tuple(Artefact.from_json(each) for each in json.loads(row["artefacts"])),
        failure=Failure.from_json(failure) if failure else None,
        listed=row["listed"],
        queue=row["queue"],
        owner=row["owner"],
        needed=_moment(row["needed"]),
        expired=_moment(row["expired"]),
    )


def storable(words: str) -> str:
    """What a person or a method said, without what databases do not take."""
    return words.encode("utf-8", "replace").decode().replace("\0", "")


def _lease(job: Job) -> int | None:
    """Until when a job may wait for its site."""
    if job.queue == LOCAL or job.status is not Status.ACCEPTED:
        return None
    return microseconds(job.created) + int(job.limits.wait * SECOND)


def _column(when: datetime | None) -> int | None:
    return None if when is None else microseconds(when)


def _moment(column: int | None) -> datetime | None:
    return None if column is None else moment(column)
