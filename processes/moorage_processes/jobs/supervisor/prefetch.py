"""Prefetch: claims several jobs at once when they finish faster than the store is polled."""

from __future__ import annotations

from collections import deque

SHORT = 0.02
"""Seconds of work that are prefetched for each slot."""
MOST = 32
"""Jobs that are prefetched for each slot, at most."""
WITNESSES = 8
"""Number of last jobs that must all have been quick."""
LONGEST_WAIT = 0.1
"""Seconds after which a prefetched job that still waits for a worker goes back to its queue."""


class Prefetch:
    """Number of jobs to claim ahead, from the durations of the last ones."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=WITNESSES)
        self._ahead = 0

    def note(self, seconds: float) -> None:
        """Note the duration of a job [s], from its worker's start to its reply."""
        self._times.append(seconds)
        # by the slowest of them: a job that waits behind a long one could be running elsewhere
        self._ahead = min(MOST, int(SHORT / max(self._times))) if len(self._times) == WITNESSES else 0

    @property
    def ahead(self) -> int:
        """How many jobs may wait for each slot."""
        return self._ahead
