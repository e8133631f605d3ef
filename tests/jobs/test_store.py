"""The store keeps every job, gives each to one supervisor at a time, and lets no late report change anything."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from moorage_processes.authoring.limits import Limits
from moorage_processes.execution.request import Artefact, Failure, Request
from moorage_processes.jobs.attempt import Ended, Progressed, Ref, Requeued
from moorage_processes.jobs.errors import QueueFull, Unavailable
from moorage_processes.jobs.job import JobQuery, ListPosition, Status, Submission
from moorage_processes.jobs.store.database import QUIET, Database
from moorage_processes.jobs.store.exchange import StoreRequest
from moorage_processes.jobs.store.leases import LeaseStore
from moorage_processes.jobs.store.store import Store
from moorage_processes.jobs.supervisor.store_thread import StoreThread, SupervisorCallbacks
from support.ageing import age

ROOM = 1000
HANG_UP_ON_OTHERS = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def url(store_url):
    return store_url


@pytest.fixture
def store(url):
    store = Store(url)
    store.prepare()
    yield store
    store.close()


@pytest.fixture
def ledger_of(url, store):
    """Makes the lease store of one more supervisor."""
    made = []

    def make(owner="here", lease=10.0, has_begun=lambda _job, _epoch: True):
        leases = LeaseStore(Database(url, survives_power_loss=False), owner, lease, has_begun)
        made.append(leases)
        return leases

    yield make
    for leases in made:
        leases.close()


@pytest.fixture
def leases(ledger_of):
    return ledger_of()


def order(process="trend", **changes):
    request = Request(process, {"years": [1990, 1991], "name": "Rhône\0"}, {"result": "application/json"})
    return Submission(**{"id": str(uuid.uuid4()), "request": request, "limits": Limits(), "answer": {"a": 1}} | changes)


def claim(leases, places=1):
    return leases.exchange(StoreRequest(places=places)).claimed


def ref(attempt):
    return Ref(attempt.job, attempt.epoch)


def test_a_job_is_read_back_as_it_was_submitted(store):
    asked = order()
    job = store.submit(asked, ROOM)
    assert store.get(job.id) == job
    assert (job.id, job.request, job.limits, job.answer) == (asked.id, asked.request, asked.limits, asked.answer)
    assert (job.status, job.progress, job.attempt, job.epoch) == (Status.ACCEPTED, 0, 0, 0)
    assert job.created.tzinfo is UTC


def test_an_unknown_job_is_none(store):
    assert store.get("nothing") is None
    assert store.dismiss("nothing") is None


def test_the_oldest_job_is_given_first_and_once(store, ledger_of):
    jobs = [store.submit(order(), ROOM).id for _ in range(5)]
    first, second = ledger_of("here"), ledger_of("there")
    taken = [*claim(first, 2), *claim(second, 2), *claim(first, 2), *claim(second, 2)]
    assert [attempt.job for attempt in taken] == jobs


def test_two_supervisors_at_once_never_take_the_same_job(store, ledger_of):
    jobs = {store.submit(order(), ROOM).id for _ in range(60)}
    taken = []

    def work(leases):
        while found := claim(leases, 3):
            taken.extend(attempt.job for attempt in found)

    threads = [threading.Thread(target=work, args=[ledger_of(name)]) for name in ("here", "there")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(jobs)


def test_a_claim_carries_the_request_and_the_limits(store, leases):
    asked = order(limits=Limits(timeout=5.0, attempts=2))
    store.submit(asked, ROOM)
    (attempt,) = claim(leases)
    assert Request.from_json(json.loads(attempt.request)) == asked.request
    assert (attempt.limits, attempt.number, attempt.epoch) == (asked.limits, 1, 1)


def test_progress_and_end_are_told(store, leases):
    job = store.submit(order(), ROOM)
    (attempt,) = claim(leases)
    running = store.get(job.id)
    assert (running.status, running.attempt, running.epoch) == (Status.RUNNING, 1, 1)
    leases.exchange(StoreRequest({ref(attempt): Progressed(40, "reading")}))
    assert (store.get(job.id).progress, store.get(job.id).message) == (40, "reading")
    artefacts = (Artefact("result", "application/json", None, [1, None], 8),)
    text = json.dumps([each.to_json() for each in artefacts])
    leases.exchange(StoreRequest({ref(attempt): Ended(Status.SUCCESSFUL, 100, "written", text)}))
    done = store.get(job.id)
    assert (done.status, done.progress, done.message) == (Status.SUCCESSFUL, 100, "written")
    assert done.artefacts == artefacts
    assert done.created <= done.started <= done.finished == done.updated


def test_a_failure_is_kept(store, leases):
    job = store.submit(order(), ROOM)
    (attempt,) = claim(leases)
    failure = Failure("error", "it failed", reference="ab12")
    leases.exchange(StoreRequest({ref(attempt): Ended(Status.FAILED, failure=failure)}))
    done = store.get(job.id)
    assert (done.status, done.failure, done.message) == (Status.FAILED, failure, "it failed")


def test_words_that_databases_do_not_take_are_mended(store, leases):
    job = store.submit(order(), ROOM)
    (attempt,) = claim(leases)
    leases.exchange(StoreRequest({ref(attempt): Progressed(1, "half \ud800 a\0 pair")}))
    assert store.get(job.id).message == "half ? a pair"


def test_a_late_report_of_an_older_epoch_changes_nothing(store, leases):
    job = store.submit(order(), ROOM)
    (first,) = claim(leases)
    leases.exchange(StoreRequest({ref(first): Requeued(1)}))
    (second,) = claim(leases)
    assert (second.epoch, second.number) == (2, 2)
    before = store.get(job.id)
    late = leases.exchange(StoreRequest({ref(first): Ended(Status.SUCCESSFUL, 100, "", "[]")}))
    assert late.refused == [ref(first)]
    assert leases.exchange(StoreRequest({ref(first): Progressed(90, "late")})).changes == []
    assert store.get(job.id) == before
    leases.exchange(StoreRequest({ref(second): Ended(Status.SUCCESSFUL)}))
    assert leases.exchange(StoreRequest({ref(second): Requeued(2)})).settled == {ref(second): True}
    assert store.get(job.id).status is Status.SUCCESSFUL


def test_of_ends_told_at_once_only_those_that_come_too_late_are_refused(store, leases):
    jobs = [store.submit(order(), ROOM).id for _ in range(4)]
    good, bad, late, gone = claim(leases, places=4)
    store.dismiss(late.job)
    store.dismiss(gone.job)
    store.dismiss(gone.job)
    ends = {ref(each): Ended(Status.SUCCESSFUL, 100, "done", "[]") for each in (good, late, gone)}
    exchange = leases.exchange(StoreRequest({**ends, ref(bad): Ended(Status.FAILED, failure=Failure("error", "no"))}))
    assert {*exchange.refused} == {ref(late), ref(gone)}
    assert exchange.settled == {ref(good): True, ref(bad): False}
    assert {change.job for change in exchange.changes if change.is_done} == {good.job, bad.job}
    found = [store.get(job) for job in jobs]
    assert [job and job.status.value for job in found] == ["successful", "failed", "dismissed", None]
    assert (found[0].message, found[1].message, found[1].failure) == ("done", "no", Failure("error", "no"))


def test_an_end_that_is_told_twice_is_not_refused(store, leases):
    # as where the answer of the database was lost on its way
    store.submit(order(), ROOM)
    (attempt,) = claim(leases)
    ends = {ref(attempt): Ended(Status.SUCCESSFUL, 100, "", "[]")}
    first, second = leases.exchange(StoreRequest(ends)), leases.exchange(StoreRequest(ends))
    assert first.settled == second.settled == {ref(attempt): True}


def test_a_job_that_was_returned_waits_in_its_old_place(store, leases):
    first, second = (store.submit(order(), ROOM).id for _ in range(2))
    (attempt,) = claim(leases)
    leases.exchange(StoreRequest({ref(attempt): Requeued(0)}))
    assert (store.get(first).status, store.get(first).attempt) == (Status.ACCEPTED, 0)
    assert [each.job for each in claim(leases, 2)] == [first, second]


def test_what_the_supervisor_before_ran_is_taken_back(store, ledger_of):
    ids = [store.submit(order(limits=Limits(attempts=attempts)), ROOM).id for attempts in (3, 1, 1)]
    assert len(claim(ledger_of(), 3)) == 3
    begun = {ids[0], ids[1]}
    later = ledger_of(has_begun=lambda job, _epoch: job in begun)
    exchange = later.exchange(StoreRequest(runs=()))
    again, lost, never_begun = (store.get(job) for job in ids)
    assert (again.status, again.attempt) == (Status.ACCEPTED, 1)
    assert (lost.status, lost.failure.reason) == (Status.FAILED, "lost")
    assert "might do its work twice" in lost.failure.detail
    assert (never_begun.status, never_begun.attempt) == (Status.ACCEPTED, 0)
    assert {change.job for change in exchange.changes} == set(ids)


def test_an_attempt_that_kills_the_service_each_time_is_given_up(store, leases):
    job = store.submit(order(limits=Limits(attempts=2)), ROOM)
    for _ in range(2):
        assert len(claim(leases)) == 1
        leases.exchange(StoreRequest(runs=()))
    done = store.get(job.id)
    assert (done.status, done.failure.reason, done.attempt) == (Status.FAILED, "lost", 2)


def test_what_is_in_hand_is_not_taken_back(store, leases):
    job = store.submit(order(), ROOM)
    (attempt,) = claim(leases)
    exchange = leases.exchange(StoreRequest(runs=[ref(attempt)]))
    assert (exchange.gone, exchange.changes) == ([], [])
    assert store.get(job.id).status is Status.RUNNING


def test_a_machine_that_is_not_heard_of_loses_its_jobs_after_its_lease(url, store, ledger_of):
    job = store.submit(order(), ROOM)
    away, here = ledger_of("away", lease=60.0), ledger_of("here")
    (attempt,) = claim(away)
    age(url, 50.0)
    here.exchange(StoreRequest(takes_over=True))
    assert store.get(job.id).status is Status.RUNNING
    age(url, 10.0)
    here.exchange(StoreRequest(takes_over=True))
    assert store.get(job.id).status is Status.ACCEPTED
    assert len(claim(here)) == 1
    assert away.exchange(StoreRequest(runs=[ref(attempt)])).gone == [ref(attempt)]


def test_a_lease_that_is_renewed_holds(url, store, ledger_of):
    store.submit(order(), ROOM)
    away, here = ledger_of("away", lease=60.0), ledger_of("here")
    (attempt,) = claim(away)
    for _ in range(4):
        age(url, 40.0)
        away.exchange(StoreRequest(renews=True))
        here.exchange(StoreRequest(takes_over=True))
    assert away.exchange(StoreRequest(runs=[ref(attempt)])).gone == []


def test_a_full_queue_refuses_until_there_is_a_place(store, leases):
    jobs = [store.submit(order(), 3) for _ in range(3)]
    with pytest.raises(QueueFull, match="3 jobs wait already"):
        store.submit(order(), 3)
    assert len(store.find(JobQuery()).jobs) == 3
    (attempt,) = claim(leases)
    store.submit(order(), 3)
    with pytest.raises(QueueFull):
        store.submit(order(), 3)
    store.dismiss(jobs[2].id)
    store.submit(order(), 3)
    leases.exchange(StoreRequest({ref(attempt): Requeued(0)}))
    with pytest.raises(QueueFull):
        store.submit(order(), 4)


def test_the_inputs_of_waiting_jobs_count_against_a_limit(store, leases):
    def large():
        return order(request=Request("trend", {"text": "é" * 10_000}, {"result": "application/json"}))

    # so much is written for each letter of two bytes: \\u00e9
    most = 3 * 60_000
    for _ in range(3):
        store.submit(large(), ROOM, most)
    with pytest.raises(QueueFull, match=f"at most {most} may be held.*by reference"):
        store.submit(large(), ROOM, most)
    # what holds next to nothing does not wait for it
    store.submit(order(), ROOM, most)
    assert len(store.find(JobQuery()).jobs) == 4
    claim(leases)
    store.submit(large(), ROOM, most)


def test_queues_fill_apart(store, leases):
    store.submit(order(queue="awi"), 1)
    store.submit(order(queue="local"), 1)
    with pytest.raises(QueueFull):
        store.submit(order(queue="awi"), 1)
    assert len(claim(leases, 5)) == 1


def test_what_waits_is_counted_anew_by_each_supervisor(store, leases):
    store.submit(order(), ROOM)
    store.dismiss(store.submit(order(), ROOM).id)
    leases.prepare()
    store.submit(order(), 2)
    with pytest.raises(QueueFull):
        store.submit(order(), 2)


def test_dismissing_a_waiting_job_keeps_it_from_being_taken(store, leases):
    job = store.submit(order(), ROOM)
    assert store.dismiss(job.id).status is Status.ACCEPTED
    assert store.get(job.id).status is Status.DISMISSED
    assert claim(leases) == []


def test_dismissing_a_running_job_is_told_to_its_supervisor(store, leases):
    job = store.submit(order(), ROOM)
    (attempt,) = claim(leases)
    store.dismiss(job.id)
    assert leases.exchange(StoreRequest(runs=[ref(attempt)])).gone == [ref(attempt)]
    assert leases.exchange(StoreRequest({ref(attempt): Ended(Status.SUCCESSFUL)})).refused == [ref(attempt)]
    assert store.get(job.id).status is Status.DISMISSED


def test_dismissing_a_job_that_is_done_removes_it(store, leases):
    job = store.submit(order(), ROOM)
    (attempt,) = claim(leases)
    leases.exchange(StoreRequest({ref(attempt): Ended(Status.SUCCESSFUL)}))
    assert store.dismiss(job.id).status is Status.SUCCESSFUL
    assert store.get(job.id) is None
    assert store.inputs(job.id) == {}


def test_the_list_is_newest_first_filtered_and_paged(store):
    first = store.submit(order("trend"), ROOM)
    second = store.submit(order("slope"), ROOM)
    third = store.submit(order("slope"), ROOM)
    store.dismiss(third.id)

    def ids(**query):
        page = store.find(JobQuery(**query))
        return [job.id for job in page.jobs], page.has_more

    assert ids() == ([third.id, second.id, first.id], False)
    assert ids(processes=("slope",)) == ([third.id, second.id], False)
    assert ids(processes=("slope", "trend"), statuses=(Status.ACCEPTED,)) == ([second.id, first.id], False)
    assert ids(statuses=(Status.ACCEPTED,)) == ([second.id, first.id], False)
    assert ids(limit=1, offset=1) == ([second.id], True)
    assert ids(limit=2, after=ListPosition(third.created, third.id)) == ([second.id, first.id], False)
    assert ids(created_from=second.created) == ([third.id, second.id], False)
    assert ids(created_to=second.created) == ([second.id, first.id], False)
    assert ids(created_from=datetime.now(UTC) + timedelta(days=1)) == ([], False)


def test_a_call_is_kept_without_being_listed(store):
    submitted = store.submit(order(), ROOM)
    artefacts = (Artefact("result", "image/png", "result.png", None, 5),)
    call = replace(submitted, id=str(uuid.uuid4()), status=Status.SUCCESSFUL, artefacts=artefacts, listed=False)
    store.keep(call)
    store.keep(call)
    kept = store.get(call.id)
    assert (kept.artefacts, kept.request, kept.listed) == (artefacts, call.request, False)
    assert len(store.find(JobQuery()).jobs) == 1


def test_inputs_are_read_only_when_they_are_looked_at(store):
    job = store.submit(order(), ROOM)
    found = store.get(job.id)
    store.dismiss(job.id)
    store.dismiss(job.id)
    assert dict(found.request.inputs) == {}


def test_a_store_that_is_away_says_so(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder' / 'jobs.sqlite'}")
    with pytest.raises(Unavailable, match="does not answer"):
        store.prepare()


def test_connections_that_the_database_closed_while_they_rested_are_replaced(postgres):
    url = postgres.database()
    store = Store(url)
    store.prepare()
    job = store.submit(order(), ROOM)
    time.sleep(QUIET)
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        assert connection.execute(HANG_UP_ON_OTHERS).scalars().all()
    engine.dispose()
    assert store.get(job.id).id == job.id
    store.submit(order(), ROOM)
    store.close()


def test_many_processes_may_make_the_tables_at_once(url):
    stores = [Store(url) for _ in range(8)]
    errors = []

    def prepare(store):
        try:
            store.prepare()
        except Unavailable as error:
            errors.append(error)

    threads = [threading.Thread(target=prepare, args=[store]) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert stores[0].submit(order(), ROOM)
    for store in stores:
        store.close()


class Commits:
    """How each commit of a database that wrote something was made: SQLite's ``synchronous`` on its very connection."""

    def __init__(self, database):
        self.modes = []
        sa.event.listen(database._engine, "commit", self._note)

    def _note(self, connection):
        own = connection.connection.dbapi_connection
        if own.in_transaction:
            self.modes.append(own.execute("PRAGMA synchronous").fetchone()[0])

    def take(self):
        """Those since the last look."""
        modes, self.modes = self.modes, []
        return modes


