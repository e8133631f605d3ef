"""A way to a service on which one hears what a client asks for and how much is sent back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
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
    """

    url: str
    beyond: str
    _heard: list[Heard] = field(default_factory=list)
    _under_way: int = 0
    _change: threading.Condition = field(default_factory=threading.Condition)

    @property
    def heard(self) -> list[Heard]:
        """What went by, in order of its end; a client may have all of an answer before it is written down."""
        with self._change:
            assert self._change.wait_for(lambda: not self._under_way, timeout=60)
            return list(self._heard)

    def begin(self) -> None:
        """A request comes by."""
        with self._change:
            self._under_way += 1

    def end(self, heard: Heard | None) -> None:
        """It has its answer, or none."""
        with self._change:
            self._heard += [heard] if heard is not None else []
            self._under_way -= 1
            self._change.notify_all()

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
            way.begin()
            heard = None
            try:
                heard = _pass_on(self, way.beyond)
            finally:
                way.end(heard)

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


def _pass_on(request: BaseHTTPRequestHandler, service: str) -> Heard:
    body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
    headers = {name: value for name, value in request.headers.items() if name.lower() not in OF_ONE_CONNECTION}
    beyond = HTTPConnection(urlsplit(service).netloc, timeout=60)
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
    with closing(beyond), suppress(ConnectionError):  # a client that has seen enough hangs up
        while block := answer.read(BLOCK):
            request.wfile.write(block)
            size += len(block)
    return Heard(
        request.command,
        urlsplit(request.path).path,
        request.headers.get("Range"),
        request.headers.get("Access-Control-Request-Headers"),
        answer.status,
        size,
    )
