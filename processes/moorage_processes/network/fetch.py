"""Inputs by reference: an href fetched only from where the operator allows, and never further."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3

from moorage_processes.errors import InputError
from moorage_processes.network.connections import connections
from moorage_processes.network.hosts import ForbiddenHostError, Hosts, UnknownHostError, parsed, port_of, target_of

REDIRECTS = 3
BLOCK = 1 << 20


@dataclass(frozen=True)
class Policy:
    """From where an href may be fetched, how much and for how long.

    Parameters
    ----------
    own : base URL of this service, whose own results are always allowed.
    allowed_hosts : further hosts, as :class:`moorage_processes.network.hosts.Hosts` takes them.
    size : most bytes of one input.
    seconds : longest time for one input, or for one part of what is read in parts, from the first connection to the
        last byte.
    published : base URL where results of this machine stayed that another service leads to; always allowed too.
    """

    own: str
    allowed_hosts: tuple[str, ...] = ()
    size: int = 10**9
    seconds: float = 60.0
    published: str = ""

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
        if self.is_own(parts) or self._hosts.covers(parts):
            return parts
        known = ", ".join(self.allowed_hosts) or "none but this service"
        raise InputError(
            f"{name}: {parts.hostname} is not a host this service fetches from; it allows {known}", input=name
        )

    def is_own(self, parts: SplitResult) -> bool:
        """Whether a reference leads to this service itself."""
        return any(_origin(parts) == _origin(urlsplit(own)) for own in (self.own, self.published) if own)

    def resolve(self, parts: SplitResult, name: str) -> str:
        """One address for a checked reference; a private one only where the policy lists it."""
        try:
            return self._hosts.resolve(parts, trusted=self.is_own(parts))
        except (ForbiddenHostError, UnknownHostError) as error:
            raise InputError(f"{name}: {error}", input=name) from error

    @property
    def _hosts(self) -> Hosts:
        return Hosts(self.allowed_hosts)


def fetch(href: str, path: Path, policy: Policy, name: str) -> str:
    """Fetch *href* into the file *path* for the input *name*, and give its media type ('' where none is stated).

    The address is resolved once, checked, and connected to, so that a name cannot change its meaning in between.
    Redirects are followed within the same origin only, but from the service itself, whose results may have stayed at a
    site, to whatever is allowed.
    """
    deadline = time.monotonic() + policy.seconds
    start = policy.check(href, name)
    parts = start
    for _ in range(REDIRECTS + 1):
        with _open(parts, policy, deadline, name) as response:
            if response.status in (301, 302, 303, 307, 308):
                parts = _redirected(parts, response.headers.get("Location", ""), policy, name)
                continue
            if response.status != 200:  # noqa: PLR2004 - HTTP's word for success
                raise InputError(f"{name}: {href} answered with status {response.status}", input=name)
            _save(response, path, policy, name)
            return str(response.headers.get("Content-Type", ""))
    raise InputError(f"{name}: {href} redirects more than {REDIRECTS} times", input=name)


@contextmanager
def _open(parts: SplitResult, policy: Policy, deadline: float, name: str) -> Iterator[urllib3.BaseHTTPResponse]:
    address = policy.resolve(parts, name)
    left = deadline - time.monotonic()
    if left <= 0:
        raise _too_slow(policy, name)
    with connections(parts, address, urllib3.Timeout(left), left) as pool:
        try:
            response = pool.request(
                "GET",
                target_of(parts),
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
            if time.monotonic() >= deadline:
                raise _too_slow(policy, name) from error
            raise InputError(f"{name}: {parts.geturl()} does not answer", input=name) from error


def _save(response: urllib3.BaseHTTPResponse, path: Path, policy: Policy, name: str) -> None:
    stated = response.headers.get("Content-Length", "")
    left = policy.size
    if stated.isdigit() and int(stated) > policy.size:
        raise _too_large(policy, name)
    with path.open("wb") as file:
        while block := response.read(BLOCK):
            left -= len(block)
            if left < 0:
                raise _too_large(policy, name)
            file.write(block)


def _too_large(policy: Policy, name: str) -> InputError:
    return InputError(f"{name}: the reference holds more than {policy.size} bytes, the most one may hold", input=name)


def _too_slow(policy: Policy, name: str) -> InputError:
    return InputError(f"{name}: the reference took longer than {policy.seconds:g} s, the most one may take", input=name)


def _redirected(parts: SplitResult, location: str, policy: Policy, name: str) -> SplitResult:
    target = _parse(urljoin(parts.geturl(), location), name)
    if policy.is_own(parts):
        return policy.check(target.geturl(), name)
    if (target.scheme, target.netloc) != (parts.scheme, parts.netloc):
        raise InputError(
            f"{name}: {parts.geturl()} redirects to another host, {target.hostname}; give the final address",
            input=name,
        )
    return target


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, port_of(parts)


def _parse(href: str, name: str) -> SplitResult:
    try:
        return parsed(href)
    except ValueError as error:
        raise InputError(f"{name}: {error}", input=name) from error
