"""Thread that batches reports to the store and claims jobs, so that the supervisor's loop never waits for a disk."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage_processes.jobs.attempt import Progressed, Ref
from moorage_processes.jobs.errors import Unavailable
from moorage_processes.jobs.files.state_directory import StateDirectoryError
from moorage_processes.jobs.store.exchange import Report, StoreReply, StoreRequest
from moorage_processes.logs import about

if TYPE_CHECKING:
    from moorage_processes.jobs.store.exchange import JobChange
    from moorage_processes.jobs.store.leases import LeaseStore

LOGGER = logging.getLogger(__name__)

POLL = 0.5
"""Seconds after which the store is looked at though nobody said that anything had changed."""
CALM = 0.05
"""Seconds between two writes of nothing but progress."""
COMPANY = 0.003
"""Seconds that ends of quick jobs, and looks for more of them, may wait for others while there is work."""
RECORDS_LATER = 0.25
"""Seconds that records of calls may wait for company."""
MOST_RECORDS = 10_000
"""Records that are kept while the store is away."""
LONGEST_PAUSE = 2.0


@dataclass(frozen=True)
class SupervisorCallbacks:
    """What the store thread asks and tells the supervisor."""

    places: Callable[[], int]
    """How many jobs could begin now."""
    runs: Callable[[], Collection[Ref]]
    """Attempts that are in hand."""
    watched: Callable[[], Collection[str]]
    """Jobs that somebody waits for."""
    told: Callable[[StoreReply], None]
    """Called with each answer of the store."""


class StoreThread:
    """Brings what attempts report to the store, and jobs from there; while the store is away, reports are kept.

    Parameters
    ----------
    leases : the store.
    lease : seconds for which jobs are taken; they are renewed four times as often.
    callbacks : to the supervisor.
    """

    def __init__(self, leases: LeaseStore, lease: float, callbacks: SupervisorCallbacks) -> None:
        self._leases = leases
        self._lease = lease
        self._callbacks = callbacks
        self._thread = ThreadPoolExecutor(1, "store")
        self._reports: dict[Ref, Report] = {}
        self._records: list[Mapping[str, Any]] = []
        self._adopted: list[Mapping[str, Any]] = []
        self._looks = False
        self._is_wanted = asyncio.Event()
        # at first, what the supervisor before this one ran is taken back
        self._is_wanted.set()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._renewed = self._polled = self._wrote = 0.0
        self._later: asyncio.TimerHandle | None = None
        self._pause = 0.0
        self._reached = time.monotonic()
        self._is_prepared = False

    def report(self, ref: Ref, report: Report, *, may_wait: bool = False) -> None:
        """Report progress or outcome of an attempt; an outcome at once unless it *may_wait*, progress with others."""
        self._reports[ref] = report
        self._is_idle.clear()
        if isinstance(report, Progressed):
            self._rouse(max(0.0, self._wrote + CALM - time.monotonic()))
        elif may_wait:
            self._rouse(COMPANY)
        else:
            self._is_wanted.set()

    def record(self, row: Mapping[str, Any]) -> None:
        """Have the record of a call written, together with others."""
        if len(self._records) < MOST_RECORDS:
            self._records.append(row)
            self._is_idle.clear()
            self._rouse(RECORDS_LATER)

    def adopt(self, row: Mapping[str, Any]) -> None:
        """Have it written down, at once, that a call which runs is a job; before all that is reported of it."""
        self._adopted.append(row)
        self._is_idle.clear()
        self._is_wanted.set()

    def withdraw(self, job: str) -> bool:
        """Forget that a call should be a job; False where the store may have been told."""
        kept = [row for row in self._adopted if row["id"] != job]
        is_withdrawn = len(kept) < len(self._adopted)
        self._adopted = kept
        return is_withdrawn

    def look(self, *, may_wait: bool = False) -> None:
        """Look for jobs, at once unless it *may_wait*."""
        self._looks = True
        if may_wait:
            self._rouse(COMPANY)
        else:
            self._is_wanted.set()

    async def work(self) -> None:
        """Serve until cancelled."""
        while True:
            try:
                async with asyncio.timeout(POLL):
                    await self._is_wanted.wait()
            except TimeoutError:
                self._looks = True
            self._is_wanted.clear()
            await self._serve()

    async def finish(self, patience: float) -> None:
        """Return when the store knows all, or after *patience* [s]."""
        self._is_wanted.set()
        try:
            async with asyncio.timeout(patience):
                await self._is_idle.wait()
        except TimeoutError:
            LOGGER.warning("the store does not answer; %d reports were not delivered", len(self._reports))

    async def _serve(self) -> None:
        self._cancel_later()
        ask = self._next()
        try:
            exchange = await asyncio.get_running_loop().run_in_executor(self._thread, self._exchange, ask)
        except Unavailable as error:
            self._put_back(ask)
            await self._wait_for_store(error)
            return
        if self._pause:
            LOGGER.warning("the store answers again")
            self._pause = 0.0
            self._reached = time.monotonic()
        if not (self._reports or self._records or self._adopted):
            self._is_idle.set()
        self._callbacks.told(exchange)

    def _next(self) -> StoreRequest:
        clock = time.monotonic()
        checks, renews = clock - self._polled >= POLL, clock - self._renewed >= self._lease / 4
        if checks:
            self._polled = clock
        if renews:
            self._renewed = clock
        if self._reports:
            self._wrote = clock
        reports, self._reports = self._reports, {}
        records, self._records = self._records, []
        adopted, self._adopted = self._adopted, []
        is_free = self._looks or any(not isinstance(report, Progressed) for report in reports.values())
        self._looks = False
        places = self._callbacks.places() if is_free else 0
        if not checks:
            return StoreRequest(reports, records, adopted, places, renews=renews)
        # those that could not reach the store either must have time to renew theirs
        takes_over = clock - self._reached > self._lease
        return StoreRequest(
            reports, records, adopted, places, self._callbacks.runs(), renews, takes_over, self._callbacks.watched()
        )

    def _exchange(self, ask: StoreRequest) -> StoreReply:
        """In the thread: one exchange; a report that the store will not take is left out, so that others go on."""
        try:
            if not self._is_prepared:
                self._leases.prepare()
                self._is_prepared = True
            return self._leases.exchange(ask)
        except Unavailable:
            raise
        except StateDirectoryError as error:
            # it lost its tables, or a later version made it: nothing may be written there
            raise Unavailable(str(error)) from error
        except Exception:
            LOGGER.exception("the store refused %s", list(ask.reports))
        return self._one_by_one(ask)

    def _one_by_one(self, ask: StoreRequest) -> StoreReply:
        changes: list[JobChange] = []
        refused: list[Ref] = []
        settled: dict[Ref, bool] = {}
        changes += self._adopt_one_by_one(ask)
        for ref, report in ask.reports.items():
            try:
                exchange = self._leases.exchange(StoreRequest({ref: report}))
            except Unavailable:
                raise
            except Exception:
                # nobody has it in hand any more: the next comparison takes it back
                LOGGER.exception("the store refused the report of %s", ref, extra=about(ref.job))
                refused.append(ref)
            else:
                changes += exchange.changes
                refused += exchange.refused
                settled |= exchange.settled
        return StoreReply(refused=refused, settled=settled, changes=changes)

    def _adopt_one_by_one(self, ask: StoreRequest) -> list[JobChange]:
        changes: list[JobChange] = []
        for row in ask.adopted:
            try:
                changes += self._leases.exchange(StoreRequest(adopted=[row])).changes
            except Unavailable:
                raise
            except Exception:
                # it runs, and no job of that name does: the next comparison stops it
                LOGGER.exception("the store refused the job %s", row["id"], extra=about(row["id"]))
        return changes

    def _put_back(self, ask: StoreRequest) -> None:
        # what was reported in the meantime is newer
        self._reports = {**ask.reports, **self._reports}
        self._records = [*ask.records, *self._records][:MOST_RECORDS]
        self._adopted = [*ask.adopted, *self._adopted]
        self._looks = True
        self._renewed = self._polled = 0.0

    async def _wait_for_store(self, error: Unavailable) -> None:
        if not self._pause:
            LOGGER.warning("%s; what it must know is kept: %s", error, error.__cause__)
        self._pause = min(LONGEST_PAUSE, self._pause * 2 or 0.1)
        await asyncio.sleep(self._pause)
        self._is_wanted.set()

    def _rouse(self, delay: float) -> None:
        """Serve after *delay* [s] at the latest."""
        loop = asyncio.get_running_loop()
        when = loop.time() + delay
        if self._later is not None and self._later.when() <= when:
            return
        self._cancel_later()
        self._later = loop.call_at(when, self._is_wanted.set)

    def _cancel_later(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
