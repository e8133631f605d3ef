"""The worker pool of a supervisor: starts the forkserver and keeps as many workers as there are slots."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from moorage_processes.catalogue.environment import clean_environment, store_credentials
from moorage_processes.jobs.files.state_directory import StateDirectory
from moorage_processes.jobs.ipc import Frame, Peer
from moorage_processes.jobs.workers import linux
from moorage_processes.jobs.workers.forkserver import LONGEST, PROGRAM
from moorage_processes.jobs.workers.shared_progress import SharedProgress, new_shared_progress
from moorage_processes.network.proj import OFFLINE

if TYPE_CHECKING:
    from collections.abc import Mapping

LOGGER = logging.getLogger(__name__)

FORKSERVER = ("state", "results", "results_options", "executor", "preload", "log", "log_size")
"""Settings of the engine that the forkserver needs."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before a process that would not come up is tried again."""
PATIENCE = 5.0
"""Seconds within which the forkserver reports that a worker has ended."""


class PoolListener(Protocol):
    """What the worker pool tells of its workers."""

    def ready(self, worker: WorkerHandle) -> None:
        """A worker waits for work."""

    def heard(self, worker: WorkerHandle, frame: Frame) -> None:
        """A worker says something."""

    def retire(self, worker: WorkerHandle) -> None:
        """A worker is no longer wanted once it has nothing to do."""

    def ended(self, worker: WorkerHandle, code: int | None) -> None:
        """A worker has ended; its exit code, negative for a signal, or None where it went with the forkserver."""


@dataclass(eq=False)
class WorkerHandle:
    """Handle of one worker process."""

    shared_progress: SharedProgress
    peer: Peer | None = None
    pid: int = 0
    """0 until it is forked."""
    is_ready: bool = False
    is_early: bool = False
    """Whether it was forked before the imports, and gives way to one that was forked after them."""
    is_retired: bool = False
    """Whether it gives way once its task is done."""
    is_being_killed: bool = False

    def send(self, head: Mapping[str, Any], body: bytes) -> None:
        """Tell it something."""
        if self.peer is not None:
            self.peer.send(head, body)

    def kill(self) -> None:
        """Kill it with all that it began, at once, whatever it does."""
        self.is_being_killed = True
        if self.pid:
            linux.kill_group(self.pid)