NORMAL, FULL = 1, 2


@pytest.fixture
def sqlite(tmp_path):
    """A store, a supervisor's lease store of it, and the commits of each."""
    url = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    store, database = Store(url), Database(url, survives_power_loss=False)
    store.prepare()
    yield store, LeaseStore(database, "here", 10.0, lambda *_: True), Commits(store._database), Commits(database)
    store.close()
    database.close()


def test_what_a_caller_was_told_is_on_the_disk(sqlite):
    store, _, commits, _ = sqlite
    job = store.submit(order(), ROOM)
    assert commits.take() == [FULL]
    store.dismiss(job.id)
    assert commits.take() == [FULL]


def test_what_would_only_be_done_again_need_not_be(sqlite):
    store, leases, _, commits = sqlite
    store.submit(order(), ROOM)
    (attempt,) = claim(leases)
    leases.exchange(StoreRequest({ref(attempt): Progressed(50, "half")}))
    leases.exchange(StoreRequest({ref(attempt): Ended(Status.SUCCESSFUL)}))
    assert commits.take() == [NORMAL] * 3


def test_what_must_not_be_done_again_is_on_the_disk_before_it_begins_and_when_it_is_done(sqlite):
    store, leases, _, commits = sqlite
    store.submit(order(limits=Limits(attempts=1)), ROOM)
    store.submit(order(), ROOM)
    one, other = claim(leases, 2)
    assert commits.take() == [FULL]
    assert (one.is_once, other.is_once) == (True, False)
    leases.exchange(StoreRequest({ref(one): Ended(Status.SUCCESSFUL, must_last=True)}))
    assert commits.take() == [FULL]
    leases.exchange(StoreRequest({ref(other): Ended(Status.SUCCESSFUL)}))
    assert commits.take() == [NORMAL]


