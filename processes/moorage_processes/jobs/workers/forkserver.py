"""The process that workers are forked from: small, single-threaded, with the slow imports done.

It forks when the supervisor says so, and reports the end of each worker. It dies with the supervisor, and its workers
with it. The first worker is forked before the imports, so that a light call need not wait for them.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import logging
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from moorage_processes.catalogue.snapshot import import_from
from moorage_processes.execution.executor import Executor
from moorage_processes.jobs.files.state_directory import StateDirectory
from moorage_processes.jobs.workers import linux
from moorage_processes.jobs.workers.worker import live
from moorage_processes.logs import OperatorLog

LOGGER = logging.getLogger(__name__)

PROGRAM = "from moorage_processes.jobs.workers.forkserver import main; main()"
LONGEST = 1 << 12
"""Bytes of a message to or from the supervisor."""
MOST_FILES = 2
"""Descriptors that come with an order to fork: the worker's socket and its shared progress."""


def main() -> NoReturn:
    """What the supervisor starts: ``python -c PROGRAM DESCRIPTOR PARENT``, the settings on standard input."""
    control, parent = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    linux.die_with_parent(parent)
    settings = json.load(sys.stdin)
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    OperatorLog(settings["log"], "forkserver").begin()
    control.set_inheritable(False)
    # windows of pyplot's would open on the author's own desktop
    os.environ.setdefault("MPLBACKEND", "Agg")
    Forkserver(control, settings).serve()
    os._exit(0)


class Forkserver:
    """Forks workers, and reports their ends.

    Parameters
    ----------
    control : the supervisor.
    settings : those of the engine that the worker pool passes on.
    """

    def __init__(self, control: socket.socket, settings: Mapping[str, Any]) -> None:
        self._control = control
        self._state = StateDirectory.of(settings)
        self._modules = settings["preload"]
        self._workers: set[int] = set()
        self._executor = _executor_of(settings)
        self._log = OperatorLog(settings["log"], "worker", tuple(settings["terminal"]))

    def serve(self) -> None:
        """Fork one worker, import, and fork until the supervisor hangs up."""
        linux.adopt_orphans()
        ends, wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if not self._obey((ends, wakeup)):
            return
        self._import()
        while True:
            ready, _, _ = select.select([self._control.fileno(), ends], [], [])
            if ends in ready:
                os.read(ends, LONGEST)
                self._reap()
            if self._control.fileno() in ready and not self._obey((ends, wakeup)):
                return

    def _import(self) -> None:
        preload(self._modules)
        if self._state.objects is not None:
            self._state.objects.prepare()
        self._executor.preload()
        # so that collecting garbage in a worker does not copy all that it shares with the others
        gc.collect()
        gc.freeze()

    def _obey(self, own: tuple[int, int]) -> bool:
        """Fork as the next message says; False where the supervisor has hung up."""
        message, files, _, _ = socket.recv_fds(self._control, LONGEST, MOST_FILES)
        if not message:
            return False
        order = json.loads(message)
        if "renew" in order:
            self._renew(files[0])
            return True
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_worker(parent, own, files, is_early=order["is_early"])
        self._workers.add(pid)
        for file in files:
            os.close(file)
        self._tell({"forked": order["fork"], "pid": pid})
        return True

    def _renew(self, file: int) -> None:
        """Have other methods from now on: an author's are imported in workers only, so the next have the new ones."""
        with os.fdopen(file) as stream:
            settings = json.load(stream)
        preload(settings["preload"])
        self._executor = _executor_of(settings)
        self._executor.preload()

    def _become_worker(self, parent: int, own: tuple[int, int], files: list[int], *, is_early: bool) -> NoReturn:
        """Be the worker; this never returns."""
        with contextlib.suppress(BaseException):
            linux.die_with_parent(parent)
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            self._control.close()
            for file in own:
                os.close(file)
            sock = socket.socket(fileno=files[0])
            live(sock, files[1], self._executor, self._state, self._log, is_early=is_early)
        os._exit(1)

    def _reap(self) -> None:
        while self._workers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if pid in self._workers:
                self._workers.remove(pid)
                # what its method left behind goes with it
                linux.kill_group(pid)
                linux.kill_orphans(self._workers)
                self._tell({"ended": pid, "code": os.waitstatus_to_exitcode(status)})

    def _tell(self, message: Mapping[str, int]) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._control.send(json.dumps(message).encode())


def _executor_of(settings: Mapping[str, Any]) -> Executor:
    """What workers run requests with; where methods are being edited, they import those that were described."""
    import_from(settings["executor"].get("texts", {}))
    return Executor(settings["executor"])


def preload(modules: list[str]) -> None:
    """Import modules; one that is not there is passed over."""
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            LOGGER.warning("not preloaded: %s", error)
