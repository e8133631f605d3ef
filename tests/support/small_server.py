"""Our web server with an application of a few lines, in processes of its own: for tests of the server alone."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from moorage_processes.commands.web.options import WebOptions
from moorage_processes.commands.web.port import Port
from moorage_processes.commands.web.server import Server
from moorage_processes.ogc.shutdown import StopSignal

BLOCK = 1 << 16
LARGE = 50_000_000


class Began:
    """What the application needs: it writes down where it begins and ends."""

    def __init__(self, folder: Path) -> None:
        self.stop_signal = StopSignal()
        self._folder = folder

    def start(self) -> None:
        """Begin in this process."""
        if (self._folder / "broken").exists():
            raise OSError("it is broken")
        (self._folder / f"begun-{os.getpid()}").touch()

    def close(self, *, stop_supervisor: bool = False) -> None:
        """End in this process."""
        (self._folder / f"{'all' if stop_supervisor else 'ended'}-{os.getpid()}").touch()


class Application:
    """Answers by the path that is asked for."""

    def __init__(self, service: Began, folder: Path) -> None:
        self._service = service
        self._folder = folder

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer."""
        word = environ["PATH_INFO"].strip("/").partition("/")[0]
        answer = getattr(self, f"_{word}")(environ, start_response)
        return () if environ["REQUEST_METHOD"] == "HEAD" else answer

    def _who(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """Which process, and how the request looks."""
        told = {"pid": os.getpid(), "leaving": self._service.stop_signal.is_set}
        told |= {name: value for name, value in environ.items() if isinstance(value, str)}
        return self._said(json.dumps(told).encode(), start_response)

    def _wait(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """Wait until a file is there."""
        (self._folder / "waits").touch()
        while not (self._folder / "go").exists():
            time.sleep(0.02)
        return self._said(b"waited", start_response)

    def _size(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """How long the body is."""
        return self._said(str(len(environ["wsgi.input"].read())).encode(), start_response)

    def _upload(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """How long a body is that is read bit by bit."""
        (self._folder / "upload").touch()
        size = 0
        while block := environ["wsgi.input"].read(BLOCK):
            size += len(block)
        return self._said(str(size).encode(), start_response)

    def _refused(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """An upload whose body nobody reads."""
        start_response("404 Not Found", [("Content-Length", "4")])
        return [b"none"]

    def _chunks(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Of unknown length."""
        start_response("200 OK", [])
        return (each for each in (b"a", b"b"))

    def _same(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """Nothing new."""
        start_response("304 Not Modified", [])
        return []

    def _file(self, environ: dict[str, Any], start_response: Any) -> Any:
        """A large file."""
        start_response("200 OK", [("Content-Length", str(LARGE))])
        return environ["wsgi.file_wrapper"]((self._folder / "large").open("rb"))

    def _stop(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """End this process, as by a fault of a library."""
        os._exit(1)

    def _said(self, body: bytes, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]


def main(folder: Path, host: str, port: int, delay: float) -> None:
    """Serve until a signal says stop."""
    claimed = Port.claim(host, port, folder)
    service = Began(folder)
    is_upload = lambda method, path: method == "PUT" and path.startswith(("/upload", "/refused"))  # noqa: E731
    options = WebOptions(threads=8, body_size=100_000, is_upload=is_upload, shutdown_delay=delay)
    claimed.listen()
    Server(Application(service, folder), service, claimed, options).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
