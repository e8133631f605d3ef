"""Address of the relay: a NATS server that a hub and its sites dial out to."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from moorage_processes.catalogue.user_directories import user_directory
from moorage_processes.errors import OperatorError

SCHEMES = ("nats", "tls", "ws", "wss")
ENCRYPTED = frozenset({"tls", "wss"})


class RelayError(OperatorError, ValueError):
    """A relay that cannot be used as it is written; the message says what would do."""


def default_credentials(name: str) -> Path:
    """Where the private key of a site, or of the hub, is kept unless another file is named: outside of any clone."""
    return user_directory("XDG_CONFIG_HOME", ".config") / f"{name}.seed"


def found_credentials(name: str) -> str | None:
    """That file, if it is there."""
    path = default_credentials(name)
    return str(path) if path.is_file() else None


@dataclass(frozen=True)
class Relay:
    """A NATS server, and who one is there."""

    url: str
    """``nats://``, ``tls://``, or through a proxy of the web ``ws://``, ``wss://``; with host and port."""
    credentials: str | None = None
    """A file that holds the seed of an NKEY, which ``moorage invite`` makes; it never leaves this machine."""
    ca: str | None = None
    """A file of certificates to check the server's with, where it is not one that the system trusts."""

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            is_whole = parts.scheme in SCHEMES and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            is_whole = False
        if not is_whole:
            forms = ", ".join(f"{scheme}://HOST:PORT" for scheme in SCHEMES)
            raise RelayError(f"{self.url!r} is not an address of a NATS server; it takes one of {forms}")
        for name in ("credentials", "ca"):
            path = getattr(self, name)
            if path is not None and not Path(path).is_file():
                raise RelayError(f"{name}: there is no file {path}")

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Relay:
        """Read what :meth:`to_json` wrote."""
        return cls(**document)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the supervisor."""
        return asdict(self)

    def tls(self) -> ssl.SSLContext | None:
        """How the server is known to be the right one; None where nothing is encrypted.

        Raises
        ------
        RelayError
            where the file of certificates holds none.
        """
        if urlsplit(self.url).scheme not in ENCRYPTED:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca)
        except ssl.SSLError as error:
            raise RelayError(f"ca: {self.ca} holds no certificates; it takes a file of certificates in PEM") from error
