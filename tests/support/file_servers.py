"""Servers of the tests' own on this machine, which count what they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from wsgiref.simple_server import WSGIRequestHandler, make_server


class Counted:
    """What was asked for.

    Parameters
    ----------
    url : of the server, without a slash at the end.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.paths: list[str] = []
        self.bytes = 0

    def clear(self) -> None:
        """Begin anew."""
        self.paths.clear()
        self.bytes = 0

    def chunks(self, variable: str) -> set[str]:
        """The chunks of a variable of a Zarr store that were asked for."""
        found = (path.partition(f"/{variable}/")[2] for path in self.paths if f"/{variable}/" in path)
        return {each for each in found if each and each[0] not in ".z"}


class _Files(SimpleHTTPRequestHandler):
    """Files of a folder, whole or in ranges, and folders as pages of links."""

    protocol_version = "HTTP/1.1"
    counted: Counted
    has_ranges = True
    redirects: dict[str, str]
    refused: dict[str, int]

    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0])
        self.counted.paths.append(path)
        if path in self.redirects:
            self._answer(302, b"", {"Location": self.redirects[path]})
            return
        if path in self.refused:
            self._answer(self.refused[path], b"no", {})
            return
        file = Path(self.directory) / path.lstrip("/")
        if file.is_dir():
            links = "".join(f'<a href="{each.name}{"/" * each.is_dir()}">.</a>' for each in sorted(file.iterdir()))
            self._answer(200, links.encode(), {"Content-Type": "text/html"})
        elif not file.is_file():
            self._answer(404, b"no", {})
        else:
            self._give(file.read_bytes())

    def _give(self, content: bytes) -> None:
        wanted = self.headers.get("Range", "") if self.has_ranges else ""
        if not wanted:
            self._answer(200, content, {})
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start = int(first) if first else max(0, len(content) - int(last))
        stop = min(len(content), int(last) + 1) if first and last else len(content)
        self._answer(206, content[start:stop], {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"})

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.counted.bytes += len(content)
        self.send_response(status)
        for name, text in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving_files(
    folder: Path,
    *,
    has_ranges: bool = True,
    redirects: dict[str, str] | None = None,
    refused: dict[str, int] | None = None,
) -> Iterator[Counted]:
    """A folder, served while the block lasts."""
    given = {"has_ranges": has_ranges, "redirects": redirects or {}, "refused": refused or {}}

    class Files(_Files):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        counted = Counted(f"http://127.0.0.1:{server.server_port}")
        for name, value in {**given, "counted": counted}.items():
            setattr(Files, name, value)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield counted
        server.shutdown()


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving_opendap(application: Callable[..., Any]) -> Iterator[Counted]:
    """A WSGI application such as pydap's server, served while the block lasts."""

    def counting(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        query = environ.get("QUERY_STRING", "")
        counted.paths.append(environ["PATH_INFO"] + (f"?{unquote(query)}" if query else ""))
        content = b"".join(application(environ, start_response))
        counted.bytes += len(content)
        return [content]

    with make_server("127.0.0.1", 0, counting, handler_class=_Quiet) as server:
        counted = Counted(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield counted
        server.shutdown()
