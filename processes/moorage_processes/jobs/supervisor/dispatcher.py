"""Assigns attempts to workers, stops them, reports outcomes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from moorage_processes.execution.request import Failure
from moorage_processes.jobs.attempt import (
    Ended,
    Progressed,
    Ref,
    Requeued,
    after_death,
    crashed,
    failed,
    handed_back,
    lost,
    not_kept,
    out_of_memory,
    out_of_time,
)
from moorage_processes.jobs.job import Status
from moorage_processes.jobs.supervisor.call_queue import CallQueue
from moorage_processes.jobs.supervisor.limits_monitor import LimitsMonitor
from moorage_processes.jobs.supervisor.prefetch import LONGEST_WAIT, SHORT, Prefetch
from moorage_processes.jobs.supervisor.task import KillReason, Task
from moorage_processes.jobs.workers import linux
from moorage_processes.jobs.workers.file_memory import Family
from moorage_processes.logs import about

if TYPE_CHECKING:
    from moorage_processes.jobs.files.state_directory import StateDirectory
    from moorage_processes.jobs.ipc import Frame
    from moorage_processes.jobs.store.exchange import StoreReply
    from moorage_processes.jobs.supervisor.store_thread import StoreThread
    from moorage_processes.jobs.workers.pool import WorkerHandle

LOGGER = logging.getLogger(__name__)

TICK = 0.05
"""Seconds between two checks of what runs."""
PATIENCE = 2.0
"""Seconds within which a worker that was killed should have ended."""
KILLED = -9
"""Exit code of a worker that was killed, not by us: by a person, or by the kernel for want of memory."""


class Dispatcher:
    """Assigns attempts to workers.

    Parameters
    ----------
    slots : jobs that run at once.
    call_slots : calls that run at once, beside the jobs.
    call_queue : calls that may wait.
    state : where attempts leave their files.
    """

    def __init__(self, slots: int, call_slots: int, call_queue: int, state: StateDirectory) -> None:
        self._slots = slots
        self._call_queue = call_queue
        self._state = state
        self._idle: deque[WorkerHandle] = deque()
        self._calls = CallQueue(call_slots)
        self._jobs: deque[Task] = deque()
        self._running: dict[WorkerHandle, Task] = {}
        self._finishing: set[Task] = set()
        """Those whose worker is done, and whose files are being kept."""
        self._prefetch = Prefetch()
        self._ticker: asyncio.TimerHandle | None = None
        self._asked_for = 0
        """How many jobs the store is being asked for."""
        self._may_wait_in_store = True
        """Whether jobs may wait there; calls do not go before them."""
        self._is_stopping = False
        self._is_over = asyncio.Event()
        self._cleanup = ThreadPoolExecutor(1, "cleanup")
        self._monitor = LimitsMonitor(self._kill, self._report_progress, state.job_log, self._cleanup.submit)
        self.store_thread: StoreThread

    # requests

    def call(self, task: Task) -> bool:
        """Run a call as soon as there is a worker for it; False where too many wait already."""
        if self._is_stopping:
            self._answer(task, {"interrupted": True})
            return True
        if len(self._calls) >= self._call_queue:
            return False
        self._calls.append(task)
        self._dispatch()
        return True

    def begin_now(self, task: Task) -> bool:
        """Begin a call that may become a job; False where no worker and no place of a job is free, or a job waits."""
        is_free = self._idle and len(self._at_places) < self._slots and not self._jobs
        # where one quick job follows another, to take several from the store at once is quicker
        is_better_there = self.is_brisk and task.must_last
        if self._is_stopping or self._may_wait_in_store or is_better_there or not is_free:
            return False
        self._begin(task, self._idle.pop())
        return True

    def make_job(self, task: Task) -> None:
        """Make a job of a call: from now on the store is told of it."""
        become_job, task.become_job, task.answer = task.become_job, None, None
        if become_job is not None:
            self._state.begin(*task.ref)
            become_job()

    def take(self, exchange: StoreReply) -> None:
        """Begin the jobs that were claimed, and stop those that are not ours any more."""
        if self._asked_for:
            self._may_wait_in_store = len(exchange.claimed) >= self._asked_for
            self._asked_for = 0
        for attempt in exchange.claimed:
            self._jobs.append(Task(attempt))
        self._tidy({**exchange.settled, **dict.fromkeys(exchange.refused, False)})
        for ref in exchange.gone:
            self.stop(ref.job, ref.epoch)
        if self._is_stopping:
            self._hand_back_waiting()
        self._dispatch()
        self._watch()

    def stop(self, job: str, epoch: int | None = None, on_end: Callable[[], None] | None = None) -> None:
        """Stop a job or a call that is not wanted any more.

        Parameters
        ----------
        job : which.
        epoch : only this epoch of it; None for any.
        on_end : called when nothing runs any more for it.
        """
        for task in self._tasks():
            if task.attempt.job == job and epoch in (None, task.attempt.epoch):
                if on_end is not None:
                    task.on_end.append(on_end)
                self._kill(task, KillReason.NOT_WANTED)
                return
        if on_end is not None:
            on_end()

    # load

    def places(self) -> int:
        """How many jobs may be claimed now: those that could begin, and where they are quick, some ahead."""
        self._asked_for = 0 if self._is_stopping else self._count_places()
        # somebody has looked for jobs, and those that wait could not be taken
        self._may_wait_in_store = self._may_wait_in_store or not self._asked_for
        return self._asked_for

    def _count_places(self) -> int:
        running = self._at_places
        free = max(0, min(self._slots - len(running), len(self._idle)))
        recently = time.monotonic() - SHORT
        soon_free = sum(task.began > recently for task in running)
        return max(0, free + (free + soon_free) * self._prefetch.ahead - len(self._jobs))

    @property
    def _at_places(self) -> list[Task]:
        """What runs at the places of jobs."""
        return [task for task in self._running.values() if task.has_place_of_job]

    @property
    def _running_calls(self) -> Iterator[Task]:
        return (task for task in self._running.values() if not task.has_place_of_job)

    def runs(self) -> list[Ref]:
        """Attempts at jobs that are in hand."""
        return [task.ref for task in (*self._tasks(), *self._finishing) if task.is_job]

    @property
    def is_busy(self) -> bool:
        """Whether anything runs or waits here."""
        return bool(self._running or self._calls or self._jobs or self._finishing)

    @property
    def is_brisk(self) -> bool:
        """Whether one quick job follows another: then the store is asked and told a little later, of several."""
        return self._prefetch.ahead > 0 and bool(self._running or self._jobs)

    def at_work(self) -> dict[str, str]:
        """Workers that run something, and which job or call."""
        return {str(worker.pid): task.attempt.job for worker, task in self._running.items()}

    # end

    async def drain(self, patience: float) -> None:
        """Begin nothing more, wait for what runs, and hand back what still does after *patience* [s]."""
        self._is_stopping = True
        for task in list(self._running.values()):
            if task.become_job is not None:
                self.make_job(task)
        for task in list(self._calls):
            self._calls.remove(task)
            self._answer(task, {"interrupted": True})
        self._hand_back_waiting()
        await self._calm(patience)
        for task in list(self._running.values()):
            self._kill(task, KillReason.STOPPING)
        await self._calm(PATIENCE)
        for worker in list(self._running):
            self.ended(worker, None)

    async def _calm(self, patience: float) -> None:
        """Return when nothing runs any more, or after *patience* [s]."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._running or self._finishing:
                    self._is_over.clear()
                    await self._is_over.wait()

    def close(self) -> None:
        """End the cleanup thread, once it has done all its work."""
        self._cleanup.shutdown()

    # messages of workers

    def ready(self, worker: WorkerHandle) -> None:
        """A worker waits for work."""
        self._idle.append(worker)
        self._dispatch()
        self.store_thread.look()

    def heard(self, worker: WorkerHandle, frame: Frame) -> None:
        """A worker reports progress, or its outcome."""
        task = self._running.get(worker)
        if task is None:
            return
        if "shows" in frame.head:
            self._monitor.note_progress(task, worker)
            return
        del self._running[worker]
        self._monitor.note_progress(task, worker)
        if task.is_job:
            self._prefetch.note(time.monotonic() - task.began)
        if task.kill_reason is KillReason.NOT_WANTED:
            self._tidy({task.ref: False})
        else:
            if task.become_job is not None and "failed" in frame.head:
                self.make_job(task)
            self._settle(task, frame)
        self._let_go(task)
        if frame.head["is_fresh"] and not (worker.is_being_killed or worker.is_retired):
            self._idle.append(worker)
        else:
            worker.kill()
        self._dispatch()

    def retire(self, worker: WorkerHandle) -> None:
        """A worker is no longer wanted once it has nothing to do."""
        if worker in self._idle:
            self._idle.remove(worker)
            worker.kill()
        else:
            worker.is_retired = True

    def ended(self, worker: WorkerHandle, code: int | None) -> None:
        """A worker has ended."""
        if worker in self._idle:
            self._idle.remove(worker)
        self._cleanup.submit(self._state.discard_scratch, worker.pid)
        task = self._running.pop(worker, None)
        if task is None:
            return
        if task.become_job is not None and task.kill_reason is not KillReason.NOT_WANTED:
            self.make_job(task)
        if task.is_job:
            self._job_worker_died(task, code)
        else:
            self._call_worker_died(task, code)
        self._let_go(task)
        self._dispatch()

    def _settle(self, task: Task, frame: Frame) -> None:
        """A worker has reported the outcome of a task."""
        if not task.is_job:
            self._answer(task, frame.head, frame.body)
            return
        if "failed" in frame.head:
            failure = Failure.from_json(frame.head["failed"])
            # a cluster that is away is like a worker that died: not the method's fault, and perhaps back in a moment
            is_final = failure.reason != "cluster"
            end = failed(failure) if is_final else after_death(task.attempt, failure, has_begun=True)
        else:
            end = Ended(Status.SUCCESSFUL, 100, task.message, frame.body.decode(), must_last=task.attempt.is_once)
        if not task.must_last and frame.head.get("has_files"):
            self._make_last(task, end)
            return
        # but not of one that could not be run again if it were never told
        self.store_thread.report(task.ref, end, may_wait=self.is_brisk and not task.attempt.is_once)

    def _make_last(self, task: Task, end: Ended | Requeued) -> None:
        """Make the files of a job last that was a call when its worker began, and report its end then."""
        self._finishing.add(task)
        done = self._cleanup.submit(self._state.publisher.make_last, *task.ref)
        loop = asyncio.get_running_loop()
        done.add_done_callback(lambda _: loop.call_soon_threadsafe(self._made_last, task, end, done.exception()))

    def _made_last(self, task: Task, end: Ended | Requeued, error: BaseException | None) -> None:
        self._finishing.discard(task)
        if error is not None:
            LOGGER.error("job %s: its results cannot be kept", task.attempt.job, exc_info=error)
            end = failed(not_kept(task.attempt))
        self.store_thread.report(task.ref, end)
        self._is_over.set()

    def _job_worker_died(self, task: Task, code: int | None) -> None:
        attempt = task.attempt
        has_begun = self._state.has_begun(*task.ref)
        match task.kill_reason:
            case KillReason.TIME:
                self.store_thread.report(task.ref, failed(out_of_time(attempt)))
            case KillReason.MEMORY:
                self.store_thread.report(task.ref, failed(out_of_memory(attempt)))
            case KillReason.STOPPING:
                self.store_thread.report(task.ref, handed_back(attempt, has_begun=has_begun))
            case KillReason.NOT_WANTED:
                self._tidy({task.ref: False})
            case None:
                why = lost(attempt) if code is None else crashed(attempt, code)
                subject = about(attempt.job, attempt.process, attempt.number)
                LOGGER.warning("job %s: attempt %d: %s", attempt.job, attempt.number, why.detail, extra=subject)
                self.store_thread.report(task.ref, after_death(attempt, why, has_begun=has_begun))

    def _call_worker_died(self, task: Task, code: int | None) -> None:
        self._tidy({task.ref: False})
        match task.kill_reason:
            case KillReason.TIME:
                self._answer(task, {"failed": out_of_time(task.attempt).to_json()})
            case KillReason.MEMORY:
                self._answer(task, {"failed": out_of_memory(task.attempt).to_json()})
            case None if code is not None and code != KILLED:
                self._answer(task, {"failed": crashed(task.attempt, code).to_json()})
            case KillReason.STOPPING | None:
                self._answer(task, {"interrupted": True})
            case KillReason.NOT_WANTED:
                pass

    def _answer(self, task: Task, head: Mapping[str, Any], body: bytes = b"") -> None:
        if task.answer is not None:
            task.answer(head, body)

    def _let_go(self, task: Task) -> None:
        self._is_over.set()
        for call in task.on_end:
            call()
        is_low = len(self._jobs) <= self._slots * self._prefetch.ahead // 2
        if is_low and (task.is_job or (task.has_place_of_job and self._may_wait_in_store)):
            # a slot is free, or soon will be
            self.store_thread.look(may_wait=self.is_brisk)

    # assignment to workers

    def _tidy(self, over: Mapping[Ref, bool]) -> None:
        """Tidy up after attempts, the artefacts of some of which are kept."""
        if over:
            self._cleanup.submit(self._tidied, over)

    def _tidied(self, over: Mapping[Ref, bool]) -> None:
        for ref, is_kept in over.items():
            self._state.settle(*ref, keep=is_kept)

    def _dispatch(self) -> None:
        jobs = len(self._at_places)
        while self._idle and (call := self._calls.next(self._running_calls)) is not None:
            self._begin(call, self._idle.pop())
        while self._idle and self._jobs and jobs < self._slots:
            self._begin(self._jobs.popleft(), self._idle.pop())
            jobs += 1

    def _begin(self, task: Task, worker: WorkerHandle) -> None:
        task.worker = worker
        task.began = time.monotonic()
        limited = task.attempt.limits.memory is not None
        task.family = Family([worker.pid], time.time(), linux.written_to_memory([worker.pid]) if limited else 0)
        self._running[worker] = task
        worker.shared_progress.clear()
        attempt = task.attempt
        head = {
            "job": attempt.job,
            "epoch": attempt.epoch,
            "is_job": task.is_job,
            "must_last": task.must_last,
            "is_once": attempt.is_once,
            "attempt": attempt.number,
        }
        worker.send(head, attempt.request)
        self._watch()

    def _kill(self, task: Task, reason: KillReason) -> None:
        task.kill_reason = task.kill_reason or reason
        if task.worker is not None:
            task.worker.kill()
            return
        queues: tuple[CallQueue | deque[Task], ...] = (self._calls, self._jobs)
        for queue in queues:
            if task in queue:
                queue.remove(task)
        self._let_go(task)

    def _hand_back_waiting(self, came_before: float = math.inf) -> None:
        while self._jobs and self._jobs[0].came < came_before:
            task = self._jobs.popleft()
            self.store_thread.report(task.ref, Requeued(task.attempt.number - 1, message=""))

    def _tasks(self) -> Iterator[Task]:
        yield from list(self._running.values())
        yield from list(self._jobs)
        yield from list(self._calls)

    # watching

    def _watch(self) -> None:
        if self._ticker is None and (self._running or self._jobs):
            self._ticker = asyncio.get_running_loop().call_later(TICK, self._tick)

    def _tick(self) -> None:
        self._ticker = None
        self._monitor.check(self._running)
        # another machine may have a worker for it
        self._hand_back_waiting(came_before=time.monotonic() - LONGEST_WAIT)
        self._watch()

    def _report_progress(self, task: Task, progressed: Progressed) -> None:
        self.store_thread.report(task.ref, progressed)
