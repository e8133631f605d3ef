"""``moorage serve``: an application and its web server."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from moorage_processes import logs
from moorage_processes.app import THREADS, app_of, service_of
from moorage_processes.commands.web.options import WebOptions
from moorage_processes.commands.web.server import Server
from moorage_processes.ogc.routes import is_upload

if TYPE_CHECKING:
    from moorage_processes.commands.head_start import HeadStart
    from moorage_processes.commands.web.port import Port
    from moorage_processes.configuration.configuration import Configuration

LOGGER = logging.getLogger(__name__)
PROCESSES = 2


def serve_forever(configuration: Configuration, head_start: HeadStart, port: Port) -> None:
    """Serve a configuration until a signal says stop; then running jobs get their time to finish.

    Parameters
    ----------
    configuration : what is served, and where.
    head_start : its catalogue and supervisor, which are on their way.
    port : where it is served.

    Raises
    ------
    ServingError
        where a method cannot be served.
    PortError
        where another program listens there by now.
    OSError
        where the state directory cannot be used.
    """
    app = app_of(configuration, head_start.catalogue())
    service = service_of(app)
    # before anything is forked, so that the reason is told once
    service.engine.prepare()
    service.stop_signal.then(head_start.wait().release)
    port.listen()
    own = service.live_catalogue.own
    count = f"{len(own)} process" if len(own) == 1 else f"{len(own)} processes"
    announce(f"{count} at {service.base}: {', '.join(own)}", configuration)
    Server(app, service, port, web_options(configuration)).run()


def announce(words: str, configuration: Configuration) -> None:
    """Say what is served, in the way that is configured, and log in that way from now on."""
    if configuration.settings.log == logs.JSON:
        logs.write_as_json("web")
        logs.tell_of_errors()
        logging.getLogger("moorage_processes").setLevel(logging.INFO)
        LOGGER.info("%s", words)
    else:
        print(words, flush=True)


def web_options(configuration: Configuration) -> WebOptions:
    """What a configuration says of the web server."""
    settings = configuration.settings
    return WebOptions(
        processes=PROCESSES,
        threads=THREADS,
        body_size=settings.body_size,
        is_upload=is_upload,
        shutdown_delay=settings.shutdown_delay,
    )
