"""A machine of a site: it serves no one here, and dials out to a hub."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from moorage_processes.catalogue.reading import read_catalogue
from moorage_processes.configuration.engine import engine_settings, policy_of
from moorage_processes.jobs.engine import Engine
from moorage_processes.jobs.files.state_directory import StateDirectory
from moorage_processes.jobs.relay.protocol import Announcement, check_name
from moorage_processes.logs import OperatorLog
from moorage_processes.site.agent import SiteAgent
from moorage_processes.site.local_results import LocalResults

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Catalogue
    from moorage_processes.configuration.configuration import Configuration
    from moorage_processes.jobs.relay.address import Relay


def join_forever(
    relay: Relay, name: str, configuration: Configuration, url: str | None = None, *, builtin: bool = False
) -> None:
    """Serve a hub until a signal says stop.

    Parameters
    ----------
    relay : where the hub is found.
    name : of the site.
    configuration : what is offered, and with which data; no port is opened.
    url : where `moorage publish` gives out the results of this machine, which then stay here.
    builtin : whether to offer the methods that come with Moorage, too, which the hub has itself.

    Raises
    ------
    ServingError
        where a method cannot be served.
    RefusedByHubError
        where the hub does not take this site.
    SiteNameError
        where no site can have that name.
    AddressError
        where nobody can be led to *url*.
    RelayError
        where no relay answers.
    OSError
        where the state directory cannot be used, or the relay does not let it in.
    """
    configuration = of_site(configuration, name)
    local_results = None if url is None else LocalResults(url)
    OperatorLog(configuration.settings.log, "site").begin()
    StateDirectory(configuration.state).prepare()
    settings = configuration.settings
    catalogue = read_catalogue(settings.modules, builtin=builtin, **settings.reading)
    announcement = _announcement(configuration, catalogue)
    site = SiteAgent(
        name, lambda hub: _engine(configuration, catalogue, hub, url), catalogue, announcement, relay, local_results
    )
    asyncio.run(site.run())


def of_site(configuration: Configuration, name: str) -> Configuration:
    """The same, with a state directory of the site's own where none is named.

    Raises
    ------
    SiteNameError
        where no site can have that name.
    """
    check_name(name)
    state = str(configuration.state_called(f"site-{name}"))
    return replace(configuration, settings=replace(configuration.settings, state=state))


def _engine(configuration: Configuration, catalogue: Catalogue, hub: str, url: str | None) -> Engine:
    """The engine of this machine; results of the hub, and those that stayed here, are inputs too."""
    engine = Engine(engine_settings(configuration, catalogue, policy_of(configuration, hub, url)))
    engine.claim()
    return engine


def _announcement(configuration: Configuration, catalogue: Catalogue) -> Announcement:
    return Announcement(
        machine=StateDirectory(configuration.state).identity,
        processes=tuple(
            {"id": entry.id, "description": entry.description, "limits": entry.limits.to_json()}
            for entry in catalogue.values()
        ),
        datasets={
            name: {"kind": str(each.kind), "title": each.title} for name, each in configuration.datasets.entries.items()
        },
        allowed_hosts=configuration.settings.allowed_hosts,
    )
