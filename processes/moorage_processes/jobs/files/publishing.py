"""Publishes the files that an attempt wrote as its results: all of them, or none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from moorage_processes.jobs.files.artefacts import ArtefactFiles, DirectoryFiles
from moorage_processes.jobs.files.disk import sync
from moorage_processes.jobs.files.object_store import ObjectFiles, ObjectStore


@dataclass(frozen=True)
class Publisher:
    """Results of attempts: ``<job>/<epoch>/`` in a directory, or under that prefix in an object store.

    An epoch is given once to each attempt, so no two share a directory.
    """

    results: Path
    """Directory of the results of all jobs."""
    objects: ObjectStore | None
    """Where the results of jobs lie, if not in the directory."""
    discard: Callable[[Path], None]
    """Removes a directory at once, however large it is."""

    def directory(self, job: str, epoch: int) -> Path:
        """The results of an attempt that is done."""
        return self.results / job / str(epoch)

    def files(self, job: str, epoch: int) -> ArtefactFiles:
        """The results of an attempt that is done, to be read."""
        published = self.directory(job, epoch)
        if self.objects is None or published.exists():
            return DirectoryFiles(published)
        return ObjectFiles(self.objects, job, epoch)

    def has(self, job: str, epoch: int, file: str, size: int) -> bool:
        """Whether a file of an attempt is here, all of it."""
        if self.objects is not None:
            return self.objects.size(job, epoch, file) == size
        path = self.directory(job, epoch) / file
        return path.is_file() and path.stat().st_size == size

    def publish(self, scratch: Path, job: str, epoch: int, *, is_job: bool) -> None:
        """Make what was written to *scratch* the results of an attempt.

        Parameters
        ----------
        scratch : of the worker that made it.
        job, epoch : the attempt.
        is_job : whether it must last: it is on the disk, or in the object store, before the job may be called done.

        Raises
        ------
        OSError
            where it cannot be.
        """
        if is_job and self.objects is not None:
            self.objects.put(scratch, job, epoch)
        else:
            self._publish_here(scratch, job, epoch, must_last=is_job)

    def receive(self, incoming: Path, job: str, epoch: int, file: str) -> None:
        """Make an uploaded file one of the results of an attempt."""
        if self.objects is not None:
            self.objects.put_file(incoming, job, epoch, file)
            return
        published = self.directory(job, epoch)
        published.mkdir(parents=True, exist_ok=True)
        incoming.rename(published / file)

    def keep(self, job: str, epoch: int) -> None:
        """Keep the results of a call as those of a job are kept."""
        published = self.directory(job, epoch)
        if self.objects is not None and published.exists():
            self.objects.put(published, job, epoch)
            self.discard(published.parent)

    def make_last(self, job: str, epoch: int) -> None:
        """Make the results of a call last as those of a job do.

        Raises
        ------
        OSError
            where they cannot be kept.
        """
        self.keep(job, epoch)
        published = self.directory(job, epoch)
        if published.exists():
            _sync_all(published)
            self._sync_parents(published)

    def withdraw(self, job: str, epoch: int) -> None:
        """Remove what an attempt has published in the directory."""
        published = self.directory(job, epoch)
        if published.exists():
            self.discard(published)
            with contextlib.suppress(OSError):
                # another epoch may lie there
                published.parent.rmdir()

    def _publish_here(self, scratch: Path, job: str, epoch: int, *, must_last: bool) -> None:
        published = self.directory(job, epoch)
        if must_last:
            _sync_all(scratch)
        # a power loss may have made the store forget an attempt of the same number
        self.discard(published)
        _rename(scratch, published)
        if must_last:
            self._sync_parents(published)

    def _sync_parents(self, published: Path) -> None:
        for path in (published.parent, self.results):
            sync(path)


def _sync_all(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        if path.is_dir() or path.is_file():
            sync(path)


def _rename(scratch: Path, published: Path) -> None:
    while True:
        published.parent.mkdir(exist_ok=True)
        try:
            scratch.rename(published)
        except FileNotFoundError:
            # tidying up after an earlier attempt has just removed the empty directory
            if not scratch.exists():
                raise
        else:
            return
