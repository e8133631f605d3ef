"""A way to a service on which one hears what a client asks for and how much is sent back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

BLOCK = 1 << 16
OF_ONE_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "host"})


@dataclass(frozen=True)
class Heard:
    """One request and what it got."""

    method: str
    path: str
    range: str | None
    preflight: str | None
    """The headers that a browser asked to be allowed to send."""
    status: int
    size: int
    """Bytes of the body that were sent."""


@dataclass
class Way:
    """An address that leads to a service.

    Parameters
    ----------
    url : the address.
    beyond : that of the service.
    heard : what went by, in order of its end.
    """

    url: str
    beyond: str
    heard: list[Heard] = field(default_factory=list)

    def to(self, href: str) -> str:
        """The same resource by this way."""
        assert href.startswith(self.beyond)
        return self.url + href.removeprefix(self.beyond)

    def sent(self, href: str) -> int:
        """Bytes that were sent of one resource."""
        path = urlsplit(href).path
        return sum(each.size for each in self.heard if each.path == path)


@contextmanager
def way_to(service: str) -> Iterator[Way]:
    """A way to *service* that is there while the block lasts."""
    way = Way("", service)

    class Passing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _pass_on(self, way)

        do_HEAD = do_POST = do_DELETE = do_OPTIONS = do_GET  # noqa: N815 - the names http.server looks for

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Passing) as server:
        server.daemon_threads = True
        way.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield way
        finally:
            server.shutdown()


def _pass_on(request: BaseHTTPRequestHandler, way: Way) -> None:
    body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
    headers = {name: value for name, value in request.headers.items() if name.lower() not in OF_ONE_CONNECTION}
    beyond = HTTPConnection(urlsplit(way.beyond).netloc, timeout=60)
    beyond.request(request.command, request.path, body or None, headers)
    answer = beyond.getresponse()
    request.send_response_only(answer.status, answer.reason)
    for name, value in answer.getheaders():
        if name.lower() not in OF_ONE_CONNECTION:
            request.send_header(name, value)
    if answer.length is None:  # a body of unstated length ends with its connection
        request.close_connection = True
    request.end_headers()
    size = 0
    try:
        while block := answer.read(BLOCK):
            request.wfile.write(block)
            size += len(block)
    finally:
        beyond.close()
        way.heard.append(
            Heard(
                request.command,
                urlsplit(request.path).path,
                request.headers.get("Range"),
                request.headers.get("Access-Control-Request-Headers"),
                answer.status,
                size,
            )
        )
