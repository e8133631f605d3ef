"""Subscriptions to changes of jobs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorage_processes.jobs.store.exchange import JobChange

REMEMBERED = 10_000
"""Changes that are kept for those who ask a moment too late."""


@dataclass(frozen=True, eq=False)
class Subscription:
    """A client waits for a job to differ from what it knows."""

    job: str
    known: int
    """When what it knows was written [microseconds since 1970]."""
    only_end: bool
    """Whether nothing but its end is of interest."""
    tell: Callable[[], None]

    def concerns(self, change: JobChange) -> bool:
        """Whether a change is news."""
        return change.updated != self.known and (change.is_done or not self.only_end)


class Subscriptions:
    """All subscriptions; each is notified once, and then removed."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, list[Subscription]] = {}
        self._recent: OrderedDict[str, JobChange] = OrderedDict()

    def add(self, watch: Subscription) -> None:
        """Subscribe; a change since then is notified at once."""
        change = self._recent.get(watch.job)
        if change is not None and change.updated > watch.known and watch.concerns(change):
            watch.tell()
        else:
            self._subscriptions.setdefault(watch.job, []).append(watch)

    def remove(self, watch: Subscription) -> None:
        """Wait no longer."""
        watches = self._subscriptions.get(watch.job, [])
        if watch in watches:
            watches.remove(watch)
        if not watches:
            self._subscriptions.pop(watch.job, None)

    def notice(self, changes: Iterable[JobChange]) -> None:
        """Notify those who wait for these changes."""
        for change in changes:
            self._remember(change)
            for watch in list(self._subscriptions.get(change.job, ())):
                if watch.concerns(change):
                    self.remove(watch)
                    watch.tell()

    @property
    def jobs(self) -> Collection[str]:
        """Jobs that are waited for."""
        return tuple(self._subscriptions)

    def _remember(self, change: JobChange) -> None:
        self._recent[change.job] = change
        self._recent.move_to_end(change.job)
        while len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
