"""A job: one request on its way from accepted to done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from moorage_processes.authoring.limits import Limits
from moorage_processes.catalogue.queue import LOCAL
from moorage_processes.execution.request import Request

if TYPE_CHECKING:
    from moorage_processes.execution.request import Artefact, Failure


class Status(StrEnum):
    """Where a job stands, in the standard's words."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    DISMISSED = "dismissed"

    @property
    def is_done(self) -> bool:
        """Whether nothing will change any more."""
        return self not in (Status.ACCEPTED, Status.RUNNING)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One request on its way from accepted to done."""

    id: str
    process: str
    status: Status
    message: str
    """What its method told last, or why it failed."""
    progress: int
    """0 to 100."""
    created: datetime
    started: datetime | None
    finished: datetime | None
    updated: datetime
    request: Request
    """What was asked; the inputs are read from the store when they are first looked at."""
    answer: Mapping[str, Any]
    """How the caller wants the answer; the engine keeps it unread."""
    limits: Limits
    attempt: int
    """How often it was begun."""
    epoch: int
    """How often it was given to a worker; what an earlier epoch reports changes nothing."""
    artefacts: tuple[Artefact, ...]
    failure: Failure | None
    listed: bool
    """Whether it stands in the job list; calls do not."""
    queue: str = LOCAL
    owner: str | None = None
    """The machine that runs it, or ran it last."""
    needed: datetime | None = None
    """Until when its results are held."""
    expired: datetime | None = None
    """Since when its results are not kept any more."""


FIRST = {"attempt": 1, "epoch": 1}
"""Numbers of the first attempt."""


@dataclass(frozen=True)
class ListPosition:
    """A place in the job list: behind one job."""

    created: datetime
    id: str


@dataclass(frozen=True, kw_only=True)
class JobQuery:
    """Which jobs, newest first."""

    processes: tuple[str, ...] = ()
    """Of these processes; empty for any."""
    statuses: tuple[Status, ...] = ()
    created_from: datetime | None = None
    created_to: datetime | None = None
    shortest: float | None = None
    """Seconds that they ran at least; those that have not begun, or were dismissed before, did not run."""
    longest: float | None = None
    after: ListPosition | None = None
    """Only those behind this place."""
    limit: int = 10
    offset: int = 0


@dataclass(frozen=True)
class JobPage:
    """Some of the jobs that were asked for."""

    jobs: tuple[Job, ...]
    has_more: bool
    """Whether others follow. How many is not counted: that takes the longer the more jobs are kept."""


@dataclass(frozen=True)
class Callback:
    """Somebody wants to be told when a job has a status; while it runs, how it goes."""

    status: Status
    url: str
    receiver: str
    """Who hears it: one that is slow keeps none but its own waiting."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What a caller asks of the engine."""

    id: str
    request: Request
    limits: Limits
    answer: Mapping[str, Any] = field(default_factory=dict)
    queue: str = LOCAL
    callbacks: tuple[Callback, ...] = ()
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    def accepted(self) -> Job:
        """The job as it is before anybody has begun it."""
        return self._job()

    def begun(self, started: datetime, **told: Any) -> Job:
        """The job once its first attempt has begun; *told* is what else is known of it."""
        return self._job(**({"status": Status.RUNNING, "started": started, "updated": started, **FIRST} | told))

    def called(self, started: datetime, finished: datetime, failure: Failure | None = None, **told: Any) -> Job:
        """The record of a call: a job with one attempt, which is not listed; *told* is what else is known of it."""
        end: dict[str, Any] = {
            "status": Status.FAILED if failure else Status.SUCCESSFUL,
            "message": failure.detail if failure else "",
            "progress": 0 if failure else 100,
            "started": started,
            "finished": finished,
            "updated": finished,
            "failure": failure,
            "listed": False,
        }
        return self._job(**(end | FIRST | told))

    def _job(self, **told: Any) -> Job:
        """The job in a state; made in one piece, because each call has one."""
        state: dict[str, Any] = {
            "status": Status.ACCEPTED,
            "message": "",
            "progress": 0,
            "started": None,
            "finished": None,
            "updated": self.created,
            "attempt": 0,
            "epoch": 0,
            "artefacts": (),
            "failure": None,
            "listed": True,
        }
        return Job(
            id=self.id,
            process=self.request.process,
            created=self.created,
            request=self.request,
            answer=dict(self.answer),
            limits=self.limits,
            queue=self.queue,
            **(state | told),
        )

    @classmethod
    def from_head(cls, head: Mapping[str, Any]) -> Submission:
        """Read what :meth:`to_head` wrote; the inputs are left out."""
        return cls(
            id=head["job"],
            request=Request(head["process"], {}, head["outputs"]),
            limits=Limits.from_json(head["limits"]),
            answer=head["answer"],
            created=datetime.fromisoformat(head["created"]),
        )

    def to_head(self) -> dict[str, Any]:
        """Plain JSON, for the supervisor; the inputs may be large and travel beside it."""
        return {
            "job": self.id,
            "process": self.request.process,
            "outputs": dict(self.request.outputs),
            "limits": self.limits.to_json(),
            "answer": dict(self.answer),
            "created": self.created.isoformat(),
        }
