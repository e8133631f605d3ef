"""Files that killed processes left behind, in a state directory or an object store."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from moorage_processes.jobs.files.disk import old_entries

if TYPE_CHECKING:
    from moorage_processes.jobs.files.state_directory import StateDirectory


@dataclass(frozen=True)
class Orphans:
    """Files left in one state directory before a moment; younger ones may still be in use.

    Parameters
    ----------
    state : the directory.
    before : the moment [s since 1970].
    """

    state: StateDirectory
    before: float

    def results(self) -> list[str]:
        """Jobs with results; those in an object store of any age."""
        objects = self.state.objects
        here = [each.name for each in old_entries(self.state.results, self.before)]
        return here if objects is None else [*here, *objects.jobs()]

    def logs(self) -> list[str]:
        """Jobs with logs; those in an object store of any age."""
        return self.state.job_log.unchanged(self.before)

    def discard_results(self, job: str) -> None:
        """Remove the results of a job that nobody knows."""
        objects = self.state.objects
        if objects is None or objects.changed(job) < self.before:
            self.state.discard_results(job)

    def discard_attempts(self, job: str, epoch: int) -> None:
        """Remove what attempts at a job left that came too late.

        Parameters
        ----------
        job : that has ended.
        epoch : of the attempt whose results are those of the job.
        """
        if epoch == 1:
            # there was no other
            return
        with contextlib.suppress(FileNotFoundError):
            for each in old_entries(self.state.results / job, self.before):
                if each.name != str(epoch):
                    self.state.discard(Path(each.path))
        if self.state.objects is not None:
            for other in self.state.objects.attempts(job):
                if other != epoch:
                    self.state.objects.discard(job, other)

    def discard_incoming(self) -> None:
        """Remove uploads that were not completed."""
        for each in old_entries(self.state.incoming_folder, self.before):
            Path(each.path).unlink(missing_ok=True)


def show_life(state: StateDirectory) -> None:
    """Tell other machines that this one is still there."""
    if state.common is not None:
        os.utime(state.scratch_folder)


def forget_machines(state: StateDirectory, before: float) -> None:
    """Remove the scratch of machines that have shown no life since *before* [s since 1970]."""
    if state.common is not None:
        for each in old_entries(state.scratch_folder.parent, before):
            if each.name != state.identity:
                state.discard(Path(each.path))
