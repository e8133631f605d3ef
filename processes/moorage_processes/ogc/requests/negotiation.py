"""What a caller prefers: HTML or JSON, now or later (RFC 7240), by which profile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.problems import Problem

if TYPE_CHECKING:
    from flask import Request
    from werkzeug.datastructures import Headers, MultiDict

LONGEST_WAIT = 30.0
"""Seconds a request is held at most."""
KEPT = "moorage.negotiation"
"""Where it is kept in the environment of a request."""
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


def _profile_names(stated: Iterable[str]) -> frozenset[str]:
    return frozenset(re.split(r"[/:]", each.strip(' <>[]"'))[-1] for each in stated if each.strip())


@dataclass(frozen=True)
class Negotiation:
    """What the headers and the query of one request say of the answer it would like."""

    accept: str = ""
    """The ``Accept`` header."""
    prefer: str = ""
    """The ``Prefer`` header."""
    f: str | None = None
    """The form by name, which goes before that."""
    preferences: Preferences = field(default_factory=Preferences)
    profiles: frozenset[str] = frozenset()
    """Profiles by their short names."""

    @property
    def is_draft(self) -> bool:
        """Whether the caller speaks draft 2.0 of the standard: only that knows profiles."""
        return bool(self.profiles & ogc.PROFILE_NAMES)

    @property
    def wants_html(self) -> bool:
        """Whether a person asks: by ``f=html``, or by an Accept header that puts HTML before JSON.

        Raises
        ------
        Problem
            where ``f`` names neither.
        """
        return self.chosen(("json", "html"), ogc.JSON) == "html"

    @property
    def names_json(self) -> bool:
        """Whether JSON is asked for by name, not only anything."""
        return any(part.partition(";")[0].strip().lower() == ogc.JSON for part in self.accept.split(","))

    def chosen(self, names: tuple[str, ...], otherwise: str) -> str:
        """One of *names*, by ``f``; or ``html`` where the Accept header puts it before the media type *otherwise*."""
        if self.f is not None:
            if self.f not in names:
                raise Problem(400, ogc.INVALID_QUERY, f"f: {self.f[:80]!r} is not valid; expected {' or '.join(names)}")
            return self.f
        # most programs ask for JSON, or for anything
        if "text/" in self.accept or "q=" in self.accept:
            bare = otherwise.partition(";")[0]
            supported = [bare, *([ogc.JSON] if bare.endswith("+json") else []), ogc.HTML]
            if parse_accept_header(self.accept, MIMEAccept).best_match(supported, bare) == ogc.HTML:
                return "html"
        return names[0]

    def with_query(self, prefer: Iterable[str], accept: str | None) -> Negotiation:
        """The same where parameters of the query stand for headers (draft 2.0)."""
        return replace(self, preferences=preferences([self.prefer, *prefer]), accept=accept or self.accept)


def negotiated(request: Request) -> Negotiation:
    """What a request says of the answer it would like; it is read once."""
    found: Negotiation | None = request.environ.get(KEPT)
    if found is None:
        found = request.environ[KEPT] = _read(request)
    return found


def _read(request: Request) -> Negotiation:
    headers, query = request.headers, request.args
    accept, prefer = headers.get("Accept", ""), headers.get("Prefer", "")
    wanted = preferences([prefer]) if prefer else Preferences()
    return Negotiation(accept, prefer, query.get("f"), wanted, wanted.profiles | _profiles(accept, headers, query))


def _profiles(accept: str, headers: Headers, query: MultiDict[str, str]) -> frozenset[str]:
    """The profiles a caller asks for, by their short names.

    In the query (``profile=``: a URI, a CURIE in brackets, or a short name), in ``Accept-Profile``, or as a parameter
    of ``Accept``; preferences name them too.
    """
    stated = [part for text in query.getlist("profile") for part in text.split(",")]
    stated += headers.get("Accept-Profile", "").split(",")
    if "profile" in accept:
        stated += re.findall(r'profile="?([^",;]+)', accept)
    return _profile_names(stated)


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
