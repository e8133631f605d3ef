"""The hub: puts notices of jobs into the queues of the sites, and records what their machines report.

It runs in the supervisor. The store is the truth: a notice is only a hint that a job waits, and is put into the queue
again whenever the relay may have lost it. A machine that pulled one asks for the job, and only the reply, which raises
its epoch, lets it begin. So no job is begun twice at once, none after it was dismissed, and nothing is recorded of an
attempt that was overtaken.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from moorage_processes.execution.request import Failure
from moorage_processes.jobs.attempt import Ended, Progressed, Ref, Requeued
from moorage_processes.jobs.errors import Unavailable
from moorage_processes.jobs.job import Status
from moorage_processes.jobs.relay import protocol
from moorage_processes.jobs.relay.nats_connection import Handler, RelayAway, RelayConnection
from moorage_processes.jobs.relay.protocol import AttemptClaim
from moorage_processes.jobs.relay.validation import AnnouncementError, read_announcement, read_artefacts
from moorage_processes.jobs.store.database import compact
from moorage_processes.jobs.store.sites import SiteRegistry
from moorage_processes.jobs.store.transfer_tokens import TransferToken, TransferTokens
from moorage_processes.jobs.supervisor.attendance import Attendance

if TYPE_CHECKING:
    from moorage_processes.execution.request import Artefact
    from moorage_processes.jobs.files.state_directory import StateDirectory
    from moorage_processes.jobs.settings import HubSettings
    from moorage_processes.jobs.store.database import Database
    from moorage_processes.jobs.store.exchange import StoreReply
    from moorage_processes.jobs.supervisor.store_thread import StoreThread
    from moorage_processes.jobs.supervisor.subscriptions import Subscriptions

LOGGER = logging.getLogger(__name__)

POLL = 0.5
"""Seconds after which the store is looked at though nobody said that a job waits."""
REVIEW = 2.0
"""Seconds between two looks for jobs that have waited too long."""
RESEND = 300.0
"""Seconds after which the notices of those that wait longest are sent once more, should the relay have lost one."""
PAUSE = 1.0
"""Seconds until a relay or a store that is away is tried again."""
REFUSED = 30.0
"""Seconds until a relay that does not know this hub is tried again."""
STOPPING = 4.0
"""Seconds a machine is given to say that it stopped a job."""
SETTLING = 10.0
"""Seconds the store is given to write down the end of an attempt."""
ROOM = 64 * 1024
"""Bytes of an answer beside the request in it."""

T = TypeVar("T")
Heard = Callable[[Ref, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class HubHost(Protocol):
    """What the hub needs of the supervisor."""

    store_thread: StoreThread
    subscriptions: Subscriptions


class Hub:
    """Passes jobs on to sites.

    Parameters
    ----------
    settings : the relay, and where this service is found.
    database : the store.
    state : where logs and results lie.
    host : the supervisor.
    counts : whether the ends of jobs are counted.
    """

    def __init__(
        self, settings: HubSettings, database: Database, state: StateDirectory, host: HubHost, *, counts: bool
    ) -> None:
        self._settings = settings
        self._registry = SiteRegistry(database, settings.lease, counts=counts)
        self._transfer_tokens = TransferTokens(database)
        self._state = state
        self._host = host
        self._thread = ThreadPoolExecutor(1, "hub")
        self._relay_connection: RelayConnection | None = None
        self._is_wanted = asyncio.Event()
        self._is_stale = True
        """Whether the relay may have lost its queues."""
        self._holders: dict[Ref, tuple[str, str]] = {}
        """Site and machine that have an attempt in hand, as far as is known here."""
        self._ends: dict[Ref, asyncio.Future[bool]] = {}
        """Attempts whose end is being written down."""
        self._attendance = Attendance()

    async def run(self) -> None:
        """Serve until cancelled; whatever is away is waited for."""
        self._relay_connection = relay_connection = await self._dialled()
        verbs = {
            "hello": self._hello,
            "take": self._take,
            "token": self._of_holder(self._transfer_token),
            "log": self._of_holder(self._log),
            "end": self._of_holder(self._end),
            "back": self._of_holder(self._back),
            "progress": self._progress,
            "kept": self._kept,
        }
        for verb, handler in verbs.items():
            await relay_connection.hear(protocol.to_hub("*", verb), handler, group="hub")
        # every supervisor of the hub knows who is there
        await relay_connection.hear(protocol.to_hub("*", "alive"), self._alive)
        reviewed = resent = 0.0
        while True:
            try:
                if self._is_stale:
                    await self._make_queues()
                    resent = time.monotonic()
                if time.monotonic() - resent > RESEND:
                    resent = time.monotonic()
                    await self._in_store(partial(self._registry.forget_sent, oldest=True))
                await self._send()
                if time.monotonic() - reviewed > REVIEW:
                    reviewed = time.monotonic()
                    self._host.subscriptions.notice(await self._in_store(self._registry.give_up))
            except (Unavailable, RelayAway, OSError) as error:
                LOGGER.info("no job notices are sent now: %s", error)
                await asyncio.sleep(PAUSE)
            await self._look_out()

    def look(self) -> None:
        """A job may wait."""
        self._is_wanted.set()

    def take(self, exchange: StoreReply) -> None:
        """Note what the store has recorded."""
        for ref in exchange.settled:
            self._settle(ref, is_written=True)
        for ref in exchange.refused:
            self._settle(ref, is_written=False)

    def stop(self, job: str, site: str, *, runs: bool, on_end: Callable[[], None]) -> None:
        """Stop a job that was dismissed.

        Parameters
        ----------
        job : which.
        site : whose it is.
        runs : whether a machine had it in hand.
        on_end : called when nothing runs any more for it, as far as can be told.
        """
        task = asyncio.ensure_future(self._stop(job, site, runs=runs))
        task.add_done_callback(lambda _: on_end())

    # what goes out

    async def _send(self) -> None:
        relay_connection = self._at_relay
        while notices := await self._in_store(self._registry.unsent):
            await asyncio.gather(*(relay_connection.put(each.site, each.job) for each in notices))
            await self._in_store(partial(self._registry.mark_sent, notices))

    async def _dialled(self) -> RelayConnection:
        while True:
            try:
                return await RelayConnection.dialled(
                    self._settings.relay, "moorage hub", protocol.inbox("hub"), self._returned
                )
            except PermissionError as error:
                # it may be put right without a restart; local jobs go on
                LOGGER.error("no jobs go to sites: %s", error)  # noqa: TRY400 - the reason is all there is to say
                await asyncio.sleep(REFUSED)

    async def _returned(self) -> None:
        """The relay is there, again: it may have lost what it had."""
        self._is_stale = True
        self.look()

    async def _make_queues(self) -> None:
        await self._at_relay.make_queues()
        for site in await self._in_store(self._registry.sites):
            await self._at_relay.make_queue(site.name)
        await self._in_store(self._registry.forget_sent)
        self._is_stale = False

    async def _stop(self, job: str, site: str, *, runs: bool) -> None:
        if self._relay_connection is None or not self._relay_connection.is_up:
            return
        await self._relay_connection.withdraw(site, job)
        if runs and self._attendance.is_heard(site, self._settings.lease):
            try:
                await self._relay_connection.ask(protocol.to_site(site, "stop"), {"job": job}, STOPPING)
            except RelayAway:
                LOGGER.info("the site %s did not say that it stopped %s; it is told again", site, job)

    async def _look_out(self) -> None:
        try:
            async with asyncio.timeout(POLL):
                await self._is_wanted.wait()
        except TimeoutError:
            pass
        self._is_wanted.clear()

    # what sites say

    async def _hello(self, subject: str, said: Mapping[str, Any]) -> Mapping[str, Any]:
        site = protocol.speaker(subject)
        try:
            announcement = read_announcement(site, said, self._settings.taken)
        except AnnouncementError as error:
            return {"refused": str(error)}
        await self._in_store(lambda: self._registry.enrol(site, announcement))
        await self._at_relay.make_queue(site)
        self._attendance.hear(site, announcement.machine)
        LOGGER.info("site %s, machine %s: %d processes", site, announcement.machine, len(announcement.processes))
        return {"hub": self._settings.base}

    async def _alive(self, subject: str, said: Mapping[str, Any]) -> None:
        site, machine = protocol.speaker(subject), str(said["machine"])
        leaves = said.get("leaves") is True
        self._attendance.hear(site, machine, leaves=leaves)
        runs = [Ref(str(job), int(epoch)) for job, epoch in said["runs"]]
        renewal = await self._in_store(lambda: self._registry.renew(site, machine, runs, leaves=leaves))
        if leaves and not self._attendance.is_present(site):
            await self._in_store(lambda: self._registry.depart(site))
        for ref in renewal.revived:
            await self._at_relay.withdraw(site, ref.job)
        for ref in renewal.gone:
            await self._at_relay.tell(protocol.to_site(site, "stop"), AttemptClaim(ref, machine).to_json())
        self._holders.update({ref: (site, machine) for ref in runs if ref not in renewal.gone})

    async def _take(self, subject: str, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """A machine has pulled a notice, and asks for the job."""
        site, machine, job = protocol.speaker(subject), str(said["machine"]), str(said["job"])
        begun = await self._in_store(lambda: self._registry.begin(site, machine, job))
        if begun is None:
            return {"gone": True}
        attempt, change = begun
        ref = Ref(job, attempt.epoch)
        self._holders[ref] = (site, machine)
        self._host.subscriptions.notice([change])
        order: dict[str, Any] = {"epoch": ref.epoch, "number": attempt.number, "log": self._log_size(job)}
        if len(attempt.request) < self._at_relay.longest - ROOM:
            return {**order, "request": attempt.request.decode()}
        (token,) = await self._in_store(lambda: self._transfer_tokens.give(TransferToken(ref, None, None)))
        return {**order, "request_at": f"{self._settings.base}/sites/requests/{token}"}

    async def _progress(self, subject: str, said: Mapping[str, Any]) -> None:
        claim = AttemptClaim.from_json(said)
        # where it is not known here, the next word of the machine tells
        if self._holders.get(claim.ref) == (protocol.speaker(subject), claim.machine):
            told = Progressed(min(100, max(0, int(said["percent"]))), str(said["message"]))
            self._host.store_thread.report(claim.ref, told)

    async def _log(self, ref: Ref, said: Mapping[str, Any]) -> Mapping[str, Any]:
        content = base64.b64decode(said["content"])
        written = partial(self._state.job_log.write, is_last=bool(said.get("is_last")))
        await asyncio.to_thread(written, ref.job, int(said["offset"]), content)
        return {"written": len(content)}

    async def _transfer_token(self, ref: Ref, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """A machine wants to upload the files of an attempt."""
        files = [(each.file, each.size) for each in read_artefacts(said["artefacts"]) if each.file is not None]
        transfer_tokens = [TransferToken(ref, file, size) for file, size in files]
        tokens = await self._in_store(lambda: self._transfer_tokens.give(*transfer_tokens))
        base = f"{self._settings.base}/sites/uploads"
        return {"places": {file: f"{base}/{token}" for (file, _), token in zip(files, tokens, strict=True)}}

    async def _end(self, ref: Ref, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """An attempt is over."""
        artefacts = read_artefacts(said["artefacts"])
        missing = await asyncio.to_thread(self._missing, ref, artefacts)
        if missing:
            return {"missing": missing}
        failure = said["failure"]
        ended = Ended(
            Status.FAILED if failure else Status.SUCCESSFUL,
            None if failure else 100,
            str(said["message"]),
            "[]" if failure else compact([each.to_json() for each in artefacts]),
            Failure.from_json(failure) if failure else None,
        )
        return {"written": await self._written(ref, ended)}

    async def _back(self, ref: Ref, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """A machine that stops in good order gives back what it had begun."""
        return {"written": await self._written(ref, Requeued(max(0, int(said["number"]))))}

    async def _kept(self, subject: str, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """A machine keeps the results of attempts, and asks which of them are still wanted."""
        refs = {Ref(str(job), int(epoch)) for job, epoch in said["runs"]}
        fate = await self._in_store(lambda: self._registry.fate(protocol.speaker(subject), refs))
        return fate.to_json()

    # store

    def _of_holder(self, handler: Heard) -> Handler:
        """Let only the machine that has an attempt in hand say what becomes of it."""

        async def heard(subject: str, said: Mapping[str, Any]) -> Mapping[str, Any]:
            claim = AttemptClaim.from_json(said)
            return await handler(claim.ref, said) if await self._holds(subject, claim) else {"gone": True}

        return heard

    async def _holds(self, subject: str, claim: AttemptClaim) -> bool:
        site = protocol.speaker(subject)
        if self._holders.get(claim.ref) == (site, claim.machine):
            return True
        return await self._in_store(lambda: self._registry.holds(site, claim))

    async def _written(self, ref: Ref, report: Ended | Requeued) -> bool:
        """Whether the store took the last word on an attempt."""
        end = self._ends.get(ref)
        if end is None:
            end = self._ends[ref] = asyncio.get_running_loop().create_future()
            self._host.store_thread.report(ref, report)
        async with asyncio.timeout(SETTLING):
            return await asyncio.shield(end)

    def _settle(self, ref: Ref, *, is_written: bool) -> None:
        self._holders.pop(ref, None)
        end = self._ends.pop(ref, None)
        if end is not None and not end.done():
            end.set_result(is_written)

    def _missing(self, ref: Ref, artefacts: Iterable[Artefact]) -> list[str]:
        """Files of an attempt that were not uploaded yet."""
        return [
            each.file for each in artefacts if each.file and not self._state.publisher.has(*ref, each.file, each.size)
        ]

    def _log_size(self, job: str) -> int:
        log = self._state.log(job)
        return log.stat().st_size if log.exists() else 0

    async def _in_store(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    @property
    def _at_relay(self) -> RelayConnection:
        if self._relay_connection is None:
            raise RelayAway("the relay was not reached yet")
        return self._relay_connection
