"""What the configuration of a service gives its engine to work with."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from moorage.values import RESERVED_IDS

from moorage_processes.catalogue.catalogue import Catalogue, Entry
from moorage_processes.catalogue.internal import INTERNAL
from moorage_processes.catalogue.queue import LOCAL
from moorage_processes.configuration.configuration import ConfigurationError
from moorage_processes.execution.dask_scheduling import Computing
from moorage_processes.jobs.files.state_directory import StateDirectory
from moorage_processes.jobs.preload import preloaded
from moorage_processes.jobs.settings import EngineSettings, HubSettings
from moorage_processes.network.fetch import Policy

if TYPE_CHECKING:
    from moorage_processes.configuration.configuration import Configuration
    from moorage_processes.configuration.settings import Settings


def policy_of(configuration: Configuration, own: str, published: str | None = None) -> Policy:
    """From where inputs by reference are fetched.

    Parameters
    ----------
    configuration : of the service.
    own : URL of the service whose results are inputs too.
    published : where results of this machine are given out that stay here.
    """
    settings = configuration.settings
    return Policy(
        own=own,
        allowed_hosts=settings.allowed_hosts,
        size=settings.reference_size,
        seconds=settings.reference_seconds,
        published=published or "",
    )


def state_of(configuration: Configuration) -> StateDirectory:
    """Where a service keeps what outlives its processes."""
    options = configuration.settings.results_options
    return StateDirectory.of(
        {"state": configuration.state, "results": configuration.results, "results_options": options}
    )


def engine_settings(
    configuration: Configuration,
    catalogue: Catalogue,
    policy: Policy,
    *,
    others: Iterable[Entry] = (),
    hub: HubSettings | None = None,
) -> EngineSettings:
    """The engine of a service, or of a machine of a site.

    Parameters
    ----------
    configuration : of it.
    catalogue : what it runs.
    policy : from where inputs are fetched.
    others : what it runs beside that, for the service itself.
    hub : where sites dial in.

    Raises
    ------
    ConfigurationError
        where the cluster it names cannot be used.
    """
    settings = configuration.settings
    slots = (settings.slots or os.cpu_count() or 1) if settings.jobs else 0
    executor = {
        "catalogue": Catalogue([*catalogue.values(), *others]).to_json(),
        "datasets": configuration.datasets.to_json(),
        "references": policy.to_json(),
        "result_size": settings.result_size,
        "computing": _computing(settings, slots or settings.call_slots).to_json(),
    }
    return EngineSettings(
        state=configuration.state,
        executor=executor,
        preload=preloaded(catalogue.values(), all_kinds=hub is not None),
        slots=slots,
        call_slots=settings.call_slots,
        queue=settings.queue,
        queue_size=settings.queue_size,
        store=settings.store,
        results=configuration.results,
        results_options=settings.results_options,
        retention=settings.retention,
        drain=settings.drain,
        log=settings.log,
        environment=settings.environment,
        log_size=settings.log_size,
        metrics=settings.metrics,
        hub=hub,
    )


def service_engine(configuration: Configuration, catalogue: Catalogue) -> EngineSettings:
    """The engine of a service, with its hub and the processes of its own pages.

    Raises
    ------
    ConfigurationError
        where the cluster it names cannot be used.
    """
    policy, hub = policy_of(configuration, configuration.url), hub_settings(configuration, catalogue)
    settings = engine_settings(configuration, catalogue, policy, others=INTERNAL, hub=hub)
    return replace(settings, state=settings.state.absolute())


def check_names(configuration: Configuration, own: Catalogue) -> None:
    """Refuse a dataset that is called like a process or another resource: pygeoapi has one name for one thing.

    Raises
    ------
    ConfigurationError
        naming it.
    """
    resources = dict.fromkeys(configuration.pygeoapi["resources"] or (), "resource")
    taken = dict.fromkeys(own, "process") | resources
    for name in configuration.datasets.entries:
        if name in taken:
            raise ConfigurationError(
                f"datasets.{name}: there is a {taken[name]} of that name, and pygeoapi has one name for one thing; "
                "give the dataset another"
            )


def own_processes(settings: EngineSettings) -> Catalogue:
    """The processes that the engine of a service runs for its callers."""
    entries = Catalogue.from_json(settings.executor["catalogue"])
    internal = {each.id for each in INTERNAL}
    return Catalogue(each for each in entries.values() if each.id not in internal)


def _computing(settings: Settings, slots: int) -> Computing:
    try:
        return Computing.among(slots, settings.scheduler)
    except ValueError as error:
        raise ConfigurationError(f"moorage.{error}") from error


def hub_settings(configuration: Configuration, catalogue: Catalogue) -> HubSettings | None:
    """Where sites dial in, and which names they may not have; None where there are none."""
    relay = configuration.settings.relay()
    if relay is None:
        return None
    taken = {*RESERVED_IDS, *catalogue, *(name.replace("-", "_") for name in catalogue), LOCAL, "hub"}
    return HubSettings(relay, configuration.url, tuple(sorted(taken)), configuration.settings.site_lease)
