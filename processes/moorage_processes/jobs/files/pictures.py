"""Pictures of results, kept beside them so that each is drawn once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

MOST = 1000
"""Jobs whose pictures are kept; those that were drawn first go first."""


@dataclass(frozen=True)
class KeptPictures:
    """The pictures of all jobs: ``<job>/<epoch>-<hash of the output's id>``.

    Parameters
    ----------
    directory : where they lie; what is removed of a job goes with the job.
    """

    directory: Path

    def read(self, job: str, epoch: int, output: str) -> bytes | None:
        """The picture of an output; None where none was drawn yet."""
        try:
            return self._path(job, epoch, output).read_bytes()
        except OSError:
            return None

    def head(self, job: str, epoch: int, output: str, size: int) -> bytes:
        """The first bytes of a picture, which say how large it is; nothing where none was drawn yet."""
        try:
            with self._path(job, epoch, output).open("rb") as file:
                return file.read(size)
        except OSError:
            return b""

    def keep(self, job: str, epoch: int, output: str, content: bytes) -> None:
        """Keep a picture; where that cannot be it is drawn again."""
        path = self._path(job, epoch, output)
        with contextlib.suppress(OSError):
            is_new = not path.parent.exists()
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # whole or not at all, whoever reads meanwhile
            unfinished = path.with_name(f"{path.name}-{uuid.uuid4()}")
            unfinished.write_bytes(content)
            unfinished.replace(path)
            if is_new:
                self._forget_oldest()

    def _path(self, job: str, epoch: int, output: str) -> Path:
        return self.directory / job / f"{epoch}-{hashlib.sha256(output.encode()).hexdigest()[:16]}"

    def _forget_oldest(self) -> None:
        with os.scandir(self.directory) as entries:
            jobs = sorted((entry.stat().st_mtime, entry.path) for entry in entries)
        for _, path in jobs[:-MOST]:
            shutil.rmtree(path, ignore_errors=True)
