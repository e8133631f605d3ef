"""A small server that answers as it is told, for what no real server at hand sends."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JSON = "application/json"


@dataclass(frozen=True)
class Told:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    peer: int
    """The port it came from."""

    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What is said to a request."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    """Bytes of the body after which the connection breaks."""


Script = Callable[[Told], Any] | Answer | bytes | str | dict | list | None


class ScriptedServer:
    """Answers by method and path; a list of answers is gone through, its last one stays."""

    def __init__(self, url: str, script: dict[str, Any]) -> None:
        self.url = url
        self.script = script
        self.heard: list[Told] = []
        self.lock = threading.Lock()

    def answer(self, told: Told) -> Answer:
        """What is said to a request."""
        with self.lock:
            self.heard.append(told)
            found = self.script.get(f"{told.method} {told.path.partition('?')[0]}", Answer({"title": "Not Found"}, 404))
            if isinstance(found, list) and found and isinstance(found[0], Answer):
                found = found.pop(0) if len(found) > 1 else found[0]
        if callable(found):
            found = found(told)
        return found if isinstance(found, Answer) else Answer(found)

    def requests(self, method: str, path: str = "") -> list[Told]:
        """The requests of one method that came so far."""
        return [each for each in self.heard if each.method == method and each.path.startswith(path)]


def description(**members: Any) -> dict[str, Any]:
    """A process ``p`` with the input ``x`` and the output ``y``."""
    plain = {"inputs": {"x": {"schema": {"type": "number"}, "minOccurs": 0}}, "outputs": {"y": {"schema": {}}}}
    return {"id": "p", "version": "1", "title": "P", "jobControlOptions": ["async-execute"], **plain, **members}


@contextmanager
def scripted(script: dict[str, Any], **process: Any) -> Iterator[ScriptedServer]:
    """A server with one process, whose further answers *script* tells."""
    document = description(**process)
    usual = {
        "GET /": {"title": "Scripted", "links": []},
        "GET /processes": {"processes": [document], "links": []},
        f"GET /processes/{document['id']}": document,
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True

        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = here.answer(Told(self.command, self.path, self.headers, body, self.client_address[1]))
            content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            headers = {"Content-Type": JSON, "Content-Length": str(len(content)), **answer.headers}
            head = f"HTTP/1.1 {answer.status} -\r\n" + "".join(
                f"{key}: {value}\r\n" for key, value in headers.items() if value
            )
            self.close_connection = answer.cut is not None or self.close_connection
            self.wfile.write(head.encode() + b"\r\n" + content[: answer.cut])

        do_GET = do_POST = do_DELETE = _reply  # noqa: N815 - the base class's names

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        here = ScriptedServer(f"http://127.0.0.1:{server.server_port}", usual | script)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield here
        finally:
            server.shutdown()
