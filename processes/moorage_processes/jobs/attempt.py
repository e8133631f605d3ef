"""One attempt at a job or a call, and the outcomes it may have."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from moorage_processes.execution.request import Failure
from moorage_processes.jobs.job import Status

if TYPE_CHECKING:
    from moorage_processes.authoring.limits import Limits

AGAIN = "it was interrupted and will run again"
TWICE = "it is not run again, because it might do its work twice"


@dataclass(frozen=True, eq=False)
class Attempt:
    """One attempt at a job or a call."""

    job: str
    process: str
    limits: Limits
    request: bytes
    """The request as JSON."""
    epoch: int = 1
    number: int = 1
    """1 for the first attempt."""

    @property
    def is_once(self) -> bool:
        """Whether no other attempt may follow it."""
        return self.limits.attempts == 1


class Ref(NamedTuple):
    """One attempt at one job."""

    job: str
    epoch: int


@dataclass(frozen=True)
class Progressed:
    """How far an attempt is."""

    percent: int
    message: str


@dataclass(frozen=True)
class Ended:
    """An attempt that settled its job."""

    status: Status
    percent: int | None = None
    """How far it came; None where nobody can tell."""
    message: str | None = None
    """What its method told last; None where nobody can tell."""
    artefacts: str = "[]"
    """As JSON."""
    failure: Failure | None = None
    must_last: bool = False
    """Whether it must survive a power loss: the job would not be run again."""


@dataclass(frozen=True)
class Requeued:
    """A job that goes back to its queue."""

    number: int
    """Attempts it is charged for."""
    message: str = AGAIN


def failed(failure: Failure) -> Ended:
    """The end of a job that gave no result."""
    return Ended(Status.FAILED, failure=failure)


def out_of_time(attempt: Attempt) -> Failure:
    """It ran longer than it may."""
    limit = f"{attempt.limits.timeout:g} s"
    return Failure("timeout", f"the method {attempt.process!r} took longer than its limit of {limit} and was stopped")


def out_of_memory(attempt: Attempt) -> Failure:
    """It held more memory than it may."""
    limit = f"{(attempt.limits.memory or 0) / 1e9:.3g} GB of memory"
    return Failure("memory", f"the method {attempt.process!r} needed more than its limit of {limit} and was stopped")


def not_kept(attempt: Attempt) -> Failure:
    """There was no place for its results."""
    return Failure("storage", f"the results of {attempt.process!r} could not be stored; the operator finds the reason")


def crashed(attempt: Attempt, code: int) -> Failure:
    """Its process ended by itself, with an exit code or, where that is negative, by a signal."""
    how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    times = f" in each of {attempt.number} attempts" if attempt.number > 1 else ""
    guess = "; perhaps the machine ran out of memory" if code == -signal.SIGKILL else ""
    return Failure("crashed", f"the method {attempt.process!r} ended its process {how}{times}{guess}")


def lost(attempt: Attempt) -> Failure:
    """The service around it was killed."""
    if attempt.is_once:
        return Failure("lost", f"the service was killed while {attempt.process!r} ran; {TWICE}")
    return Failure("lost", f"the service was killed while {attempt.process!r} ran, {attempt.number} times")


def after_death(attempt: Attempt, failure: Failure, *, has_begun: bool) -> Ended | Requeued:
    """What becomes of a job whose worker died: it runs again while it has attempts left.

    An attempt that no worker had taken up is not charged.
    """
    if not has_begun:
        return Requeued(attempt.number - 1)
    if attempt.number < attempt.limits.attempts:
        return Requeued(attempt.number)
    return failed(failure)


def handed_back(attempt: Attempt, *, has_begun: bool) -> Ended | Requeued:
    """What becomes of a job that was stopped with its service: it runs again, the attempt not charged."""
    if has_begun and attempt.is_once:
        return failed(Failure("interrupted", f"the service was stopped while {attempt.process!r} ran; {TWICE}"))
    return Requeued(attempt.number - 1)
