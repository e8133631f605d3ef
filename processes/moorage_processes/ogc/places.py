"""Places for requests that hold a thread while they wait: few enough that others are answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from moorage_processes.jobs.fairness import most_for_one


class Places:
    """Places in this process, of which one caller never holds all.

    Parameters
    ----------
    total : how many there are.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._taken: Counter[str] = Counter()
        self._lock = Lock()

    @contextmanager
    def place(self, caller: str) -> Iterator[bool]:
        """Whether there is a place for a caller, taken while the block lasts."""
        is_free = self._take(caller)
        try:
            yield is_free
        finally:
            if is_free:
                self._give_back(caller)

    def _take(self, caller: str) -> bool:
        with self._lock:
            is_free = self._taken.total() < self._total and self._taken[caller] < most_for_one(self._total)
            if is_free:
                self._taken[caller] += 1
        return is_free

    def _give_back(self, caller: str) -> None:
        with self._lock:
            self._taken[caller] -= 1
            if not self._taken[caller]:
                del self._taken[caller]
