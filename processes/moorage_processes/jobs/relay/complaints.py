"""What goes wrong between this machine and the relay, in words."""

from __future__ import annotations

import logging
import re
import socket
import ssl
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorage_processes.jobs.relay.address import Relay

LOGGER = logging.getLogger(__name__)

REFUSAL = re.compile(r"permissions violation for (publish|subscription) to \"([^\"]+)\"", re.IGNORECASE)
"""What nats-server says of a subject that a key is not for."""


def level_of(patience: float) -> int:
    """How loudly trouble is logged: a relay that is given up gets its sentence anyway."""
    return logging.WARNING if patience == inf else logging.DEBUG


class Complaints:
    """Logs what the NATS library complains of, which it does for as long as it tries; each once in a row.

    Parameters
    ----------
    refusals : the level at which a refused subject is logged.
    """

    def __init__(self, refusals: int = logging.WARNING) -> None:
        self._level = refusals
        self._last = ""
        self._refused: set[str] = set()

    def refuses(self, subject: str) -> bool:
        """Whether the relay refused what was published on a subject."""
        return subject.lower() in self._refused

    async def hear(self, error: Exception) -> None:
        """Take a complaint."""
        words = f"{type(error).__name__}: {error}"
        refusal = REFUSAL.search(words)
        if refusal is not None and refusal[1].lower() == "publish":
            # the library tells it in small letters
            self._refused.add(refusal[2].lower())
        if words != self._last:
            self._last = words
            LOGGER.log(self._level if refusal else logging.WARNING, "the relay: %s", words)


def stranger(relay: Relay) -> str:
    """The sentence for a key that the relay does not know."""
    if relay.credentials is None:
        return f"{relay.url} lets nobody in without credentials; name the file that `moorage invite` made"
    return (
        f"{relay.url} does not know the credentials {relay.credentials}; they are those of another relay, "
        "or nats-server has not read its list again since `moorage invite` entered them"
    )


def reason_of(error: Exception) -> str:
    """Why a relay does not answer."""
    # through a proxy of the web another library dials, which wraps what it met
    error = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    match error:
        case socket.gaierror():
            return "there is no such host"
        case ConnectionRefusedError():
            return "nothing listens there"
        case TimeoutError():
            return "no answer"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({error.verify_message})"
    return str(error) or type(error).__name__
