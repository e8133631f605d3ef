"""What a caller prefers: HTML or JSON, now or later (RFC 7240)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mooring_processes.ogc import vocabulary as ogc

if TYPE_CHECKING:
    from flask import Request

    from mooring_processes.process import Limits

LONGEST_WAIT = 30.0
"""Seconds a request is held at most."""


@dataclass(frozen=True)
class Preferences:
    """The ``Prefer`` headers of a request, as far as they matter here."""

    respond_async: bool = False
    wait: float | None = None
    """Seconds the caller is willing to wait."""


def preferences(request: Request) -> Preferences:
    """Read all ``Prefer`` headers; what is not understood is passed over, as RFC 7240 asks."""
    tokens: dict[str, str] = {}
    for header in request.headers.getlist("Prefer"):
        for part in header.split(","):
            name, _, value = part.partition(";")[0].partition("=")
            tokens.setdefault(name.strip().lower(), value.strip().strip('"'))
    return Preferences("respond-async" in tokens, _seconds(tokens.get("wait")))


def _seconds(text: str | None) -> float | None:
    if text is None or not text.isdecimal():
        return None
    return min(float(text), LONGEST_WAIT)


def runs_async(wanted: Preferences, limits: Limits) -> bool:
    """Whether an execution becomes a job that is followed, by the standard's rules."""
    if not limits.sync:
        return True
    return limits.asynchronous and wanted.respond_async


def wants_html(request: Request) -> bool:
    """Whether a person asks: by ``f=html``, or by an Accept header that puts HTML before JSON."""
    wish = request.args.get("f")
    if wish is not None:
        return wish == "html"
    accept = request.accept_mimetypes
    return bool(accept) and accept.best_match([ogc.JSON, ogc.HTML], ogc.JSON) == ogc.HTML
