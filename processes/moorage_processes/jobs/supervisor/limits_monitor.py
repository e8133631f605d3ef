"""Checks the time, memory and progress of running attempts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from moorage_processes.jobs.attempt import Progressed
from moorage_processes.jobs.supervisor.task import KillReason
from moorage_processes.jobs.workers import linux

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

    def check(self, running: Mapping[WorkerHandle, Task]) -> None:
        """Check all that run."""
        self._checks += 1
        for worker, task in list(running.items()):
            if task.kill_reason is None:
                self.note_progress(task, worker)
                if self._logs.is_long(task.attempt.job):
                    self._in_thread(partial(self._logs.cap, task.attempt.job))
                exceeded = self._exceeded(task, worker)
                if exceeded is not None:
                    self._kill(task, exceeded)

    def _exceeded(self, task: Task, worker: WorkerHandle) -> KillReason | None:
        limits = task.attempt.limits
        if limits.timeout is not None and time.monotonic() - task.began > limits.timeout:
            return KillReason.TIME
        if limits.memory is not None and self._memory(task, worker) > limits.memory:
            return KillReason.MEMORY
        return None

    def _memory(self, task: Task, worker: WorkerHandle) -> int:
        """Resident memory of a worker and of all that it has started [bytes]."""
        if self._checks % FAMILY_CHECKS == 0:
            task.family = linux.descendants(worker.pid)
        return linux.resident([worker.pid, *task.family])

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
