"""What we are measured against: an unmodified pygeoapi under the same WSGI server, and plain file serving."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from mooring_processes.app import THREADS
from mooring_processes.cli import free_port, wait_for
from mooring_processes.configuration import shipped
from mooring_processes.server import PROCESSES
from serving import Running

HERE = Path(__file__).parent


@contextmanager
def vanilla(folder: Path, *, manager: str | None, array: Path | None = None) -> Iterator[Running]:
    """pygeoapi as it comes, with hello-world, under gunicorn with our numbers of processes and threads."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = _configured(folder, url, port, manager)
    environment["BENCH_ARRAY"] = str(array)
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"]
    command += [
        "--workers",
        str(PROCESSES),
        "--threads",
        str(THREADS),
        "--keep-alive",
        "75",
        "pygeoapi.flask_app:APP",
    ]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(url, process)
            yield Running(url, process, folder)
        finally:
            process.terminate()


def _configured(folder: Path, url: str, port: int, manager: str | None) -> dict[str, str]:
    document = yaml.safe_load(shipped("local.yml").read_text())
    document = {name: document[name] for name in ("server", "logging", "metadata")}
    document["server"] |= {"bind": {"host": "127.0.0.1", "port": port}, "url": url}
    if manager:
        document["server"]["manager"] = {
            "name": manager, "connection": str(folder / "jobs.db"), "output_dir": str(folder),
        }  # fmt: skip
    document["resources"] = {
        "hello-world": {"type": "process", "processor": {"name": "HelloWorld"}},
        "array": {"type": "process", "processor": {"name": "vanilla_plugin.Array"}},
    }
    config, openapi = folder / "config.yml", folder / "openapi.yml"
    config.write_text(yaml.safe_dump(document))
    environment = os.environ | {
        "PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(openapi), "PYTHONPATH": str(HERE),
    }  # fmt: skip
    generate = [sys.executable, "-c", "from pygeoapi import cli; cli()"]
    generate += ["openapi", "generate", str(config), "--output-file", str(openapi)]
    subprocess.run(generate, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return environment


@contextmanager
def file_server(folder: Path) -> Iterator[str]:
    """Python's own ``http.server`` on a folder."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "http.server",
        str(port),
        "--bind",
        "127.0.0.1",
        "--directory",
        str(folder),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for_page(f"http://127.0.0.1:{port}/", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_for_page(url: str, process: subprocess.Popen[bytes]) -> None:
    import time
    import urllib.request

    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"{url} did not answer; its process: {process.poll()}")
