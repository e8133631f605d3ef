"""The live catalogue: processes of this service, and those of the sites that have dialled in."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from moorage.formats import Kind

from moorage_processes.authoring.limits import Limits
from moorage_processes.catalogue.catalogue import Catalogue, Entry
from moorage_processes.catalogue.queue import LOCAL
from moorage_processes.data.datasets import Dataset, Datasets
from moorage_processes.jobs.errors import Unavailable
from moorage_processes.network.fetch import Policy
from moorage_processes.ogc.requests.input_validation import InputValidator

if TYPE_CHECKING:
    from moorage_processes.jobs.relay.protocol import Announcement
    from moorage_processes.jobs.store.sites import RegisteredSite

LOGGER = logging.getLogger(__name__)

FRESH = 1.0
"""Seconds for which what is known of the sites is not asked again."""
SITE, STATE = "moorage:site", "moorage:site-state"
"""Roles of the metadata that tell where a process runs, and whether that site is there."""


@dataclass(frozen=True, eq=False)
class InputContext:
    """Where processes run, and what their inputs may name there."""

    datasets: Datasets
    policy: Policy


@dataclass(frozen=True, eq=False)
class CatalogueSnapshot:
    """The catalogue at one time; it never changes."""

    catalogue: Catalogue
    places: Mapping[str, InputContext]
    """By queue."""

    @cached_property
    def checkers(self) -> Mapping[str, InputValidator]:
        """What checks the inputs of each process."""
        return {
            name: InputValidator(entry, self.places[entry.queue].datasets, self.places[entry.queue].policy)
            for name, entry in self.catalogue.items()
        }

    def datasets(self, entry: Entry) -> Datasets:
        """The datasets that inputs of a process may name."""
        return self.places[entry.queue].datasets


class LiveCatalogue:
    """The catalogue of a service, as it is now.

    Parameters
    ----------
    own : its own processes.
    datasets : its own datasets.
    policy : from where its own processes fetch inputs.
    sites : reads what sites have announced; None where none may.
    """

    def __init__(
        self, own: Catalogue, datasets: Datasets, policy: Policy, sites: Callable[[], list[RegisteredSite]] | None
    ) -> None:
        self._own = own
        self._places = {LOCAL: InputContext(datasets, policy)}
        self._sites = sites
        self._lock = Lock()
        self._known: tuple[tuple[Any, ...], ...] = ()
        self._told: list[RegisteredSite] = []
        self._snapshot = CatalogueSnapshot(own, self._places)
        self._read = -FRESH

    @property
    def own(self) -> Catalogue:
        """What runs here."""
        return self._own

    def replace(self, own: Catalogue) -> None:
        """Have other processes of its own from now on; requests that are being answered go on with those before."""
        with self._lock:
            self._own = own
            self._compose()

    @property
    def takes_sites(self) -> bool:
        """Whether sites may dial in."""
        return self._sites is not None

    def now(self) -> CatalogueSnapshot:
        """The present snapshot: the same object as long as nothing has changed."""
        return self._snapshot if time.monotonic() - self._read < FRESH else self.latest()

    def anew(self) -> CatalogueSnapshot:
        """A snapshot read from the store at this moment.

        Raises
        ------
        Unavailable
            where nobody can tell, because the job store does not answer.
        """
        if self._sites is not None:
            with self._lock:
                self._read = time.monotonic()  # first, so that others need not ask too, nor ask a store that is away
                self._know(self._sites())
        return self._snapshot

    def latest(self) -> CatalogueSnapshot:
        """A snapshot read from the store at this moment, or else the last that was read."""
        try:
            return self.anew()
        except Unavailable:
            # what was known may still be so, and whoever asks for a job will be told
            LOGGER.info("the processes of sites are not known now")
            return self._snapshot

    def _know(self, told: list[RegisteredSite]) -> None:
        sites = [site for site in told if site.is_known()]
        # whichever of its machines said so last
        known = tuple((site.name, replace(site.announcement, machine=""), site.is_present()) for site in sites)
        if known != self._known:
            self._known, self._told = known, sites
            self._compose()

    def _compose(self) -> None:
        entries = [entry for site in self._told for entry in entries_of(site)]
        places = {site.name: _place(site.announcement, self._places[LOCAL].policy.own) for site in self._told}
        self._snapshot = CatalogueSnapshot(Catalogue([*self._own.values(), *entries]), {**self._places, **places})


def entries_of(site: RegisteredSite) -> Iterator[Entry]:
    """The processes of a site, as the hub lists them: ``awi.flood-days``."""
    state = "present" if site.is_present() else f"away since {site.seen:%Y-%m-%dT%H:%M:%SZ}"
    told = [{"role": SITE, "title": site.name}, {"role": STATE, "title": state}]
    for process in site.announcement.processes:
        name = f"{site.name}.{process['id']}"
        described = process["description"]
        metadata = [*described.get("metadata", ()), *told]
        description = {**described, "id": name, "metadata": metadata}
        yield Entry(name, description, Limits.from_json(process["limits"]), None, site.name)


def _place(announcement: Announcement, own: str) -> InputContext:
    datasets = {
        name: Dataset(id=name, path="", kind=Kind(each["kind"]), title=str(each["title"]))
        for name, each in announcement.datasets.items()
    }
    return InputContext(Datasets(datasets), Policy(own=own, allowed_hosts=announcement.allowed_hosts))
