"""Class callback: what becomes of a job is posted to where the subscriber says."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from exchange import MESSAGE, bare, ended, get, problem, submit
from standard import valid
from support.services import serve

METHODS = Path(__file__).with_name("methods_for_conformance.py")
LONGEST = 20
"""Seconds a message may take."""


@dataclass
class Subscriber:
    """Whoever wants to be told."""

    url: str
    messages: queue.Queue[tuple[str, str, bytes]] = field(default_factory=queue.Queue)
    """Path, media type and body of each message."""

    def at(self, *names: str) -> dict[str, str]:
        """The member ``subscriber`` of an execute request, for some of its three addresses."""
        return {f"{name}Uri": f"{self.url}/{name}" for name in names}

    def told(self, name: str) -> dict:
        """The next message to one address; those to other addresses are passed over."""
        while True:
            path, media_type, body = self.messages.get(timeout=LONGEST)
            if path == f"/{name}":
                assert bare(media_type) in ("application/json", "application/problem+json")
                document: dict = json.loads(body)
                return document


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    """One that listens on this machine, and answers 202 as the standard's example does."""

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.subscriber.messages.put((self.path, self.headers["Content-Type"], body))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *said: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        server.subscriber = Subscriber(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.subscriber
        server.shutdown()


@pytest.fixture(scope="module")
def calling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that may call this machine."""
    moorage = {"slots": 1, "callback_hosts": ["127.0.0.1"]}
    with serve(tmp_path_factory.mktemp("calling"), [str(METHODS)], ours=True, moorage=moorage) as running:
        yield running.url


@pytest.mark.requirement("/req/callback/job-callback")
@pytest.mark.parametrize("response", ["document", "raw"])
def test_results_are_posted_as_one_document(calling, subscriber, response):
    body = {"inputs": {**MESSAGE, "numbers": [1, 2]}, "response": response, "subscriber": subscriber.at("success")}
    job = submit(calling, "echo", body)
    told = valid(subscriber.told("success"), "results")
    assert told == {"message": "teststring", "numbers": [1, 2]}
    assert ended(job)["status"] == "successful"
    if response == "document":
        assert get(f"{job}/results").json() == told


@pytest.mark.requirement("/req/callback/job-callback")
def test_states_are_posted_while_a_job_runs(calling, subscriber):
    inputs = {**MESSAGE, "pause": 2}
    job = submit(calling, "echo", {"inputs": inputs, "subscriber": subscriber.at("success", "inProgress", "failed")})
    told = valid(subscriber.told("inProgress"), "statusInfo")
    assert told["jobID"] == job.rsplit("/", 1)[-1]
    assert told["status"] in ("accepted", "running")
    assert valid(subscriber.told("success"), "results")["message"] == "teststring"


@pytest.mark.requirement("/req/callback/job-callback")
def test_a_failure_is_posted_as_the_exception_the_results_give(calling, subscriber):
    job = submit(calling, "refuse", {"inputs": {"text": "a"}, "subscriber": subscriber.at("success", "failed")})
    told = valid(subscriber.told("failed"), "exception")
    assert ended(job)["status"] == "failed"
    assert problem(get(f"{job}/results"), 400) == told
    assert subscriber.messages.empty()


@pytest.mark.requirement("/req/callback/job-callback")
@pytest.mark.parametrize("names", [(), ("success",), ("inProgress",), ("failed",), ("inProgress", "failed")])
def test_a_subscriber_names_as_many_addresses_as_it_likes(calling, subscriber, names):
    job = submit(calling, "echo", {"inputs": MESSAGE, "subscriber": subscriber.at(*names)})
    assert ended(job)["status"] == "successful"
    if "success" in names:
        assert valid(subscriber.told("success"), "results") == {"message": "teststring"}