class WorkerPool:
    """The forkserver and the workers it forks.

    Parameters
    ----------
    settings : the engine's; the forkserver is given those of :data:`FORKSERVER`.
    mark : by which all that descends from the forkserver is known; other state directories have another.
    size : how many workers there are.
    listener : who is told of them.
    terminal : descriptor to which failures of methods are written too, where there is one.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        mark: str,
        size: int,
        listener: PoolListener,
        terminal: tuple[int, ...] = (),
    ) -> None:
        self._settings = {name: settings[name] for name in FORKSERVER}
        self._environment = tuple(settings["environment"])
        self._state = StateDirectory.of(settings)
        self._mark = mark
        self._size = size
        self._listener = listener
        self._terminal = terminal
        self._loop = asyncio.get_running_loop()
        self._workers: dict[int, WorkerHandle] = {}
        self._count = 0
        self._early: WorkerHandle | None = None
        self._has_imported = False
        self._pause = 0.0
        self._control: socket.socket | None = None
        self._forkserver: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start a forkserver and as many workers as there are slots."""
        try:
            self._control = self._start_forkserver()
        except OSError as error:
            self._loop.call_later(self._longer_pause(f"the forkserver cannot be started: {error}"), self.start)
            return
        self._loop.add_reader(self._control, self._listen)
        self._has_imported = False
        self._fork(is_early=True)
        self._fill()

    def _start_forkserver(self) -> socket.socket:
        # those of a supervisor or forkserver that was killed: what a method itself had started may be left
        if count := linux.kill_marked(self._mark):
            LOGGER.warning("killed %d processes that were left over", count)
        self._state.empty_scratch()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with tempfile.TemporaryFile("w+") as file, theirs:
            # not by the environment, which methods see
            credentials = store_credentials() if self._state.objects is not None else {}
            json.dump({**self._settings, "credentials": credentials, "terminal": self._terminal}, file)
            file.seek(0)
            # -P: the current folder must not come before the standard library
            self._forkserver = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-P", "-c", PROGRAM, str(theirs.fileno()), str(os.getpid())],
                stdin=file,
                pass_fds=[theirs.fileno(), *self._terminal],
                env=clean_environment(self._environment) | OFFLINE | {linux.MARK: self._mark},
            )
        ours.settimeout(0)
        return ours

    def renew(self, settings: Mapping[str, Any], *, is_same: bool) -> None:
        """Have workers with other methods from now on; those that run something go on until it is done.

        Parameters
        ----------
        settings : the engine's.
        is_same : whether those that there are may stay, since their methods are as described in these.
        """
        self._settings = {name: settings[name] for name in FORKSERVER}
        self._send_settings(self._settings, is_same)

    def _send_settings(self, settings: Mapping[str, Any], is_same: bool) -> None:  # noqa: FBT001 - called later too
        """Send them to the forkserver, again and again where it is busy; one that starts meanwhile has them already."""
        if self._control is None or settings is not self._settings:
            return
        with tempfile.TemporaryFile("w+") as file:
            json.dump(settings, file)
            file.seek(0)
            try:
                socket.send_fds(self._control, [json.dumps({"renew": True}).encode()], [file.fileno()])
            except OSError:
                self._loop.call_later(SHORTEST_PAUSE, self._send_settings, settings, is_same)
                return
        for worker in () if is_same else self._workers.values():
            self._listener.retire(worker)
            if not worker.is_ready:
                worker.kill()

    def stop(self) -> None:
        """Kill all; the listener is not told."""
        self._hang_up()
        for worker in self._workers.values():
            worker.kill()
            _dismiss(worker)
        self._workers.clear()
        linux.kill_marked(self._mark)

    def describe(self) -> dict[str, Any]:
        """Process ids, and how many of the workers have imported the methods and can take a job."""
        workers = [worker for worker in self._workers.values() if worker.pid]
        # the early one takes light calls at once, but a job of a heavy method would still wait for imports
        ready = [worker for worker in workers if worker.is_ready and not (worker.is_early or worker.is_being_killed)]
        return {
            "forkserver": self._forkserver.pid if self._forkserver else None,
            "workers": [worker.pid for worker in workers],
            "ready": len(ready),
        }

    def _fill(self) -> None:
        while self._control is not None and len(self._workers) < self._size + (self._early is not None):
            if not self._fork():
                self._loop.call_later(SHORTEST_PAUSE, self._fill)
                return

    def _fork(self, *, is_early: bool = False) -> bool:
        """Order one more worker; say whether the forkserver could take the order."""
        assert self._control is not None  # noqa: S101 - the caller looked
        ours, theirs = socket.socketpair()
        memory = new_shared_progress()
        self._count += 1
        number, worker = self._count, WorkerHandle(SharedProgress(memory), is_early=is_early)
        order = json.dumps({"fork": number, "is_early": is_early}).encode()
        try:
            socket.send_fds(self._control, [order], [theirs.fileno(), memory])
        except OSError:
            # it is busy with its imports, or has ended, which is told elsewhere
            ours.close()
            worker.shared_progress.close()
            return False
        finally:
            theirs.close()
            os.close(memory)
        worker.peer = Peer(ours, lambda frame: self._hear(worker, frame), lambda: self._expect_end(number))
        self._workers[number] = worker
        if is_early:
            self._early = worker
        return True

    def _expect_end(self, number: int) -> None:
        """A worker hung up: the forkserver is about to report its end, or is broken itself."""
        worker = self._workers.get(number)
        if worker is not None:
            worker.kill()
            self._loop.call_later(PATIENCE, self._suspect, number)

    def _suspect(self, number: int) -> None:
        if number not in self._workers or self._forkserver is None:
            return
        if not self._has_imported:
            # it listens once its imports are done
            self._loop.call_later(PATIENCE, self._suspect, number)
        else:
            LOGGER.warning("the forkserver does not report the end of a worker; it is replaced")
            self._forkserver.kill()

    def _hear(self, worker: WorkerHandle, frame: Frame) -> None:
        if "ready" not in frame.head:
            self._listener.heard(worker, frame)
            return
        self._pause = 0.0
        worker.pid = frame.head["ready"]
        if worker.is_being_killed:
            worker.kill()
            return
        worker.is_ready = True
        self._listener.ready(worker)
        if not worker.is_early:
            self._has_imported = True
            self._retire_early()

    def _retire_early(self) -> None:
        early, self._early = self._early, None
        if early is not None:
            self._listener.retire(early)

    def _listen(self) -> None:
        while self._control is not None:
            try:
                message = self._control.recv(LONGEST)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                self._lose_forkserver()
                return
            told = json.loads(message)
            if "forked" in told:
                self._note_pid(told["forked"], told["pid"])
            else:
                self._note_end(told["ended"], told["code"])

    def _note_pid(self, number: int, pid: int) -> None:
        worker = self._workers[number]
        worker.pid = pid
        if worker.is_being_killed:
            worker.kill()

    def _note_end(self, pid: int, code: int) -> None:
        number = next((number for number, worker in self._workers.items() if worker.pid == pid), None)
        if number is None:
            return
        worker = self._workers.pop(number)
        self._part_with(worker, code)
        if worker is self._early:
            self._early = None
        if worker.is_ready or worker.is_retired:
            self._fill()
        else:
            self._loop.call_later(
                self._longer_pause(f"a worker ended with code {code} before it was ready"), self._fill
            )

    def _lose_forkserver(self) -> None:
        self._hang_up()
        lost = list(self._workers.values())
        self._workers.clear()
        self._early = None
        for worker in lost:
            worker.kill()
        for worker in lost:
            self._part_with(worker, None)
        self._loop.call_later(self._longer_pause("the forkserver ended"), self.start)

    def _part_with(self, worker: WorkerHandle, code: int | None) -> None:
        worker.is_being_killed = True
        if worker.peer is not None:
            # what it said before it ended
            worker.peer.listen()
        _dismiss(worker)
        self._listener.ended(worker, code)

    def _hang_up(self) -> None:
        if self._control is not None:
            self._loop.remove_reader(self._control)
            self._control.close()
            self._control = None
        if self._forkserver is not None:
            self._forkserver.kill()
            self._forkserver.wait()
            self._forkserver = None

    def _longer_pause(self, reason: str) -> float:
        LOGGER.warning("%s", reason)
        pause, self._pause = self._pause, min(LONGEST_PAUSE, self._pause * 2 or SHORTEST_PAUSE)
        return pause


def _dismiss(worker: WorkerHandle) -> None:
    if worker.peer is not None:
        worker.peer.close()
    worker.shared_progress.close()
