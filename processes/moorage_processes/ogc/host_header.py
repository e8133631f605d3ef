"""The Host header: which names a request may call the service by.

A page elsewhere can give a name of its own the address of this machine (DNS rebinding); its browser then takes the
service for a part of that page, and lets it read and run everything. Only the name in the request tells.
"""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from functools import cached_property, lru_cache
from urllib.parse import urlsplit

from flask import request

from moorage_processes.network.hosts import as_address, is_loopback, is_name
from moorage_processes.ogc.problems import Problem

HEALTH = "health"
"""Blueprint that tells nothing but how the service is: probes ask it by whatever they know."""
METRICS = "metrics"
"""Blueprint that is asked by address too, which no page of another site can be found under."""


@dataclass(frozen=True)
class HostCheck:
    """Refuses requests that are meant for somebody else.

    Parameters
    ----------
    url : where callers find the service.
    bound : the host it listens on.
    further : more names it has.
    """

    url: str
    bound: str
    further: tuple[str, ...] = ()

    def refuse_others(self) -> None:
        """Before anything is done for a request.

        Raises
        ------
        Problem
            421, where it is for another host; 400, where its Host is none.
        """
        # only HTTP/1.0 does without, which no browser speaks
        stated = request.environ.get("HTTP_HOST")
        if request.blueprint == HEALTH or stated is None:
            return
        name = _name_in(stated)
        if not (self.covers(name) or (request.blueprint == METRICS and as_address(name) is not None)):
            raise Problem(
                421,
                "MisdirectedRequest",
                f"this service is not called {name[:80]!r}; it is found at {self.url}, and its operator lists further "
                "names under moorage: server_names",
            )

    def covers(self, name: str) -> bool:
        """Whether the service has this name, in small letters and without a port."""
        if name in self._names:
            return True
        if self._is_nameless:
            return is_loopback(name) or as_address(name) is not None
        return is_loopback(name) and is_loopback(self.bound)

    @cached_property
    def _is_nameless(self) -> bool:
        """Whether it listens on all addresses and was not told where callers find it."""
        host = urlsplit(self.url).hostname or ""
        address = as_address(host)
        return address is not None and address.is_unspecified

    @cached_property
    def _names(self) -> frozenset[str]:
        own = {urlsplit(self.url).hostname or "", self.bound, *self.further}
        own |= {socket.gethostname()} if self._is_nameless else set()
        return frozenset(each.lower().removesuffix(".") for each in own if each)


@lru_cache(256)
def _name_in(stated: str) -> str:
    name = netloc = ""
    with contextlib.suppress(ValueError):
        parts = urlsplit(f"//{stated}")
        netloc, name, _ = parts.netloc, (parts.hostname or "").removesuffix("."), parts.port  # raises if not a number
    if not is_name(name) or netloc != stated or "@" in stated:
        raise Problem(400, "BadRequest", f"Host: {stated[:80]!r} is not a host; it takes a name or address, and a port")
    return name
