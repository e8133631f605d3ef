"""The production server: gunicorn with threads and several processes, all of one application."""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import time
from threading import Timer
from typing import TYPE_CHECKING, Any, Protocol

from gunicorn import sock
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from moorage_processes import logs
from moorage_processes.app import THREADS, app_of, service_of

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from moorage_processes.commands.head_start import HeadStart
    from moorage_processes.configuration.configuration import Configuration
    from moorage_processes.ogc.shutdown import StopSignal

LOGGER = logging.getLogger(__name__)
PROCESSES = 2
URGENT = (signal.SIGINT, signal.SIGQUIT)
"""Signals that cut the end short once it has begun."""
GLANCE = 0.1
"""Seconds within which such a signal is noticed."""
LAST_CHANCE = 2.0
"""Seconds that web processes then have; gunicorn's own."""


def serve_forever(configuration: Configuration, head_start: HeadStart) -> None:
    """Serve a configuration until a signal says stop; then running jobs get their time to finish.

    Parameters
    ----------
    configuration : what is served, and where.
    head_start : its catalogue and supervisor, which are on their way.

    Raises
    ------
    ServingError
        where a method cannot be served.
    OSError
        where the state directory cannot be used.
    """
    app = app_of(configuration, head_start.catalogue())
    service = service_of(app)
    # before anything is forked, so that the reason is told once
    service.engine.prepare()
    head_start.wait()
    own = service.live_catalogue.own
    announce(f"{len(own)} processes at {service.base}: {', '.join(own)}", configuration)
    Server(app, service, configuration).run()


def announce(words: str, configuration: Configuration) -> None:
    """Say what is served, in the way that is configured, and log in that way from now on."""
    if configuration.settings.log == logs.JSON:
        logs.write_as_json("web")
        logs.tell_of_errors()
        logging.getLogger("moorage_processes").setLevel(logging.INFO)
        LOGGER.info("%s", words)
    else:
        print(words, flush=True)


class StartedService(Protocol):
    """What the endpoints of an application stand on, in each process."""

    @property
    def stop_signal(self) -> StopSignal:
        """By which it is told that it is about to stop."""
        ...

    def start(self) -> None:
        """Begin in this process."""

    def close(self, *, stop_supervisor: bool = False) -> None:
        """End in this process."""


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn is untyped
    """One application under gunicorn.

    It is made once, before the web processes are forked, so they share its memory; what must not be shared, such as
    connections, is made in each of them.

    Parameters
    ----------
    app : the application.
    service : what its endpoints stand on.
    configuration : where to listen, how to log, and how long to wait before it stops.
    """

    def __init__(self, app: WSGIApplication, service: StartedService, configuration: Configuration) -> None:
        self._app = app
        self._service = service
        self._bind = configuration.bind
        self._log = configuration.settings.log
        self.shutdown_delay = configuration.settings.shutdown_delay
        super().__init__()

    def load_config(self) -> None:
        """Tell gunicorn what it takes from its own settings."""
        host, port = self._bind
        options: dict[str, Any] = {
            "bind": f"{'127.0.0.1' if host == 'localhost' else host}:{port}",
            "workers": PROCESSES,
            "worker_class": "gthread",
            "threads": THREADS,
            "preload_app": True,
            "keepalive": 75,
            "graceful_timeout": 30,
            "loglevel": "warning",
            "logger_class": JsonLogger if self._log == logs.JSON else Logger,
            "proc_name": "moorage",
            "post_worker_init": self._begin,
            "worker_exit": self._end,
            "on_exit": self._stop,
        }
        # whoever runs several services would have one socket for all of them, and each end waits for its thread
        if "control_socket_disable" in self.cfg.settings:
            options["control_socket_disable"] = True
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application."""
        return self._app

    def run(self) -> None:
        """Serve until a signal says stop."""
        try:
            GracefulArbiter(self).run()
        except RuntimeError as error:
            # gunicorn's word for options that do not fit
            print(error, file=sys.stderr, flush=True)
            sys.exit(1)

    def announce_stop(self) -> None:
        """Let all web processes say that the service is not ready."""
        self._service.stop_signal.set()

    def _begin(self, worker: Any) -> None:  # noqa: ARG002 - gunicorn's signature
        self._service.start()

    def _end(self, arbiter: Any, worker: Any) -> None:  # noqa: ARG002 - gunicorn's signature
        self._service.close()

    def _stop(self, arbiter: Any) -> None:  # noqa: ARG002 - gunicorn's signature
        self._service.close(stop_supervisor=True)


class JsonLogger(Logger):  # type: ignore[misc]  # gunicorn is untyped
    """gunicorn's own lines, for programs."""

    def setup(self, cfg: Any) -> None:
        """Make its handlers, as gunicorn does at each start of a process."""
        super().setup(cfg)
        logs.write_as_json("web", "gunicorn.error")


class GracefulArbiter(Arbiter):  # type: ignore[misc]  # gunicorn is untyped
    """gunicorn's first process, which takes its time to go: whoever sends requests here is told before it goes.

    Parameters
    ----------
    app : what it serves.
    """

    def __init__(self, app: Server) -> None:
        self._server = app
        self._is_leaving = False
        self._is_stopping = False
        self._is_urged = False
        super().__init__(app)

    def handle_term(self) -> None:
        """SIGTERM: announce the stop, and stop after the shutdown delay; a second one stops at once."""
        self._server.announce_stop()
        if self._is_leaving or not self._server.shutdown_delay:
            super().handle_term()
        self._is_leaving = True
        pause = Timer(self._server.shutdown_delay, os.kill, [os.getpid(), signal.SIGTERM])
        pause.daemon = True
        pause.start()

    def signal(self, sig: int, frame: Any) -> None:
        """A signal has come; one that is urgent cuts short what :meth:`stop` waits for."""
        self._is_urged = self._is_stopping and (self._is_urged or sig in URGENT)
        super().signal(sig, frame)

    def stop(self, graceful: bool = True) -> None:  # noqa: FBT001, FBT002 - gunicorn's signature
        """End the web processes. gunicorn itself sleeps between its looks at them; here their ends are heard of."""
        self._is_stopping = True
        listeners: Any = self.LISTENERS
        sock.close_sockets(listeners, unlink=False)
        self.LISTENERS.clear()
        self.kill_workers(signal.SIGTERM if graceful else signal.SIGQUIT)
        self._await_ends(self.cfg.graceful_timeout)
        if self._is_urged and self.WORKERS:
            self._is_urged = False
            self.kill_workers(signal.SIGQUIT)
            self._await_ends(LAST_CHANCE)
        self._is_urged = False
        self.kill_workers(signal.SIGKILL)
        self._await_ends(LAST_CHANCE)
        super().stop(graceful)

    def _await_ends(self, patience: float) -> None:
        """Return when all web processes have ended, after *patience* [s], or when an urgent signal comes."""
        deadline = time.monotonic() + patience
        self.reap_workers()
        while self.WORKERS and not self._is_urged and (left := deadline - time.monotonic()) > 0:
            # none of them can be gone before it is reaped, which is done here alone
            handles = [os.pidfd_open(pid) for pid in self.WORKERS]
            ends = select.poll()
            for handle in handles:
                ends.register(handle, select.POLLIN)
            ends.poll(min(left, GLANCE) * 1000)
            for handle in handles:
                os.close(handle)
            self.reap_workers()
