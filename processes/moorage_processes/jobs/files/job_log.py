"""Logs of jobs: one file for each job, on this machine or shared by all."""

from __future__ import annotations

import logging
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from moorage_processes.jobs.files.disk import old_entries
from moorage_processes.jobs.files.log_cap import cap_log
from moorage_processes.jobs.files.object_store import ObjectStoreError

if TYPE_CHECKING:
    from moorage_processes.jobs.files.object_store import ObjectStore

LOGGER = logging.getLogger(__name__)

SUFFIX = ".log"
LIMIT = 10**7
"""Bytes of one log at most."""
MARGIN = 3
"""So many times longer may be a log that comes from a site, whose three attempts have a limit of their own."""
SUPERVISOR = "supervisor"
"""The one whose log may lie beside those of jobs."""


@dataclass(frozen=True)
class JobLog:
    """The logs of jobs.

    Parameters
    ----------
    folder : where they are written.
    objects : where they are put for other machines, once an attempt is over.
    limit : bytes of one log at most.
    """

    folder: Path
    objects: ObjectStore | None = None
    limit: int = LIMIT

    def path(self, job: str) -> Path:
        """Where the log of a job is on this machine; there is no such file where the job said nothing here."""
        return self.folder / f"{job}{SUFFIX}"

    def is_long(self, job: str) -> bool:
        """Whether the log of a job holds more than it may."""
        try:
            return os.stat(self.path(job)).st_size > self.limit  # noqa: PTH116 - twenty times a second
        except FileNotFoundError:
            return False

    def cap(self, job: str) -> None:
        """Shorten the log of a job that is too long."""
        cap_log(self.path(job), self.limit)

    def write(self, job: str, offset: int, content: bytes, *, is_last: bool = False) -> None:
        """Write a part of the log of a job that runs elsewhere; the same part again changes nothing.

        Parameters
        ----------
        job : whose log.
        offset : where the part belongs [bytes]; what would make the log too long is left out.
        content : the part.
        is_last : whether what stands behind it goes.
        """
        room = max(0, MARGIN * self.limit - offset)
        file = os.open(self.path(job), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            if is_last and room:
                os.ftruncate(file, offset)
            os.pwrite(file, content[:room], offset)
        finally:
            os.close(file)

    def add(self, job: str, line: str) -> None:
        """Add a line."""
        self.fetch(job)
        with self.path(job).open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")
        self.put(job)

    def put(self, job: str) -> None:
        """Let other machines have the log of a job, if it has one; that it cannot be put is not a reason to fail."""
        if self.objects is None or not self.path(job).exists():
            return
        try:
            self.objects.put_log(self.path(job), job)
        except ObjectStoreError as error:
            LOGGER.warning("%s: %s", error, error.__cause__)

    def fetch(self, job: str) -> None:
        """Have the log of a job here that another machine ran.

        Raises
        ------
        Unavailable
            where the store does not answer.
        """
        if self.objects is None or self.path(job).exists():
            return
        new = self.folder / f"{job}.{uuid.uuid4()}"
        try:
            if self.objects.get_log(job, new):
                new.rename(self.path(job))
        finally:
            new.unlink(missing_ok=True)

    def discard(self, job: str) -> None:
        """Remove the log of a job."""
        self.path(job).unlink(missing_ok=True)
        if self.objects is not None:
            self.objects.discard_log(job)

    def unchanged(self, since: float) -> list[str]:
        """Jobs with logs; those on this machine only where they have not changed since then [s since 1970]."""
        logs = (Path(each.name) for each in old_entries(self.folder, since))
        here = [log.stem for log in logs if log.suffix == SUFFIX and log.stem != SUPERVISOR]
        return here if self.objects is None else [*here, *self.objects.logs()]
