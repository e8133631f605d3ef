"""The production server: gunicorn with threads and several processes, all of one application."""

from __future__ import annotations

import logging
import os
import signal
import sys
from threading import Timer
from typing import TYPE_CHECKING, Any, Protocol

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from moorage_processes import logs
from moorage_processes.app import THREADS, create_app, service_of
from moorage_processes.configuration.engine import state_of

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from moorage_processes.catalogue.catalogue import PendingCatalogue
    from moorage_processes.configuration.configuration import Configuration
    from moorage_processes.ogc.shutdown import StopSignal

LOGGER = logging.getLogger(__name__)
PROCESSES = 2


def serve_forever(configuration: Configuration, pending: PendingCatalogue | None = None) -> None:
    """Serve a configuration until a signal says stop; then running jobs get their time to finish.

    Parameters
    ----------
    configuration : what is served, and where.
    pending : the catalogue of that configuration, where reading it has begun.

    Raises
    ------
    ServingError
        where a method cannot be served.
    OSError
        where the state directory cannot be used.
    """
    # before anything is forked, so that the reason is told once
    state_of(configuration).prepare()
    app = create_app(configuration, pending)
    service = service_of(app)
    service.engine.prepare()
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
    def farewell(self) -> StopSignal:
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
    configuration : where to listen, how to log, and how long to say farewell.
    """

    def __init__(self, app: WSGIApplication, service: StartedService, configuration: Configuration) -> None:
        self._app = app
        self._service = service
        self._bind = configuration.bind
        self._log = configuration.settings.log
        self.farewell = configuration.settings.farewell
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

    def say_farewell(self) -> None:
        """Let all web processes say that the service is not ready."""
        self._service.farewell.say()

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
        super().__init__(app)

    def handle_term(self) -> None:
        """SIGTERM: say farewell, and stop when its time is over; a second one stops at once."""
        self._server.say_farewell()
        if self._is_leaving or not self._server.farewell:
            super().handle_term()
        self._is_leaving = True
        pause = Timer(self._server.farewell, os.kill, [os.getpid(), signal.SIGTERM])
        pause.daemon = True
        pause.start()
