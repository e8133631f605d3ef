"""What a caller prefers: HTML or JSON, now or later (RFC 7240), by which profile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.problems import Problem

if TYPE_CHECKING:
    from flask import Request

    from moorage_processes.authoring.limits import Limits

LONGEST_WAIT = 30.0
"""Seconds a request is held at most."""
PARTS = re.compile(r'(?:[^,;"]|"[^"]*")+|[,;]')
"""What stands between the commas and semicolons of a header, quoted ones apart."""


class ReturnPreference(StrEnum):
    """How much of the results stands in the answer itself, where the request does not say it by output."""

    MINIMAL = "minimal"
    """Large ones by link."""
    REPRESENTATION = "representation"
    """All of them."""


@dataclass(frozen=True)
class Preferences:
    """The ``Prefer`` headers of a request, as far as they matter here."""

    respond_async: bool = False
    wait: float | None = None
    """Seconds the caller is willing to wait."""
    returns: ReturnPreference | None = None
    profiles: frozenset[str] = frozenset()
    """Profiles asked for there, by their short names."""


def preferences(headers: Iterable[str]) -> Preferences:
    """Read all ``Prefer`` headers; what is not understood is passed over, as RFC 7240 asks.

    Some clients write one preference as the parameter of another (``respond-async; return=minimal``); that counts as
    well.
    """
    tokens: dict[str, str] = {}
    for name, value in _tokens(headers):
        tokens.setdefault(name, value)
    returns = tokens.get("return", "").lower()
    return Preferences(
        respond_async="respond-async" in tokens,
        wait=_seconds(tokens.get("wait")),
        returns=ReturnPreference(returns) if returns in set(ReturnPreference) else None,
        profiles=_profile_names([tokens["profile"]]) if "profile" in tokens else frozenset(),
    )


def _tokens(headers: Iterable[str]) -> Iterator[tuple[str, str]]:
    for header in headers:
        for part in PARTS.findall(header):
            name, _, value = part.partition("=")
            if name.strip(" ,;"):
                yield name.strip().lower(), value.strip().strip('"')


def _seconds(text: str | None) -> float | None:
    if text is None or not text.isdecimal():
        return None
    return min(float(text), LONGEST_WAIT)


def profiles(request: Request) -> frozenset[str]:
    """The profiles a caller asks for, by their short names.

    In the query (``profile=``: a URI, a CURIE in brackets, or a short name), in ``Accept-Profile``, as a parameter of
    ``Accept``, or as a preference.
    """
    stated = [part for text in request.args.getlist("profile") for part in text.split(",")]
    stated += [part for text in request.headers.getlist("Accept-Profile") for part in text.split(",")]
    stated += re.findall(r'profile="?([^",;]+)', request.headers.get("Accept", ""))
    return _profile_names(stated) | preferences(request.headers.getlist("Prefer")).profiles


def _profile_names(stated: Iterable[str]) -> frozenset[str]:
    return frozenset(re.split(r"[/:]", each.strip(' <>[]"'))[-1] for each in stated if each.strip())


def is_draft(request: Request) -> bool:
    """Whether the caller speaks draft 2.0 of the standard: only that knows profiles."""
    return bool(profiles(request) & ogc.PROFILE_NAMES)


def runs_async(wanted: Preferences, limits: Limits) -> bool:
    """Whether an execution becomes a job that is followed, by the standard's rules."""
    if not limits.sync:
        return True
    return limits.asynchronous and wanted.respond_async


def wants_html(request: Request) -> bool:
    """Whether a person asks: by ``f=html``, or by an Accept header that puts HTML before JSON.

    Raises
    ------
    Problem
        where ``f`` names neither.
    """
    return chosen(request, ("json", "html"), ogc.JSON) == "html"


def chosen(request: Request, names: tuple[str, ...], otherwise: str) -> str:
    """One of *names*, by ``f``; or ``html`` where the Accept header puts it before the media type *otherwise*."""
    wish = request.args.get("f")
    if wish is not None:
        if wish not in names:
            raise Problem(400, ogc.INVALID_QUERY, f"f: {wish[:80]!r} will not do; it takes {' or '.join(names)}")
        return wish
    accept = request.accept_mimetypes
    bare = otherwise.partition(";")[0]
    supported = [bare, *([ogc.JSON] if bare.endswith("+json") else []), ogc.HTML]
    if accept and accept.best_match(supported, bare) == ogc.HTML:
        return "html"
    return names[0]


def check_json(request: Request) -> None:
    """Refuse a body that is not stated to be JSON.

    A browser sends what is stated to be a form or text, or nothing, from any page to any service without asking it
    first; JSON it does not. So this alone keeps pages of other sites from running methods (CORS, `Fetch Standard`_).

    .. _Fetch Standard: https://fetch.spec.whatwg.org/#cors-safelisted-request-header

    Raises
    ------
    Problem
        415, saying what is to be stated.
    """
    if request.mimetype == ogc.JSON or request.mimetype.endswith("+json"):
        return
    stated = f"{request.mimetype[:80]!r}" if request.mimetype else "nothing"
    detail = f"Content-Type states {stated}; an execute request is JSON: send the header 'Content-Type: {ogc.JSON}'"
    raise Problem(415, "UnsupportedMediaType", detail, headers={"Accept": ogc.JSON})


def names_json(accept: str) -> bool:
    """Whether an Accept header asks for JSON by name, not only for anything."""
    return any(part.partition(";")[0].strip().lower() == ogc.JSON for part in accept.split(","))
