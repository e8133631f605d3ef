"""Who is to be told of a job is kept with it, taken by one at a time, and forgotten when there is nothing to tell."""

from __future__ import annotations

import threading
import uuid
from collections import Counter

import pytest
import sqlalchemy as sa
from moorage_processes.authoring.limits import Limits
from moorage_processes.execution.request import Request
from moorage_processes.jobs.attempt import Ended, Progressed, Ref
from moorage_processes.jobs.job import Callback, Status, Submission
from moorage_processes.jobs.store.database import Database, microseconds
from moorage_processes.jobs.store.exchange import StoreRequest
from moorage_processes.jobs.store.leases import LeaseStore
from moorage_processes.jobs.store.outbox import Outbox
from moorage_processes.jobs.store.store import Store
from moorage_processes.jobs.store.tables import CALLBACKS
from support.ageing import age

ALL = tuple(
    Callback(status, f"http://a.example/{status}", "a.example:80")
    for status in (Status.SUCCESSFUL, Status.RUNNING, Status.FAILED)
)


WRITTEN = {"sqlite": "PRAGMA data_version", "postgresql": "SELECT pg_snapshot_xmax(pg_current_snapshot())"}
"""What is another number once something was written."""


class Office:
    """A store, a supervisor that runs its jobs, and those who send its callbacks."""

    def __init__(self, url):
        self.store = Store(url)
        self.store.prepare()
        self.database = Database(url, survives_power_loss=False)
        self.leases = LeaseStore(self.database, "here", 10.0, lambda _job, _epoch: True)
        self.outbox = Outbox(self.database)

    def submit(self, *callbacks):
        request = Request("trend", {}, {"result": "application/json"})
        order = Submission(id=str(uuid.uuid4()), request=request, limits=Limits(), callbacks=callbacks)
        return self.store.submit(order, 1000).id

    def run(self, *callbacks):
        """A job that runs."""
        job = self.submit(*callbacks)
        (attempt,) = self.leases.exchange(StoreRequest(places=1)).claimed
        return Ref(job, attempt.epoch)

    def end(self, ref, status=Status.SUCCESSFUL):
        self.leases.exchange(StoreRequest({ref: Ended(status, 100, "", "[]")}))

    def done(self, *callbacks, status=Status.SUCCESSFUL):
        ref = self.run(*callbacks)
        self.end(ref, status)
        return ref.job

    def take(self, most=8, each=8, lease=60.0, in_hand=None):
        return self.outbox.take(most, each, lease, in_hand or {})

    def rows(self):
        with self.database.begin() as connection:
            return connection.execute(sa.select(CALLBACKS)).mappings().all()

    def close(self):
        self.store.close()
        self.database.close()


@pytest.fixture
def office(store_url):
    office = Office(store_url)
    yield office
    office.close()


def test_nothing_is_told_of_a_job_that_waits(office):
    office.submit(*ALL)
    assert office.take() == []
    assert len(office.rows()) == 3


@pytest.mark.parametrize("status", [Status.SUCCESSFUL, Status.FAILED])
def test_the_end_of_a_job_is_told_once_and_what_did_not_happen_never(office, status):
    office.done(*ALL, status=status)
    (pending,) = office.take()
    assert (pending.callback.status, pending.attempt) == (status, 1)
    assert office.take() == []
    office.outbox.delivered(pending, 0, 0.0)
    assert office.rows() == []


def test_a_job_that_was_dismissed_is_told_of_no_more(office):
    ref = office.run(*ALL)
    office.store.dismiss(ref.job)
    assert office.rows() == []


def test_a_job_that_was_removed_is_told_of_no_more(office):
    job = office.done(*ALL)
    office.store.dismiss(job)
    assert office.rows() == []


def test_each_state_of_a_running_job_is_news_after_a_pause(office):
    ref = office.run(*ALL)
    (pending,) = office.take()
    assert pending.callback.status is Status.RUNNING
    office.outbox.delivered(pending, microseconds(office.store.get(ref.job).updated), 0.0)
    office.leases.exchange(StoreRequest({ref: Progressed(50, "half")}))
    (again,) = office.take()
    assert (again.id, again.attempt) == (pending.id, 1)


def test_what_was_told_is_not_told_again_while_nothing_changes(office):
    ref = office.run(*ALL)
    (pending,) = office.take()
    office.outbox.delivered(pending, microseconds(office.store.get(ref.job).updated), 0.0)
    assert office.take() == []
    office.leases.exchange(StoreRequest({ref: Progressed(50, "half")}))
    assert len(office.take()) == 1


def test_news_waits_for_its_pause(office):
    ref = office.run(*ALL)
    (pending,) = office.take()
    office.outbox.delivered(pending, 0, 60.0)
    office.leases.exchange(StoreRequest({ref: Progressed(50, "half")}))
    assert office.take() == []


def test_two_at_once_never_take_the_same(office):
    for _ in range(40):
        office.done(*ALL)
    taken = []

    def work():
        while found := office.take(most=3):
            taken.extend(pending.id for pending in found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 40


def test_what_was_taken_by_one_that_died_is_due_again(office, store_url):
    office.done(*ALL)
    (first,) = office.take(lease=60.0)
    assert office.take() == []
    age(store_url, 60.0, column=CALLBACKS.c.due)
    (second,) = office.take()
    assert (second.id, second.attempt) == (first.id, 2)
    # the first was only slow; its word does not count any more
    office.outbox.postpone(first, 0.0)
    assert office.take() == []


def test_what_failed_is_due_after_its_pause(office):
    office.done(*ALL)
    (pending,) = office.take()
    office.outbox.postpone(pending, 60.0)
    assert office.take() == []
    office.outbox.postpone(pending, 0.0)
    (again,) = office.take()
    assert again.attempt == 2


def test_an_address_that_is_gone_is_told_nothing_more_of_the_job(office):
    same = [Callback(status, "http://a.example/", "a.example:80") for status in (Status.RUNNING, Status.FAILED)]
    other = Callback(Status.SUCCESSFUL, "http://a.example/other", "a.example:80")
    office.run(*same, other)
    (pending,) = office.take()
    assert office.outbox.silence(pending)
    assert [row["url"] for row in office.rows()] == ["http://a.example/other"]


def test_a_slow_receiver_keeps_none_but_its_own_waiting(office):
    for _ in range(150):
        office.done(Callback(Status.SUCCESSFUL, "http://slow.example/", "slow.example:80"))
    office.done(Callback(Status.SUCCESSFUL, "http://b.example/", "b.example:80"))
    taken = Counter(pending.callback.receiver for pending in office.take(each=2))
    assert taken["slow.example:80"] == 2
    assert [each.callback.receiver for each in office.take(each=2, in_hand=taken)] == ["b.example:80"]


def test_looking_in_vain_writes_nothing(office):
    office.submit(*ALL)
    with office.database.begin() as connection:
        written = WRITTEN[connection.dialect.name]
        before = connection.exec_driver_sql(written).scalar()
        office.take()
        assert connection.exec_driver_sql(written).scalar() == before
        office.submit()
        assert connection.exec_driver_sql(written).scalar() != before
