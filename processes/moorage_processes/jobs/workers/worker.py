"""The worker process: runs one job at a time, until it is killed."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NoReturn

from moorage_processes.execution.disk_space import says_full
from moorage_processes.execution.failures import logged_failure, no_room, not_stored
from moorage_processes.execution.request import Artefact, ExecutionFailed, Request
from moorage_processes.jobs.ipc import Connection, Frame
from moorage_processes.jobs.workers import linux
from moorage_processes.jobs.workers.shared_progress import ProgressReading, SharedProgress
from moorage_processes.logs import OperatorLog, Subject

if TYPE_CHECKING:
    from moorage_processes.execution.executor import Executor
    from moorage_processes.jobs.files.job_log import JobLog
    from moorage_processes.jobs.files.state_directory import StateDirectory

LOGGER = logging.getLogger(__name__)

OFTEN = 0.02
"""Seconds between two reports that are sent; those in between are only in shared memory."""
GROWTH = 512 * 2**20
"""Bytes by which a worker may have grown when its job is done; one that holds more makes room for a new one."""
SACRIFICE = "500"
"""Where memory runs out, the kernel takes a worker before a server (-1000 to 1000)."""


def live(
    sock: socket.socket,
    shared_progress: int,
    executor: Executor,
    state: StateDirectory,
    log: OperatorLog,
    *,
    is_early: bool,
) -> NoReturn:
    """Run what the supervisor sends, one after another; end when it hangs up.

    An early worker is ready within a moment: each method is imported by its first call.
    """
    linux.adopt_orphans()
    faulthandler.enable()
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(SACRIFICE)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]  # a TextIOWrapper
    if "numpy" in sys.modules:
        # forked workers would all draw the same numbers
        sys.modules["numpy"].random.seed()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    log.move()
    worker = Worker(Connection(sock), SharedProgress(shared_progress), executor, state, log)
    os.close(shared_progress)
    if is_early:
        # while the web processes are still on their way
        executor.import_common()
    else:
        worker.import_methods()
    with contextlib.suppress(EOFError, OSError):
        worker.work()
    os._exit(0)


class Worker:
    """Runs jobs in a worker process.

    Parameters
    ----------
    connection : to the supervisor.
    shared_progress : shows how far the job is.
    executor : runs requests.
    state : where results and logs go.
    log : what the operator reads.
    """

    def __init__(
        self,
        connection: Connection,
        shared_progress: SharedProgress,
        executor: Executor,
        state: StateDirectory,
        log: OperatorLog,
    ) -> None:
        self._connection = connection
        self._shared_progress = shared_progress
        self._executor = executor
        self._state = state
        self._log = log
        self._size = 0

    def import_methods(self) -> None:
        """Import the methods, so that no job pays for it."""
        try:
            self._executor.prepare()
        except Exception:
            # a job of a method that cannot be imported tells its caller; the others go on
            LOGGER.exception("a method cannot be imported")

    def work(self) -> NoReturn:
        """Run jobs until the supervisor hangs up."""
        self._size = linux.resident([os.getpid()])
        self._connection.send({"ready": os.getpid()})
        while True:
            order = self._connection.receive()
            job = order.head["job"]
            request = Request.from_json(json.loads(order.body))
            subject = Subject(job, request.process, order.head["attempt"])
            with _logged_to(self._state.job_log, job), self._log.on(subject):
                answer = self._attempt(order, request)
                _flush()
                # before the log is closed, which nobody needs to wait for
                self._connection.send({**answer.head, "is_fresh": self._is_fresh}, answer.body)

    @property
    def _is_fresh(self) -> bool:
        """Whether it may take another job: it has not grown, and its methods have left nothing running."""
        has_grown = linux.peak() - self._size >= GROWTH and linux.resident([os.getpid()]) - self._size >= GROWTH
        return not has_grown and not linux.has_children()

    def _attempt(self, order: Frame, request: Request) -> Frame:
        job, epoch = order.head["job"], order.head["epoch"]
        try:
            if order.head["is_job"]:
                self._state.begin(job, epoch, must_last=order.head["is_once"])
            scratch = self._state.clear_scratch(os.getpid())
            artefacts = self._executor.execute(request, scratch, ProgressSink(self._connection, self._shared_progress))
            has_files = any(each.file is not None for each in artefacts)
            if has_files:
                self._publish(request.process, scratch, job, epoch, must_last=order.head["must_last"])
            return Frame({"done": True, "has_files": has_files}, _encoded(artefacts))
        except ExecutionFailed as error:
            failure = error.failure
        except BaseException as error:  # noqa: BLE001 - also sys.exit() in a method must not end the worker unheard
            failure = (no_room if says_full(error) else logged_failure)(request.process, error)
        # the next job may need the room
        self._state.discard_scratch(os.getpid())
        return Frame({"failed": failure.to_json()})

    def _publish(self, process: str, scratch: Path, job: str, epoch: int, *, must_last: bool) -> None:
        try:
            self._state.publisher.publish(scratch, job, epoch, is_job=must_last)
        except OSError as error:
            failed = no_room if says_full(error) else not_stored
            raise ExecutionFailed(failed(process, error)) from error


class ProgressSink:
    """Reports the progress of a job; cheap enough for an inner loop, and the last report is never lost.

    Parameters
    ----------
    connection : to the supervisor.
    shared_progress : shows each report, for those that are not sent.
    """

    def __init__(self, connection: Connection, shared_progress: SharedProgress) -> None:
        self._connection = connection
        self._shared_progress = shared_progress
        self._lock = Lock()
        self._count = 0
        self._sent = 0.0

    def __call__(self, fraction: float, message: str) -> None:
        """Tell that *fraction* (0 to 1) is done."""
        with self._lock:
            self._count += 1
            reading = ProgressReading(self._count, float(fraction), str(message))
            self._shared_progress.show(reading)
            clock = time.monotonic()
            if clock - self._sent >= OFTEN and self._connection.offer({"shows": self._count}):
                self._sent = clock


def _encoded(artefacts: tuple[Artefact, ...]) -> bytes:
    return json.dumps([each.to_json() for each in artefacts], separators=(",", ":")).encode()


@contextlib.contextmanager
def _logged_to(logs: JobLog, job: str) -> Iterator[None]:
    """Let what is logged and printed go to a file, also from C; a log that stays empty is removed."""
    path = logs.path(job)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        # a full disk, for one: the job may still succeed
        LOGGER.warning("no log of its own: %s", error)
        yield
        return
    before = [os.dup(number) for number in (1, 2)]
    try:
        for number in (1, 2):
            os.dup2(file, number)
        yield
    finally:
        _flush()
        for number, old in zip((1, 2), before, strict=True):
            os.dup2(old, number)
            os.close(old)
        size = os.fstat(file).st_size
        os.close(file)
        if size == 0:
            path.unlink(missing_ok=True)
        elif size > logs.limit:
            logs.cap(job)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(ValueError, OSError):
            stream.flush()
    _c_library().fflush(None)


@cache
def _c_library() -> ctypes.CDLL:
    return ctypes.CDLL(None)