def test_a_claim_that_comes_to_nothing_leaves_nothing_behind(store, leases, monkeypatch):
    job = store.submit(order(), ROOM)
    monkeypatch.setattr(leases, "_claim", lambda *args: type(leases)._claim(leases, *args) and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        claim(leases)
    assert (store.get(job.id).status, store.get(job.id).epoch) == (Status.ACCEPTED, 0)


def test_what_waits_is_never_counted_among_what_runs(store, leases):
    """A job that is seen to run is not counted as waiting any more: both are one transaction."""
    jobs = [store.submit(order(), ROOM).id for _ in range(200)]
    seen: list[tuple[int, int]] = []
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.is_set():
            running = sum(store.get(job).status is Status.RUNNING for job in jobs[-20:])
            (queue,) = store.figures().queues
            seen.append((running, queue.waiting))

    watcher = threading.Thread(target=watch)
    watcher.start()
    while claim(leases):
        pass
    is_over.set()
    watcher.join()
    assert len(seen) > 1
    assert all(waiting <= 20 - running for running, waiting in seen if running)


def test_what_a_killed_supervisor_had_just_written_keeps_its_files(store, leases):
    """Its successor may have read that the job runs a moment before the end of it was there."""
    store.submit(order(), ROOM)
    (attempt,) = claim(leases)
    leases.exchange(StoreRequest({ref(attempt): Ended(Status.SUCCESSFUL, 100, "", "[]")}))
    late = leases.exchange(StoreRequest({ref(attempt): Requeued(0)}))
    assert (late.refused, late.settled) == ([], {ref(attempt): True})
    failed_late = leases.exchange(StoreRequest({ref(attempt): Ended(Status.FAILED)}))
    assert (failed_late.refused, failed_late.settled) == ([], {ref(attempt): True})


def test_a_report_that_the_store_will_not_take_holds_up_no_other(store, leases):
    jobs = [store.submit(order(), ROOM).id for _ in range(2)]
    good, bad = map(ref, claim(leases, 2))
    told = []

    async def tell():
        store_thread = StoreThread(leases, 10.0, SupervisorCallbacks(lambda: 0, lambda: [good, bad], list, told.append))
        working = asyncio.create_task(store_thread.work())
        store_thread.report(bad, Ended(Status.SUCCESSFUL, 10**30))
        store_thread.report(good, Ended(Status.SUCCESSFUL, 100))
        await store_thread.finish(10.0)
        await asyncio.sleep(0)
        working.cancel()

    asyncio.run(tell())
    assert {key: kept for exchange in told for key, kept in exchange.settled.items()} == {good: True}
    assert [each for exchange in told for each in exchange.refused] == [bad]
    assert store.get(jobs[0]).status is Status.SUCCESSFUL
