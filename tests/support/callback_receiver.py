"""The other side of callbacks, for tests: a service that sends them, and those who receive them."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import moorage
from support.engines import METHODS
from support.scripted_server import Answer, ScriptedServer, Told, scripted
from support.service_client import ServiceClient, identifier
from support.services import serve
from support.waiting import eventually

RULES = {
    "callback_hosts": ["127.0.0.1", "127.0x2"],
    "callback_attempts": 3,
    "callback_pause": 0.2,
    "callback_timeout": 1.0,
    "callback_progress": 0.2,
}
"""Quick enough for tests. By 127.0x2 resolvers mean 127.0.0.2, which is not listed."""
EVENTS = {"successUri": "success", "inProgressUri": "inProgress", "failedUri": "failed"}


@dataclass(frozen=True)
class Sender(ServiceClient):
    """A service whose callbacks are looked at."""

    state: Path
    process: subprocess.Popen[bytes]

    def owed(self, job: str) -> int:
        """How many callbacks of a job may still be sent."""
        with closing(sqlite3.connect(self.state / "jobs.sqlite")) as store:
            return store.execute("SELECT count(*) FROM callbacks WHERE job = ?", [identifier(job)]).fetchone()[0]

    def settled(self, job: str) -> None:
        """Wait until nothing more is to be sent of a job."""
        eventually(lambda: self.owed(job) == 0)

    @property
    def secret(self) -> str:
        """What its operator hands over."""
        return (self.state / "callback-secret").read_text()


class Receiver:
    """Somebody who is told.

    Parameters
    ----------
    server : that answers.
    """

    def __init__(self, server: ScriptedServer) -> None:
        self.url = server.url
        self.server = server

    def subscriber(self, **members: str) -> dict[str, dict[str, str]]:
        """The member of an execute request that asks for all three events, each at a path of its own."""
        return {"subscriber": {name: f"{self.url}/{event}" for name, event in EVENTS.items()} | members}

    def heard(self, event: str = "", job: str | None = None) -> list[Told]:
        """What it was told so far."""
        found = self.server.requests("POST", f"/{event}")
        return [each for each in found if job is None or identifier(job) == each.headers["Moorage-Job"]]

    def hears(self, event: str, count: int = 1) -> Told:
        """What it is told at last, once there is so much."""
        eventually(lambda: len(self.heard(event)) >= count)
        return self.heard(event)[count - 1]


@contextmanager
def sender(folder: Path, **rules: Any) -> Iterator[Sender]:
    """A service that sends callbacks to this machine, while the block lasts."""
    with serve(folder, [str(METHODS)], moorage=RULES | rules) as service:
        yield Sender(service.url, service.state, service.process)


@contextmanager
def receiver(**answers: Any) -> Iterator[Receiver]:
    """Somebody who says 202, or what *answers* tell, by event."""
    script = {f"POST /{event}": answers.get(event, Answer(status=202)) for event in EVENTS.values()}
    with scripted(script) as server:
        yield Receiver(server)


def verified(told: Told, sender: Sender) -> moorage.Callback:
    """What a callback says of itself, if its signature is right."""
    return moorage.verify_callback(told.body, told.headers["Moorage-Signature"], sender.secret)
