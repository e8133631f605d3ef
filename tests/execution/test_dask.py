"""Arrays in parts: on threads of a job, or on a Dask cluster that lets go of all when the job ends, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import dask.config
import numpy as np
import pytest
import xarray as xr
from distributed import LocalCluster
from moorage_processes.app import create_app
from moorage_processes.catalogue.reading import read_catalogue
from moorage_processes.configuration.configuration import ConfigurationError, read_configuration
from moorage_processes.data import datasets
from moorage_processes.execution.dask_scheduling import Computing
from moorage_processes.execution.executor import Executor
from moorage_processes.execution.request import Request
from moorage_processes.jobs.engine import Engine
from moorage_processes.jobs.job import Job, Status
from moorage_processes.jobs.workers.linux import resident
from support.engines import EngineUnderTest, settings, value
from support.paths import AUTHOR_MODULES
from support.ports import free_port
from support.waiting import eventually

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Catalogue

METHODS = AUTHOR_MODULES / "methods_on_dask.py"
MEMORY = 600_000_000
"""Bytes each of the two workers may hold."""
BLOCKS = 85
"""Blocks of 8 MB: more than one worker may hold, and than a job."""
MEAN = (BLOCKS * 1000 - 1) / 2 + 1


@cache
def catalogue() -> Catalogue:
    return read_catalogue([str(METHODS)], installed=False)


class DaskYard(EngineUnderTest):
    """An engine over the methods whose arrays dask computes."""

    def request(self, process: str, **inputs: Any) -> Request:
        outputs = catalogue()[process].description["outputs"]
        first = {name: each["schema"].get("oneOf", [each["schema"]])[0] for name, each in outputs.items()}
        types = {name: each.get("contentMediaType", "application/json") for name, each in first.items()}
        return Request(process, inputs, types)

    def submit(self, process: str, **inputs: Any) -> Job:
        return self.engine.submit(self.request(process, **inputs), catalogue()[process].limits)

    def call(self, process: str, timeout: float = 60.0, **inputs: Any) -> Job:
        return self.engine.call(self.request(process, **inputs), catalogue()[process].limits, timeout)


@contextmanager
def started(state: Path, scheduler: str | None = None) -> Iterator[DaskYard]:
    """An engine whose jobs compute on a cluster, or on two threads each."""
    executor = {"catalogue": catalogue().to_json(), "computing": Computing(2, scheduler).to_json()}
    made = settings(state, drain=0.0)
    engine = Engine(type(made)(**{**vars(made), "executor": executor}))
    engine.start()
    try:
        yield DaskYard(engine, state)
    finally:
        engine.close(stop_supervisor=True)


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two workers in processes of their own."""
    with LocalCluster(n_workers=2, threads_per_worker=1, memory_limit=MEMORY, dashboard_address=None) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def under_test(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskYard]:
    """An engine whose jobs compute there."""
    with started(tmp_path_factory.mktemp("cluster"), cluster.scheduler_address) as under_test:
        yield under_test


