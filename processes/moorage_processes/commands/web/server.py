"""The first process of a web server: starts the others, replaces those that die, and stops them all."""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, Self

from moorage_processes.commands.exit import exit_now
from moorage_processes.commands.web.process import GRACE, Pulse, StartedService, WebProcess
from moorage_processes.errors import OperatorError
from moorage_processes.jobs.workers import linux

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from moorage_processes.commands.web.options import WebOptions
    from moorage_processes.commands.web.port import Port

LOGGER = logging.getLogger(__name__)

URGENT = frozenset({signal.SIGINT, signal.SIGQUIT})
"""Signals that cut the end short."""
LAST_CHANCE = 2.0
"""Seconds that web processes then have."""
LOOK = 1.0
"""Seconds between two looks at their pulses."""
HANGS = 30
"""Looks without a sign of life after which a process is killed."""
BRIEF = 1.0
"""Seconds; a process that lived no longer is replaced after a pause."""
PAUSE, LONGEST_PAUSE = 0.1, 5.0
FAILED_TO_START = 3
"""Exit code of a web process that could not begin: another could not either."""


class WebProcessError(OperatorError):
    """A web process that cannot begin."""


@dataclass
class Child:
    """A web process, as the first one sees it."""

    pid: int
    pulse: Pulse
    born: float = field(default_factory=time.monotonic)
    seen: int = -1
    """Its pulse at the last look."""
    missed: int = 0
    """Looks since its last sign of life."""

    def has_ended(self) -> int | None:
        """Its exit code, once it has ended; minus the number of a signal."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None


class Server:
    """One application, answered by several processes on one port.

    It is made once, before the web processes are forked, so they share its memory; what must not be shared, such as
    connections, is made in each of them.

    Parameters
    ----------
    app : the application.
    service : what its endpoints need.
    port : where it listens.
    options : of the server.
    """

    def __init__(self, app: WSGIApplication, service: StartedService, port: Port, options: WebOptions) -> None:
        self._app = app
        self._service = service
        self._port = port
        self._options = options
        self._children: list[Child] = []
        self._next_start = 0.0
        self._pause = PAUSE

    def run(self) -> None:
        """Serve until a signal says stop.

        Raises
        ------
        WebProcessError
            where the web processes cannot begin.
        """
        with SignalPipe() as signals:
            is_urgent = True
            try:
                is_urgent = self._serve(signals)
            finally:
                self._stop(signals, is_urgent=is_urgent)
        self._service.close(stop_supervisor=True)

    def _serve(self, signals: SignalPipe) -> bool:
        """Keep the web processes alive until they shall end; whether that is urgent."""
        leave_at, next_look = float("inf"), 0.0
        while time.monotonic() < leave_at:
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + LOOK
                self._look()
            self._replace(signals)
            heard = signals.heard(min(leave_at, next_look, max(self._next_start, time.monotonic() + PAUSE)))
            if heard & URGENT:
                return True
            if heard & {signal.SIGTERM, signal.SIGHUP}:
                self._service.stop_signal.set()
                # a second one cuts the delay short
                leave_at = min(leave_at, time.monotonic() + self._options.shutdown_delay * (leave_at == float("inf")))
        return False

    def _replace(self, signals: SignalPipe) -> None:
        """Replace web processes that have ended."""
        for child in list(self._children):
            code = child.has_ended()
            if code is None:
                continue
            self._children.remove(child)
            if code == FAILED_TO_START:
                raise WebProcessError("the service cannot begin; the reason stands above")
            LOGGER.warning("web process %d has ended (exit code %d); another takes its place", child.pid, code)
            is_brief = time.monotonic() < child.born + BRIEF
            self._pause = min(self._pause * 2, LONGEST_PAUSE) if is_brief else PAUSE
            self._next_start = time.monotonic() + self._pause * is_brief
        while len(self._children) < self._options.processes and time.monotonic() >= self._next_start:
            self._start(signals)

    def _look(self) -> None:
        """Kill web processes that have given no sign of life for long."""
        for child in self._children:
            child.missed = child.missed + 1 if child.seen == child.pulse.count else 0
            child.seen = child.pulse.count
            if child.missed > HANGS:
                LOGGER.error("web process %d gives no sign of life and is killed", child.pid)
                os.kill(child.pid, signal.SIGKILL)

    def _start(self, signals: SignalPipe) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        pulse, parent = Pulse(), os.getpid()
        pid = os.fork()
        if pid == 0:
            self._be_web_process(signals, pulse, parent)
        self._children.append(Child(pid, pulse))

    def _be_web_process(self, signals: SignalPipe, pulse: Pulse, parent: int) -> NoReturn:
        status = FAILED_TO_START
        try:
            signals.close()
            # without the first process it finishes what has come, and ends
            linux.die_with_parent(parent, signal.SIGTERM)
            process = WebProcess(self._app, self._service, self._port, self._options, pulse)
            process.begin()
            status = 1
            process.run()
            status = 0
        except (OperatorError, OSError) as error:
            LOGGER.error("a web process has failed: %s", error)  # noqa: TRY400 - whoever operates it reads one line
        except BaseException:
            LOGGER.exception("a web process has failed")
        finally:
            exit_now(status)

    def _stop(self, signals: SignalPipe, *, is_urgent: bool) -> None:
        """End the web processes: what they were asked is answered first, unless that is urgent."""
        self._port.close()
        self._tell(signal.SIGTERM)
        if is_urgent or self._await_ends(signals, GRACE + LAST_CHANCE):
            self._tell(signal.SIGQUIT)
            self._await_ends(signals, LAST_CHANCE, is_patient=True)
        self._tell(signal.SIGKILL)
        self._await_ends(signals, LAST_CHANCE, is_patient=True)

    def _tell(self, number: signal.Signals) -> None:
        for child in self._children:
            os.kill(child.pid, number)

    def _await_ends(self, signals: SignalPipe, patience: float, *, is_patient: bool = False) -> bool:
        """Wait until all web processes have ended, or for *patience* [s]; whether an urgent signal has come."""
        deadline = time.monotonic() + patience
        while True:
            self._children = [child for child in self._children if child.has_ended() is None]
            if not self._children or time.monotonic() > deadline:
                return False
            if signals.heard(min(deadline, time.monotonic() + LOOK)) & URGENT and not is_patient:
                return True


class SignalPipe:
    """The signals of this process, heard where it waits for them, while the block lasts."""

    NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD)

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._former = {number: signal.getsignal(number) for number in self.NUMBERS}
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number, former in self._former.items():
            if number != signal.SIGHUP or former != signal.SIG_IGN:  # as nohup wants it
                signal.signal(number, lambda *_: None)
        self._ready = select.poll()
        self._ready.register(self._read, select.POLLIN)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def heard(self, until: float) -> frozenset[int]:
        """Signals that have come; none where none comes until then (monotonic) [s]."""
        if not self._ready.poll(max(0.0, until - time.monotonic()) * 1000):
            return frozenset()
        return frozenset(os.read(self._read, 4096))

    def close(self) -> None:
        """Handle signals as before."""
        signal.set_wakeup_fd(-1)
        for number, former in self._former.items():
            signal.signal(number, former)
        os.close(self._read)
        os.close(self._write)
