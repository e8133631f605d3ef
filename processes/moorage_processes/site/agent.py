"""The site's side: it dials the hub's relay, pulls jobs while it has a place, and answers for them.

A job is taken into the engine of this machine, whose store is on its disk, before its ticket is given up; it leaves
that store only when the hub has written down its end. So whatever is killed here goes on where it stood, and whatever
is killed there is told again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from moorage_processes.errors import OperatorError
from moorage_processes.execution.request import Failure, Request
from moorage_processes.jobs.attempt import Ref
from moorage_processes.jobs.errors import EngineError
from moorage_processes.jobs.job import JobQuery
from moorage_processes.jobs.relay import protocol
from moorage_processes.jobs.relay.nats_connection import Away, Line
from moorage_processes.jobs.relay.protocol import Fate
from moorage_processes.site.assignment import Errand
from moorage_processes.site.reporter import Gone, Means, Reporter
from moorage_processes.site.transfer import NotBroughtError, Porter

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Catalogue
    from moorage_processes.jobs.engine import Engine
    from moorage_processes.jobs.job import Job
    from moorage_processes.jobs.relay.address import Relay
    from moorage_processes.jobs.relay.nats_connection import Queue, Ticket
    from moorage_processes.jobs.relay.protocol import Announcement
    from moorage_processes.site.local_results import Keeper

LOGGER = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds an answer of the hub is waited for."""
PAUSE = 1.0
"""Seconds until the hub, or the store of this machine, is asked again."""
THREADS = 64
"""Threads that wait for jobs; more jobs than that are not followed at once."""
TIDYING = 15.0
"""Seconds between two looks for results that stay here and are not wanted any more."""
TOGETHER = 500
"""Jobs that the hub is asked for at once."""
GREETING = 30
"""Heartbeats between two announcements, in case the hub has forgotten."""

T = TypeVar("T")


class RefusedByHubError(OperatorError):
    """The hub does not take this site; the message is the hub's reason."""


