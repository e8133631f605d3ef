"""The ends of jobs, each told to the operator once the store has them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from mooring_processes.logs import about

LOGGER = logging.getLogger(__name__)
SECOND = 1_000_000
"""Microseconds."""


@dataclass(frozen=True)
class End:
    """What a job came to."""

    job: str
    process: str
    queue: str
    attempt: int
    status: str
    reason: str | None = None
    """Why it failed."""
    ran: int | None = None
    """Microseconds that its last attempt took; None where it did not run."""
    size: int = 0
    """Bytes of its results."""


def tell(ends: Iterable[End]) -> None:
    """Write a line about each."""
    for end in ends:
        seconds = None if end.ran is None else end.ran / SECOND
        more = {"status": end.status, "reason": end.reason, "seconds": seconds, "bytes": end.size, "queue": end.queue}
        known = {name: value for name, value in more.items() if value is not None}
        LOGGER.info("job %s is %s", end.job, end.status, extra=about(end.job, end.process, end.attempt, **known))
