"""One web process: answers until it is told to leave."""

from __future__ import annotations

import resource
import signal
import time
from mmap import mmap
from typing import TYPE_CHECKING, Any, Protocol

from waitress import wasyncore

from moorage_processes.commands.web.acceptor import Acceptor

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from moorage_processes.commands.web.options import WebOptions
    from moorage_processes.commands.web.port import Port
    from moorage_processes.ogc.shutdown import StopSignal

GRACE = 30.0
"""Seconds that requests have which have come when a process is told to leave."""
UNFINISHED = 2.0
"""Seconds that those have which have come in part."""
GLANCE = 0.1
BEAT = 1.0
"""Seconds between two signs of life at most."""


class StartedService(Protocol):
    """What the endpoints of an application need, in each process."""

    @property
    def stop_signal(self) -> StopSignal:
        """By which it is told that it is about to stop."""
        ...

    def start(self) -> None:
        """Begin in this process."""

    def close(self, *, stop_supervisor: bool = False) -> None:
        """End in this process."""


class Pulse:
    """A sign of life that a process gives to the one that began it. Create it before the fork."""

    def __init__(self) -> None:
        self._shared = mmap(-1, 1)

    def beat(self) -> None:
        """Give a sign of life."""
        self._shared[0] = (self._shared[0] + 1) % 256

    @property
    def count(self) -> int:
        """Another number than before where there was a sign of life since."""
        return self._shared[0]


class WebProcess:
    """Answers on a port until it is told to leave.

    Parameters
    ----------
    app : the application.
    service : what its endpoints need.
    port : the port, which is listened on.
    options : of the server.
    pulse : the sign of its life.
    """

    def __init__(
        self, app: WSGIApplication, service: StartedService, port: Port, options: WebOptions, pulse: Pulse
    ) -> None:
        self._app = app
        self._service = service
        self._port = port
        self._options = options
        self._pulse = pulse
        self._is_leaving = False
        self._is_urged = False
        self._acceptor: Any = None

    def begin(self) -> None:
        """Begin what is done in this process; after that it can answer."""
        signal.signal(signal.SIGTERM, self._leave)
        signal.signal(signal.SIGQUIT, self._leave_at_once)
        # a terminal sends it to all processes, and the first one decides
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._service.start()
        self._acceptor = Acceptor(self._app, self._port.socket, self._options, _open_files())

    def run(self) -> None:
        """Answer until SIGTERM, and what has come by then; or until SIGQUIT, and nothing more."""
        while not self._is_leaving:
            self._turn(BEAT)
        self._finish()
        self._service.close()

    def _turn(self, patience: float) -> None:
        """Do what is to be done on connections, or wait for that."""
        self._pulse.beat()
        wasyncore.poll2(patience, self._acceptor.connections)

    def _finish(self) -> None:
        """Finish what has come."""
        began = time.monotonic()
        self._acceptor.leave()
        while self._acceptor.active_channels and not self._is_urged and time.monotonic() < began + GRACE:
            self._turn(GLANCE)
            self._acceptor.end_silent(unfinished_too=time.monotonic() > began + UNFINISHED)

    def _leave(self, *_: Any) -> None:
        self._is_leaving = True
        self._wake()

    def _leave_at_once(self, *_: Any) -> None:
        self._is_leaving = self._is_urged = True
        self._wake()

    def _wake(self) -> None:
        if self._acceptor is not None:
            self._acceptor.pull_trigger()


def _open_files() -> int:
    """Let this process open as many files as it may; how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