class Daemon:
    """A scheduler, or a worker, as its operator starts it.

    Parameters
    ----------
    arguments : of the command ``dask``.
    """

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-c", "from dask.__main__ import main; main()", *arguments]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def scheduler(port: int, *options: str, protocol: str = "tcp") -> Iterator[str]:
    """A scheduler with one worker."""
    address = f"{protocol}://127.0.0.1:{port}"
    place = ("--host", "127.0.0.1", "--port", str(port), "--protocol", protocol, "--no-dashboard")
    with (
        Daemon("scheduler", *place, *options),
        Daemon("worker", address, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard", *options),
    ):
        yield address


# on a cluster


def test_an_array_that_no_worker_could_hold_is_computed_within_the_limits(under_test, cluster):
    before = set(cluster.scheduler.workers)
    assert BLOCKS * 8e6 > MEMORY
    assert value(under_test.run("mean-of-held", blocks=BLOCKS)) == MEAN
    # a worker that had gone beyond its limit would have been replaced
    assert set(cluster.scheduler.workers) == before


def test_a_result_that_the_job_could_not_hold_is_written_as_it_is_fetched(under_test):
    done = under_test.run("rows", blocks=BLOCKS)
    assert done.status is Status.SUCCESSFUL, done.failure
    with xr.open_dataarray(under_test.engine.directory(done) / done.artefacts[0].file) as grid:
        assert grid.shape == (BLOCKS * 1000, 1000)
        assert grid.attrs == {"units": "1"}
        for row in (0, 1000, BLOCKS * 1000 - 1):
            assert (grid[row] == row + 1).all()
        assert (grid.number == np.arange(BLOCKS * 1000) + 1).all()


def test_what_a_job_held_goes_with_its_end(under_test, cluster):
    value(under_test.run("mean-of-held", blocks=10))
    assert cluster.scheduler.tasks == {}
    assert jobs_at(cluster) == []


def jobs_at(cluster: LocalCluster) -> list[str]:
    """Clients of jobs that the scheduler knows."""
    return [name for name in cluster.scheduler.clients if name.startswith("JobClient-")]


def held(cluster: LocalCluster) -> int:
    """Memory [bytes] of the workers' processes."""
    return resident(nanny.pid for nanny in cluster.workers.values())


@pytest.mark.parametrize("end", ["dismissed", "killed", "stopped"])
def test_a_job_that_is_ended_holds_nothing_any_more(under_test, cluster, tmp_path, end):
    before = held(cluster)
    job = under_test.submit("hold", blocks=40, folder=str(tmp_path))
    eventually((tmp_path / "held").exists)
    assert any(name.startswith("JobClient-hold-") for name in jobs_at(cluster))
    assert held(cluster) - before > 200_000_000
    worker = under_test.running(job)
    if end == "killed":
        (tmp_path / "held").unlink()
        os.kill(worker, signal.SIGKILL)
        eventually((tmp_path / "held").exists)  # it was begun again
    elif end == "stopped":
        os.kill(worker, signal.SIGSTOP)
    began = time.monotonic()
    under_test.engine.dismiss(job.id)
    eventually(lambda: not cluster.scheduler.tasks)
    print(f"{end}: nothing held after {1000 * (time.monotonic() - began):.0f} ms")
    assert jobs_at(cluster) == []
    assert cluster.scheduler.extensions["publish"].datasets == {}
    eventually(lambda: held(cluster) - before < 100_000_000)
    assert value(under_test.run("mean-of-held", blocks=2)) == 1000.5


def test_workers_that_die_of_a_job_fail_it_once(cluster, under_test):
    done = under_test.run("greedy", gigabytes=3.0)
    assert (done.status, done.failure.reason, done.attempt) == (Status.FAILED, "crashed", 1)
    assert "workers of the cluster died of it" in done.failure.detail
    assert "those workers died while running it" in under_test.engine.log(done).read_text()
    # one of the two at least: a nanny whose worker dies again as it begins may leave, which is dask's affair
    eventually(lambda: cluster.scheduler.workers)
    assert value(under_test.run("mean-of-held", blocks=2)) == 1000.5


def test_a_cluster_that_is_away_is_waited_for(tmp_path):
    port = free_port()
    with started(tmp_path / "state", f"tcp://127.0.0.1:{port}") as under_test:
        # that has nothing for it to do
        assert value(under_test.run("no-array")) == 1
        called = under_test.call("mean-of-held", blocks=1)
        assert (called.failure.reason, called.failure.detail) == (
            "cluster",
            "the method 'mean-of-held' failed: the cluster that this service computes on does not answer",
        )
        job = under_test.submit("mean-of-held", blocks=1)
        eventually(lambda: under_test.job(job).attempt == 2)
        with scheduler(port):
            assert value(under_test.done(job)) == 500.5


def test_a_scheduler_that_dies_costs_a_job_one_attempt(tmp_path):
    port, state = free_port(), tmp_path / "state"
    with started(state, f"tcp://127.0.0.1:{port}") as under_test:
        with scheduler(port):
            job = under_test.submit("hold", blocks=1, folder=str(tmp_path))
            eventually((tmp_path / "held").exists)
        (tmp_path / "held").unlink()
        with scheduler(port):
            eventually((tmp_path / "held").exists)
            assert under_test.job(job).attempt in (2, 3)
        done = under_test.done(job)
        assert (done.status, done.failure.reason, done.attempt) == (Status.FAILED, "cluster", 3)


def test_a_cluster_is_spoken_to_in_secret(tmp_path, monkeypatch):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    monkeypatch.setenv(f"{tls}CA_FILE", str(certificate))
    for who in ("SCHEDULER", "WORKER", "CLIENT"):
        monkeypatch.setenv(f"{tls}{who}__CERT", str(certificate))
        monkeypatch.setenv(f"{tls}{who}__KEY", str(key))
    with scheduler(free_port(), protocol="tls") as address, started(tmp_path / "state", address) as under_test:
        assert value(under_test.run("mean-of-held", blocks=1)) == 500.5


# on threads


def test_without_a_cluster_threads_share_the_work_within_the_memory_of_the_job(tmp_path):
    with started(tmp_path / "state") as under_test:
        limit = catalogue()["mean-of-passing"].limits.memory
        assert limit is not None
        assert limit < BLOCKS * 3 * 8e6
        assert value(under_test.run("mean-of-passing", blocks=BLOCKS * 3)) == [(BLOCKS * 3000 - 1) / 2 + 1, 2.0]
        done = under_test.run("rows", blocks=BLOCKS * 2)
        assert done.status is Status.SUCCESSFUL, done.failure
        assert done.artefacts[0].size > limit


@pytest.mark.parametrize("where", ["cluster", "threads"])
def test_how_far_a_result_is_written_is_told(where, tmp_path, cluster):
    computing = Computing(2, cluster.scheduler_address if where == "cluster" else None)
    executor = Executor({"catalogue": catalogue().to_json(), "computing": computing.to_json()})
    told = []
    request = Request("rows", {"blocks": 10}, {"result": "application/x-netcdf"})
    found = dask.config.get("scheduler", None)
    executor.execute(request, tmp_path, lambda fraction, _: told.append(fraction))
    assert dask.config.get("scheduler", None) is found
    assert told == sorted(told)
    assert len(told) >= 10
    assert told[0] < 0.2
    assert told[-1] == 1.0


def test_cores_are_shared_out_among_the_jobs_that_run_at_once(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(12)))
    assert [Computing.among(slots).threads for slots in (1, 4, 5, 12, 24)] == [12, 3, 2, 1, 1]


