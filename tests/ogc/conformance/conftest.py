"""One service with a method of each kind, and files on a host it may fetch from."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.services import Running, serve

METHODS = Path(__file__).with_name("methods_for_conformance.py")


class Quiet(SimpleHTTPRequestHandler):
    """Files without a word on standard error."""

    extensions_map = {  # noqa: RUF012 - as the base class has it
        ".json": "application/json",
        ".txt": "text/plain",
        ".tif": "image/tiff",
        ".geojson": "application/geo+json",
    }

    def log_message(self, *said: object) -> None:
        pass


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The service; one job runs at a time, so that the next is seen waiting."""
    moorage = {"slots": 1, "allowed_hosts": ["127.0.0.1"]}
    folder, pages = tmp_path_factory.mktemp("conforming"), {"cors": True}
    with serve(folder, [str(METHODS)], ours=True, moorage=moorage, server=pages) as running:
        yield running


@pytest.fixture(scope="session")
def url(service: Running) -> str:
    """Where it is found."""
    return service.url


@pytest.fixture
def files(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the URL under which its files are found."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield tmp_path, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
