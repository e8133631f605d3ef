"""What can be computed: the process list, and each process in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import request

from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.descriptions import description, summary
from moorage_processes.ogc.pages.reply import reply
from moorage_processes.ogc.pages.snippets import Snippets
from moorage_processes.ogc.requests.negotiation import negotiated
from moorage_processes.ogc.requests.query_parameters import DEFAULT_PROCESSES, page_limit
from moorage_processes.ogc.responses.cached import CachedResponses
from moorage_processes.ogc.responses.headers import add_profile
from moorage_processes.ogc.responses.paging import page_links

if TYPE_CHECKING:
    from flask import Response

    from moorage_processes.catalogue.catalogue import Entry
    from moorage_processes.ogc.service import Service


class ProcessesEndpoint:
    """The process list and the descriptions.

    Parameters
    ----------
    service : what they stand on.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._kept = CachedResponses()

    def listing(self) -> Response:
        """The process list, a thousand at a time unless ``limit`` says otherwise."""
        self._service.ask_sites()
        asked = (self._service.snapshot, "list", negotiated(request).wants_html, *request.args.items(multi=True))
        return self._kept.answer(asked, self._listing)

    def description(self, process_id: str) -> Response:
        """One process in full."""
        entry = self._service.entry(process_id)
        asked = (self._service.snapshot, entry.id, negotiated(request).wants_html)
        return self._kept.answer(asked, lambda: self._description(entry))

    def _listing(self) -> Response:
        base = self._service.base
        limit, offset = page_limit(request.args, DEFAULT_PROCESSES)
        entries = list(self._service.catalogue.values())
        items = [summary(entry, base) for entry in entries[offset : offset + limit]]
        following = {"offset": offset + limit} if offset + limit < len(entries) else None
        links = page_links(f"{base}/processes", request.args, following)
        return reply({"processes": items, "links": links}, "processes", count=len(entries), offset=offset)

    def _description(self, entry: Entry) -> Response:
        service = self._service
        calls = Snippets(entry, service.base, service.snapshot.datasets(entry))
        response = reply(description(entry, service.base), "process", limits=entry.limits, calls=calls)
        add_profile(response, ogc.PROFILE_DESCRIPTION)
        return response
