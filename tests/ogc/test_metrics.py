"""The figures for Prometheus are right whichever process is asked, and whatever was killed or stopped in between."""

from __future__ import annotations

import os
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from moorage_processes.authoring.limits import Limits
from moorage_processes.execution.request import Artefact, Failure, Request
from moorage_processes.jobs.attempt import Ended, Ref, Requeued
from moorage_processes.jobs.ipc import connected
from moorage_processes.jobs.job import Status, Submission
from moorage_processes.jobs.store.counters import NEVER
from moorage_processes.jobs.store.database import Database, compact
from moorage_processes.jobs.store.exchange import StoreRequest
from moorage_processes.jobs.store.leases import LeaseStore
from moorage_processes.jobs.store.store import Store
from prometheus_client.parser import text_string_to_metric_families
from support.engines import started
from support.job_stores import new_store
from support.paths import AUTHOR_MODULES
from support.service_client import ServiceClient
from support.services import Running, serve
from support.waiting import eventually

LABELS = ("queue", "process", "kind", "status", "reason", "le")
METHODS = str(AUTHOR_MODULES / "methods_for_tests.py")


@pytest.fixture
def store(store_url) -> Iterator[Store]:
    store = Store(store_url, counts=True)
    store.prepare()
    yield store
    store.close()


@pytest.fixture
def ledger_of(store, store_url) -> Iterator[Callable[[str], LeaseStore]]:
    """Makes the lease store of one more supervisor."""
    made: list[LeaseStore] = []

    def make(owner: str = "here") -> LeaseStore:
        made.append(
            LeaseStore(
                Database(store_url, survives_power_loss=False), owner, 10.0, lambda _job, _epoch: True, counts=True
            )
        )
        return made[-1]

    yield make
    for leases in made:
        leases.close()


def submit(store: Store, process: str = "trend", queue: str = "local") -> str:
    request = Request(process, {}, {"result": "application/json"})
    return store.submit(Submission(id=str(uuid.uuid4()), request=request, limits=Limits(), queue=queue), 1000).id


def begun(leases: LeaseStore, places: int = 1) -> list[Ref]:
    return [Ref(each.job, each.epoch) for each in leases.exchange(StoreRequest(places=places)).claimed]


def successful(size: int = 10) -> Ended:
    artefact = Artefact("result", "application/x-netcdf", "result.nc", None, size)
    return Ended(Status.SUCCESSFUL, 100, artefacts=compact([artefact.to_json()]))


def counted(store: Store) -> dict[tuple[str, ...], int]:
    """How many jobs came to which end."""
    found: dict[tuple[str, ...], int] = {}
    for each in store.figures().outcomes:
        key = (each.process, each.kind, each.status, each.reason)
        found[key] = found.get(key, 0) + each.count
    return found


def test_each_end_is_counted_once(store, ledger_of):
    leases = ledger_of()
    jobs = [submit(store) for _ in range(4)]
    refs = begun(leases, 4)
    failure = Failure("timeout", "it took too long")
    leases.exchange(StoreRequest({refs[0]: successful(), refs[1]: Ended(Status.FAILED, failure=failure)}))
    # a second word on the same attempt, and one on a job that was dismissed, change nothing
    leases.exchange(StoreRequest({refs[0]: successful()}))
    store.dismiss(jobs[2])
    leases.exchange(StoreRequest({refs[2]: successful()}))
    leases.exchange(StoreRequest({refs[3]: Requeued(1)}))
    assert counted(store) == {
        ("trend", "job", "successful", ""): 1,
        ("trend", "job", "failed", "timeout"): 1,
        ("trend", "job", "dismissed", ""): 1,
    }
    (outcome,) = (each for each in store.figures().outcomes if each.status == "successful")
    assert (outcome.size, outcome.queue) == (10, "local")
    assert 0 < outcome.ran <= outcome.bound


def test_a_job_that_never_ran_is_counted_without_a_duration(store):
    store.dismiss(submit(store))
    (outcome,) = store.figures().outcomes
    assert (outcome.status, outcome.count, outcome.ran, outcome.bound) == ("dismissed", 1, 0, NEVER)


def test_removing_a_job_leaves_what_was_counted(store, ledger_of):
    job = submit(store)
    leases = ledger_of()
    (ref,) = begun(leases)
    leases.exchange(StoreRequest({ref: successful()}))
    store.dismiss(job)
    assert store.get(job) is None
    assert counted(store) == {("trend", "job", "successful", ""): 1}


def test_what_waits_and_runs_is_told_by_queue(store, ledger_of):
    for queue in ("local", "local", "local", "awi"):
        submit(store, queue=queue)
    begun(ledger_of())
    local, awi = sorted(store.figures().queues, key=lambda queue: queue.name, reverse=True)
    assert (local.waiting, local.running) == (2, 1)
    assert (awi.waiting, awi.running) == (1, 0)
    assert local.oldest > 0
    first = awi.oldest
    assert eventually(lambda: store.figures().queues[0].oldest > first)


