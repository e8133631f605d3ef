"""The service, described for programs and for those who write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Response, request

from mooring_processes.ogc import vocabulary as ogc
from mooring_processes.ogc.kept import Kept
from mooring_processes.ogc.negotiation import chosen
from mooring_processes.ogc.openapi.reading import chapters
from mooring_processes.ogc.pages.page import page


class Definition:
    """The OpenAPI document.

    Parameters
    ----------
    document : it.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._text = json.dumps(document, separators=(",", ":"))
        self._kept = Kept()

    def openapi(self) -> Response:
        """All operations, as JSON or as a page."""
        form = chosen(request, ("json", "html"), ogc.OPENAPI)
        return self._kept.answer(form, self._page if form == "html" else self._json)

    def _json(self) -> Response:
        response = Response(self._text, content_type=ogc.OPENAPI)
        response.vary.add("Accept")
        return response

    def _page(self) -> Response:
        response = page("openapi", self._document, chapters=chapters(self._document))
        response.vary.add("Accept")
        return response
