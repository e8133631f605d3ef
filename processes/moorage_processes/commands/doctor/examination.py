"""A whole examination: one finding after another, each told as soon as it is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from moorage_processes.app import create_app, service_of
from moorage_processes.commands.doctor import engine, machine, others, surroundings
from moorage_processes.commands.doctor.finding import Finding
from moorage_processes.configuration.configuration import ConfigurationError
from moorage_processes.errors import ServingError
from moorage_processes.jobs.files.state_directory import StateDirectory

if TYPE_CHECKING:
    from moorage_processes.configuration.configuration import Configuration


def of_error(error: ConfigurationError) -> Finding:
    """What is wrong with a configuration that cannot be read."""
    words, _, remedy = str(error).partition("; ")
    return Finding("configuration", words, remedy or "mend the file")


def examine(configuration: Configuration) -> Iterator[Finding]:
    """All that a service of a configuration needs."""
    settings, state = configuration.settings, StateDirectory(configuration.state)
    yield machine.directory(state)
    yield engine.store(state, settings.store)
    yield engine.supervisor(state)
    yield machine.address(*configuration.bind)
    yield from shared(configuration)
    yield service(configuration)
    for entry in configuration.datasets.entries.values():
        yield surroundings.dataset(entry)
    for key in ("allowed_hosts", "callback_hosts"):
        listed = getattr(settings, key)
        for each in listed:
            yield surroundings.host(key, each, listed)


def shared(configuration: Configuration) -> Iterator[Finding]:
    """What it names of what others serve."""
    settings = configuration.settings
    if configuration.results is not None:
        yield others.results(configuration)
    try:
        relay = settings.relay()
    except ConfigurationError:
        relay = None  # told with the service itself
    if relay is not None:
        yield others.relay(relay)
    if settings.scheduler is not None:
        yield others.scheduler(settings.scheduler)


def service(configuration: Configuration) -> Finding:
    """Whether a service can be made: its methods, and what the configuration says of them together."""
    # import the methods now, whatever is known of them from an earlier time
    settings = replace(configuration.settings, description_cache=False)
    try:
        app = create_app(replace(configuration, settings=settings))
    except ConfigurationError as error:
        return of_error(error)
    except ServingError as error:
        return Finding("methods", str(error), "mend what is named there")
    except ModuleNotFoundError as error:
        return Finding("methods", f"{error.name} is not installed", "install it beside Moorage")
    catalogue = service_of(app).live_catalogue.own
    return Finding("methods", f"{len(catalogue)} processes: {', '.join(catalogue)}")
