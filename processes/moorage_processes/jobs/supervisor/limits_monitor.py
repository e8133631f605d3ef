"""Checks the time, memory and progress of running attempts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from moorage_processes.jobs.attempt import Progressed
from moorage_processes.jobs.supervisor.task import KillReason
from moorage_processes.jobs.workers import linux
from moorage_processes.jobs.workers.file_memory import FileMemory

if TYPE_CHECKING:
    from moorage_processes.jobs.files.job_log import JobLog
    from moorage_processes.jobs.supervisor.task import Task
    from moorage_processes.jobs.workers.pool import WorkerHandle

FAMILY_CHECKS = 5
"""Checks of memory for each search for the processes that a worker has started."""


class LimitsMonitor:
    """Finds attempts that exceed a limit, and notes the progress of all.

    Parameters
    ----------
    kill : called with an attempt that exceeds a limit, and which.
    report : called with a job whose progress or message has changed.
    logs : the logs of the attempts.
    in_thread : does something in a thread.
    """

    def __init__(
        self,
        kill: Callable[[Task, KillReason], None],
        report: Callable[[Task, Progressed], None],
        logs: JobLog,
        in_thread: Callable[[Callable[[], None]], object],
    ) -> None:
        self._kill = kill
        self._report = report
        self._logs = logs
        self._in_thread = in_thread
        self._checks = 0
        self._file_memory = FileMemory()

    def check(self, running: Mapping[WorkerHandle, Task]) -> None:
        """Check all that run."""
        self._checks += 1
        if self._checks % FAMILY_CHECKS == 0:
            self._look_at_families(running)
        for worker, task in list(running.items()):
            if task.kill_reason is None:
                self.note_progress(task, worker)
                if self._logs.is_long(task.attempt.job):
                    self._in_thread(partial(self._logs.cap, task.attempt.job))
                exceeded = self._exceeded(task)
                if exceeded is not None:
                    self._kill(task, exceeded)

    def _exceeded(self, task: Task) -> KillReason | None:
        limits = task.attempt.limits
        if limits.timeout is not None and time.monotonic() - task.began > limits.timeout:
            return KillReason.TIME
        if limits.memory is not None and _memory(task) > limits.memory:
            return KillReason.MEMORY
        return None

    def _look_at_families(self, running: Mapping[WorkerHandle, Task]) -> None:
        """Note what each worker has started, and what all of those hold in files, where any has a limit of memory."""
        if all(task.attempt.limits.memory is None for task in running.values()):
            return
        families = {task: task.family for task in running.values() if task.family is not None}
        for family in families.values():
            family.pids = [family.pids[0], *linux.descendants(family.pids[0])]
        held = self._file_memory.held(families.values())
        for task, family in families.items():
            task.in_files = held[family]

    def note_progress(self, task: Task, worker: WorkerHandle) -> None:
        """Read how far an attempt is, and report it where that has changed."""
        reading = worker.shared_progress.read()
        if reading is None or reading.number == task.reports:
            return
        task.reports = reading.number
        # so that NaN is 0
        done = reading.fraction if 0.0 <= reading.fraction <= 1.0 else float(reading.fraction > 1.0)
        told = Progressed(round(100 * done), reading.message)
        if (told.percent, told.message) != (task.percent, task.message):
            task.percent, task.message = told.percent, told.message
            if task.is_job:
                self._report(task, told)


def _memory(task: Task) -> int:
    """Memory that a worker and all that it has started hold [bytes]: resident, or as files."""
    pids = task.family.pids if task.family is not None else []
    # what is mapped of a file is resident
    unmapped = max(0, task.in_files - linux.resident_shared(pids)) if task.in_files else 0
    return linux.resident(pids) + unmapped