def test_supervisors_that_count_at_once_lose_nothing(store, ledger_of):
    for _ in range(60):
        submit(store)

    def work(leases: LeaseStore) -> None:
        while refs := begun(leases, 3):
            leases.exchange(StoreRequest({ref: successful() for ref in refs}))

    threads = [threading.Thread(target=work, args=(ledger_of(f"owner {number}"),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted(store) == {("trend", "job", "successful", ""): 60}
    assert sum(each.size for each in store.figures().outcomes) == 600


def test_without_metrics_nothing_is_counted(store_url):
    store = Store(store_url)
    store.prepare()
    store.dismiss(submit(store))
    assert store.figures().outcomes == ()
    store.close()


# as Prometheus reads it


def samples(service: Running, accept: str = "text/plain;version=0.0.4") -> dict[tuple[str, ...], float]:
    """Every figure by its name and the values of its :data:`LABELS`, from whichever web process answers."""
    answer = requests.get(f"{service.url}/metrics", headers={"Accept": accept}, timeout=60)
    assert answer.status_code == 200, answer.text
    found = text_string_to_metric_families(answer.text)
    return {(each.name, *_values(each.labels)): each.value for family in found for each in family.samples}


def _values(labels: dict[str, str]) -> list[str]:
    return [labels[name] for name in LABELS if name in labels]


def ended(service: Running) -> dict[tuple[str, ...], float]:
    """How many came to which end; the same from every process."""
    told = [{key[1:]: value for key, value in samples(service).items() if key[0] == "moorage_jobs_total"}]
    told += [{key[1:]: value for key, value in samples(service).items() if key[0] == "moorage_jobs_total"}] * 5
    assert all(each == told[0] for each in told)
    return told[0]


def running(client: ServiceClient, process: str, **inputs: Any) -> str:
    """A job that runs."""
    job = client.submit(process, **inputs)
    client.until(job, "running")
    return job


def kill_supervisor(service: Running) -> None:
    connection = connected(service.state / "run" / "socket")
    connection.send({"do": "describe"})
    os.kill(connection.receive(60).head["supervisor"], signal.SIGKILL)
    connection.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_figures_hold_through_deaths_and_restarts(tmp_path, kind, request):
    url = new_store(kind, tmp_path, request)
    moorage = {"store": url, "metrics": True, "slots": 2}
    with serve(tmp_path, [METHODS], moorage=moorage) as service:
        client = ServiceClient(service.url)
        for _ in range(3):
            client.run("shout")
        client.until(client.submit("fail"), "failed")
        client.run("content")
        assert client.call("shout").status_code == 200
        client.dismiss(running(client, "slow-sum", numbers=[], pause=600.0))
        survives = running(client, "slow-sum", numbers=[1.0], pause=2.0)
        kill_supervisor(service)
        client.until(survives, "successful")
        expected = {
            ("local", "shout", "job", "successful", ""): 3,
            ("local", "shout", "call", "successful", ""): 1,
            ("local", "fail", "job", "failed", "error"): 1,
            ("local", "content", "job", "successful", ""): 1,
            ("local", "slow-sum", "job", "dismissed", ""): 1,
            ("local", "slow-sum", "job", "successful", ""): 1,
        }
        eventually(lambda: ended(service) == expected)
    with serve(tmp_path, [METHODS], moorage=moorage) as service:
        assert ended(service) == expected
        ServiceClient(service.url).run("shout")
        expected["local", "shout", "job", "successful", ""] = 4
        assert ended(service) == expected
        told = samples(service)
        assert told["moorage_duration_seconds_count", "local", "shout", "job"] == 4
        assert told["moorage_duration_seconds_bucket", "local", "shout", "job", "+Inf"] == 4
        assert told["moorage_duration_seconds_sum", "local", "slow-sum", "job"] > 2
        assert told["moorage_wait_seconds_count", "local", "shout", "job"] == 4
        assert told["moorage_artefact_bytes_total", "local", "content", "job"] > 10_000
        assert told["moorage_jobs_waiting", "local"] == 0
        assert told["moorage_state_free_bytes",] > 0


def test_what_waits_is_told_and_a_scraper_of_open_metrics_reads_it_too(tmp_path):
    with serve(tmp_path, [METHODS], moorage={"metrics": True, "slots": 1}) as service:
        client = ServiceClient(service.url)
        first = running(client, "slow-sum", numbers=[], pause=600.0)
        waits = client.submit("shout")
        for accept in ("text/plain;version=0.0.4", "application/openmetrics-text; version=1.0.0"):
            told = samples(service, accept)
            assert told["moorage_jobs_waiting", "local"] == 1, (client.status(first), client.status(waits), told)
            assert told["moorage_jobs_running", "local"] == 1
            assert told["moorage_oldest_wait_seconds", "local"] > 0
        client.dismiss(first)
        client.until(waits, "successful")
        assert samples(service)["moorage_oldest_wait_seconds", "local"] == 0


def test_metrics_are_served_only_where_they_are_asked_for(service_url):
    assert requests.get(f"{service_url}/metrics", timeout=60).status_code == 404


def test_an_engine_counts_where_its_settings_say_so(tmp_path):
    with started(tmp_path / "state", metrics=True) as under_test:
        under_test.run("shout")
        under_test.run("too-slow")
        told = {(each.process, each.status, each.reason) for each in under_test.engine.figures().outcomes}
        assert told == {("shout", "successful", ""), ("too-slow", "failed", "timeout")}
        assert under_test.engine.room() > 0
