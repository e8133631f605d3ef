"""Results that stay at a site, and their addresses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from moorage_processes.errors import OperatorError
from moorage_processes.jobs.job import Status
from moorage_processes.jobs.relay import protocol
from moorage_processes.network.hosts import is_address

if TYPE_CHECKING:
    from moorage_processes.execution.request import Artefact
    from moorage_processes.jobs.job import Job


class AddressError(OperatorError, ValueError):
    """An address at which no results can be found."""


class LocalResults:
    """Gives the addresses of results that stay here.

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
        """Artefacts of a job for the hub: with the address of each file."""
        return [self._kept(job.id, each) for each in job.artefacts]

    def _kept(self, job: str, artefact: Artefact) -> Artefact:
        if artefact.file is None:
            return artefact
        return replace(artefact, file=None, href=f"{self._url}/{protocol.PUBLISHED}/{job}/{artefact.output}")
