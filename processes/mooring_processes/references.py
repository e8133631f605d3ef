"""Inputs by reference: an href fetched only from where the operator allows, and never further."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3

from mooring_processes.errors import InputError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

REDIRECTS = 3
BLOCK = 1 << 20
LOOPBACK = ("127.0.0.0/8", "::1/128")
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Policy:
    """From where an href may be fetched, how much and for how long.

    Parameters
    ----------
    own : base URL of this service, whose own results are always allowed.
    allowed_hosts : further hosts by name (``data.example.org``, any port, or ``data.example.org:8443``), by address
        or by network (``10.1.0.0/16``). A private address needs its address or network here, even where the name
        that leads to it is listed; ``localhost`` stands for the loopback network too.
    size : most bytes of one input.
    seconds : longest time for one input, from the first connection to the last byte.
    """

    own: str
    allowed_hosts: tuple[str, ...] = ()
    size: int = 1 << 30
    seconds: float = 60.0

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Policy:
        """Read what :meth:`to_json` wrote."""
        return cls(**{**document, "allowed_hosts": tuple(document["allowed_hosts"])})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for a child process."""
        return asdict(self)

    def check(self, href: str, name: str) -> SplitResult:
        """Refuse what the text of *href* already shows, for the input *name*; the parts of an allowed one."""
        parts = _parse(href, name)
        if self.is_own(parts) or self._is_listed(parts):
            return parts
        known = ", ".join(self.allowed_hosts) or "none but this service"
        raise InputError(
            f"{name}: {parts.hostname} is not a host this service fetches from; it allows {known}", input=name
        )

    def is_own(self, parts: SplitResult) -> bool:
        """Whether a reference leads to this service itself."""
        own = urlsplit(self.own)
        return (parts.scheme, parts.hostname, _port(parts)) == (own.scheme, own.hostname, _port(own))

    def _is_listed(self, parts: SplitResult) -> bool:
        host = parts.hostname or ""
        address = _as_address(host)
        if address is not None:
            return self._lists_address(address)
        return host in self.allowed_hosts or f"{host}:{_port(parts)}" in self.allowed_hosts

    def _lists_address(self, address: Address) -> bool:
        return any(address in network for network in self._networks())

    def _networks(self) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        for entry in self.allowed_hosts:
            if entry.rsplit(":", 1)[0] == "localhost":
                yield from map(ipaddress.ip_network, LOOPBACK)
            try:
                yield ipaddress.ip_network(entry, strict=False)
            except ValueError:
                continue  # a name

    def resolve(self, parts: SplitResult, name: str) -> str:
        """One address for a checked reference; a private one only where the policy lists it."""
        host = parts.hostname or ""
        try:
            found = socket.getaddrinfo(host, _port(parts), type=socket.SOCK_STREAM)
        except OSError as error:
            raise InputError(f"{name}: the host {host} is not known", input=name) from error
        addresses = [str(entry[4][0]) for entry in found]
        for text in addresses:
            address = ipaddress.ip_address(text.split("%")[0])
            if not (address.is_global or self.is_own(parts) or self._lists_address(address)):
                raise InputError(f"{name}: {host} leads to a private address, which is not allowed", input=name)
        return addresses[0]


def fetch(href: str, path: Path, policy: Policy, name: str) -> str:
    """Fetch *href* into the file *path* for the input *name*, and give its media type ('' where none is stated).

    The address is resolved once, checked, and connected to, so that a name cannot change its meaning in between.
    Redirects are followed within the same origin only.
    """
    deadline = time.monotonic() + policy.seconds
    start = policy.check(href, name)
    parts = start
    for _ in range(REDIRECTS + 1):
        with _open(parts, policy, deadline, name) as response:
            if response.status in (301, 302, 303, 307, 308):
                parts = _redirected(parts, response.headers.get("Location", ""), name)
                continue
            if response.status != 200:  # noqa: PLR2004 - HTTP's word for success
                raise InputError(f"{name}: {href} answered with status {response.status}", input=name)
            _save(response, path, policy, deadline, name)
            return str(response.headers.get("Content-Type", ""))
    raise InputError(f"{name}: {href} redirects more than {REDIRECTS} times", input=name)


@contextmanager
def _open(parts: SplitResult, policy: Policy, deadline: float, name: str) -> Iterator[urllib3.BaseHTTPResponse]:
    address = policy.resolve(parts, name)
    timeout = urllib3.Timeout(total=max(0.1, deadline - time.monotonic()))
    host = parts.hostname or ""
    if parts.scheme == "https":
        pool: urllib3.HTTPConnectionPool = urllib3.HTTPSConnectionPool(
            address, _port(parts), timeout=timeout, server_hostname=host, assert_hostname=host
        )
    else:
        pool = urllib3.HTTPConnectionPool(address, _port(parts), timeout=timeout)
    target = parts.path or "/"
    target += f"?{parts.query}" if parts.query else ""
    with pool:
        try:
            response = pool.request(
                "GET",
                target,
                headers={"Host": parts.netloc},
                preload_content=False,
                redirect=False,
                retries=False,
            )
            try:
                yield response
            finally:
                response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise InputError(f"{name}: {parts.geturl()} does not answer", input=name) from error


def _save(response: urllib3.BaseHTTPResponse, path: Path, policy: Policy, deadline: float, name: str) -> None:
    stated = response.headers.get("Content-Length", "")
    left = policy.size
    if stated.isdigit() and int(stated) > policy.size:
        raise _too_large(policy, name)
    with path.open("wb") as file:
        while block := response.read(BLOCK):
            left -= len(block)
            if left < 0:
                raise _too_large(policy, name)
            if time.monotonic() > deadline:
                raise InputError(f"{name}: the reference took longer than {policy.seconds:g} s", input=name)
            file.write(block)


def _too_large(policy: Policy, name: str) -> InputError:
    return InputError(f"{name}: the reference holds more than {policy.size} bytes, the most one may hold", input=name)


def _redirected(parts: SplitResult, location: str, name: str) -> SplitResult:
    target = _parse(urljoin(parts.geturl(), location), name)
    if (target.scheme, target.netloc) != (parts.scheme, parts.netloc):
        raise InputError(
            f"{name}: {parts.geturl()} redirects to another host, {target.hostname}; give the final address",
            input=name,
        )
    return target


def _parse(href: str, name: str) -> SplitResult:
    try:
        parts = urlsplit(href)
        port = parts.port  # raises where it is no number
    except ValueError as error:
        raise InputError(f"{name}: {href!r} is not a URL", input=name) from error
    if parts.scheme not in PORTS or not parts.hostname or port == 0:
        raise InputError(f"{name}: {href!r} is not an http or https URL", input=name)
    if parts.username or parts.password:
        raise InputError(f"{name}: a reference holds no user name or password", input=name)
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or PORTS.get(parts.scheme, 0)


def _as_address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
