"""One document, for programs and for people: the same content as JSON or as HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Response, request

from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.pages.page import page
from moorage_processes.ogc.requests.negotiation import negotiated
from moorage_processes.ogc.responses.headers import add_links


def reply(document: Mapping[str, Any], template: str, status: int = 200, **context: Any) -> Response:
    """A document as the caller wants to see it, its links also in ``Link`` headers.

    Parameters
    ----------
    document : what a program gets.
    template : the page a person gets.
    status : HTTP status.
    context : what else the page takes.
    """
    response = (
        page(template, document, status, **context) if negotiated(request).wants_html else as_json(document, status)
    )
    response.vary.add("Accept")
    add_links(response, document.get("links", ()))
    return response


def as_json(document: object, status: int = 200) -> Response:
    """A document for a program."""
    return Response(json.dumps(document), status=status, content_type=ogc.JSON)
