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
from moorage_processes.jobs.ipc import connected
from support.engines import METHODS, family, is_alive
from support.patience import PATIENCE, patience
from support.service_client import ServiceClient, identifier
from support.services import Running, serve
from support.waiting import eventually


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


def asked(service: Running) -> ServiceClient:
    """A machine, as its callers reach it."""
    return ServiceClient(service.url)


def processes(service: Running) -> dict[str, Any]:
    """The processes of a machine's engine, and what they do."""
    eventually((service.state / "run" / "socket").exists)
    with contextlib.closing(connected(service.state / "run" / "socket")) as connection:
        connection.send({"do": "describe"})
        return connection.receive(PATIENCE).head


def runner_of(machines: tuple[Running, Running], job: str) -> tuple[Running, Running, int]:
    """The machine that runs a job, once one does, the other, and the child that has it."""

    def found() -> tuple[Running, Running, int] | None:
        for one, other in (machines, machines[::-1]):
            for pid, each in processes(one)["work"].items():
                if each == identifier(job):
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
    one, other = map(asked, machines)
    file, spoken = one.submit("content", size=1000), one.submit("speak")
    assert {one.done(job)["status"] for job in (file, spoken)} == {"successful"}
    for service in (one, other):
        assert service.get(f"{file}/results/result").content == b"x" * 1000
        part = service.get(f"{file}/results/result", Range="bytes=0-9")
        assert (part.status_code, part.content) == (206, b"x" * 10)
        log = service.log(spoken)
        assert "printed" in log
        assert "spoken" in log
        listed = service.get("/jobs").json()["jobs"]
        assert {each["jobID"] for each in listed} == {identifier(file), identifier(spoken)}
    # removed there, gone here
    assert other.dismiss(file).status_code == 200
    assert one.get(f"{file}/results").status_code == 404


def test_what_runs_on_one_is_stopped_by_the_other(machines):
    endless = asked(machines[0]).submit("sleep-in-c", seconds=600)
    one, other, child = runner_of(machines, endless)
    assert asked(other).dismiss(endless).json()["status"] == "dismissed"
    eventually(lambda: not is_alive(child))
    assert asked(one).status(endless)["status"] == "dismissed"


def test_a_machine_that_is_gone_loses_its_jobs_to_the_other_and_its_results_stay(machines, folder, tmp_path):
    first = asked(machines[0])
    finished = first.submit("content", size=1000)
    first.done(finished)
    # it is begun once on each machine
    begun = first.submit("leave-trace", folder=str(tmp_path), pause=patience(8.0))
    one, other, _ = runner_of(machines, begun)
    eventually(lambda: list(tmp_path.iterdir()))
    jobs = [asked(one).submit("content", size=number) for number in range(1, 9)]
    pull_the_plug(one)
    left = asked(other)
    assert {left.done(job)["status"] for job in (begun, *jobs)} == {"successful"}
    for number, job in enumerate(jobs, 1):
        assert left.get(f"{job}/results/result").content == b"x" * number
    assert left.value(begun) == 2
    assert left.get(f"{finished}/results").content == b"x" * 1000
    # of no attempt but the one that counts is anything left
    folders = list((folder / "results" / "results").iterdir())
    assert eventually(lambda: all(len(list(each.iterdir())) == 1 for each in folders))


def test_one_that_shares_no_directory_says_what_to_configure(tmp_path, postgres):
    store = postgres.database()
    with machine(tmp_path / "one", store=store) as machine_with_files:
        one = asked(machine_with_files)
        file, spoken = one.submit("content", size=1000), one.submit("speak")
        one.done(file)
        one.done(spoken)
        with machine(tmp_path / "other", store=store) as machine_without:
            other = asked(machine_without)
            for address in (f"{file}/results", f"{file}/results/result", f"{spoken}/log"):
                answer = other.get(address)
                assert answer.status_code == 500
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert "not on this machine" in answer.json()["detail"]
                assert "'moorage: results:'" in answer.json()["detail"]
            assert other.value(spoken) == 1
