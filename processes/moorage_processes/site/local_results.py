"""Results that stay at a site: where they are found, and whether the hub still has a use for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from moorage_processes.errors import OperatorError
from moorage_processes.jobs.attempt import Ref
from moorage_processes.jobs.job import Status
from moorage_processes.jobs.relay import protocol
from moorage_processes.network.hosts import is_address

if TYPE_CHECKING:
    from moorage_processes.execution.executor import Artefact
    from moorage_processes.jobs.job import Job

NAMES = ("settled", "gone")


class AddressError(OperatorError, ValueError):
    """An address at which no results can be found."""


@dataclass(frozen=True)
class Fate:
    """What the hub has to say of jobs that are done here."""

    settled: frozenset[Ref] = frozenset()
    """It has written their end down, and leads callers here."""
    gone: frozenset[Ref] = frozenset()
    """It has no more use for them."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Fate:
        """Read what :meth:`to_json` wrote."""
        return cls(*(frozenset(Ref(str(job), int(epoch)) for job, epoch in document[name]) for name in NAMES))

    def __or__(self, other: Fate) -> Fate:
        return Fate(self.settled | other.settled, self.gone | other.gone)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the site."""
        return {"settled": list(self.settled), "gone": list(self.gone)}


class Keeper:
    """Knows where results that stay here are found.

    Parameters
    ----------
    url : where `moorage publish` gives them out, as callers of the hub reach it.

    Raises
    ------
    AddressError
        where nobody can be led there.
    """

    def __init__(self, url: str) -> None:
        if not is_address(url):
            raise AddressError(f"{url!r} leads to no results; it takes an address such as https://data.example.org")
        self._url = url.rstrip("/")

    def keeps(self, job: Job) -> bool:
        """Whether results of a job stay here."""
        return job.status is Status.SUCCESSFUL and any(each.file is not None for each in job.artefacts)

    def artefacts(self, job: Job) -> list[Artefact]:
        """What a job gave, as the hub is told of it: where each file is."""
        return [self._kept(job.id, each) for each in job.artefacts]

    def _kept(self, job: str, artefact: Artefact) -> Artefact:
        if artefact.file is None:
            return artefact
        return replace(artefact, file=None, href=f"{self._url}/{protocol.PUBLISHED}/{job}/{artefact.output}")
