"""A full disk is told as such: to callers, to operators, to what watches the service."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from pathlib import Path

import pytest
from moorage_processes.execution.disk_space import is_full
from moorage_processes.execution.request import Request
from moorage_processes.jobs.engine import Engine
from moorage_processes.jobs.errors import StorageFull, Unavailable
from moorage_processes.jobs.job import Status, Submission
from moorage_processes.jobs.readiness import Readiness
from moorage_processes.jobs.store.store import Store
from moorage_processes.ogc.problems import of_error
from sqlalchemy import event
from support.engines import limits, request, settings, started, value
from support.small_disk import NoSmallDiskError, small_disk

JOB = "7f9c24e5-2b1a-4c57-9d0e-3f6a8b1c2d3e"


def submission(size: int) -> Submission:
    return Submission(id=JOB, request=Request("shout", {"text": "x" * size}, {}), limits=limits("shout"), answer={})


def test_a_store_that_finds_no_room_says_so(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    store.prepare()
    # SQLite's own way to be full
    event.listen(
        store._database._engine, "checkout", lambda connection, *_: connection.execute("PRAGMA max_page_count = 1")
    )
    with pytest.raises(StorageFull, match="full") as refused:
        store.submit(submission(size=1_000_000), room=10)
    assert isinstance(refused.value.__cause__.orig, sqlite3.OperationalError)
    assert store.get(JOB) is None
    store.close()


def test_a_store_that_is_locked_is_not_called_full(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    store.prepare()
    event.listen(
        store._database._engine, "checkout", lambda connection, *_: connection.execute("PRAGMA busy_timeout = 10")
    )
    other = sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable) as refused:
        store.submit(submission(size=1), room=10)
    other.close()
    assert type(refused.value) is Unavailable
    store.close()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_callers_are_told_the_true_reason(number):
    for error in (StorageFull("the disk of the job store is full"), OSError(number, os.strerror(number))):
        problem = of_error(error)
        assert (problem.status, problem.type) == (503, "StorageFull")
        assert "full" in problem.detail
        assert int(problem.headers["Retry-After"]) > 0
    assert of_error(PermissionError(errno.EACCES, "no")).status == 500


def test_a_file_system_without_room_is_full(tmp_path):
    # /proc has none
    assert is_full(Path("/proc"))
    assert not is_full(tmp_path)
    assert Readiness(Engine(settings(Path("/proc")))).trouble()["storage"] == "the disk of the state directory is full"


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """A disk of 4 MB."""
    try:
        with small_disk(tmp_path_factory.mktemp("disk") / "small", 4 << 20) as disk:
            yield disk
    except NoSmallDiskError as error:
        pytest.skip(f"no disk can be mounted here: {error}")


def fill(path: Path) -> None:
    """Write a file until the disk is full."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_service_on_a_full_disk_says_so_and_goes_on_once_there_is_room(disk):
    with started(disk / "state") as under_test:
        assert value(under_test.run("shout")) == "HELLO"
        ballast = disk / "ballast"
        fill(ballast)
        with pytest.raises(StorageFull, match="disk of the job store is full"):
            under_test.engine.submit(request("shout", text="x" * 1_000_000), limits("shout"))
        assert Readiness(under_test.engine).trouble()["storage"] == "the disk of the state directory is full"
        failed = under_test.call("content")
        assert (failed.status, failed.failure.reason) == (Status.FAILED, "storage")
        assert "because the disk is full" in failed.failure.detail
        ballast.unlink()
        assert "storage" not in Readiness(under_test.engine).trouble()
        assert value(under_test.run("shout", text="again")) == "AGAIN"
