"""Other hosts on the network: which of them the operator allows, and at which address one is spoken to."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from functools import cache
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
PORTS = {"http": 80, "https": 443}
HIGHEST_PORT = 65535
NAME = re.compile(r"[\w-]+(\.[\w-]+)*")
BRACKETED = re.compile(r"\[(?P<host>[^\[\]]*:[^\[\]]*)\](?:(?P<mark>:)(?P<port>.*))?")
"""An IPv6 address or network as a URL has it, before a port."""


class ForbiddenHostError(Exception):
    """A host that leads to where the operator does not allow; the message says so."""


class UnknownHostError(Exception):
    """A host that has no address now."""


@dataclass(frozen=True)
class _Entry:
    """One entry of such a list: a name or networks, and the only port that is meant."""

    name: str = ""
    networks: tuple[Network, ...] = ()
    port: int | None = None
    """None for any."""

    def means(self, host: str, port: int) -> bool:
        """Whether the host of a URL is this one by its name."""
        return host == self.name and self.port in (None, port)

    def holds(self, address: Address, port: int) -> bool:
        """Whether a port at an address is among what is listed."""
        return self.port in (None, port) and any(address in network for network in self.networks)


@dataclass(frozen=True)
class Hosts:
    """What an operator has listed.

    Parameters
    ----------
    listed : hosts by name (``data.example.org``), by address or by network (``10.1.0.0/16``), each with any port, or
        with one (``data.example.org:8443``, ``10.1.0.0/16:8443``, ``[fd00::/8]:8443``). A private address needs its
        address or network here, with the port that is asked for, even where the name that leads to it is listed;
        ``localhost`` stands for the loopback networks too.
    """

    listed: tuple[str, ...] = ()

    def covers(self, parts: SplitResult) -> bool:
        """Whether the host of a URL is listed as it is written there, with its port."""
        host, port = parts.hostname or "", port_of(parts)
        address = as_address(host)
        if address is not None:
            return self._lists(address, port)
        return any(entry.means(host, port) for entry in _entries(self.listed))

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
        host, port = parts.hostname or "", port_of(parts)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise UnknownHostError(f"the host {host} is not known") from error
        addresses = [str(entry[4][0]) for entry in found]
        for text in addresses:
            address = ipaddress.ip_address(text.split("%")[0])
            if not (address.is_global or trusted or self._lists(address, port)):
                raise ForbiddenHostError(f"{host}:{port} leads to a private address, which is not allowed")
        return addresses[0]

    def _lists(self, address: Address, port: int) -> bool:
        return any(entry.holds(address, port) for entry in _entries(self.listed))


@cache
def _entries(listed: tuple[str, ...]) -> tuple[_Entry, ...]:
    return tuple(_entry(text) for text in listed)


def _entry(text: str) -> _Entry:
    host, port = _split(text)
    network = as_network(host)
    if network is not None:
        return _Entry(networks=(network,), port=port)
    return _Entry(host, LOOPBACK if host == "localhost" else (), port)


def _split(text: str) -> tuple[str, int | None]:
    """Host and port of an entry; an IPv6 address or network with a port stands in brackets."""
    if as_network(text) is not None:
        return text, None
    bracketed = BRACKETED.fullmatch(text)
    host, mark, port = (bracketed["host"], bracketed["mark"], bracketed["port"]) if bracketed else text.rpartition(":")
    if not mark:
        return (host if bracketed else text), None
    return (host, int(port)) if port.isdecimal() and 0 < int(port) <= HIGHEST_PORT else (text, None)


def is_usable(entry: str) -> bool:
    """Whether an entry of such a list can ever cover a host: a name in small letters, an address or a network."""
    host, _ = _split(entry)
    if as_network(host) is not None:
        return True
    if host.rpartition(".")[2].isdecimal():
        # no name ends so; short for an address, as 127.1 is, it is met as it is written
        return _is_short(host)
    return NAME.fullmatch(host) is not None and host == host.lower()


def is_name(entry: str) -> bool:
    """Whether an entry is a single host, by name or address, with any port."""
    host, port = _split(entry)
    return port is None and is_usable(entry) and (as_address(host) is not None or as_network(host) is None)


def is_loopback(host: str) -> bool:
    """Whether a host, a name or an address, is always this machine itself."""
    name = host.strip("[]").lower().removesuffix(".")
    address = as_address(name)
    if address is None:
        return name == "localhost" or name.endswith(".localhost")  # RFC 6761
    return any(address in network for network in LOOPBACK)


def parsed(url: str) -> SplitResult:
    """The parts of an http or https URL.

    Raises
    ------
    ValueError
        where it is none; the message says what it is instead.
    """
    try:
        parts = urlsplit(url)
        port = parts.port  # raises where it is not a number
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


def authority(host: str, port: int) -> str:
    """A host and port as a URL has them: an IPv6 address takes brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def target_of(parts: SplitResult) -> str:
    """What a request to a URL asks for at its host."""
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def is_network(entry: str) -> bool:
    """Whether an entry of such a list is an address or a network, with a port or without."""
    return as_network(_split(entry)[0]) is not None


def _is_short(name: str) -> bool:
    try:
        socket.inet_aton(name)
    except OSError:
        return False
    return True


def as_address(host: str) -> Address | None:
    """The address that a host is; None where it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def as_network(text: str) -> Network | None:
    """The network, or single address, that a text without a port is."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
