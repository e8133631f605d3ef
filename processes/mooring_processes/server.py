"""The production server: gunicorn with threads and several processes, all of one application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from mooring_processes.app import THREADS, create_app, service_of
from mooring_processes.jobs.state import State

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from mooring_processes.configuration import Configuration
    from mooring_processes.ogc.service import Service

PROCESSES = 2


def serve_forever(configuration: Configuration) -> None:
    """Serve a configuration until a signal says stop; then running jobs get their time to finish.

    Raises
    ------
    ServingError
        where a method cannot be served.
    OSError
        where the state directory cannot be used.
    """
    # before anything is forked, so that the reason is told once
    State.of({"state": configuration.state, "results": configuration.results}).prepare()
    app = create_app(configuration)
    service = service_of(app)
    service.engine.prepare()
    print(f"{len(service.catalogue)} processes at {service.base}: {', '.join(service.catalogue)}", flush=True)
    Server(app, service, configuration.bind).run()


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn is untyped
    """One application under gunicorn.

    It is made once, before the web processes are forked, so they share its memory; what must not be shared, such as
    connections, is made in each of them.

    Parameters
    ----------
    app : the application.
    service : what its endpoints stand on.
    bind : host and port to listen on.
    """

    def __init__(self, app: WSGIApplication, service: Service, bind: tuple[str, int]) -> None:
        self._app = app
        self._service = service
        self._bind = bind
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
            "proc_name": "mooring",
            "post_worker_init": self._begin,
            "worker_exit": self._end,
            "on_exit": self._stop,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application."""
        return self._app

    def _begin(self, worker: Any) -> None:  # noqa: ARG002 - gunicorn's signature
        self._service.start()

    def _end(self, arbiter: Any, worker: Any) -> None:  # noqa: ARG002 - gunicorn's signature
        self._service.close()

    def _stop(self, arbiter: Any) -> None:  # noqa: ARG002 - gunicorn's signature
        self._service.close(stop_supervisor=True)