class Site:
    """One machine of a site.

    Parameters
    ----------
    name : of the site.
    new_engine : makes the engine that runs the jobs, told the URL of the hub.
    catalogue : what is offered, whatever the hub asks for.
    announcement : the same for the hub.
    relay : where the hub is found.
    keeper : tells where results are that stay here; None where they go to the hub.
    """

    def __init__(
        self,
        name: str,
        new_engine: Callable[[str], Engine],
        catalogue: Catalogue,
        announcement: Announcement,
        relay: Relay,
        keeper: Keeper | None = None,
    ) -> None:
        self._name = name
        self._new_engine = new_engine
        self._catalogue = catalogue
        self._announcement = announcement
        self._machine = announcement.machine
        self._relay = relay
        self._porter = Porter(relay.ca)
        self._keeper = keeper
        # each job in hand has one that waits for it
        self._threads = ThreadPoolExecutor(THREADS, "site")
        self._errands: dict[str, Errand] = {}
        """What is in hand, by its name here."""
        self._asked_for: set[str] = set()
        """Jobs that one of the places is taking just now, as the hub calls them."""
        self._seeing: set[asyncio.Task[None]] = set()
        self._is_leaving = asyncio.Event()
        self._line: Line
        self._engine: Engine
        self._has_begun = False

    async def run(self) -> None:
        """Serve the hub until a signal says stop; then what runs gets its time, and the rest is given back.

        Raises
        ------
        RefusedByHubError
            where the hub does not take this site.
        PermissionError
            where the relay does not let it in.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._is_leaving.set)
        serving = asyncio.create_task(self._serve())
        leaving = asyncio.create_task(self._is_leaving.wait())
        await asyncio.wait([serving, leaving], return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            await self._leave()
            serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving

    async def _serve(self) -> None:
        name, inbox = f"moorage site {self._name}", protocol.inbox(self._name)
        self._line = await Line.dialled(self._relay, name, inbox, self._greet)
        hub = await self._announce()
        LOGGER.info("the hub %s has taken the site %s", hub, self._name)
        self._engine = self._new_engine(hub)
        await self._in_thread(self._engine.start)
        self._has_begun = True
        await self._line.hear(protocol.to_site(self._name, "stop"), self._stop)
        for errand in await self._left_over():
            self._see(errand)
        berths = [self._berth(await self._line.pull(self._name)) for _ in range(self._engine.settings.slots)]
        await asyncio.gather(self._beat(), self._tidy(), *berths)

    # who is here

    async def _announce(self) -> str:
        """Tell the hub what is offered here, until it has heard; its URL."""
        answer = await self._asked("hello", self._announcement.to_json())
        if "refused" in answer:
            raise RefusedByHubError(str(answer["refused"]))
        return str(answer["hub"])

    async def _asked(self, verb: str, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer of the hub, once it gives one."""
        while True:
            try:
                return await self._line.ask(protocol.to_hub(self._name, verb), said, PATIENCE)
            except Away:
                LOGGER.warning("the hub does not answer yet")
                await asyncio.sleep(PAUSE)

    async def _greet(self) -> None:
        """Tell once more: the hub may have been replaced."""
        await self._line.tell(protocol.to_hub(self._name, "hello"), self._announcement.to_json())
        await self._show()

    async def _show(self) -> None:
        """Tell what is in hand here."""
        runs = [[errand.ref.job, errand.ref.epoch] for errand in self._errands.values()]
        await self._line.tell(protocol.to_hub(self._name, "alive"), {"machine": self._machine, "runs": runs})

    async def _beat(self) -> None:
        beats = 0
        while True:
            await (self._show() if beats % GREETING else self._greet())
            beats += 1
            await asyncio.sleep(protocol.HEARTBEAT)

    # jobs

    async def _berth(self, queue: Queue) -> None:
        """One place: one job after another."""
        while not self._is_leaving.is_set():
            ticket = await queue.next()
            if ticket is None:
                continue
            errand = await self._taken(ticket)
            if errand is not None:
                await asyncio.wait([self._see(errand)])

    async def _taken(self, ticket: Ticket) -> Errand | None:
        """The job of a ticket, once the engine here has it; None where there is nothing to do."""
        job = ticket.job
        if self._is_leaving.is_set() or self._knows(job):
            # it is in hand, and the hub will hear of that; or another machine will take it
            await ticket.back(protocol.HEARTBEAT)
            return None
        # several hubs may each have put in a ticket, for two places of this machine
        self._asked_for.add(job)
        try:
            return await self._take(ticket)
        except (Away, EngineError, NotBroughtError, OSError, KeyError, ValueError) as error:
            LOGGER.warning("job %s is not taken now: %s", job, error)
        except Exception:
            # one job that cannot be taken is no reason to drop the others
            LOGGER.exception("job %s is not taken now", job)
        finally:
            self._asked_for.discard(job)
        await ticket.back(PAUSE)
        return None

    def _knows(self, job: str) -> bool:
        """Whether a job is in hand here, or about to be."""
        return job in self._asked_for or any(errand.ref.job == job for errand in self._errands.values())

    async def _take(self, ticket: Ticket) -> Errand | None:
        """Ask the hub for a job and hand it to the engine here."""
        said = {"job": ticket.job, "machine": self._machine}
        order = await self._line.ask(protocol.to_hub(self._name, "take"), said, PATIENCE)
        if "gone" in order:
            await ticket.done()
            return None
        errand = Errand(Ref(ticket.job, int(order["epoch"])), int(order["number"]), int(order["log"]))
        is_taken = await self._in_thread(lambda: self._take_in(errand, order))
        await ticket.done()
        if is_taken:
            return errand
        await self._refuse(errand)
        return None

    def _take_in(self, errand: Errand, order: Mapping[str, Any]) -> bool:
        """In a thread: hand a job to the engine here; False for a process that is not offered."""
        text = order["request"] if "request" in order else self._porter.fetch(order["request_at"])
        request = Request.from_json(json.loads(text))
        entry = self._catalogue.get(request.process)
        if entry is None:
            return False
        if self._engine.get(errand.local) is None:
            self._engine.submit(request, entry.limits, answer=errand.to_json(), job_id=errand.local)
        return True

    async def _refuse(self, errand: Errand) -> None:
        detail = f"the site {self._name!r} does not offer this process any more; read its description again"
        await self._reporter(errand).tell_end("", Failure("error", detail))

    def _see(self, errand: Errand) -> asyncio.Task[None]:
        """Follow a job to its end, and the hub's knowing of it."""
        self._errands[errand.local] = errand
        task = asyncio.create_task(self._see_through(errand))
        self._seeing.add(task)
        task.add_done_callback(self._seeing.discard)
        return task

    async def _see_through(self, errand: Errand) -> None:
        if not await self._is_seen(errand):
            # it was dismissed, or given to another machine
            await self._persistently(lambda: self._engine.dismiss(errand.local))
        await self._persistently(lambda: self._clear_away(errand))
        self._errands.pop(errand.local, None)

    async def _is_seen(self, errand: Errand) -> bool:
        """Whether the hub has heard the end of a job; False where it does not want to any more."""
        reporter = self._reporter(errand)
        while True:
            try:
                await reporter.follow()
            except Gone:
                return False
            except Exception:
                # a job that nobody follows would be in hand for ever
                LOGGER.exception("job %s is looked at again", errand.ref.job)
                await asyncio.sleep(PAUSE)
            else:
                return True

    async def _persistently(self, work: Callable[[], T]) -> T:
        """In a thread, again while the store of this machine does not answer."""
        while True:
            try:
                return await self._in_thread(work)
            except (EngineError, OSError) as error:
                LOGGER.warning("the engine of this machine: %s", error)
                await asyncio.sleep(PAUSE)

    async def _stop(self, _: str, said: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The hub does not want a job any more; whoever has it says when it has stopped."""
        if said.get("machine", self._machine) != self._machine:
            return None
        found = [
            errand
            for errand in self._errands.values()
            if errand.ref.job == said["job"] and said.get("epoch", errand.ref.epoch) == errand.ref.epoch
        ]
        for errand in found:
            await self._persistently(partial(self._engine.dismiss, errand.local))
        return {"stopped": True} if found else None

    async def _left_over(self) -> list[Errand]:
        """Jobs from before this process began whose end the hub has not heard."""
        jobs = await self._in_thread(self._jobs)
        fate = await self._fate([Errand.of(job).ref for job in jobs if job.status.is_done])
        return [errand for errand in map(Errand.of, jobs) if errand.ref not in fate.settled]

    def _jobs(self) -> list[Job]:
        """In a thread: all jobs that are here."""
        jobs: list[Job] = []
        has_more = True
        while has_more:
            page = self._engine.find(JobQuery(limit=1000, offset=len(jobs)))
            jobs += page.jobs
            has_more = page.has_more
        return jobs

    # results that stay here

    def _clear_away(self, errand: Errand) -> None:
        """In a thread: remove a job that is done, unless callers are led to its results here."""
        job = self._engine.get(errand.local)
        if job is None or self._keeper is None or not self._keeper.keeps(job):
            self._engine.dismiss(errand.local)

    async def _tidy(self) -> None:
        """Remove what the hub has no more use for, again and again."""
        while True:
            await asyncio.sleep(TIDYING)
            jobs = await self._persistently(self._jobs)
            done = [job for job in jobs if job.status.is_done and job.id not in self._errands]
            kept = {Errand.of(job).ref: job.id for job in done}
            for ref in (await self._fate(list(kept))).gone:
                await self._persistently(partial(self._engine.dismiss, kept[ref]))

    async def _fate(self, refs: Sequence[Ref]) -> Fate:
        """What the hub has to say of jobs that are done here, once it answers."""
        fate = Fate()
        for at in range(0, len(refs), TOGETHER):
            fate |= Fate.from_json(await self._asked("kept", {"runs": refs[at : at + TOGETHER]}))
        return fate

    # how it ends

    async def _leave(self) -> None:
        """Give what runs its time to finish, and the rest back to the hub."""
        if not self._has_begun:
            return
        LOGGER.info("the site leaves; %d jobs are in hand", len(self._errands))
        if self._seeing:
            await asyncio.wait(self._seeing, timeout=self._engine.settings.drain)
        for errand in list(self._errands.values()):
            await self._in_thread(partial(self._engine.dismiss, errand.local))
            await self._reporter(errand).give_back()
        if self._seeing:
            await asyncio.wait(self._seeing, timeout=PATIENCE)
        await self._line.close()
        await self._in_thread(partial(self._engine.close, stop_supervisor=True))

    # the rest

    def _reporter(self, errand: Errand) -> Reporter:
        means = Means(self._name, self._machine, self._line, self._engine, self._porter, self._keeper, self._in_thread)
        return Reporter(errand, means)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
