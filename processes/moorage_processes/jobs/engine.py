"""The job engine, as web processes use it: from many threads, in any number of processes."""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moorage_processes.catalogue.queue import LOCAL
from moorage_processes.execution.disk_space import is_full
from moorage_processes.jobs.calls import CallRequest
from moorage_processes.jobs.errors import Elsewhere, NoWorker, StorageFull, StoreDamaged, Unavailable
from moorage_processes.jobs.files.artefacts import ArtefactFiles, DirectoryFiles
from moorage_processes.jobs.files.known_store import KnownStore
from moorage_processes.jobs.files.state_claim import StateClaim
from moorage_processes.jobs.files.state_directory import StateDirectory, StateDirectoryError
from moorage_processes.jobs.job import Callback, Job, JobPage, JobQuery, Status, Submission
from moorage_processes.jobs.store.database import microseconds
from moorage_processes.jobs.store.expiry import LEFT
from moorage_processes.jobs.store.store import Store
from moorage_processes.jobs.supervisor.client import MARGIN, PATIENCE, RETRY, SupervisorClient, end_supervisor
from moorage_processes.jobs.uploads import UploadReceiver

if TYPE_CHECKING:
    from moorage_processes.authoring.limits import Limits
    from moorage_processes.execution.request import Request
    from moorage_processes.jobs.files.pictures import KeptPictures
    from moorage_processes.jobs.settings import EngineSettings
    from moorage_processes.jobs.store.outbox import Outbox
    from moorage_processes.jobs.store.sites import RegisteredSite
    from moorage_processes.jobs.store.statistics import JobStatistics

LOGGER = logging.getLogger(__name__)

