"""Reports one job to the hub: progress, log, outcome, files."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moorage_processes.jobs.errors import EngineError
from moorage_processes.jobs.job import Status
from moorage_processes.jobs.relay import protocol
from moorage_processes.jobs.relay.nats_connection import RelayAway
from moorage_processes.site.transfer import NotBroughtError

if TYPE_CHECKING:
    from moorage_processes.execution.request import Failure
    from moorage_processes.jobs.engine import Engine
    from moorage_processes.jobs.job import Job
    from moorage_processes.jobs.relay.nats_connection import RelayConnection
    from moorage_processes.site.assignment import Assignment
    from moorage_processes.site.local_results import LocalResults
    from moorage_processes.site.transfer import FileTransfer

LOGGER = logging.getLogger(__name__)

PATIENCE = 15.0
"""Seconds the hub is given to write something down."""
PAUSE = 1.0
"""Seconds until it is told again."""
LONGEST_PAUSE = 30.0
"""The same for files, which the hub may have no room for."""
LOOK = 1.0
"""Seconds between two looks at the log of a job that says nothing else."""
MARK = 64
"""Bytes by which it is noticed that a log was shortened."""
PIECE = 256 * 1024
"""Bytes of a log in one message."""
MOST = 16 * 1024**2
"""Bytes of a log that are sent at all; the rest stays at the site."""


class AttemptUnwanted(Exception):  # noqa: N818 - a state of the job, told to the caller
    """The hub does not want this attempt any more."""


@dataclass(frozen=True)
class SiteContext:
    """What a machine of a site reports with."""

    site: str
    """Name of the site."""
    machine: str
    """Which of the site's this is."""
    relay_connection: RelayConnection
    """To the hub."""
    engine: Engine
    """Runs the jobs."""
    transfer: FileTransfer
    """Carries their files to the hub."""
    local_results: LocalResults | None
    """Tells where they are, if they stay here."""
    in_thread: Callable[[Callable[[], Any]], Awaitable[Any]]
    """Runs what waits."""


class JobReporter:
    """Tells the hub of one job.

    Parameters
    ----------
    assignment : the job.
    context : of this machine.
    """

    def __init__(self, assignment: Assignment, context: SiteContext) -> None:
        self._assignment = assignment
        self._context = context
        self._claim = assignment.held_by(context.machine)
        self._logged = 0
        self._last = b""

    async def follow(self) -> None:
        """Tell how the job goes, and its end; return when the hub has written that down.

        Raises
        ------
        AttemptUnwanted
            where the hub does not want it any more.
        """
        job = await self._news(None)
        while job is not None and not job.status.is_done:
            await self._tell_progress(job)
            await self._tell_log(job)
            job = await self._news(job)
        if job is None or job.status is Status.DISMISSED:
            # the hub asked for it
            return
        await self._tell_rest_of_log(job)
        if job.failure is not None:
            await self.tell_end(job.message, job.failure)
        else:
            await self._deliver(job)

    async def tell_end(self, message: str, failure: Failure | None, artefacts: str = "[]") -> list[str]:
        """Tell the end of the job until it is written down; the files that have not arrived, where some have not."""
        told = failure and failure.to_json()
        said = self._claim.to_json(message=message, failure=told, artefacts=artefacts)
        while True:
            try:
                answer = await self._context.relay_connection.ask(
                    protocol.to_hub(self._context.site, "end"), said, PATIENCE
                )
            except RelayAway:
                await asyncio.sleep(PAUSE)
            else:
                missing: list[str] = answer.get("missing", [])
                return missing

    async def give_back(self) -> None:
        """Tell that the job was begun and is not done, and will not be; where nobody hears it, time will tell."""
        said = self._claim.to_json(number=self._assignment.number - 1)
        try:
            await self._context.relay_connection.ask(protocol.to_hub(self._context.site, "back"), said, PATIENCE)
        except RelayAway:
            LOGGER.warning("the hub did not hear that %s is given back", self._assignment.ref.job)

    async def _news(self, known: Job | None) -> Job | None:
        """The job as it is now, or when it is not as *known* any more, or after a while; None where it was removed."""
        name = self._assignment.local
        while True:
            try:
                engine = self._context.engine
                work = partial(engine.get, name) if known is None else partial(engine.wait, name, LOOK, known)
                found: Job | None = await self._context.in_thread(work)
            except (EngineError, OSError) as error:
                LOGGER.warning("the engine of this machine: %s", error)
                await asyncio.sleep(PAUSE)
            else:
                return found

    async def _tell_progress(self, job: Job) -> None:
        if job.status is Status.RUNNING and (job.progress or job.message):
            said = self._claim.to_json(percent=job.progress, message=job.message)
            await self._context.relay_connection.tell(protocol.to_hub(self._context.site, "progress"), said)

    async def _tell_log(self, job: Job) -> bool:
        """Tell what the job has said since; whether the hub has all of it."""
        path = self._context.engine.log(job)
        while True:
            start, content = await self._context.in_thread(lambda: _piece(path, self._logged, self._last))
            if not content:
                return True
            offset, is_anew = self._assignment.log + start, start < self._logged
            said = self._claim.to_json(offset=offset, content=base64.b64encode(content).decode(), is_last=is_anew)
            try:
                answer = await self._context.relay_connection.ask(
                    protocol.to_hub(self._context.site, "log"), said, PATIENCE
                )
            except RelayAway:
                return False
            self._check(answer)
            self._logged, self._last = start + len(content), content[-MARK:]

    async def _tell_rest_of_log(self, job: Job) -> None:
        while True:
            if await self._tell_log(job):
                return
            await asyncio.sleep(PAUSE)

    async def _deliver(self, job: Job) -> None:
        """Bring the files of a successful job, unless they stay here, and tell its end."""
        told = self._context.local_results.artefacts(job) if self._context.local_results else job.artefacts
        artefacts = json.dumps([each.to_json() for each in told])
        wanted = [each.file for each in told if each.file is not None]
        while True:
            if wanted:
                await self._bring(job, artefacts, wanted)
            wanted = await self.tell_end(job.message, None, artefacts)
            if not wanted:
                return

    async def _bring(self, job: Job, artefacts: str, wanted: list[str]) -> None:
        pause = PAUSE
        while wanted:
            try:
                said = self._claim.to_json(artefacts=artefacts)
                answer = await self._context.relay_connection.ask(
                    protocol.to_hub(self._context.site, "token"), said, PATIENCE
                )
                self._check(answer)
                for file in list(wanted):
                    place = answer["places"][file]
                    await self._context.in_thread(partial(self._carry, job, file, place))
                    wanted.remove(file)
            except (RelayAway, EngineError, NotBroughtError) as error:
                LOGGER.warning("results of %s wait: %s", self._assignment.ref.job, error)
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)

    def _carry(self, job: Job, file: str, place: str) -> None:
        with self._context.engine.files(job).local(file) as path:
            self._context.transfer.bring(path, place)

    def _check(self, answer: Mapping[str, Any]) -> None:
        if "gone" in answer:
            raise AttemptUnwanted


def _piece(path: Path, offset: int, last: bytes) -> tuple[int, bytes]:
    """The next part of a log, and where it begins: at 0 where the log was shortened since.

    Parameters
    ----------
    path : of the log.
    offset : where the part begins that was not sent yet.
    last : what comes before that, if it is the same log.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset - len(last))
            start = offset if file.read(len(last)) == last else 0
            file.seek(start)
            return start, file.read(min(PIECE, max(0, MOST - start)))
    except FileNotFoundError:
        # a job that wrote nothing has no log
        return offset, b""
