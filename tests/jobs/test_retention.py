"""What is too old or too much goes, the oldest first, and never what somebody needs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moorage_processes.authoring.limits import Limits
from moorage_processes.authoring.quantities import parse_age
from moorage_processes.execution.request import Request
from moorage_processes.jobs.files.state_directory import StateDirectory
from moorage_processes.jobs.job import Status, Submission
from moorage_processes.jobs.retention import Allowance, Retention
from moorage_processes.jobs.store.database import Database, now
from moorage_processes.jobs.store.expiry import Expiry, referred_to, size_of
from moorage_processes.jobs.store.leases import LeaseStore
from moorage_processes.jobs.store.store import Store
from moorage_processes.jobs.store.tables import CALLBACKS, INPUTS, JOBS, TRANSFER_TOKENS
from moorage_processes.jobs.supervisor.garbage_collector import GarbageCollector
from support.engines import METHODS, started
from support.job_stores import STORES, new_store
from support.service_client import ServiceClient
from support.services import Running, serve
from support.waiting import eventually

SECOND = 1_000_000
HOUR = 3600.0
PROCESSES = ("trend", "mean")
ENDED = (Status.SUCCESSFUL, Status.FAILED, Status.DISMISSED)


@dataclass(frozen=True)
class Kept:
    """A job in a store, as a property draws it."""

    process: str = "trend"
    status: Status = Status.SUCCESSFUL
    age: int = 10
    """Hours since it ended."""
    size: int = 100
    held: bool = False
    """Whether somebody has just read it."""
    owed: bool = False
    """Whether a callback is still to be sent."""
    has_token: bool = False
    """Whether a site may still bring something."""
    refers: tuple[int, ...] = ()
    """To the results of which others its inputs refer."""

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self.status not in ENDED


@contextmanager
def prepared_database(url: str) -> Iterator[Database]:
    """An empty store."""
    database = Database(url, survives_power_loss=False)
    database.create()
    with database.begin() as connection:
        for table in (JOBS, INPUTS, CALLBACKS, TRANSFER_TOKENS):
            connection.execute(sa.delete(table))
    yield database
    database.close()


def name_of(number: int) -> str:
    """Id of the job of that number."""
    return str(uuid.UUID(int=number + 1))


def fill(database: Database, jobs: list[Kept]) -> None:
    """Lay jobs into a store."""
    rows = [row_of(number, job) for number, job in enumerate(jobs)]
    hour = now() + int(HOUR * SECOND)
    with database.begin() as connection:
        if rows:
            connection.execute(sa.insert(JOBS), rows)
            inputs = [{"job": name_of(number), "content": content_of(job)} for number, job in enumerate(jobs)]
            connection.execute(sa.insert(INPUTS), inputs)
        for number, job in enumerate(jobs):
            if job.owed:
                pending = {"id": name_of(number), "job": name_of(number), "status": "successful", "url": "u"}
                connection.execute(sa.insert(CALLBACKS), pending | {"receiver": "r", "due": 0, "told": 0, "attempt": 0})
            if job.has_token:
                leave = {"token": name_of(number), "job": name_of(number), "epoch": 1, "file": "f", "size": 1}
                connection.execute(sa.insert(TRANSFER_TOKENS), leave | {"expires": hour})


def row_of(number: int, job: Kept) -> dict[str, Any]:
    """The row of a job."""
    ended = now() - int(job.age * HOUR * SECOND)
    file = {"output": "result", "media_type": "a/b", "file": "result", "value": None, "size": job.size}
    return {
        "id": name_of(number),
        "process": job.process,
        "queue": "local",
        "status": job.status.value,
        "message": "",
        "progress": 0,
        "created": ended,
        "started": ended,
        "updated": ended,
        "finished": None if job.is_live else ended,
        "outputs": "{}",
        "answer": "{}",
        "limits": "{}",
        "failure": None,
        "attempt": 1,
        "epoch": 1,
        "artefacts": json.dumps([file]) if job.size and not job.is_live else "[]",
        "size": 0 if job.is_live else job.size,
        "needed": now() + int(HOUR * SECOND) if job.held else None,
        "listed": True,
    }


def content_of(job: Kept) -> str:
    """Inputs that refer to the results of others, as callers and workflows write them."""
    hrefs = [{"href": f"https://hub.example/jobs/{name_of(other)}/results/result"} for other in job.refers]
    return json.dumps({"grids": hrefs, "note": "jobs"})


def expired(database: Database) -> set[int]:
    """The numbers of jobs whose results have gone."""
    with database.begin() as connection:
        found = connection.execute(sa.select(JOBS.c.id).where(JOBS.c.expired.is_not(None))).scalars()
        return {uuid.UUID(job).int - 1 for job in found}


def swept(database: Database, retention: Retention, most: int = 100) -> set[int]:
    """What has gone once there is nothing more to do."""
    expiry = Expiry(database, retention)
    while expiry.expire(most):
        pass
    return expired(database)


def needed(jobs: list[Kept]) -> set[int]:
    """The numbers of jobs whose results somebody needs."""
    referred = {other for job in jobs if job.is_live for other in job.refers}
    return {
        number
        for number, job in enumerate(jobs)
        if job.is_live or job.held or job.owed or job.has_token or number in referred
    }


@pytest.fixture(params=STORES, scope="module")
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store of each kind, that all examples share, one after another."""
    return new_store(request.param, tmp_path_factory.mktemp("store"), request)


