"""Pages for people: the content of a document as HTML, with no script or style from another host."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Response, render_template, send_from_directory
from moorage.description import text
from moorage.formats import kind_of

from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.descriptions import type_of
from moorage_processes.ogc.pages import text_filters
from moorage_processes.ogc.responses.headers import SECURITY, guarded

if TYPE_CHECKING:
    from flask import Flask

    from moorage_processes.ogc.service import Service

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"
PLACE = "/-/pages"
"""Where the style and the scripts of the pages are found; nothing else of the standard or of pygeoapi begins so."""
LASTS = 600
"""Seconds for which a browser does not ask for them again."""


def page(name: str, document: Any, status: int = 200, **context: Any) -> Response:
    """The page *name* for a document.

    Parameters
    ----------
    name : the template, without its suffix.
    document : what a program would get as JSON; all of it stands on the page, and its links can be followed.
    status : HTTP status.
    context : what else the template takes.
    """
    content = render_template(f"{name}.html", document=document, **context)
    response = Response(content, status=status, content_type=f"{ogc.HTML}; charset=utf-8")
    response.headers["Content-Security-Policy"] = SECURITY
    response.vary.add("Accept")
    return response


def static_file(name: str) -> Response:
    """A style, script or picture of the pages themselves."""
    return send_from_directory(STATIC, name, max_age=LASTS)


def register(app: Flask, service: Service) -> None:
    """Teach an application the words of the pages, and the rules for all HTML that leaves it."""
    site = text(service.metadata.get("identification", {}).get("title")) or "Moorage"
    shared = {
        "service": service,
        "base": service.base,
        "root": urlsplit(service.base).path,
        "site": site,
        "takes_sites": service.live_catalogue.takes_sites,
    }
    app.context_processor(lambda: shared)
    app.jinja_env.filters |= {
        "by_standard": text_filters.by_standard,
        "bounds": text_filters.bounds_words,
        "data_here": lambda described: service.datasets.ids(kind_of(type_of(described))),
        "duration": text_filters.duration_words,
        "formats": text_filters.formats_of,
        "inline": text_filters.inline,
        "json_text": text_filters.json_text,
        "kind_words": text_filters.kind_words,
        "moment": text_filters.moment_words,
        "prose": text_filters.prose,
        "shortened": text_filters.shortened,
        "size": text_filters.size_words,
        "variable_row": text_filters.variable_row,
    }
    app.after_request(guarded)