SHARE = "where several machines serve one job store, 'moorage: results:' must name a directory that all of them share"
JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Engine:
    """Jobs and calls of one service.

    Make it before web processes are forked, and :meth:`start` it in each of them.

    Parameters
    ----------
    settings : the same in all of them.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = replace(settings, state=settings.state.absolute())
        self._state = StateDirectory.of(self._settings.to_json())
        self._store = Store(self._settings.url, counts=settings.metrics)
        self._link: SupervisorClient | None = None
        self._renewed: Callable[[EngineSettings], None] = lambda _settings: None
        self._claim: StateClaim | None = None

    @property
    def settings(self) -> EngineSettings:
        """What it was made from."""
        return self._settings

    def on_renewal(self, renewed: Callable[[EngineSettings], None]) -> None:
        """Call *renewed*, in a thread of its own, with the new settings whenever methods have been edited.

        Say so before :meth:`start`.
        """
        self._renewed = renewed

    def prepare(self) -> None:
        """Make the state directory and the store ready; once before web processes are forked, so that errors come once.

        Raises
        ------
        StateDirectoryError
            where the state directory or the store cannot be used.
        """
        self._state.prepare()
        known = KnownStore(self._state, self._settings.store, self._settings.born)
        try:
            self._store.prepare(known.check_new)
            known.note()
        except StoreDamaged as error:
            raise StateDirectoryError(f"{known.name} is damaged: {known.way_out}") from error
        except Unavailable as error:
            # the supervisor makes the tables once the store is there; until then callers are told
            LOGGER.warning("%s: %s", error, error.__cause__)
        finally:
            self._store.close()  # no connection may be shared by processes

    def claim(self) -> None:
        """Keep services with other settings out of the state directory, which is prepared, until this one closes.

        Raises
        ------
        StateDirectoryError
            where one is there.
        """
        self._claim = StateClaim.make(self._state, self._settings.fingerprint)

    def give_way(self) -> None:
        """Let a service with other settings have the state directory: this one is about to end."""
        if self._claim is not None:
            self._claim.release()
            self._claim = None

    def start(self) -> None:
        """Connect, and see to it that there is a supervisor from now on.

        Raises
        ------
        StateDirectoryError
            where the state directory or the store cannot be used.
        """
        self.prepare()
        self._link = SupervisorClient(self._settings, self._state, self._renewed)
        self._link.start()

    def close(self, *, stop_supervisor: bool = False) -> None:
        """Hang up.

        Parameters
        ----------
        stop_supervisor : whether the supervisor ends too, unless it has others to serve: running jobs get their time
            to finish, and go back to their queue where that is not enough. Returns when it has ended.
        """
        self.give_way()
        if self._link is not None:
            self._link.close()
            self._link = None
        self._store.close()
        if stop_supervisor:
            with contextlib.suppress(OSError, EOFError):
                end_supervisor(self._state, self._settings.drain)

    def call(
        self,
        request: Request,
        limits: Limits,
        timeout: float,
        answer: Mapping[str, Any] | None = None,
        *,
        is_recorded: bool = True,
        caller: str = "",
    ) -> Job:
        """Run a request and wait for it; it is forgotten where a part of the engine is killed.

        Parameters
        ----------
        request : what is asked.
        limits : what it may use.
        timeout : how long to wait for it [s]; then it is stopped.
        answer : kept with it unread.
        is_recorded : whether the store has a record of it; without one, forget it in the end.
        caller : who waits for it. Of several the one who has the fewest calls running comes next.

        Returns
        -------
        Successful or failed. Keep it or discard it.

        Raises
        ------
        Busy
            where it was not begun in time.
        TimedOut
            where it was not done in time.
        Interrupted
            where something was killed.
        """
        lines = self._lines
        order = Submission(id=str(uuid.uuid4()), request=request, limits=limits, answer=answer or {})
        call = CallRequest(
            order=order,
            timeout=timeout,
            is_recorded=is_recorded,
            caller=caller,
            machine=self._state.identity,
        )
        return call.run(lines)

    def try_out(
        self, request: Request, limits: Limits, wait: float, answer: Mapping[str, Any] | None = None
    ) -> Job | None:
        """Run a request as a call that becomes a job if it takes longer than *wait* [s], or does not end well.

        A job it is from then on, as durable as any: its running attempt is written down, and others take it over if it
        is killed.

        Parameters
        ----------
        request : what is asked.
        limits : what it may use.
        wait : how long to wait for it [s]; with 0 it is a job from the outset, but one that has begun.
        answer : kept with it unread.

        Returns
        -------
        A successful call, which is not listed (keep it or discard it), or a job in any state. None where nothing of it
        is left: no place is free for it, or what ran it was killed, or it must not be run twice. Then submit it.

        Raises
        ------
        Unavailable
            where it should be a job, and the store does not answer.
        """
        if limits.attempts == 1:
            # if it were killed before it is a job, nobody could tell whether it has done its work
            return None
        order = Submission(id=str(uuid.uuid4()), request=request, limits=limits, answer=answer or {})
        call = CallRequest(order=order, timeout=wait, becomes_job=True, machine=self._state.identity)
        return call.try_out(self._lines, self._store.get)

    def keep(self, job: Job, callbacks: Sequence[Callback] = ()) -> None:
        """Keep a call with its artefacts, so that links to them hold and *callbacks* can be sent."""
        self._state.publisher.keep(job.id, job.epoch)
        self._store.keep(job, callbacks)

    def discard(self, job: Job) -> None:
        """Remove the artefacts of a call; its record stays."""
        if any(artefact.file is not None for artefact in job.artefacts):
            self._state.discard_call(job.id)

    def forget(self, job: Job) -> None:
        """Remove all that is left of a call without a record."""
        self._state.forget_call(job.id)

    def submit(
        self,
        request: Request,
        limits: Limits,
        answer: Mapping[str, Any] | None = None,
        queue: str = LOCAL,
        callbacks: Sequence[Callback] = (),
        job_id: str | None = None,
    ) -> Job:
        """Accept a job. When this returns it is on the disk, and will be run whatever is killed.

        Parameters
        ----------
        request : what is asked.
        limits : what it may use.
        answer : kept with it unread.
        queue : who runs it.
        callbacks : to send while it goes on and ends, by way of the :attr:`outbox`.
        job_id : a UUID that no job has; a new one where it is left out.

        Raises
        ------
        QueueFull
            where as many wait as may.
        Unavailable
            where the store does not answer.
        """
        lines = self._lines
        order = Submission(
            id=job_id or str(uuid.uuid4()),
            request=request,
            limits=limits,
            answer=answer or {},
            queue=queue,
            callbacks=tuple(callbacks),
        )
        job = self._store.submit(order, self._settings.queue, self._settings.queue_size)
        # only a hint, which must not wait: without it the job begins half a second later
        with contextlib.suppress(OSError, Unavailable), lines.connection(0.0) as connection:
            connection.offer({"do": "look"})
        return job

    def get(self, job_id: str) -> Job | None:
        """A job, or a call that was kept; None where there is none."""
        return self._store.get(job_id) if JOB_ID.fullmatch(job_id) else None

    def sites(self) -> list[RegisteredSite]:
        """Sites that have dialled in, and what they offer."""
        return self._store.sites()

    @property
    def receiver(self) -> UploadReceiver:
        """Receives the files of jobs that sites have run."""
        return UploadReceiver(self._store.transfer_tokens, self._state)

    def find(self, query: JobQuery) -> JobPage:
        """Listed jobs, newest first."""
        return self._store.find(query)

    def wait(self, job_id: str, seconds: float, known: Job | None = None) -> Job | None:
        """Wait until a job changes.

        Parameters
        ----------
        job_id : which.
        seconds : for how long at most.
        known : return when status, progress or message differ from these; None: when it is done.

        Returns
        -------
        The job as it is then; None where there is none.
        """
        deadline = time.monotonic() + seconds
        while True:
            job = self.get(job_id)
            left = deadline - time.monotonic()
            if job is None or job.status.is_done or left <= 0 or (known is not None and _differ(job, known)):
                return job
            self._await_change(job, left, only_end=known is None)

    @property
    def pictures(self) -> KeptPictures:
        """Pictures of results, drawn before."""
        return self._state.pictures

    def dismiss(self, job_id: str) -> Job | None:
        """Stop a job that is not done, or remove one that is; None where there is none.

        When this returns, nothing runs any more for it.
        """
        if not JOB_ID.fullmatch(job_id):
            return None
        before = self._store.dismiss(job_id)
        if before is None:
            return None
        after = replace(before, status=Status.DISMISSED)
        if before.status.is_done:
            self._state.remove(job_id)
            return after
        after = self.get(job_id) or after
        self._stop(after, runs=before.status is Status.RUNNING)
        self._state.discard_results(job_id)
        return after

    @property
    def outbox(self) -> Outbox:
        """Callbacks that are still to be sent."""
        return self._store.outbox

    def secret(self) -> str:
        """A secret of the service, made once and kept in its state directory."""
        return self._state.secret()

    def directory(self, job: Job) -> Path:
        """Where the artefacts of a successful job or call lie, if not in an object store."""
        return self._state.published(job.id, job.epoch)

    def files(self, job: Job) -> ArtefactFiles:
        """The artefacts of a successful job or call, to be read.

        Raises
        ------
        Elsewhere
            where it has any and they are not here.
        """
        artefact_files = self._state.publisher.files(job.id, job.epoch)
        has_files = any(artefact.file is not None for artefact in job.artefacts)
        if has_files and isinstance(artefact_files, DirectoryFiles) and not artefact_files.directory.exists():
            raise Elsewhere(f"the results of this job are not on this machine; {SHARE}")
        return artefact_files

    def hold(self, job: Job) -> Job:
        """See to it that the files of a job stay for an hour at least, if they are still there; the job as it is then.

        So a client that reads them part by part, or follows a link to them, has time to.
        """
        has_files = any(artefact.file is not None for artefact in job.artefacts)
        is_held = job.needed is not None and job.needed - datetime.now(UTC) > timedelta(seconds=LEFT)
        if not (self._settings.retention.is_limited and has_files) or is_held or self._store.hold(job.id):
            return job
        return self.get(job.id) or job

    def log(self, job: Job) -> Path:
        """What the method of a job said; there is no such file where it said nothing.

        Raises
        ------
        Elsewhere
            where it is not here.
        """
        log = self._state.log(job.id)
        # that of a site's job comes to whichever machine hears of it
        is_here = self._state.common is not None or job.queue != LOCAL or job.owner in (None, self._state.identity)
        if is_here or log.exists():
            return log
        if self._state.objects is None:
            raise Elsewhere(f"the log of this job is not on this machine; {SHARE}")
        if not job.status.is_done:
            raise Elsewhere("the log of this job is on another machine until the job is done")
        self._state.job_log.fetch(job.id)
        return log

    def note(self, job_id: str, line: str) -> None:
        """Add a line to the log of a job."""
        self._state.job_log.add(job_id, line)

    def describe(self) -> dict[str, Any]:
        """Process ids: ``supervisor``, ``forkserver``, ``workers``; how many are ``ready``; ``work``, worker to job.

        Raises
        ------
        Unavailable
            where there is no supervisor now.
        """
        try:
            with self._lines.connection(PATIENCE) as connection:
                connection.send({"do": "describe"})
                return connection.receive(MARGIN).head
        except (EOFError, OSError) as error:
            raise Unavailable("the engine does not answer") from error

    def figures(self) -> JobStatistics:
        """What waits, what runs, and what has been done, as the store has it: the same whichever process asks.

        Raises
        ------
        Unavailable
            where the store does not answer.
        """
        return self._store.figures()

    def room(self) -> int:
        """Bytes that are free where results are kept."""
        return shutil.disk_usage(self._state.path).free

    def ask_store(self) -> None:
        """Ask the store whether it is there and has its tables.

        Raises
        ------
        Unavailable
            where it does not say so.
        """
        self._store.probe()

    def ask_storage(self) -> None:
        """Ask whether there is room for what jobs write.

        Raises
        ------
        StorageFull
            where a disk is full.
        """
        for name, folder in (("state directory", self._state.path), ("results", self._state.results)):
            if is_full(folder):
                raise StorageFull(f"the disk of the {name} is full")

    def ask_supervisor(self, patience: float) -> None:
        """Ask the supervisor whether it is there and has a worker that can take a job; nothing is started for that.

        Raises
        ------
        NoWorker
            where it has none yet, or none just now.
        Unavailable
            where it does not answer within *patience* [s].
        """
        if self._link is None:
            raise Unavailable("the engine has not begun in this process")
        try:
            with self._link.connection(0.0) as connection:
                connection.send({"do": "describe"})
                ready = connection.receive(patience).head.get("ready")
        except (EOFError, OSError) as error:
            raise Unavailable("the engine does not answer") from error
        if not ready:
            raise NoWorker("no worker can take a job yet; they import the methods first")

    @property
    def _lines(self) -> SupervisorClient:
        if self._link is None:
            raise RuntimeError("the engine was not started in this process; call start() first")
        return self._link

    def _await_change(self, job: Job, seconds: float, *, only_end: bool) -> None:
        watch = {"do": "watch", "job": job.id, "known": microseconds(job.updated), "only_end": only_end}
        try:
            with self._lines.connection(0.0) as connection:
                connection.send(watch)
                connection.receive(seconds)
        except TimeoutError:
            return
        except (EOFError, OSError, Unavailable):
            # another supervisor is on its way
            time.sleep(min(seconds, RETRY))

    def _stop(self, job: Job, *, runs: bool) -> None:
        """Tell the supervisor, and wait until it has killed the worker; one that is not there runs nothing."""
        said = {"job": job.id, "queue": job.queue, "runs": runs, "updated": microseconds(job.updated)}
        with contextlib.suppress(OSError, EOFError, Unavailable), self._lines.connection(0.0) as connection:
            connection.send({"do": "stop", **said})
            connection.receive(MARGIN)


def _differ(job: Job, known: Job) -> bool:
    return (job.status, job.progress, job.message) != (known.status, known.progress, known.message)
