"""A database that goes away stops nothing that runs, and nothing is lost when it is back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from moorage_processes.jobs.errors import Unavailable
from moorage_processes.jobs.job import Status
from support.engines import EngineUnderTest, started, value
from support.paths import AUTHOR_MODULES
from support.postgres_server import Postgres, serving_postgres
from support.service_client import AS_JOB, ServiceClient
from support.services import serve
from support.waiting import eventually


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A database of this test's own, to be stopped."""
    with serving_postgres() as server:
        yield server


@pytest.fixture
def under_test(tmp_path: Path, server: Postgres) -> Iterator[EngineUnderTest]:
    with started(tmp_path / "state", store=server.database()) as under_test:
        under_test.call("shout")
        yield under_test


def is_at_work(under_test: EngineUnderTest, *jobs: str) -> bool:
    """Whether a worker has one of these jobs."""
    return bool(set(jobs) & set(under_test.processes()["work"].values()))


@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_what_runs_goes_on_and_its_end_is_told_when_the_database_is_back(under_test, server, mode):
    running = [under_test.submit("slow-sum", numbers=[1.0, 2.0], pause=1.0) for _ in range(2)]
    waiting = [under_test.submit("shout", text=f"n{number}") for number in range(5)]
    for job in running:
        under_test.running(job)
    supervisor = under_test.processes()["supervisor"]
    server.stop(mode)
    with pytest.raises(Unavailable):
        under_test.submit("shout")
    eventually(lambda: not is_at_work(under_test, *(job.id for job in running)))
    assert value(under_test.call("shout", text="meanwhile")) == "MEANWHILE"
    server.start()
    for job in running:
        done = under_test.done(job)
        assert (done.status, done.attempt, value(done)) == (Status.SUCCESSFUL, 1, 3.0)
    assert [value(under_test.done(job)) for job in waiting] == [f"N{number}" for number in range(5)]
    assert value(under_test.run("shout", text="after")) == "AFTER"
    assert under_test.processes()["supervisor"] == supervisor


def test_callers_are_told_to_come_back(tmp_path, server):
    methods = str(AUTHOR_MODULES / "methods_for_tests.py")
    with serve(tmp_path, [methods], moorage={"store": server.database()}) as service:
        client, body = ServiceClient(service.url), {"inputs": {"numbers": [1.0, 2.0], "pause": 0.5}}
        job = client.submit("slow-sum", body)
        server.stop()
        for answer in (
            client.get(job),
            client.get("/jobs"),
            client.execute("slow-sum", body, **AS_JOB),
            client.dismiss(job),
        ):
            assert answer.status_code == 503
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert int(answer.headers["Retry-After"]) > 0
            assert "psycopg" not in answer.text
        server.start()
        assert client.until(job, "successful")["progress"] == 100
        assert client.execute("slow-sum", body, **AS_JOB).status_code == 201
