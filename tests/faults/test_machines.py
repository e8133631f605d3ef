"""Several machines at one job store: what one of them has done the others serve, and none is missed.

A machine is a state directory with its web processes and its supervisor; here they share a kernel, and nothing else
but a PostgreSQL and a directory of results.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from moorage_processes.jobs.ipc import connected
from support.engines import METHODS, eventually, family, is_alive
from support.services import Running, serve

LATER = {"Prefer": "respond-async"}
PATIENCE = 60.0
Machine = Callable[[str], contextlib.AbstractContextManager[Running]]


@pytest.fixture
def machine(tmp_path: Path, postgres: Any) -> Machine:
    """Starts a machine by its name; all share a store and a directory of results."""
    shared = {"store": postgres.database(), "results": str(tmp_path / "results")}

    @contextlib.contextmanager
    def start(name: str, **changes: Any) -> Iterator[Running]:
        (tmp_path / name).mkdir(exist_ok=True)
        with serve(tmp_path / name, [str(METHODS)], moorage={**shared, "drain": 0, **changes}) as service:
            yield service
        eventually(lambda: not family(service.state))

    return start


def submit(service: Running, process: str, **inputs: Any) -> str:
    """Submit; the id of the job."""
    url = f"{service.url}/processes/{process}/execution"
    answer = requests.post(url, json={"inputs": inputs}, headers=LATER, timeout=PATIENCE)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"].rsplit("/", 1)[1]


def job(service: Running, name: str) -> dict[str, Any]:
    """A job as a machine tells of it."""
    return requests.get(f"{service.url}/jobs/{name}", timeout=PATIENCE).json()


def done(service: Running, name: str) -> dict[str, Any]:
    """A job once it is done."""
    return eventually(lambda: (told := job(service, name))["status"] not in ("accepted", "running") and told)


def processes(service: Running) -> dict[str, Any]:
    """The processes of a machine's engine, and what they do."""
    eventually((service.state / "run" / "socket").exists)
    with contextlib.closing(connected(service.state / "run" / "socket")) as connection:
        connection.send({"do": "describe"})
        return connection.receive(PATIENCE).head


def worker_of(service: Running, name: str) -> int:
    """The worker of a machine that runs a job, once one does."""
    return eventually(lambda: next((int(pid) for pid, each in processes(service)["work"].items() if each == name), 0))


def pull_the_plug(service: Running) -> None:
    """End all processes of a machine, none with a word."""
    engine, master = processes(service), service.process.pid
    web = [int(each) for each in Path(f"/proc/{master}/task/{master}/children").read_text().split()]
    # the web processes first: each would start another supervisor
    pids = [master, *web, engine["supervisor"], engine["forkserver"], *engine["workers"]]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(map(is_alive, pids)))
    eventually(lambda: not family(service.state))


def test_each_serves_what_the_other_has_done(machine):
    with machine("one") as one:
        file, spoken = submit(one, "content", size=1000), submit(one, "speak")
        assert {done(one, name)["status"] for name in (file, spoken)} == {"successful"}
        with machine("other") as other:
            content = f"{other.url}/jobs/{file}/results/result"
            assert requests.get(content, timeout=PATIENCE).content == b"x" * 1000
            part = requests.get(content, headers={"Range": "bytes=0-9"}, timeout=PATIENCE)
            assert (part.status_code, part.content) == (206, b"x" * 10)
            log = requests.get(f"{other.url}/jobs/{spoken}/log", timeout=PATIENCE).text
            assert "printed" in log
            assert "spoken" in log
            listed = requests.get(f"{other.url}/jobs", timeout=PATIENCE).json()["jobs"]
            assert {each["jobID"] for each in listed} == {file, spoken}
            # removed there, gone here
            assert requests.delete(f"{other.url}/jobs/{file}", timeout=PATIENCE).status_code == 200
            assert requests.get(f"{one.url}/jobs/{file}/results", timeout=PATIENCE).status_code == 404
        assert requests.get(f"{one.url}/jobs/{spoken}/log", timeout=PATIENCE).text == log


def test_what_runs_on_one_is_stopped_by_the_other(machine):
    with machine("one") as one:
        endless = submit(one, "sleep-in-c", seconds=600)
        worker = worker_of(one, endless)
        with machine("other") as other:
            told = requests.delete(f"{other.url}/jobs/{endless}", timeout=PATIENCE)
            assert told.json()["status"] == "dismissed"
            eventually(lambda: not is_alive(worker))
            assert job(one, endless)["status"] == "dismissed"


def test_a_machine_that_is_gone_loses_its_jobs_to_the_other_and_its_results_stay(machine, tmp_path):
    (tmp_path / "traces").mkdir()
    with machine("one") as one:
        finished = submit(one, "content", size=1000)
        done(one, finished)
        # it is begun once on each machine
        begun = submit(one, "leave-trace", folder=str(tmp_path / "traces"), pause=20.0)
        worker_of(one, begun)
        with machine("other") as other:
            names = [submit(one, "content", size=number) for number in range(1, 9)]
            pull_the_plug(one)
            assert {done(other, name)["status"] for name in (begun, *names)} == {"successful"}
            for number, name in enumerate(names, 1):
                answer = requests.get(f"{other.url}/jobs/{name}/results/result", timeout=PATIENCE)
                assert answer.content == b"x" * number
            assert requests.get(f"{other.url}/jobs/{begun}/results", timeout=PATIENCE).json() == 2
            assert requests.get(f"{other.url}/jobs/{finished}/results", timeout=PATIENCE).content == b"x" * 1000
            # of no attempt but the one that counts is anything left
            folders = list((tmp_path / "results" / "results").iterdir())
            assert eventually(lambda: all(len(list(each.iterdir())) == 1 for each in folders))


def test_one_that_shares_no_directory_says_what_to_configure(machine):
    with machine("one", results=None) as one:
        file, spoken = submit(one, "content", size=1000), submit(one, "speak")
        done(one, file)
        done(one, spoken)
        with machine("other", results=None) as other:
            for address in (f"{file}/results", f"{file}/results/result", f"{spoken}/log"):
                answer = requests.get(f"{other.url}/jobs/{address}", timeout=PATIENCE)
                assert answer.status_code == 500
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert "not on this machine" in answer.json()["detail"]
                assert "'moorage: results:'" in answer.json()["detail"]
            assert requests.get(f"{other.url}/jobs/{spoken}/results", timeout=PATIENCE).json() == 1
