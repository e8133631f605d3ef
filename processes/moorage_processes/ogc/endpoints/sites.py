"""The list of sites, and uploads and downloads by transfer token."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import Response, request

from moorage_processes.jobs.uploads import WrongSizeError
from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.pages.reply import reply
from moorage_processes.ogc.problems import Problem

if TYPE_CHECKING:
    from moorage_processes.jobs.store.sites import RegisteredSite
    from moorage_processes.jobs.store.transfer_tokens import TransferToken
    from moorage_processes.ogc.service import Service


class SitesEndpoint:
    """The sites of a service.

    Parameters
    ----------
    service : the hub.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def listing(self) -> Response:
        """All sites, whether they are there, and what they offer."""
        base = self._service.base
        sites = [self._described(site) for site in self._service.engine.sites() if site.is_known()]
        links = [
            {"rel": "self", "type": ogc.JSON, "href": f"{base}/sites?f=json"},
            {"rel": "alternate", "type": ogc.HTML, "href": f"{base}/sites?f=html"},
        ]
        return reply({"sites": sites, "links": links}, "sites")

    def _described(self, site: RegisteredSite) -> dict[str, Any]:
        return {
            "id": site.name,
            "state": "present" if site.is_present() else "away",
            "announced": f"{site.announced:%Y-%m-%dT%H:%M:%SZ}",
            "seen": f"{site.seen:%Y-%m-%dT%H:%M:%SZ}",
            "processes": [f"{site.name}.{process['id']}" for process in site.announcement.processes],
        }

    def take_in(self, token: str) -> Response:
        """Receive one file of an attempt, with a transfer token that is then used up."""
        transfer_token = self._permitted(token)
        if transfer_token.file is None or transfer_token.size is None:
            raise _no_transfer_token()
        # one more, so that what is longer can be told from what is whole
        request.max_content_length = transfer_token.size + 1
        try:
            self._service.engine.receiver.take_in(transfer_token, request.stream)
        except WrongSizeError as error:
            raise Problem(400, "WrongSize", str(error)) from error
        except OSError as error:
            raise Problem(507, "NoRoom", "the hub has no room for this file now; try again later") from error
        return Response(status=204)

    def hand_out(self, token: str) -> Response:
        """Send a request that was too large for the relay, for a transfer token that is then used up."""
        transfer_token = self._permitted(token)
        if transfer_token.file is not None:
            raise _no_transfer_token()
        job = self._service.job(transfer_token.ref.job)
        _, _, process = job.process.partition(".")
        document = {"process": process, "inputs": dict(job.request.inputs), "outputs": dict(job.request.outputs)}
        return Response(json.dumps(document), content_type=ogc.JSON)

    def _permitted(self, token: str) -> TransferToken:
        transfer_token = self._service.engine.receiver.admit(token)
        if transfer_token is None:
            raise _no_transfer_token()
        return transfer_token


def _no_transfer_token() -> Problem:
    return Problem(
        404, "NoSuchToken", "there is no such transfer token; it was used, or is too old: ask the hub for another"
    )
