"""How quick jobs are: of those that are over sooner than the store is asked for more, some are taken ahead."""

from __future__ import annotations

from collections import deque

SHORT = 0.02
"""Seconds of work that are taken ahead for each place."""
MOST = 32
"""Jobs that are taken ahead for each place."""
WITNESSES = 8
"""Jobs that were quick before the next are held to be."""
LONGEST_WAIT = 0.1
"""Seconds after which a job that was taken ahead, and still waits for a child, goes back to its queue."""


class Prefetch:
    """How long the last jobs took."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=WITNESSES)
        self._ahead = 0

    def note(self, seconds: float) -> None:
        """A job took so long, from its child's taking it up to its answer."""
        self._times.append(seconds)
        # by the slowest of them: a job that waits behind a long one could be running elsewhere
        self._ahead = min(MOST, int(SHORT / max(self._times))) if len(self._times) == WITNESSES else 0

    @property
    def ahead(self) -> int:
        """How many jobs each place may have waiting."""
        return self._ahead
