"""Headers of answers: links, profiles, and what keeps a browser from running what it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from moorage.formats import FORMATS

from moorage_processes.ogc import vocabulary as ogc

if TYPE_CHECKING:
    from flask import Response

SECURITY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
SEALED = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""For results that a browser would run as a page of this service."""
PAGES = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml"})
"""What is worth looking at in a browser all the same, where nothing of it runs."""
PASSIVE = frozenset({
    *(each.media_type.partition(";")[0] for each in FORMATS),
    "application/octet-stream", "application/pdf", "application/zip", "text/plain", "text/tab-separated-values",
    "image/avif", "image/bmp", "image/gif", "image/jp2", "image/jpeg", "image/tiff", "image/webp",
}) - PAGES  # fmt: skip
"""What browsers show, or save, without running any of it; with it all JSON."""


def seal(response: Response) -> Response:
    """Let browsers take an output for what it states, and run nothing of it: all that is not known to be passive."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type in PASSIVE or media_type.endswith("+json"):
        return response
    response.headers["Content-Security-Policy"] = SEALED
    if media_type not in PAGES:
        _, semicolon, name = response.headers.get("Content-Disposition", "").partition(";")
        response.headers["Content-Disposition"] = f"attachment{semicolon}{name}"
    return response


def guarded(response: Response) -> Response:
    """pygeoapi's own pages by the same rules; its headers may be a plain dictionary."""
    headers = response.headers
    if "X-Content-Type-Options" not in headers:
        headers["X-Content-Type-Options"] = "nosniff"
    if headers.get("Content-Type", "").startswith(ogc.HTML):
        if "Content-Security-Policy" not in headers:
            headers["Content-Security-Policy"] = SECURITY
        if "Vary" not in headers:
            headers["Vary"] = "Accept"
    return response


def add_links(response: Response, links: Iterable[Mapping[str, str]]) -> None:
    """State links in headers too (RFC 8288)."""
    for link in links:
        stated = f'<{link["href"]}>; rel="{link["rel"]}"'
        response.headers.add("Link", f'{stated}; type="{link["type"]}"' if "type" in link else stated)


def add_profile(response: Response, profile: str) -> None:
    """State which profile of its media type an answer follows (RFC 6906)."""
    response.headers.add("Link", f'<{profile}>; rel="profile"')
