"""The other side of callbacks, for tests: a service that sends them, and those who receive them."""

from __future__ import annotations

import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import moorage
from support.engines import METHODS, eventually
from support.scripted_server import Answer, ScriptedServer, Told, scripted
from support.services import Running, serve

RULES = {
    "callback_hosts": ["127.0.0.1", "127.0x2"],
    "callback_attempts": 3,
    "callback_pause": 0.2,
    "callback_timeout": 1.0,
    "callback_progress": 0.2,
}
"""Quick enough for tests. By 127.0x2 resolvers mean 127.0.0.2, which is not listed."""
EVENTS = {"successUri": "success", "inProgressUri": "inProgress", "failedUri": "failed"}


class Sender:
    """A service whose callbacks are looked at.

    Parameters
    ----------
    service : that runs.
    """

    def __init__(self, service: Running) -> None:
        self.url = service.url
        self.state = service.state
        self.process = service.process

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and content of an answer."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json", **headers}
        request = urllib.request.Request(f"{self.url}{path}", content, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        try:
            return status, json.loads(content)
        except ValueError:
            return status, content.decode()

    def call(self, process: str, subscriber: Any, **inputs: Any) -> tuple[int, Any]:
        """Call and wait."""
        body = {"inputs": inputs, "subscriber": subscriber}
        return self.request("POST", f"/processes/{process}/execution", body)

    def submit(self, process: str, subscriber: Any, **inputs: Any) -> str:
        """Submit; the id of the job."""
        body = {"inputs": inputs, "subscriber": subscriber}
        status, document = self.request("POST", f"/processes/{process}/execution", body, Prefer="respond-async")
        assert status == 201, document
        return document["jobID"]

    def status(self, job: str) -> str:
        """How a job is."""
        return self.request("GET", f"/jobs/{job}")[1]["status"]

    def log(self, job: str) -> str:
        """What a job's log says."""
        return self.request("GET", f"/jobs/{job}/log", Accept="text/plain")[1]

    def owed(self, job: str) -> int:
        """How many callbacks of a job may still be sent."""
        with closing(sqlite3.connect(self.state / "jobs.sqlite")) as store:
            return store.execute("SELECT count(*) FROM callbacks WHERE job = ?", [job]).fetchone()[0]

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

    def subscriber(self, **members: str) -> dict[str, str]:
        """All three events, each at a path of its own."""
        return {name: f"{self.url}/{event}" for name, event in EVENTS.items()} | members

    def heard(self, event: str = "", job: str | None = None) -> list[Told]:
        """What it was told so far."""
        found = self.server.requests("POST", f"/{event}")
        return [each for each in found if job in (None, each.headers["Moorage-Job"])]

    def hears(self, event: str, count: int = 1) -> Told:
        """What it is told at last, once there is so much."""
        eventually(lambda: len(self.heard(event)) >= count)
        return self.heard(event)[count - 1]


@contextmanager
def sender(folder: Path, **rules: Any) -> Iterator[Sender]:
    """A service that sends callbacks to this machine, while the block lasts."""
    with serve(folder, [str(METHODS)], moorage=RULES | rules) as service:
        yield Sender(service)


@contextmanager
def receiver(**answers: Any) -> Iterator[Receiver]:
    """Somebody who says 202, or what *answers* tell, by event."""
    script = {f"POST /{event}": answers.get(event, Answer(status=202)) for event in EVENTS.values()}
    with scripted(script) as server:
        yield Receiver(server)


def verified(told: Told, sender: Sender) -> moorage.Callback:
    """What a callback says of itself, if its signature is right."""
    return moorage.verify_callback(told.body, told.headers["Moorage-Signature"], sender.secret)