kept = st.builds(
    Kept,
    process=st.sampled_from(PROCESSES),
    status=st.sampled_from([Status.SUCCESSFUL] * 4 + list(Status)),
    age=st.integers(1, 100),
    size=st.sampled_from([0, 1, 100, 1000]),
    held=st.sampled_from([False] * 4 + [True]),
    owed=st.sampled_from([False] * 6 + [True]),
    has_token=st.sampled_from([False] * 6 + [True]),
    refers=st.lists(st.integers(0, 14), max_size=2).map(tuple),
)
allowances = st.builds(
    Allowance,
    age=st.none() | st.integers(1, 80).map(lambda hours: (hours + 0.5) * HOUR),
    size=st.none() | st.integers(1, 3000),
)
retentions = st.builds(Retention, allowances, st.dictionaries(st.sampled_from(PROCESSES), allowances))
ended = st.lists(
    st.builds(Kept, age=st.integers(1, 100), size=st.integers(1, 9)), max_size=12, unique_by=lambda job: job.age
)
EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@EXAMPLES
@given(jobs=st.lists(kept, max_size=15), retention=retentions, most=st.integers(1, 5))
def test_what_somebody_needs_never_goes_and_what_must_go_does(url, jobs, retention, most):
    with prepared_database(url) as database:
        fill(database, jobs)
        gone = swept(database, retention, most)
    kept_back = needed(jobs)
    assert not gone & kept_back
    left = {number: job for number, job in enumerate(jobs) if number not in gone and number not in kept_back}
    for job in left.values():
        own = retention.processes.get(job.process, Allowance())
        age = own.age if own.age is not None else retention.overall.age
        assert age is None or job.age * HOUR < age
    for rule, allowance in ((None, retention.overall), *retention.processes.items()):
        total = sum(
            job.size
            for number, job in enumerate(jobs)
            if number not in gone and not job.is_live and rule in (None, job.process)
        )
        removable = [job for job in left.values() if job.size and rule in (None, job.process)]
        assert allowance.size is None or total <= allowance.size or not removable


@EXAMPLES
@given(jobs=ended, size=st.integers(1, 40))
def test_the_oldest_go_first_and_no_more_than_must(url, jobs, size):
    with prepared_database(url) as database:
        fill(database, jobs)
        gone = swept(database, Retention(Allowance(size=size)))
    oldest_first = sorted(range(len(jobs)), key=lambda number: -jobs[number].age)
    expected, total = set(), sum(job.size for job in jobs)
    for number in oldest_first:
        if total <= size:
            break
        expected.add(number)
        total -= jobs[number].size
    assert gone == expected


def test_at_most_so_many_go_at_once(url):
    with prepared_database(url) as database:
        fill(database, [Kept()] * 7)
        expiry = Expiry(database, Retention(Allowance(age=HOUR)))
        assert [len(expiry.expire(3)) for _ in range(4)] == [3, 3, 1, 0]


def test_without_a_limit_nothing_goes(url):
    with prepared_database(url) as database:
        fill(database, [Kept(age=10**5)])
        assert swept(database, Retention()) == set()


def test_a_job_that_comes_in_between_keeps_what_it_refers_to(url, monkeypatch):
    """It is submitted after the inputs of live jobs were looked at, and before the end is noted."""
    store = Store(url)
    with prepared_database(url) as database:
        fill(database, [Kept()])
        href = {"href": f"https://hub.example/jobs/{name_of(0)}/results/result"}
        late = Submission(id=str(uuid.uuid4()), request=Request("mean", {"grid": href}, {}), limits=Limits())

        def look_then_submit(contents):
            found = referred_to(contents)
            store.submit(late, 10)
            return found

        monkeypatch.setattr("moorage_processes.jobs.store.expiry.referred_to", look_then_submit)
        assert Expiry(database, Retention(Allowance(age=HOUR))).expire() == []
        assert expired(database) == set()
    store.close()


