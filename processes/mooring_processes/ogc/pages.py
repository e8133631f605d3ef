"""Pages for people: the content of a document as HTML, with no script or style from another host."""

from __future__ import annotations

from typing import Any

from flask import Response, render_template

from mooring_processes.ogc import vocabulary as ogc

SECURITY = "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; frame-ancestors 'self'"


def page(name: str, document: Any, status: int = 200, **context: Any) -> Response:
    """The page *name* for a document.

    Parameters
    ----------
    name : the template, without its suffix.
    document : what a program would get as JSON; all of it stands on the page, and its links can be followed.
    status : HTTP status.
    context : what else the template takes.
    """
    text = render_template(f"{name}.html", document=document, **context)
    response = Response(text, status=status, content_type=f"{ogc.HTML}; charset=utf-8")
    response.headers["Content-Security-Policy"] = SECURITY
    return response
