"""Removes expired results, and files that killed processes left behind."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, TypeVar

from moorage_processes.jobs.errors import Unavailable
from moorage_processes.jobs.files.log_cap import cap_log
from moorage_processes.jobs.supervisor.orphans import Orphans, forget_machines, show_life

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moorage_processes.jobs.files.state_directory import StateDirectory
    from moorage_processes.jobs.store.expiry import Expiry
    from moorage_processes.jobs.store.leases import LeaseStore

T = TypeVar("T")
LOGGER = logging.getLogger(__name__)

OFTEN = 10.0
"""Seconds between two looks at what is too old or too much."""
SELDOM = 3600.0
"""Seconds between two searches for what nobody needs, and the age of that."""
ABANDONED = 7 * 86400.0
"""Seconds after which a machine that shows no sign of life is taken to be gone for good."""
MANY = 500
"""Jobs the store is asked for at once."""


class GarbageCollector:
    """Removes what is not needed, a little at a time, so that store and disk have time for others.

    Parameters
    ----------
    state : holds the files.
    leases : tells which are needed.
    expiry : tells which results have expired.
    """

    def __init__(self, state: StateDirectory, leases: LeaseStore, expiry: Expiry | None) -> None:
        self._state = state
        self._leases = leases
        self._expiry = expiry
        self._expired = self._searched = -SELDOM
        self._unsettled: float | None = None

    def settle(self, before: float) -> None:
        """Have tidied up, next time, after attempts that were taken up here *before* this [s since 1970].

        Whoever should have done that was killed; the store must know the end of all of them.
        """
        self._unsettled = before

    def work(self) -> None:
        """Do what is due."""
        clock = time.monotonic()
        try:
            self._state.empty_trash()
            cap_log(self._state.supervisor_log, self._state.log_size)
            if self._unsettled is not None:
                self._settle(self._unsettled)
                self._unsettled = None
            if self._expiry is not None and clock - self._expired > OFTEN and not self.expire():
                self._expired = clock
            if clock - self._searched > SELDOM:
                self._searched = clock
                self.search(time.time() - SELDOM)
        except (Unavailable, OSError) as error:
            LOGGER.warning("the garbage collector did not finish: %s", error)
        except Exception:
            # jobs run on without it
            LOGGER.exception("the garbage collector did not finish")

    def _settle(self, before: float) -> None:
        for some in _portions(self._state.begun(before)):
            kept = self._leases.kept({job for job, _ in some})
            for job, epoch in some:
                self._state.settle(job, epoch, keep=kept.get(job) == epoch)

    def expire(self) -> bool:
        """Remove some results that are kept no longer; whether there were any."""
        gone = self._expiry.expire() if self._expiry is not None else []
        for job in gone:
            self._state.remove(job)
        if gone:
            LOGGER.info("the results of %d jobs have expired", len(gone))
        return bool(gone)

    def search(self, before: float) -> None:
        """Remove what has not changed since *before* [s since 1970] and belongs to nothing.

        Such are results of calls whose web process died, of jobs that were dismissed while none ran, of attempts that
        came too late; results and logs of jobs whose end was noted by somebody who died then; what was never brought
        whole; and what a machine left that is gone for good.
        """
        orphans = Orphans(self._state, before)
        show_life(self._state)
        forget_machines(self._state, time.time() - ABANDONED)
        orphans.discard_incoming()
        for some in _portions(orphans.results()):
            kept = self._leases.kept(some)
            for job in some:
                epoch = kept.get(job)
                if job not in kept:
                    orphans.discard_results(job)
                elif epoch is not None:
                    orphans.discard_attempts(job, epoch)
        for some in _portions(orphans.logs()):
            for job in set(some) - self._leases.told_of(some):
                self._state.job_log.discard(job)


def _portions(jobs: Iterable[T]) -> Iterator[list[T]]:
    some: list[T] = []
    for job in jobs:
        some.append(job)
        if len(some) == MANY:
            yield some
            some = []
    if some:
        yield some