def test_a_result_that_was_read_is_held_and_one_that_has_gone_is_not(url):
    store = Store(url)
    with prepared_database(url) as database:
        fill(database, [Kept(), Kept()])
        assert store.hold(name_of(0))
        held = store.get(name_of(0)).needed
        assert held - datetime.now(UTC) > timedelta(hours=1)
        assert swept(database, Retention(Allowance(age=HOUR))) == {1}
        assert not store.hold(name_of(1))
        gone = store.get(name_of(1))
        assert (gone.status, gone.artefacts, dict(gone.request.inputs)) == (Status.SUCCESSFUL, (), {})
        assert gone.expired - datetime.now(UTC) < timedelta(hours=1)
    store.close()


def test_references_are_found_however_they_are_written():
    job = str(uuid.uuid4())
    for href in (f"http://x/jobs/{job}/results", f"http://x/jobs/{job}/results/a?f=json", f"http://x%2Fjobs%2F{job}"):
        assert referred_to([json.dumps({"grid": {"href": href}})]) == [job]
    assert referred_to([json.dumps({"grid": job})]) == []


def test_sizes_are_those_of_files():
    told = {"output": "a", "media_type": "b", "value": None}
    assert (
        size_of(json.dumps([told | {"file": "x", "size": 5}, told | {"file": "y", "size": 7}], separators=(",", ":")))
        == 12
    )
    assert size_of(json.dumps([told | {"file": None, "value": '"file":"', "size": 9}], separators=(",", ":"))) == 0


AGES = {"30 days": 30 * 86400, "1 day": 86400, "12 h": 43200, "2 weeks": 14 * 86400, "90": 90, "5 min": 300, 1.5: 1.5}


@pytest.mark.parametrize(("given", "seconds"), AGES.items())
def test_ages(given, seconds):
    assert parse_age(given) == seconds


@pytest.mark.parametrize("given", ["a month", "-1 day", True, "1 fortnight", "days"])
def test_what_is_no_age_is_told(given):
    with pytest.raises(ValueError, match="'30 days'"):
        parse_age(given)


def test_what_is_kept_comes_back_from_json():
    retention = Retention(Allowance(30 * 86400, 10**11), {"mean": Allowance(86400)})
    assert Retention.from_json(json.loads(json.dumps(retention.to_json()))) == retention


# with files

COLLECTOR = """
import sys
from pathlib import Path
from moorage_processes.jobs.store.database import Database
from moorage_processes.jobs.store.expiry import Expiry
from moorage_processes.jobs.store.leases import LeaseStore
from moorage_processes.jobs.retention import Allowance, Retention
from moorage_processes.jobs.files.state_directory import StateDirectory
from moorage_processes.jobs.supervisor.garbage_collector import GarbageCollector
database = Database(sys.argv[1], survives_power_loss=False)
expiry = Expiry(database, Retention(Allowance(size=int(sys.argv[3]))))
leases = LeaseStore(database, "here", 10.0, lambda *_: True)
collector = GarbageCollector(StateDirectory(Path(sys.argv[2])), leases, expiry)
whole, expiry.expire = expiry.expire, lambda: whole(3)
print("begins", flush=True)
while collector.expire():
    pass
"""


def with_files(state: StateDirectory, database: Database, count: int) -> None:
    """Jobs whose results lie there, each with a log."""
    fill(database, [Kept(age=count - number, size=10) for number in range(count)])
    for number in range(count):
        scratch = state.clear_scratch(1)
        (scratch / "result").write_bytes(b"x" * 10)
        state.publisher.publish(scratch, name_of(number), 1, is_job=True)
        state.log(name_of(number)).write_text("said")


