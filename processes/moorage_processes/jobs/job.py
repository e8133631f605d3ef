"""A job: one request on its way from accepted to done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moorage_processes.authoring.limits import Limits
    from moorage_processes.execution.request import Artefact, Failure, Request


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
    queue: str = "local"
    owner: str | None = None
    """The machine that runs it, or ran it last."""
    needed: datetime | None = None
    """Until when its results are held."""
    expired: datetime | None = None
    """Since when its results are not kept any more."""


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
    queue: str = "local"
    callbacks: tuple[Callback, ...] = ()
