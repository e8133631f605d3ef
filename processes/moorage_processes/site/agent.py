"""The agent of a site: dials the hub's relay, pulls jobs while it has free slots, and reports their outcomes.

A job is submitted to the engine of this machine, whose store is on its disk, before its notice is acknowledged; it
leaves that store only when the hub has recorded its end. So after a kill here, jobs go on where they were, and after a
kill there, the hub is told again.
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
from moorage_processes.jobs.relay.nats_connection import NotAllowedError, RelayAway, RelayConnection
from moorage_processes.jobs.relay.protocol import RetentionReply
from moorage_processes.site.assignment import Assignment
from moorage_processes.site.reporter import AttemptUnwanted, JobReporter, SiteContext
from moorage_processes.site.transfer import FileTransfer, NotBroughtError

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Catalogue
    from moorage_processes.jobs.engine import Engine
    from moorage_processes.jobs.job import Job
    from moorage_processes.jobs.relay.address import Relay
    from moorage_processes.jobs.relay.nats_connection import MessageQueue, QueueMessage
    from moorage_processes.jobs.relay.protocol import Announcement
    from moorage_processes.site.local_results import LocalResults

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
DIALLING = 10.0
"""Seconds a relay is dialled that does not answer at the start; from then on one that is away is waited for."""
GREETING = 30
"""Heartbeats between two announcements, in case the hub has forgotten."""

T = TypeVar("T")


class RefusedByHubError(OperatorError):
    """The hub does not take this site; the message is the hub's reason."""


