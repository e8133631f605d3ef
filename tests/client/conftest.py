"""Services to call: an unmodified pygeoapi, and small ones for what no real server at hand sends."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

MESSAGES = {"en": "English"}


@pytest.fixture(scope="session")
def pygeoapi_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An unmodified pygeoapi with hello-world and the TinyDB manager, under gunicorn."""
    folder = tmp_path_factory.mktemp("pygeoapi")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = _configured(folder, port, url)
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--bind",
        f"127.0.0.1:{port}",
        "--threads",
        "8",
        "--log-level",
        "error",
    ]
    with subprocess.Popen([*command, "pygeoapi.flask_app:APP"], env=environment) as process:
        try:
            _wait_for(f"{url}/?f=json", process)
            yield url
        finally:
            process.terminate()


def _configured(folder: Path, port: int, url: str) -> dict[str, str]:
    """The environment of a pygeoapi that serves from *folder*."""
    named = {"title": "Vanilla", "description": "as it comes", "keywords": ["test"], "keywords_type": "theme"}
    linked = {"name": "nobody", "url": "http://example.org"}
    config = {
        "server": {
            "bind": {"host": "127.0.0.1", "port": port}, "url": url, "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8", "languages": ["en-US"], "limits": {"default_items": 10, "max_items": 100},
            "map": {"url": "http://example.org", "attribution": "nobody"},
            "manager": {"name": "TinyDB", "connection": str(folder / "jobs.db"), "output_dir": str(folder)},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {**named, "terms_of_service": "none", "url": "http://example.org"},
            "license": linked, "provider": linked, "contact": linked,
        },
        "resources": {"hello-world": {"type": "process", "processor": {"name": "HelloWorld"}}},
    }  # fmt: skip
    files = {"PYGEOAPI_CONFIG": str(folder / "config.yml"), "PYGEOAPI_OPENAPI": str(folder / "openapi.yml")}
    Path(files["PYGEOAPI_CONFIG"]).write_text(yaml.safe_dump(config))
    generate = [sys.executable, "-c", "from pygeoapi import cli; cli()", "openapi", "generate"]
    generate += [files["PYGEOAPI_CONFIG"], "--output-file", files["PYGEOAPI_OPENAPI"]]
    environment = os.environ | files
    subprocess.run(generate, env=environment, check=True, capture_output=True)
    return environment


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.1)
    raise TimeoutError(url)
