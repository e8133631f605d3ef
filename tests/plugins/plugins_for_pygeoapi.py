"""Our methods as plugins of pygeoapi as it comes, and the requests the tests send there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from support.paths import AUTHOR_MODULES
from support.service_client import ServiceClient
from support.services import HELLO, unmodified

if TYPE_CHECKING:
    import requests

BENCH = Path(__file__).parents[1] / "bench" / "methods.py"
TESTS = AUTHOR_MODULES / "methods_for_tests.py"
ARRAYS = AUTHOR_MODULES / "methods_on_arrays.py"
PLUGIN = "moorage_processes.plugins.processor.Method"
MANAGER = "moorage_processes.plugins.manager.Manager"
FUNCTIONS = {
    "hello": f"{BENCH}:hello",
    "array": f"{BENCH}:array",
    "echo": "moorage_processes.methods.echo:echo",
    "terrain": "moorage_processes.methods.terrain:terrain",
    "zonal-statistics": "moorage_processes.methods.zonal_statistics:zonal_statistics",
    "climatology": "moorage_processes.methods.climatology:climatology",
    "noise": f"{ARRAYS}:noise",
    "decline": f"{TESTS}:decline",
    "fail": f"{TESTS}:fail",
    "steps": f"{TESTS}:steps",
}
OURS = {
    name: {"type": "process", "processor": {"name": PLUGIN, "function": function}}
    for name, function in FUNCTIONS.items()
}
OLDEST = version("pygeoapi").startswith("0.21")


@contextmanager
def with_our_plugins(folder: Path, manager: str | None = None) -> Iterator[str]:
    """URL of pygeoapi with our methods beside its own, and the *manager* of this name."""
    section = {"name": manager, "connection": str(folder / "state"), "output_dir": str(folder)} if manager else None
    with unmodified(folder, HELLO | OURS, manager=section) as service:
        yield service.url


def execute(url: str, process: str, inputs: dict, body: dict | None = None, **headers: str) -> requests.Response:
    """Post an execute request."""
    return ServiceClient(url).execute(process, {"inputs": inputs} | (body or {}), **headers)


def finished(url: str, process: str, inputs: dict, body: dict | None = None) -> tuple[str, dict]:
    """URL and last state of a job."""
    client = ServiceClient(url)
    job = client.submit(process, {"inputs": inputs} | (body or {}))
    return job, client.done(job)
