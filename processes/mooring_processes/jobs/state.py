"""The state directory: where everything of one service lies that outlives its processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NETWORKED = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "beegfs", "ceph", "gfs2", "glusterfs", "gpfs", "lustre"}
    | {"ocfs2", "fuse.ceph", "fuse.davfs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"}
)
"""File systems on which SQLite's write-ahead log and file locks do not hold."""
PRIVATE = 0o700


class StateError(OSError):
    """A state directory that cannot be used; the message says what would do."""


@dataclass(frozen=True)
class State:
    """The state directory of one service.

    Results lie in ``results/<job>/<epoch>/``; while an attempt writes, that is ``<epoch>.part``. An epoch is given once
    to each attempt, so that two attempts never share a directory.
    """

    path: Path

    def prepare(self) -> None:
        """Make the directory, for this user alone.

        Raises
        ------
        StateError
            where it lies on a network file system, or belongs to somebody else.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        kind = file_system(self.path)
        if kind in NETWORKED:
            raise StateError(f"{self.path} lies on a network file system ({kind}); name a directory on a local disk")
        for folder in (self.results, self.logs, self.run):
            folder.mkdir(exist_ok=True, mode=PRIVATE)
        if self.run.stat().st_uid != os.geteuid():
            raise StateError(f"{self.run} belongs to another user; name a state directory of your own")
        self.run.chmod(PRIVATE)

    @property
    def results(self) -> Path:
        """Artefacts of all jobs."""
        return self.path / "results"

    @property
    def logs(self) -> Path:
        """One log for each job, and the supervisor's."""
        return self.path / "logs"

    @property
    def run(self) -> Path:
        """The supervisor's lock and socket, for this user alone."""
        return self.path / "run"

    def identity(self) -> str:
        """Who runs jobs here, the same for each supervisor of this directory."""
        path = self.path / "identity"
        new = path.with_name(f"identity.{uuid.uuid4()}")
        new.write_text(str(uuid.uuid4()))
        try:
            os.link(new, path)
        except FileExistsError:
            pass
        finally:
            new.unlink()
        return path.read_text()

    def log(self, job: str) -> Path:
        """What the method of a job said."""
        return self.logs / f"{job}.log"

    def published(self, job: str, epoch: int) -> Path:
        """The artefacts of an attempt that finished."""
        return self.results / job / str(epoch)

    def unfinished(self, job: str, epoch: int) -> Path:
        """Where an attempt writes."""
        return self.results / job / f"{epoch}.part"

    def has_begun(self, job: str, epoch: int) -> bool:
        """Whether a child took up this attempt."""
        return self.unfinished(job, epoch).exists() or self.published(job, epoch).exists()

    def begin(self, job: str, epoch: int) -> Path:
        """Make the directory an attempt writes to."""
        directory = self.unfinished(job, epoch)
        directory.mkdir(parents=True)
        return directory

    def publish(self, job: str, epoch: int) -> None:
        """Let what an attempt wrote be its artefacts."""
        self.unfinished(job, epoch).rename(self.published(job, epoch))

    def forget(self, job: str, epoch: int) -> None:
        """Remove what one attempt left."""
        shutil.rmtree(self.unfinished(job, epoch), ignore_errors=True)
        shutil.rmtree(self.published(job, epoch), ignore_errors=True)

    def keep_only(self, job: str, epoch: int | None) -> None:
        """Remove what all attempts at a job left, but for the files of one that was published."""
        folder = self.results / job
        for each in _entries(folder):
            if each.name != str(epoch):
                shutil.rmtree(each, ignore_errors=True)
        with contextlib.suppress(OSError):
            # they stay where there are files
            self.published(job, epoch or 0).rmdir()
        with contextlib.suppress(OSError):
            folder.rmdir()

    def remove(self, job: str) -> None:
        """Remove all that is left of a job."""
        self.keep_only(job, None)
        self.log(job).unlink(missing_ok=True)

    def with_results(self, older_than: float) -> Iterator[str]:
        """Jobs that have a results directory which has not changed since *older_than* [s since 1970]."""
        for each in _entries(self.results):
            if each.stat().st_mtime < older_than:
                yield each.name


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def file_system(path: Path) -> str:
    """The kind of file system a path lies on, such as ``ext4``."""
    kind, longest = "", -1
    real = path.resolve()
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        mount = Path(before.split()[4].encode().decode("unicode_escape"))
        # the last of several mounts at one place is the one that is seen
        if len(mount.parts) >= longest and real.is_relative_to(mount):
            kind, longest = after.split()[0], len(mount.parts)
    return kind
