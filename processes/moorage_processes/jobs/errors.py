"""Errors of the engine; the message of each is for the caller."""

from __future__ import annotations


class EngineError(Exception):
    """Something the caller may try again."""

    retry_after = 1
    """Seconds after which it is worth another try."""


class QueueFull(EngineError):  # noqa: N818 - a state of the engine, told to the caller
    """So many jobs wait already that this one was not accepted."""

    retry_after = 5


class Busy(EngineError):  # noqa: N818
    """So many calls are being waited for already that this one was not begun."""

    retry_after = 2


class TimedOut(EngineError):  # noqa: N818
    """A call took longer than it may be waited for; it was stopped.

    Parameters
    ----------
    process : what was called.
    seconds : how long it was waited for.
    """

    def __init__(self, process: str, seconds: float) -> None:
        super().__init__(
            f"{process!r} took longer than the {seconds:g} s a call is waited for and was stopped; ask for a job with "
            "'Prefer: respond-async'"
        )


class Interrupted(EngineError):  # noqa: N818
    """A part of the engine ended while it worked on a call."""


class Elsewhere(EngineError):  # noqa: N818
    """The files of a job are not on this machine."""


class Unavailable(EngineError):  # noqa: N818
    """The store, or the supervisor, does not answer."""

    retry_after = 2


class StorageFull(Unavailable):
    """A disk that the service writes to is full."""

    retry_after = 60


class StoreDamaged(Unavailable):
    """The job store is there, and cannot be read."""

    retry_after = 60


class NoWorker(Unavailable):
    """The supervisor answers, and none of its workers can take a job yet."""
