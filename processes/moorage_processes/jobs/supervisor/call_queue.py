"""Calls that wait for a worker, and whose turn it is."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from moorage_processes.jobs.fairness import most_for_one

if TYPE_CHECKING:
    from moorage_processes.jobs.supervisor.task import Task


class CallQueue:
    """Calls that wait for a worker.

    The next is the oldest call of the caller who has the fewest running; of two such, of the one who waits longer.
    Nobody has more running than :func:`most_for_one` of the places; calls of which the caller is not known may.

    Parameters
    ----------
    places : calls that run at once.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._waiting: dict[str, deque[Task]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def __iter__(self) -> Iterator[Task]:
        for waiting in self._waiting.values():
            yield from waiting

    def append(self, task: Task) -> None:
        """Add the newest call."""
        self._waiting.setdefault(task.caller, deque()).append(task)

    def remove(self, task: Task) -> None:
        """Remove a call, wherever it waits."""
        waiting = self._waiting[task.caller]
        waiting.remove(task)
        if not waiting:
            del self._waiting[task.caller]

    def next(self, running: Iterable[Task]) -> Task | None:
        """Remove the call that is next; None where none may begin.

        Parameters
        ----------
        running : calls that run now.
        """
        if not self._waiting:
            return None
        counts = Counter(task.caller for task in running)
        if counts.total() >= self._places:
            return None
        most = most_for_one(self._places)
        heads = [each[0] for caller, each in self._waiting.items() if not caller or counts[caller] < most]
        if not heads:
            return None
        task = min(heads, key=lambda head: (counts[head.caller], head.came))
        self.remove(task)
        return task
