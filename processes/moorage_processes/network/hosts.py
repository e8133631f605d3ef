"""Other hosts on the network: which of them the operator allows, and at which address one is spoken to."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LOOPBACK = ("127.0.0.0/8", "::1/128")
PORTS = {"http": 80, "https": 443}
HIGHEST_PORT = 65535
NAME = re.compile(r"[\w-]+(\.[\w-]+)*")


class ForbiddenHostError(Exception):
    """A host that leads to where the operator does not allow; the message says so."""


class UnknownHostError(Exception):
    """A host that has no address now."""


@dataclass(frozen=True)
class Hosts:
    """What an operator has listed.

    Parameters
    ----------
    listed : hosts by name (``data.example.org``, any port, or ``data.example.org:8443``), by address or by network
        (``10.1.0.0/16``). A private address needs its address or network here, even where the name that leads to it
        is listed; ``localhost`` stands for the loopback network too.
    """

    listed: tuple[str, ...] = ()

    def covers(self, parts: SplitResult) -> bool:
        """Whether the host of a URL is listed as it is written there."""
        host = parts.hostname or ""
        address = _as_address(host)
        if address is not None:
            return self._lists(address)
        return host in self.listed or f"{host}:{port_of(parts)}" in self.listed

    def resolve(self, parts: SplitResult, *, trusted: bool = False) -> str:
        """One address for the host of a URL: the one to connect to, since a name can change its meaning.

        Parameters
        ----------
        parts : the URL.
        trusted : whether it may lead to a private address that is not listed.

        Raises
        ------
        UnknownHostError
            where it has no address.
        ForbiddenHostError
            where one of its addresses is private and not listed.
        """
        host = parts.hostname or ""
        try:
            found = socket.getaddrinfo(host, port_of(parts), type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise UnknownHostError(f"the host {host} is not known") from error
        addresses = [str(entry[4][0]) for entry in found]
        for text in addresses:
            address = ipaddress.ip_address(text.split("%")[0])
            if not (address.is_global or trusted or self._lists(address)):
                raise ForbiddenHostError(f"{host} leads to a private address, which is not allowed")
        return addresses[0]

    def _lists(self, address: Address) -> bool:
        return any(address in network for network in self._networks())

    def _networks(self) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        for entry in self.listed:
            if entry.rsplit(":", 1)[0] == "localhost":
                yield from map(ipaddress.ip_network, LOOPBACK)
            try:
                yield ipaddress.ip_network(entry, strict=False)
            except ValueError:
                continue  # a name


def is_usable(entry: str) -> bool:
    """Whether an entry of such a list can ever cover a host: a name in small letters, an address or a network."""
    if is_network(entry):
        return True
    name, mark, port = entry.rpartition(":")
    if mark and not (port.isdecimal() and 0 < int(port) <= HIGHEST_PORT):
        return False
    name = name if mark else entry
    if name.rpartition(".")[2].isdecimal():
        # no name ends so; short for an address, as 127.1 is, it is met as it is written
        return _as_address(name) is None and _is_short(name)
    return NAME.fullmatch(name) is not None and name == name.lower()


def parsed(url: str) -> SplitResult:
    """The parts of an http or https URL.

    Raises
    ------
    ValueError
        where it is none; the message says what it is instead.
    """
    try:
        parts = urlsplit(url)
        port = parts.port  # raises where it is no number
    except ValueError as error:
        raise ValueError(f"{url!r} is not a URL") from error
    if parts.scheme not in PORTS or not parts.hostname or port == 0:
        raise ValueError(f"{url!r} is not an http or https URL")
    if parts.username or parts.password:
        raise ValueError("a URL holds no user name or password here")
    return parts


def is_address(url: str) -> bool:
    """Whether a text is an http or https URL to which a path can be added."""
    try:
        parts = parsed(url)
    except ValueError:
        return False
    return not (parts.query or parts.fragment)


def port_of(parts: SplitResult) -> int:
    """The port a URL means."""
    return parts.port or PORTS.get(parts.scheme, 0)


def target_of(parts: SplitResult) -> str:
    """What a request to a URL asks for at its host."""
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def is_network(entry: str) -> bool:
    """Whether an entry of such a list is an address, or a network."""
    try:
        ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
    return True


def _is_short(name: str) -> bool:
    try:
        socket.inet_aton(name)
    except OSError:
        return False
    return True


def _as_address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
