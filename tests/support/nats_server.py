"""A real NATS server with JetStream in a process of its own, on a free port, with the shipped configuration."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from moorage_processes.configuration.configuration import shipped
from moorage_processes.jobs.relay.address import Relay
from moorage_processes.jobs.relay.credentials import invite
from support.patience import patience
from support.ports import free_port
from support.programs import program
from support.waiting import eventually

PATIENCE = patience(30.0)


@dataclass
class Nats:
    """A relay, and how it is stopped and started again.

    Parameters
    ----------
    folder : its configuration, its list of guests and its store.
    port : where it listens on loopback.
    """

    folder: Path
    port: int
    web: int
    """Where it listens for WebSockets."""
    address: str = "127.0.0.1"
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"nats://{self.address}:{self.port}"

    def start(self) -> None:
        """Begin, or begin again; returns when it listens."""
        command = [program("nats-server"), "-js", "-c", str(self.folder / "nats.conf"), "-a", self.address]
        places = os.environ | {
            "NATS_PORT": str(self.port),
            "NATS_WEBSOCKET_PORT": str(self.web),
            "NATS_STORE": str(self.folder / "store"),
        }
        with (self.folder / "nats.log").open("ab") as log:
            self.process = subprocess.Popen([*command, "-P", str(self.folder / "pid")], env=places, stderr=log)
        eventually(self._listens, within=PATIENCE)

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "nats.log").read_text()
        try:
            socket.create_connection((self.address, self.port), 1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Kill it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def credentials(self, name: str) -> Path:
        """The seed of a guest."""
        return self.folder / f"{name}.seed"

    def relay(self, name: str) -> Relay:
        """The relay as a guest reaches it."""
        return Relay(self.url, str(self.credentials(name)))


@contextmanager
def serving_nats(folder: Path, *guests: str, further: str = "", address: str = "127.0.0.1") -> Iterator[Nats]:
    """A relay that lets in the hub and *guests*, with *further* configuration, while the block lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nats.conf").write_text(shipped("nats.conf").read_text() + further)
    nats = Nats(folder, free_port(), free_port(), address)
    for name in ("hub", *guests):
        invite(name, nats.credentials(name), folder / "users.conf")
    nats.start()
    try:
        yield nats
    finally:
        nats.stop()
