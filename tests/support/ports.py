"""Ports for the servers of tests, which may run side by side."""

from __future__ import annotations

import random
import socket

PORTS = range(10_000, 32_000)
"""Below those that Linux gives to outgoing connections, any of which may take a port between its choice and its use."""
_CHANCE = random.Random()


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    while True:
        port = _CHANCE.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
