"""Who asks: the one place that knows whom a request comes from."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import cached_property

from flask import request

from moorage_processes.network.hosts import Address, Network, as_address, as_network

FORWARDED = "X-Forwarded-For"
"""Header in which each proxy adds the address that it was asked from."""
SITE = 64
"""Bits of an IPv6 address that tell one network from another; whoever has a network has all its addresses."""


@dataclass(frozen=True)
class Callers:
    """Tells callers apart.

    Parameters
    ----------
    trusted_proxies : addresses and networks of proxies, whose word on who asked them is taken.
    """

    trusted_proxies: tuple[str, ...] = ()

    def current(self) -> str:
        """Who sent the request that is being answered."""
        return self.of(request.remote_addr or "", request.headers.get(FORWARDED, ""))

    def of(self, peer: str, forwarded: str = "") -> str:
        """Who sent a request: the peer, or whom the nearest proxies that are trusted were asked by.

        Parameters
        ----------
        peer : address at the other end of the connection.
        forwarded : value of the header, the nearest proxy's word last.

        Returns
        -------
        An IPv4 address, or an IPv6 network.
        """
        found = _address(peer)
        if found is None:
            return peer
        for word in reversed(forwarded.split(",")):
            before = _address(word)
            if before is None or not self._is_trusted(found):
                break
            found = before
        return str(found) if found.version == 4 else str(ipaddress.ip_network((found, SITE), strict=False))  # noqa: PLR2004 - IPv4

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    @cached_property
    def _networks(self) -> tuple[Network, ...]:
        return tuple(found for entry in self.trusted_proxies if (found := as_network(entry)) is not None)


def _address(word: str) -> Address | None:
    """An address as proxies write it: bare, or with a port, or in brackets."""
    text = word.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    found = as_address(text.partition("%")[0])
    # what IPv4 looks like to a socket that takes both
    return getattr(found, "ipv4_mapped", None) or found