@pytest.mark.parametrize("seed", range(4))
def test_whoever_is_killed_in_the_midst_of_it_leaves_no_job_without_its_files_and_no_files_for_long(
    url, tmp_path, seed
):
    count, left = 60, 20
    state = StateDirectory(tmp_path)
    state.prepare()
    with prepared_database(url) as database:
        with_files(state, database, count)
        command = [sys.executable, "-c", COLLECTOR, url, str(tmp_path), str(10 * left)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout.readline()
            until = 5 * (seed + 1)
            eventually(lambda: len(expired(database)) >= until or process.poll() is not None)
            process.send_signal(signal.SIGKILL)
        gone = expired(database)
        assert gone
        for number in set(range(count)) - gone:
            assert (state.published(name_of(number), 1) / "result").read_bytes() == b"x" * 10
        leases = LeaseStore(database, "here", 10.0, lambda *_: True)
        garbage_collector = GarbageCollector(state, leases, Expiry(database, Retention(Allowance(size=10 * left))))
        while garbage_collector.expire():
            pass
        garbage_collector.search(time.time() + 1)
        assert expired(database) == set(range(count - left))
        rest = {name_of(number) for number in range(count - left, count)}
        assert {each.name for each in state.results.iterdir()} == rest
        assert {each.stem for each in state.logs.iterdir()} == rest


def test_what_belongs_to_nothing_is_found_and_what_is_young_or_needed_is_not(url, tmp_path):
    state = StateDirectory(tmp_path / "state", tmp_path / "common")
    state.prepare()
    with prepared_database(url) as database:
        with_files(state, database, 2)
        with database.begin() as connection:
            connection.execute(sa.update(JOBS).where(JOBS.c.id == name_of(1)).values(epoch=3))
        (state.results / name_of(1) / "1").rename(state.results / name_of(1) / "3")
        (state.results / name_of(1) / "2").mkdir()
        (state.results / name_of(7) / "1").mkdir(parents=True)
        state.log(name_of(7)).touch()
        state.incoming().touch()
        machine = state.common / "scratch" / "gone"
        machine.mkdir()
        os.utime(machine, (0, 0))
        garbage_collector = GarbageCollector(state, LeaseStore(database, "here", 10.0, lambda *_: True), None)
        garbage_collector.search(time.time() - HOUR)
        assert (state.results / name_of(7)).exists()
        assert not machine.exists()
        assert state.clear_scratch(1).exists()
        garbage_collector.search(time.time() + 1)
    assert {each.name for each in state.results.iterdir()} == {name_of(0), name_of(1)}
    assert [each.name for each in (state.results / name_of(1)).iterdir()] == ["3"]
    assert {each.stem for each in state.logs.iterdir()} == {name_of(0), name_of(1)}
    assert list((state.common / "incoming").iterdir()) == []


def test_an_engine_sweeps_by_itself(tmp_path, store_url):
    retention = Retention(Allowance(size=2500))
    with started(tmp_path / "state", store=store_url, retention=retention) as under_test:
        jobs = [under_test.run("content", size=1000) for _ in range(5)]
        eventually(lambda: sum(under_test.job(job).expired is not None for job in jobs) == 3)
        assert [under_test.job(job).expired is not None for job in jobs] == [True] * 3 + [False] * 2
        eventually(lambda: len(list((tmp_path / "state" / "results").iterdir())) == 2)
        under_test.engine.hold(under_test.job(jobs[4]))
        assert under_test.job(jobs[4]).needed > datetime.now(UTC) + timedelta(hours=1)


def linked(job: str) -> bool:
    """Whether the status of a job leads to its results."""
    links = requests.get(job, timeout=60).json()["links"]
    return any(each["rel"].endswith("results") for each in links)


def content(service: Running) -> str:
    """A job that gave 1000 bytes."""
    job = ServiceClient(service.url).submit("content", size=1000)
    eventually(lambda: linked(job))
    return job


def test_callers_are_told_that_results_have_expired(tmp_path):
    kept: Mapping[str, Any] = {"retention": {"age": "1 week", "processes": {"content": {"size": 1500}}}}
    with serve(tmp_path, [str(METHODS)], moorage=kept) as service:
        first, second = content(service), content(service)
        # whoever had read them would have held them
        eventually(lambda: not linked(first))
        for address in (f"{first}/results", f"{first}/results/result"):
            gone = requests.get(address, timeout=60)
            assert gone.status_code == 410
            assert gone.headers["Content-Type"] == "application/problem+json"
            assert "expired" in gone.json()["detail"]
        assert requests.get(first, timeout=60).json()["status"] == "successful"
        assert requests.get(f"{second}/results", timeout=60).content == b"x" * 1000


def test_who_reads_holds(tmp_path):
    with serve(tmp_path, [str(METHODS)], moorage={"retention": {"size": 1500}}) as service:
        first = content(service)
        assert requests.get(f"{first}/results/result", timeout=60).status_code == 200
        second = content(service)
        eventually(lambda: not linked(second))
        assert requests.get(f"{first}/results/result", timeout=60).content == b"x" * 1000
