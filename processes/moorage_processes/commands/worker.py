"""A machine that runs jobs and serves nobody: it shares a store with those that do."""

from __future__ import annotations

import logging
import signal
from threading import Event
from typing import TYPE_CHECKING

from moorage_processes.catalogue.reading import read_catalogue
from moorage_processes.configuration.configuration import ConfigurationError
from moorage_processes.configuration.engine import engine_settings, hub_settings, policy_of
from moorage_processes.jobs.engine import Engine
from moorage_processes.jobs.files.state_directory import StateDirectory
from moorage_processes.jobs.ipc import connected
from moorage_processes.logs import OperatorLog

if TYPE_CHECKING:
    from moorage_processes.configuration.configuration import Configuration

LOGGER = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds within which a worker that is well answers."""


def work_forever(configuration: Configuration) -> None:
    """Run jobs until a signal says stop; then those that run get their time to finish.

    Parameters
    ----------
    configuration : that of the machines which serve; this one listens nowhere.

    Raises
    ------
    ConfigurationError
        where it names no store and no results that machines could share.
    ServingError
        where a method cannot be served.
    OSError
        where the state directory cannot be used.
    """
    settings = configuration.settings
    for name, what in (("store", "a PostgreSQL"), ("results", "a directory")):
        if getattr(settings, name) is None:
            raise ConfigurationError(
                f"moorage.{name}: it is missing; a worker shares {what} with the machines that serve, named there"
            )
    OperatorLog(settings.log, "worker").begin()
    # before anything is begun, so that the reason is told once
    StateDirectory.of({"state": configuration.state, "results": configuration.results}).prepare()
    catalogue = read_catalogue(settings.modules, **settings.reading)
    policy, hub = policy_of(configuration, configuration.url), hub_settings(configuration, catalogue)
    engine = Engine(engine_settings(configuration, catalogue, policy, hub=hub))
    engine.claim()
    # what arrives from now on ends it in good order
    is_over = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: is_over.set())
    engine.start()
    LOGGER.info("a worker for %d processes: %s", len(catalogue), ", ".join(catalogue))
    is_over.wait()
    engine.close(stop_supervisor=True)


def is_at_work(configuration: Configuration) -> bool:
    """Whether a supervisor answers at this state directory and has a worker that can take a job."""
    try:
        connection = connected(StateDirectory(configuration.state).run / "socket")
    except OSError:
        return False
    try:
        connection.send({"do": "describe"})
        return bool(connection.receive(PATIENCE).head["ready"])
    except (EOFError, OSError):
        return False
    finally:
        connection.close()