class SiteAgent:
    """One machine of a site.

    Parameters
    ----------
    name : of the site.
    new_engine : makes the engine that runs the jobs, told the URL of the hub.
    catalogue : what is offered, whatever the hub asks for.
    announcement : the same for the hub.
    relay : where the hub is found.
    local_results : tells where results are that stay here; None where they go to the hub.
    """

    def __init__(
        self,
        name: str,
        new_engine: Callable[[str], Engine],
        catalogue: Catalogue,
        announcement: Announcement,
        relay: Relay,
        local_results: LocalResults | None = None,
    ) -> None:
        self._name = name
        self._new_engine = new_engine
        self._catalogue = catalogue
        self._announcement = announcement
        self._machine = announcement.machine
        self._relay = relay
        self._transfer = FileTransfer(relay.ca)
        self._local_results = local_results
        # each job in hand has one that waits for it
        self._threads = ThreadPoolExecutor(THREADS, "site")
        self._assignments: dict[str, Assignment] = {}
        """Jobs in hand, by their ids here."""
        self._asked_for: set[str] = set()
        """Jobs that one of the slots is taking just now, by their ids at the hub."""
        self._seeing: set[asyncio.Task[None]] = set()
        self._is_leaving = asyncio.Event()
        self._relay_connection: RelayConnection
        self._engine: Engine
        self._has_begun = False

    async def run(self) -> None:
        """Serve the hub until a signal says stop; then what runs gets its time, and the rest is given back.

        Raises
        ------
        RefusedByHubError
            where the hub does not take this site.
        PermissionError
            where the relay does not let it in, or not under this name.
        RelayError
            where no relay answers.
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
        self._relay_connection = await RelayConnection.dialled(self._relay, name, inbox, self._greet, DIALLING)
        hub = await self._announce()
        LOGGER.info("the hub %s has taken the site %s", hub, self._name)
        self._engine = self._new_engine(hub)
        await self._in_thread(self._engine.start)
        self._has_begun = True
        await self._relay_connection.hear(protocol.to_site(self._name, "stop"), self._stop)
        for assignment in await self._left_over():
            self._see(assignment)
        receivers = [
            self._receiver(await self._relay_connection.pull(self._name)) for _ in range(self._engine.settings.slots)
        ]
        await asyncio.gather(self._beat(), self._tidy(), *receivers)

    # who is here

    async def _announce(self) -> str:
        """Tell the hub what is offered here, until it has heard; its URL."""
        try:
            answer = await self._asked("hello", self._announcement.to_json())
        except NotAllowedError as error:
            key = f"the key {self._relay.credentials}" if self._relay.credentials else "whoever has no key"
            raise NotAllowedError(
                f"the relay does not take {key} for the site {self._name!r}; "
                "give the name that it was invited with, or the key that was made for this name"
            ) from error
        if "refused" in answer:
            raise RefusedByHubError(str(answer["refused"]))
        return str(answer["hub"])

    async def _asked(self, verb: str, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer of the hub, once it gives one."""
        while True:
            try:
                return await self._relay_connection.ask(protocol.to_hub(self._name, verb), said, PATIENCE)
            except RelayAway:
                LOGGER.warning("the hub does not answer yet")
                await asyncio.sleep(PAUSE)

    async def _greet(self) -> None:
        """Tell once more: the hub may have been replaced."""
        if self._is_leaving.is_set():
            await self._show()
            return
        await self._relay_connection.tell(protocol.to_hub(self._name, "hello"), self._announcement.to_json())
        await self._show()

    async def _show(self) -> None:
        """Tell what is in hand here, and whether this machine takes no more."""
        runs = [[assignment.ref.job, assignment.ref.epoch] for assignment in self._assignments.values()]
        said = {"machine": self._machine, "runs": runs, "leaves": self._is_leaving.is_set()}
        await self._relay_connection.tell(protocol.to_hub(self._name, "alive"), said)

    async def _beat(self) -> None:
        beats = 0
        while True:
            await (self._show() if beats % GREETING else self._greet())
            beats += 1
            await asyncio.sleep(protocol.HEARTBEAT)

    # jobs

    async def _receiver(self, queue: MessageQueue) -> None:
        """One slot: run one job after another."""
        while not self._is_leaving.is_set():
            message = await queue.next()
            if message is None:
                continue
            assignment = await self._taken(message)
            if assignment is not None:
                await asyncio.wait([self._see(assignment)])

    async def _taken(self, message: QueueMessage) -> Assignment | None:
        """The assignment of a notice, once the engine here has it; None where there is nothing to do."""
        job = message.job
        if self._is_leaving.is_set() or self._knows(job):
            # it is in hand, and the hub will hear of that; or another machine will take it
            await message.back(protocol.HEARTBEAT)
            return None
        # several hubs may each have sent a notice, for two slots of this machine
        self._asked_for.add(job)
        try:
            return await self._take(message)
        except (RelayAway, EngineError, NotBroughtError, OSError, KeyError, ValueError) as error:
            LOGGER.warning("job %s is not taken now: %s", job, error)
        except Exception:
            # one job that cannot be taken is not a reason to drop the others
            LOGGER.exception("job %s is not taken now", job)
        finally:
            self._asked_for.discard(job)
        await message.back(PAUSE)
        return None

    def _knows(self, job: str) -> bool:
        """Whether a job is in hand here, or about to be."""
        return job in self._asked_for or any(assignment.ref.job == job for assignment in self._assignments.values())

    async def _take(self, message: QueueMessage) -> Assignment | None:
        """Ask the hub for a job and hand it to the engine here."""
        said = {"job": message.job, "machine": self._machine}
        order = await self._relay_connection.ask(protocol.to_hub(self._name, "take"), said, PATIENCE)
        if "gone" in order:
            await message.done()
            return None
        assignment = Assignment(Ref(message.job, int(order["epoch"])), int(order["number"]), int(order["log"]))
        is_taken = await self._in_thread(lambda: self._take_in(assignment, order))
        await message.done()
        if is_taken:
            return assignment
        await self._refuse(assignment)
        return None

    def _take_in(self, assignment: Assignment, order: Mapping[str, Any]) -> bool:
        """In a thread: hand a job to the engine here; False for a process that is not offered."""
        text = order["request"] if "request" in order else self._transfer.fetch(order["request_at"])
        request = Request.from_json(json.loads(text))
        entry = self._catalogue.get(request.process)
        if entry is None:
            return False
        if self._engine.get(assignment.local) is None:
            self._engine.submit(request, entry.limits, answer=assignment.to_json(), job_id=assignment.local)
        return True

    async def _refuse(self, assignment: Assignment) -> None:
        detail = f"the site {self._name!r} does not offer this process any more; read its description again"
        await self._reporter(assignment).tell_end("", Failure("error", detail))

    def _see(self, assignment: Assignment) -> asyncio.Task[None]:
        """Follow a job to its end, and the hub's knowing of it."""
        self._assignments[assignment.local] = assignment
        task = asyncio.create_task(self._see_through(assignment))
        self._seeing.add(task)
        task.add_done_callback(self._seeing.discard)
        return task

    async def _see_through(self, assignment: Assignment) -> None:
        if not await self._is_seen(assignment):
            # it was dismissed, or given to another machine
            await self._persistently(lambda: self._engine.dismiss(assignment.local))
        await self._persistently(lambda: self._clear_away(assignment))
        self._assignments.pop(assignment.local, None)

    async def _is_seen(self, assignment: Assignment) -> bool:
        """Whether the hub has heard the end of a job; False where it does not want to any more."""
        reporter = self._reporter(assignment)
        while True:
            try:
                await reporter.follow()
            except AttemptUnwanted:
                return False
            except Exception:
                # a job that nobody follows would be in hand for ever
                LOGGER.exception("job %s is looked at again", assignment.ref.job)
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
        """The hub does not want a job any more; the machine that has it replies when it has stopped."""
        if said.get("machine", self._machine) != self._machine:
            return None
        found = [
            assignment
            for assignment in self._assignments.values()
            if assignment.ref.job == said["job"] and said.get("epoch", assignment.ref.epoch) == assignment.ref.epoch
        ]
        for assignment in found:
            await self._persistently(partial(self._engine.dismiss, assignment.local))
        return {"stopped": True} if found else None

    async def _left_over(self) -> list[Assignment]:
        """Jobs from before this process began whose end the hub has not heard."""
        jobs = await self._in_thread(self._jobs)
        fate = await self._fate([Assignment.of(job).ref for job in jobs if job.status.is_done])
        return [assignment for assignment in map(Assignment.of, jobs) if assignment.ref not in fate.settled]

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

    def _clear_away(self, assignment: Assignment) -> None:
        """In a thread: remove a job that is done, unless callers are led to its results here."""
        job = self._engine.get(assignment.local)
        if job is None or self._local_results is None or not self._local_results.keeps(job):
            self._engine.dismiss(assignment.local)

    async def _tidy(self) -> None:
        """Remove what the hub has no more use for, again and again."""
        while True:
            await asyncio.sleep(TIDYING)
            jobs = await self._persistently(self._jobs)
            done = [job for job in jobs if job.status.is_done and job.id not in self._assignments]
            kept = {Assignment.of(job).ref: job.id for job in done}
            for ref in (await self._fate(list(kept))).gone:
                await self._persistently(partial(self._engine.dismiss, kept[ref]))

    async def _fate(self, refs: Sequence[Ref]) -> RetentionReply:
        """What the hub has to say of jobs that are done here, once it answers."""
        fate = RetentionReply()
        for at in range(0, len(refs), TOGETHER):
            fate |= RetentionReply.from_json(await self._asked("kept", {"runs": refs[at : at + TOGETHER]}))
        return fate

    # how it ends

    async def _leave(self) -> None:
        """Give what runs its time to finish, and the rest back to the hub."""
        if not self._has_begun:
            return
        LOGGER.info("the site leaves; %d jobs are in hand", len(self._assignments))
        self._engine.give_way()
        # the hub marks it as away at once, and leaves it what it has in hand
        await self._show()
        if self._seeing:
            await asyncio.wait(self._seeing, timeout=self._engine.settings.drain)
        for assignment in list(self._assignments.values()):
            await self._in_thread(partial(self._engine.dismiss, assignment.local))
            await self._reporter(assignment).give_back()
        if self._seeing:
            await asyncio.wait(self._seeing, timeout=PATIENCE)
        await self._relay_connection.close()
        await self._in_thread(partial(self._engine.close, stop_supervisor=True))

    # the rest

    def _reporter(self, assignment: Assignment) -> JobReporter:
        context = SiteContext(
            self._name,
            self._machine,
            self._relay_connection,
            self._engine,
            self._transfer,
            self._local_results,
            self._in_thread,
        )
        return JobReporter(assignment, context)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
