"""One caller silences nobody: whatever connections they hold, others are answered meanwhile."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest
import requests
from support.patience import patience
from support.waiting import eventually

DEEP = bool(os.environ.get("MOORAGE_DEEP"))
ANSWER = patience(5.0)
"""Seconds that an answer may take; it takes milliseconds, or, where callers stand in line, half a minute."""
PROBES = 12
"""Answers that are asked for, each on a new connection, so that every web process gives some."""

CLOSING = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HALF_HEADER = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Never: "
HALF_BODY = (
    b"POST /processes/echo/execution HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b'Content-Length: 1000\r\n\r\n{"inputs": '
)
HALF_CHUNK = HALF_BODY.replace(b"Content-Length: 1000", b"Transfer-Encoding: chunked").replace(b"{", b"ff\r\n{")
HALF_UPLOAD = b"PUT /sites/uploads/nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx"
IDLE = b""
ATTACKS = {
    "closing connections that stay open": (CLOSING, 60, 1000),
    "half headers": (HALF_HEADER, 130, 600),
    "half bodies": (HALF_BODY, 130, 2500),
    "half chunks": (HALF_CHUNK, 130, 600),
    "half uploads": (HALF_UPLOAD, 130, 600),
    "idle connections": (IDLE, 200, 5000),
}
"""What is sent on each of how many connections, and on how many where there is time."""


@contextmanager
def connections(url: str, count: int, payload: bytes) -> Iterator[None]:
    """Connections on which something was sent, and nothing is read or closed while the block lasts."""
    address = ("127.0.0.1", urlsplit(url).port)
    with ExitStack() as stack, files(count):
        for _ in range(count):
            sock = stack.enter_context(socket.socket())
            sock.settimeout(ANSWER)
            sock.connect(address)
            sock.sendall(payload)
        yield


@contextmanager
def files(count: int) -> Iterator[None]:
    """So many more files can be opened while the block lasts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 500)), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def others_are_answered(url: str) -> None:
    """Callers on connections of their own get what they ask for."""
    for _ in range(PROBES):
        assert requests.get(f"{url}/healthz", timeout=ANSWER).text == "alive\n"
    body = {"inputs": {"message": "a"}, "outputs": {"message": {}}}
    assert requests.post(f"{url}/processes/echo/execution", json=body, timeout=ANSWER).json() == "a"


@pytest.fixture(scope="module")
def url(service_url: str) -> str:
    """A service that has done all that is done once."""
    eventually(lambda: requests.get(f"{service_url}/readyz", timeout=ANSWER).ok)
    return service_url


@pytest.mark.parametrize("name", ATTACKS)
def test_others_are_answered_while_one_caller_holds(name, url):
    payload, few, many = ATTACKS[name]
    with connections(url, many if DEEP else few, payload):
        others_are_answered(url)
