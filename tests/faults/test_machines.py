"""Several machines at one job store: what one of them has done the others serve, and none is missed.

A machine is a state directory with its web processes and its supervisor; here they share a kernel, and nothing else
but a PostgreSQL and a directory of results.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from moorage_processes.jobs.ipc import connected
from support.engines import METHODS, eventually, family, is_alive
from support.patience import PATIENCE, patience
from support.services import Running, serve

LATER = {"Prefer": "respond-async"}


@contextlib.contextmanager
def machine(folder: Path, **moorage: Any) -> Iterator[Running]:
    """A machine, while the block lasts."""
    folder.mkdir()
    with serve(folder, [str(METHODS)], moorage=moorage) as service:
        yield service
    eventually(lambda: not family(service.state))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the machines have their files."""
    return tmp_path_factory.mktemp("machines")


@pytest.fixture(scope="module")
def machines(folder: Path, postgres: Any) -> Iterator[tuple[Running, Running]]:
    """Two machines at one store and one directory of results; the last test to use them ends one of them."""
    shared = {"store": postgres.database(), "results": str(folder / "results")}
    with machine(folder / "one", **shared) as one, machine(folder / "other", **shared) as other:
        yield one, other


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


def runner_of(machines: tuple[Running, Running], name: str) -> tuple[Running, Running, int]:
    """The machine that runs a job, once one does, the other, and the child that has it."""

    def found() -> tuple[Running, Running, int] | None:
        for one, other in (machines, machines[::-1]):
            for pid, each in processes(one)["work"].items():
                if each == name:
                    return one, other, int(pid)
        return None

    return eventually(found)


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


def test_each_serves_what_the_other_has_done(machines):
    one, other = machines
    file, spoken = submit(one, "content", size=1000), submit(one, "speak")
    assert {done(one, name)["status"] for name in (file, spoken)} == {"successful"}
    for service in machines:
        content = f"{service.url}/jobs/{file}/results/result"
        assert requests.get(content, timeout=PATIENCE).content == b"x" * 1000
        part = requests.get(content, headers={"Range": "bytes=0-9"}, timeout=PATIENCE)
        assert (part.status_code, part.content) == (206, b"x" * 10)
        log = requests.get(f"{service.url}/jobs/{spoken}/log", timeout=PATIENCE).text
        assert "printed" in log
        assert "spoken" in log
        listed = requests.get(f"{service.url}/jobs", timeout=PATIENCE).json()["jobs"]
        assert {each["jobID"] for each in listed} == {file, spoken}
    # removed there, gone here
    assert requests.delete(f"{other.url}/jobs/{file}", timeout=PATIENCE).status_code == 200
    assert requests.get(f"{one.url}/jobs/{file}/results", timeout=PATIENCE).status_code == 404


def test_what_runs_on_one_is_stopped_by_the_other(machines):
    endless = submit(machines[0], "sleep-in-c", seconds=600)
    one, other, child = runner_of(machines, endless)
    told = requests.delete(f"{other.url}/jobs/{endless}", timeout=PATIENCE)
    assert told.json()["status"] == "dismissed"
    eventually(lambda: not is_alive(child))
    assert job(one, endless)["status"] == "dismissed"


def test_a_machine_that_is_gone_loses_its_jobs_to_the_other_and_its_results_stay(machines, folder, tmp_path):
    finished = submit(machines[0], "content", size=1000)
    done(machines[0], finished)
    # it is begun once on each machine
    begun = submit(machines[0], "leave-trace", folder=str(tmp_path), pause=patience(8.0))
    one, other, _ = runner_of(machines, begun)
    eventually(lambda: list(tmp_path.iterdir()))
    names = [submit(one, "content", size=number) for number in range(1, 9)]
    pull_the_plug(one)
    assert {done(other, name)["status"] for name in (begun, *names)} == {"successful"}
    for number, name in enumerate(names, 1):
        answer = requests.get(f"{other.url}/jobs/{name}/results/result", timeout=PATIENCE)
        assert answer.content == b"x" * number
    assert requests.get(f"{other.url}/jobs/{begun}/results", timeout=PATIENCE).json() == 2
    assert requests.get(f"{other.url}/jobs/{finished}/results", timeout=PATIENCE).content == b"x" * 1000
    # of no attempt but the one that counts is anything left
    folders = list((folder / "results" / "results").iterdir())
    assert eventually(lambda: all(len(list(each.iterdir())) == 1 for each in folders))


def test_one_that_shares_no_directory_says_what_to_configure(tmp_path, postgres):
    store = postgres.database()
    with machine(tmp_path / "one", store=store) as one:
        file, spoken = submit(one, "content", size=1000), submit(one, "speak")
        done(one, file)
        done(one, spoken)
        with machine(tmp_path / "other", store=store) as other:
            for address in (f"{file}/results", f"{file}/results/result", f"{spoken}/log"):
                answer = requests.get(f"{other.url}/jobs/{address}", timeout=PATIENCE)
                assert answer.status_code == 500
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert "not on this machine" in answer.json()["detail"]
                assert "'moorage: results:'" in answer.json()["detail"]
            assert requests.get(f"{other.url}/jobs/{spoken}/results", timeout=PATIENCE).json() == 1
