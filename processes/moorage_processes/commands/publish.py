"""A site's own address: its results are given out there, where `moorage join --url` says they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage_processes.catalogue.catalogue import Catalogue
from moorage_processes.commands.join import of_site
from moorage_processes.commands.serve import announce, web_options
from moorage_processes.commands.web.port import Port
from moorage_processes.commands.web.server import Server
from moorage_processes.configuration.engine import engine_settings, policy_of, state_of
from moorage_processes.jobs.engine import Engine
from moorage_processes.ogc.published_results import PublishedResults, published_app

if TYPE_CHECKING:
    from moorage_processes.configuration.configuration import Configuration


def publish_forever(name: str, configuration: Configuration) -> None:
    """Give out the results that stay at this machine of a site, until a signal says stop.

    Parameters
    ----------
    name : of the site.
    configuration : the same as that of the machine, with an address to listen on.

    Raises
    ------
    SiteNameError
        where no site can have that name.
    OSError
        where the state directory cannot be used.
    PortError
        where nobody can listen at the address.
    """
    configuration = of_site(configuration, name)
    engine = Engine(engine_settings(configuration, Catalogue(()), policy_of(configuration, configuration.url)))
    engine.prepare()
    port = Port.claim(*configuration.bind, state_of(configuration).run)
    published = PublishedResults(engine, configuration.url)
    port.listen()
    announce(f"the results of {name} at {published.base}", configuration)
    Server(published_app(published), published, port, web_options(configuration)).run()
