"""What we are measured against: an unmodified pygeoapi under the same WSGI server, and plain file serving."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from support.ports import free_port
from support.services import HELLO, Running, unmodified

HERE = Path(__file__).parent
ARRAY = {"array": {"type": "process", "processor": {"name": "vanilla_plugin.Array"}}}


def vanilla(folder: Path, *, manager: str | None, array: Path | None = None) -> AbstractContextManager[Running]:
    """pygeoapi as it comes, with hello-world and a process that gives the bytes of *array*."""
    kept = {"name": manager, "connection": str(folder / "jobs.db"), "output_dir": str(folder)} if manager else None
    environment = {"PYTHONPATH": str(HERE), "BENCH_ARRAY": str(array)}
    return unmodified(folder, HELLO | ARRAY, manager=kept, environment=environment)


def processes_alike(folder: Path, count: int) -> AbstractContextManager[Running]:
    """pygeoapi as it comes, with so many processes."""
    return unmodified(folder, HELLO | {f"hello-{number}": HELLO["hello-world"] for number in range(count - 1)})


@contextmanager
def file_server(folder: Path) -> Iterator[str]:
    """Python's own ``http.server`` on a folder."""
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(f"http://127.0.0.1:{port}/")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait(url: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"{url} did not answer")