def test_a_dataset_with_chunks_is_opened_as_a_dask_array(tmp_path):
    xr.DataArray(np.zeros((10, 4)), dims=("y", "x"), name="height").to_netcdf(tmp_path / "h.nc")
    section = {"parts": {"path": "h.nc", "chunks": {"y": 4}}, "whole": "h.nc"}
    named = datasets.Datasets(datasets.from_config(section, tmp_path))
    executor = Executor({"catalogue": catalogue().to_json(), "datasets": named.to_json()})
    for name, blocks in (("parts", [4, 4, 2]), ("whole", [])):
        request = Request("blocks-of", {"grid": name}, {"result": "application/json"})
        (artefact,) = executor.execute(request, tmp_path, lambda *_: None)
        assert artefact.value == blocks


# what the operator is told


@pytest.mark.parametrize(
    ("scheduler", "words"),
    [
        ("scheduler:8786", "scheduler: 'scheduler:8786' is not valid; expected the address of a Dask scheduler"),
        ("tcp://scheduler", "such as tcp://scheduler:8786"),
        ("http://scheduler:8786", "or tls://scheduler:8786"),
    ],
)
def test_a_wrong_address_is_named(scheduler, words):
    configuration = read_configuration()
    configuration = type(configuration)(
        **{**vars(configuration), "settings": type(configuration.settings)(installed=False, scheduler=scheduler)}
    )
    with pytest.raises(ConfigurationError, match=words) as refused:
        create_app(configuration)
    assert str(refused.value).startswith("moorage.scheduler: ")


def test_without_dask_what_needs_it_is_refused_with_its_remedy(monkeypatch, tmp_path):
    monkeypatch.setattr("moorage_processes.execution.dask_scheduling.is_installed", lambda _: False)
    monkeypatch.setattr("moorage_processes.data.datasets.is_installed", lambda _: False)
    with pytest.raises(ValueError, match="there is no Dask"):
        Computing(1, "tcp://scheduler:8786")
    with pytest.raises(ValueError, match="datasets.h.chunks: there is no Dask"):
        datasets.from_config({"h": {"path": "h.nc", "chunks": {"y": 4}}}, tmp_path)
    request = Request("no-array", {}, {"result": "application/json"})
    (artefact,) = Executor({"catalogue": catalogue().to_json()}).execute(request, tmp_path, lambda *_: None)
    assert artefact.value == 1
