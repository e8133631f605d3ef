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


class OutboxUnderTest:
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
def under_test(store_url):
    under_test = OutboxUnderTest(store_url)
    yield under_test
    under_test.close()


def test_nothing_is_told_of_a_job_that_waits(under_test):
    under_test.submit(*ALL)
    assert under_test.take() == []
    assert len(under_test.rows()) == 3


@pytest.mark.parametrize("status", [Status.SUCCESSFUL, Status.FAILED])
def test_the_end_of_a_job_is_told_once_and_what_did_not_happen_never(under_test, status):
    under_test.done(*ALL, status=status)
    (pending,) = under_test.take()
    assert (pending.callback.status, pending.attempt) == (status, 1)
    assert under_test.take() == []
    under_test.outbox.delivered(pending, 0, 0.0)
    assert under_test.rows() == []


def test_a_job_that_was_dismissed_is_told_of_no_more(under_test):
    ref = under_test.run(*ALL)
    under_test.store.dismiss(ref.job)
    assert under_test.rows() == []


def test_a_job_that_was_removed_is_told_of_no_more(under_test):
    job = under_test.done(*ALL)
    under_test.store.dismiss(job)
    assert under_test.rows() == []


def test_each_state_of_a_running_job_is_news_after_a_pause(under_test):
    ref = under_test.run(*ALL)
    (pending,) = under_test.take()
    assert pending.callback.status is Status.RUNNING
    under_test.outbox.delivered(pending, microseconds(under_test.store.get(ref.job).updated), 0.0)
    under_test.leases.exchange(StoreRequest({ref: Progressed(50, "half")}))
    (again,) = under_test.take()
    assert (again.id, again.attempt) == (pending.id, 1)


def test_what_was_told_is_not_told_again_while_nothing_changes(under_test):
    ref = under_test.run(*ALL)
    (pending,) = under_test.take()
    under_test.outbox.delivered(pending, microseconds(under_test.store.get(ref.job).updated), 0.0)
    assert under_test.take() == []
    under_test.leases.exchange(StoreRequest({ref: Progressed(50, "half")}))
    assert len(under_test.take()) == 1


def test_news_waits_for_its_pause(under_test):
    ref = under_test.run(*ALL)
    (pending,) = under_test.take()
    under_test.outbox.delivered(pending, 0, 60.0)
    under_test.leases.exchange(StoreRequest({ref: Progressed(50, "half")}))
    assert under_test.take() == []


def test_two_at_once_never_take_the_same(under_test):
    for _ in range(40):
        under_test.done(*ALL)
    taken = []

    def work():
        while found := under_test.take(most=3):
            taken.extend(pending.id for pending in found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 40


def test_what_was_taken_by_one_that_died_is_due_again(under_test, store_url):
    under_test.done(*ALL)
    (first,) = under_test.take(lease=60.0)
    assert under_test.take() == []
    age(store_url, 60.0, column=CALLBACKS.c.due)
    (second,) = under_test.take()
    assert (second.id, second.attempt) == (first.id, 2)
    # the first was only slow; its word does not count any more
    under_test.outbox.postpone(first, 0.0)
    assert under_test.take() == []


def test_what_failed_is_due_after_its_pause(under_test):
    under_test.done(*ALL)
    (pending,) = under_test.take()
    under_test.outbox.postpone(pending, 60.0)
    assert under_test.take() == []
    under_test.outbox.postpone(pending, 0.0)
    (again,) = under_test.take()
    assert again.attempt == 2


def test_an_address_that_is_gone_is_told_nothing_more_of_the_job(under_test):
    same = [Callback(status, "http://a.example/", "a.example:80") for status in (Status.RUNNING, Status.FAILED)]
    other = Callback(Status.SUCCESSFUL, "http://a.example/other", "a.example:80")
    under_test.run(*same, other)
    (pending,) = under_test.take()
    assert under_test.outbox.silence(pending)
    assert [row["url"] for row in under_test.rows()] == ["http://a.example/other"]


def test_a_slow_receiver_keeps_none_but_its_own_waiting(under_test):
    for _ in range(150):
        under_test.done(Callback(Status.SUCCESSFUL, "http://slow.example/", "slow.example:80"))
    under_test.done(Callback(Status.SUCCESSFUL, "http://b.example/", "b.example:80"))
    taken = Counter(pending.callback.receiver for pending in under_test.take(each=2))
    assert taken["slow.example:80"] == 2
    assert [each.callback.receiver for each in under_test.take(each=2, in_hand=taken)] == ["b.example:80"]


def test_looking_in_vain_writes_nothing(under_test):
    under_test.submit(*ALL)
    with under_test.database.begin() as connection:
        written = WRITTEN[connection.dialect.name]
        before = connection.exec_driver_sql(written).scalar()
        under_test.take()
        assert connection.exec_driver_sql(written).scalar() == before
        under_test.submit()
        assert connection.exec_driver_sql(written).scalar() != before
