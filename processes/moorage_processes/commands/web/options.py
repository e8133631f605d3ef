"""What a web server is told beside its application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def no_uploads(method: str, path: str) -> bool:  # noqa: ARG001 - asked by both
    """Nothing is uploaded."""
    return False


@dataclass(frozen=True, kw_only=True)
class WebOptions:
    """What a web server is told beside its application."""

    processes: int = 2
    """Web processes, which share the port."""
    threads: int
    """Threads in each of them; each answers one request at a time."""
    body_size: int
    """Bytes of a body at most."""
    is_upload: Callable[[str, str], bool] = no_uploads
    """Whether the application reads the body of a method and path itself, whatever its size."""
    shutdown_delay: float = 0.0
    """Seconds from the signal to stop until nobody is let in any more."""
