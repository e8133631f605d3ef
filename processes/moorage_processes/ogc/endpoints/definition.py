"""The service, described for programs and for those who write them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Response, request

from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.openapi.reading import chapters
from moorage_processes.ogc.pages.page import page
from moorage_processes.ogc.requests.negotiation import negotiated
from moorage_processes.ogc.responses.cached import CachedResponses

if TYPE_CHECKING:
    from moorage_processes.ogc.service import Service


class OpenApiEndpoint:
    """The OpenAPI document.

    Parameters
    ----------
    service : what is described.
    document : makes the document of what is offered now.
    """

    def __init__(self, service: Service, document: Callable[[], Mapping[str, Any]]) -> None:
        self._service = service
        self._document = document
        self._kept = CachedResponses()

    def openapi(self) -> Response:
        """All operations, as JSON or as a page."""
        form = negotiated(request).chosen(("json", "html"), ogc.OPENAPI)
        return self._kept.answer((form, self._service.snapshot), self._page if form == "html" else self._json)

    def _json(self) -> Response:
        text = json.dumps(self._document(), separators=(",", ":"))
        response = Response(text, content_type=ogc.OPENAPI)
        response.vary.add("Accept")
        return response

    def _page(self) -> Response:
        document = self._document()
        response = page("openapi", document, chapters=chapters(document))
        response.vary.add("Accept")
        return response
