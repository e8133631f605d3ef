"""What travels between the processes of the engine arrives whole, and in time."""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moorage_processes.jobs.ipc import Connection, Frame, Frames, packed
from moorage_processes.jobs.store.exchange import JobChange
from moorage_processes.jobs.supervisor.subscriptions import Subscription, Subscriptions
from moorage_processes.jobs.workers.shared_progress import SIZE, ProgressReading, SharedProgress, new_shared_progress

HEADS = st.dictionaries(st.text(), st.integers() | st.text() | st.none(), max_size=3)


@given(st.lists(st.tuples(HEADS, st.binary(max_size=200))), st.integers(1, 50))
def test_frames_are_whole_however_they_are_cut(sent, size):
    data = b"".join(packed(head, body) for head, body in sent)
    frames = Frames()
    arrived = [frame for start in range(0, len(data), size) for frame in frames.feed(data[start : start + size])]
    assert arrived == [Frame(head, body) for head, body in sent]


def test_a_connection_tells_whether_its_other_side_went_before_or_after_reading():
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    assert connection.is_open
    connection.send({"do": "call"})
    theirs.recv(1 << 16)
    theirs.close()
    with pytest.raises(EOFError):
        connection.receive(1.0)
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    connection.send({"do": "call"})
    theirs.close()
    with pytest.raises(ConnectionError):
        connection.receive(1.0)
    assert not connection.is_open


@pytest.fixture
def views():
    """The worker's and the supervisor's view of one progress."""
    file = new_shared_progress()
    yield SharedProgress(file), SharedProgress(file)
    os.close(file)


@given(fraction=st.floats(allow_nan=False), message=st.text())
def test_a_gauge_shows_the_last_report(fraction, message):
    file = new_shared_progress()
    worker, supervisor = SharedProgress(file), SharedProgress(file)
    os.close(file)
    worker.show(ProgressReading(7, fraction, message))
    reading = supervisor.read()
    assert (reading.number, reading.fraction) == (7, fraction)
    whole = message.encode("utf-8", "replace").decode()
    assert whole.startswith(reading.message)
    assert reading.message == whole or len(whole.encode()) > SIZE // 2


def test_a_gauge_that_is_being_written_shows_nothing(views):
    worker, supervisor = views
    worker.show(ProgressReading(1, 0.5, "half"))
    worker._memory[19] ^= 1
    assert supervisor.read() is None
    worker.clear()
    assert supervisor.read() == ProgressReading(0, 0.0, "")


def watching(subscriptions, known, *, only_end=False):
    told = []
    subscriptions.add(Subscription("job", known, only_end, lambda: told.append(True)))
    return told


def test_a_watcher_is_told_once_of_what_it_does_not_know():
    subscriptions = Subscriptions()
    told = watching(subscriptions, known=5)
    subscriptions.notice([JobChange("other", 6, is_done=True), JobChange("job", 5, is_done=False)])
    assert not told
    subscriptions.notice([JobChange("job", 7, is_done=False), JobChange("job", 8, is_done=True)])
    assert told == [True]
    assert not subscriptions.jobs


def test_a_watcher_of_the_end_is_not_told_of_progress():
    subscriptions = Subscriptions()
    told = watching(subscriptions, known=5, only_end=True)
    subscriptions.notice([JobChange("job", 6, is_done=False)])
    assert not told
    subscriptions.notice([JobChange("job", 7, is_done=True)])
    assert told


def test_a_watcher_that_comes_a_moment_too_late_is_told_at_once():
    subscriptions = Subscriptions()
    subscriptions.notice([JobChange("job", 7, is_done=True)])
    assert watching(subscriptions, known=6)
    assert not watching(subscriptions, known=7)


def test_a_watcher_that_left_is_forgotten():
    subscriptions = Subscriptions()
    watch = Subscription("job", 5, only_end=False, tell=lambda: pytest.fail("nobody is there"))
    subscriptions.add(watch)
    subscriptions.remove(watch)
    subscriptions.remove(watch)
    subscriptions.notice([JobChange("job", 6, is_done=True)])
    assert not subscriptions.jobs
