"""The state directory: holds all files of one service that outlive its processes."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from moorage_processes.jobs.files.disk import NETWORKED, file_system, made_once, old_entries, sync
from moorage_processes.jobs.files.job_log import LIMIT, SUPERVISOR, JobLog
from moorage_processes.jobs.files.object_store import ObjectStore, ObjectStoreError
from moorage_processes.jobs.files.pictures import KeptPictures
from moorage_processes.jobs.files.publishing import Publisher

PRIVATE = 0o700


class StateDirectoryError(OSError):
    """A state directory that cannot be used; the message says what would do."""


@dataclass(frozen=True)
class StateDirectory:
    """The state directory of one service.

    A worker writes to its own scratch directory. When an attempt is done, that is renamed to be its results. What is
    removed is renamed into the trash first: that is quick whatever its size, and complete whenever a process is killed.

    Where several machines serve one store, each has a state directory of its own, and all have one for what any of
    them may be asked for; scratch and trash lie there too, for a rename never crosses file systems. Or the results of
    jobs lie in an object store; those of calls that are not kept go no further than this machine.
    """

    path: Path
    common: Path | None = None
    """Where results and logs lie, for all machines; None for *path*."""
    objects: ObjectStore | None = None
    """Where the results of jobs lie, if not in a directory."""
    log_size: int = LIMIT
    """Bytes of one log at most."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> StateDirectory:
        """That of an engine, from ``state``, ``results`` and ``results_options`` of its settings.

        In a process whose environment is clean, ``credentials`` has the variables that the object store needs.
        """
        path, results, log_size = Path(settings["state"]), settings.get("results"), settings.get("log_size", LIMIT)
        if results and "://" in results:
            options, credentials = settings.get("results_options") or {}, settings.get("credentials") or {}
            return cls(path, objects=ObjectStore(results, options, credentials), log_size=log_size)
        return cls(path, Path(results) if results else None, log_size=log_size)

    def prepare(self) -> None:
        """Make the directory, for this user alone.

        Raises
        ------
        StateDirectoryError
            where it lies on a network file system, or belongs to somebody else.
        """
        if self.objects is not None:
            try:
                self.objects.prepare()
            except ObjectStoreError as error:
                raise StateDirectoryError(str(error)) from error
        self.path.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        kind = file_system(self.path)
        if kind in NETWORKED:
            raise StateDirectoryError(
                f"{self.path} lies on a network file system ({kind}); name a directory on a local disk"
            )
        for folder in (self._own_logs, self.run, self._begun):
            folder.mkdir(exist_ok=True, mode=PRIVATE)
        try:
            for folder in (self.results, self.logs, self.scratch_folder, self.incoming_folder, self._trash):
                folder.mkdir(exist_ok=True, parents=True, mode=PRIVATE)
        except OSError as error:
            reason = f"{error.filename} cannot be made ({error.strerror})"
            raise StateDirectoryError(f"{reason}; name a directory of results that this user may write to") from error
        if self.run.stat().st_uid != os.geteuid():
            raise StateDirectoryError(f"{self.run} belongs to another user; name a state directory of your own")
        self.run.chmod(PRIVATE)

    @property
    def results(self) -> Path:
        """Results of all jobs: ``<job>/<epoch>/``."""
        return self._shared / "results"

    @property
    def pictures(self) -> KeptPictures:
        """Pictures of results that pages have shown."""
        return KeptPictures(self._shared / "pictures")

    @property
    def logs(self) -> Path:
        """One log for each job."""
        return self._shared / "logs"

    @property
    def supervisor_log(self) -> Path:
        """What the supervisor says."""
        return self._own_logs / f"{SUPERVISOR}.log"

    @property
    def run(self) -> Path:
        """The supervisor's lock and socket, for this user alone."""
        return self.path / "run"

    @property
    def _begun(self) -> Path:
        return self.path / "begun"

    @property
    def _shared(self) -> Path:
        return self.common or self.path

    @property
    def _own_logs(self) -> Path:
        return self.path / "logs"

    @property
    def scratch_folder(self) -> Path:
        """Where the workers of this machine write."""
        # process ids are told apart by machine
        return self._shared / "scratch" / self.identity if self.common else self.path / "scratch"

    @property
    def incoming_folder(self) -> Path:
        """Holds uploads until they are complete."""
        return self._shared / "incoming"

    @property
    def _trash(self) -> Path:
        return self._shared / "trash"

    @cached_property
    def identity(self) -> str:
        """Who runs jobs here, the same for each supervisor of this directory."""
        return made_once(self.path / "identity", str(uuid.uuid4()))

    def secret(self) -> str:
        """What callbacks are signed with, unless the configuration names another secret; this user alone may read it.

        The operator hands it to those who receive callbacks.
        """
        return made_once(self.path / "callback-secret", f"{secrets.token_urlsafe(32)}\n").strip()

    @property
    def job_log(self) -> JobLog:
        """Logs of jobs."""
        return JobLog(self.logs, self.objects, self.log_size)

    def log(self, job: str) -> Path:
        """Log of a job on this machine."""
        return self.job_log.path(job)

    def incoming(self) -> Path:
        """A new file for an upload, until it is known to be complete."""
        return self.incoming_folder / str(uuid.uuid4())

    def scratch(self, worker: int) -> Path:
        """Where a worker writes."""
        return self.scratch_folder / str(worker)

    def clear_scratch(self, worker: int) -> Path:
        """An empty directory for a worker to write to."""
        scratch = self.scratch(worker)
        try:
            left = os.listdir(scratch)  # noqa: PTH208 - for each call
        except FileNotFoundError:
            scratch.mkdir()
            return scratch
        for name in left:
            self.discard(scratch / name)
        return scratch

    @property
    def publisher(self) -> Publisher:
        """Makes what attempts wrote their results."""
        return Publisher(self.results, self.objects, self.discard)

    def published(self, job: str, epoch: int) -> Path:
        """The results of an attempt that is done."""
        return self.publisher.directory(job, epoch)

    def begin(self, job: str, epoch: int, *, must_last: bool = False) -> None:
        """Note that a worker has begun an attempt; with *must_last*, so that the note survives a power loss."""
        (self._begun / f"{job}.{epoch}").touch()
        if must_last:
            sync(self._begun)

    def has_begun(self, job: str, epoch: int) -> bool:
        """Whether a worker has begun an attempt that is not settled yet."""
        return (self._begun / f"{job}.{epoch}").exists()

    def settle(self, job: str, epoch: int, *, keep: bool) -> None:
        """Tidy up after an attempt that the store knows the end of."""
        if not keep:
            self.publisher.withdraw(job, epoch)
        if self.objects is not None:
            self.job_log.put(job)
            if not keep:
                self.objects.discard(job, epoch)
        (self._begun / f"{job}.{epoch}").unlink(missing_ok=True)

    def discard_results(self, job: str) -> None:
        """Remove the results of a job."""
        self.discard(self.results / job)
        self.discard(self.pictures.directory / job)
        if self.objects is not None:
            self.objects.discard(job)

    def discard_call(self, job: str) -> None:
        """Remove the results of a call that was not kept."""
        self.discard(self.results / job)
        self.discard(self.pictures.directory / job)

    def discard_scratch(self, worker: int) -> None:
        """Remove what a worker that has ended left behind."""
        self.discard(self.scratch(worker))

    def forget_call(self, job: str) -> None:
        """Remove all that is left of a call that was not kept."""
        self.discard_call(job)
        self.log(job).unlink(missing_ok=True)

    def remove(self, job: str) -> None:
        """Remove all that is left of a job."""
        self.discard_results(job)
        self.job_log.discard(job)

    def empty_trash(self) -> None:
        """Remove for good what was discarded."""
        for name in os.listdir(self._trash):  # noqa: PTH208 - each second
            path = self._trash / name
            shutil.rmtree(path, ignore_errors=True)
            with contextlib.suppress(OSError):
                # another machine may be at it too, and a file that one of them still reads keeps its directory
                path.unlink()

    def empty_scratch(self) -> None:
        """Remove what workers left; none may be alive."""
        for name in os.listdir(self.scratch_folder):  # noqa: PTH208 - names are wanted
            self.discard(self.scratch_folder / name)

    def begun(self, before: float) -> list[tuple[str, int]]:
        """Attempts that were taken up *before* this [s since 1970] and not settled: job and epoch."""
        parts = (each.name.rpartition(".") for each in old_entries(self._begun, before))
        return [(job, int(epoch)) for job, _, epoch in parts]

    def discard(self, path: Path) -> None:
        """Remove what lies there; at once complete, however large it is."""
        with contextlib.suppress(FileNotFoundError):
            path.rename(self._trash / f"{path.name}-{uuid.uuid4()}")
