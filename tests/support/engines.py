"""An engine over the methods for tests, and what the tests ask of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moorage_processes.catalogue.reading import read_catalogue
from moorage_processes.execution.request import Request
from moorage_processes.jobs.engine import Engine
from moorage_processes.jobs.errors import Unavailable
from moorage_processes.jobs.job import Job, Status
from moorage_processes.jobs.settings import EngineSettings
from moorage_processes.jobs.workers.linux import MARK
from support.paths import AUTHOR_MODULES
from support.patience import PATIENCE
from support.waiting import eventually

if TYPE_CHECKING:
    from moorage_processes.authoring.limits import Limits
    from moorage_processes.catalogue.catalogue import Catalogue, Entry

METHODS = AUTHOR_MODULES / "methods_for_tests.py"
ARRAYS = METHODS.with_name("methods_on_arrays.py")


@cache
def catalogue(*, arrays: bool = False) -> Catalogue:
    """The methods for tests, with those on arrays or without."""
    return read_catalogue([str(METHODS), *([str(ARRAYS)] if arrays else [])], installed=False)


def entry(process: str) -> Entry:
    """One of the methods for tests."""
    return catalogue(arrays=process not in catalogue())[process]


def request(process: str, **inputs: Any) -> Request:
    """A request for the default format of each output."""
    outputs = entry(process).description["outputs"]
    return Request(process, inputs, {name: _media_type(output["schema"]) for name, output in outputs.items()})


def limits(process: str) -> Limits:
    """What a method may use."""
    return entry(process).limits


def settings(state: Path, *, arrays: bool = False, **changes: Any) -> EngineSettings:
    """Settings of a small engine, which loads what its methods need and no more."""
    defaults: dict[str, Any] = {
        "executor": {"catalogue": catalogue(arrays=arrays).to_json()},
        "preload": (*(("xarray", "geopandas") if arrays else ()), "moorage_processes.execution.executor"),
        "slots": 2,
        "call_slots": 1,
    }
    return EngineSettings(state=state, **(defaults | changes))


class EngineUnderTest:
    """A web process's view of an engine, in fewer words.

    Parameters
    ----------
    engine : that is started.
    state : its state directory.
    """

    def __init__(self, engine: Engine, state: Path) -> None:
        self.engine = engine
        self.state = state

    def call(self, process: str, timeout: float = PATIENCE, **inputs: Any) -> Job:
        """Call and wait."""
        return self.engine.call(request(process, **inputs), limits(process), timeout)

    def try_out(self, process: str, wait: float = PATIENCE, **inputs: Any) -> Job | None:
        """Call, and have a job where that takes longer than *wait* [s]."""
        return self.engine.try_out(request(process, **inputs), limits(process), wait)

    def submit(self, process: str, **inputs: Any) -> Job:
        """Submit."""
        return self.engine.submit(request(process, **inputs), limits(process))

    def job(self, job: Job) -> Job:
        """The job as it is now."""
        found = self.engine.get(job.id)
        assert found is not None
        return found

    def done(self, job: Job) -> Job:
        """The job once it is done."""
        found = self.engine.wait(job.id, PATIENCE)
        assert found is not None
        assert found.status.is_done, found
        return found

    def run(self, process: str, **inputs: Any) -> Job:
        """Submit, and wait until it is done."""
        return self.done(self.submit(process, **inputs))

    def processes(self) -> dict[str, Any]:
        """The processes of the engine, once there is a supervisor with workers."""

        def found() -> dict[str, Any] | None:
            try:
                processes = self.engine.describe()
            except Unavailable:
                return None
            return processes if processes["forkserver"] and processes["workers"] else None

        return eventually(found)

    def running(self, job: Job) -> int:
        """The worker that runs a job, once one does."""

        def worker() -> int | None:
            assert not self.job(job).status.is_done, self.job(job)
            return next((int(pid) for pid, each in self.processes()["work"].items() if each == job.id), None)

        return eventually(worker)


def family(state: Path) -> set[int]:
    """The forkserver of a state directory and all that descends from it, alive."""
    mark = f"{MARK}={(state / 'identity').read_text()}".encode()
    return {pid for pid, environment in _environments() if mark in environment.split(b"\0")}


def value(job: Job) -> Any:
    """The only result, where it is a value."""
    assert job.status is Status.SUCCESSFUL, (job.status, job.failure)
    return job.artefacts[0].value


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be noticed does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def started(state: Path, **changes: Any) -> Iterator[EngineUnderTest]:
    """An engine while the block lasts; nothing of it is left afterwards."""
    engine = Engine(settings(state, drain=0.0, **changes))
    engine.start()
    try:
        yield EngineUnderTest(engine, state)
    finally:
        engine.close(stop_supervisor=True)
    eventually(lambda: not family(state))


def _environments() -> Iterator[tuple[int, bytes]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            try:
                yield int(folder.name), (folder / "environ").read_bytes()
            except OSError:
                continue


def _media_type(schema: dict[str, Any]) -> str:
    first = schema.get("oneOf", [schema])[0]
    return first.get("contentMediaType", "application/json")
