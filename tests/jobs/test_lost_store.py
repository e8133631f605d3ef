"""A job store that is damaged or was emptied: one line at the start, and nothing that belonged to it is removed."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from moorage_processes.commands.doctor import engine as doctor
from moorage_processes.jobs.engine import Engine
from moorage_processes.jobs.errors import StoreDamaged
from moorage_processes.jobs.files.known_store import KnownStore
from moorage_processes.jobs.files.state_directory import StateDirectory, StateDirectoryError
from moorage_processes.jobs.store.leases import LeaseStore
from moorage_processes.jobs.store.store import Store
from support.engines import settings

JOB = "7f9c24e5-2b1a-4c57-9d0e-3f6a8b1c2d3e"


@pytest.fixture
def state(tmp_path):
    """The state directory of a service that has ended, with a result."""
    Engine(settings(tmp_path)).prepare()
    result = tmp_path / "results" / JOB / "1" / "result"
    result.parent.mkdir(parents=True)
    result.write_text("42")
    return tmp_path


def lose(state: Path, content: bytes | None) -> None:
    """Replace the store by something else, or by nothing."""
    for path in state.glob("jobs.sqlite*"):
        path.unlink()
    if content is not None:
        (state / "jobs.sqlite").write_bytes(content)


def tables(state: Path) -> list[str]:
    """The tables of the store."""
    with closing(sqlite3.connect(state / "jobs.sqlite")) as store:
        return [name for (name,) in store.execute("SELECT name FROM sqlite_master")]


@pytest.mark.parametrize("content", [None, b""])
def test_a_store_that_was_emptied_is_not_begun_anew(state, content):
    lose(state, content)
    with pytest.raises(StateDirectoryError) as refused:
        Engine(settings(state)).prepare()
    (line,) = str(refused.value).splitlines()
    for words in (str(state / "jobs.sqlite"), "is empty", "restore a copy", f"move {state} away"):
        assert words in line
    assert tables(state) == []
    assert (state / "results" / JOB / "1" / "result").read_text() == "42"


def test_an_emptied_store_without_a_note_is_known_by_the_results(state):
    lose(state, b"")
    for note in state.glob("store-*"):
        note.unlink()
    with pytest.raises(StateDirectoryError, match="is empty"):
        Engine(settings(state)).prepare()


def test_a_supervisor_makes_no_tables_in_an_emptied_store(state):
    lose(state, b"")
    engine = settings(state)
    known = KnownStore(StateDirectory(state), None, engine.born)
    database = Store(engine.url)._database
    leases = LeaseStore(database, "here", 10.0, lambda _job, _epoch: False, check_new=known.check_new)
    with pytest.raises(StateDirectoryError):
        leases.prepare()
    leases.close()
    assert tables(state) == []


def test_a_service_that_begins_makes_its_store(tmp_path):
    for _ in range(2):
        Engine(settings(tmp_path)).prepare()
    assert "jobs" in tables(tmp_path)


def test_a_store_elsewhere_may_be_made_after_the_first_calls(tmp_path):
    state = StateDirectory(tmp_path)
    state.prepare()
    known = KnownStore(state, "postgresql+psycopg://moorage:s3cret@db/moorage", time.time() - 60)
    (state.logs / f"{JOB}.log").write_text("of a call, while the database was away\n")
    known.check_new()
    os.utime(state.logs / f"{JOB}.log", (0, 0))
    with pytest.raises(StateDirectoryError) as refused:
        known.check_new()
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("damage", ["garbage", "cut"])
def test_a_damaged_store_is_refused_with_one_line(state, damage):
    whole = (state / "jobs.sqlite").read_bytes()
    lose(state, b"\0garbage" * 4096 if damage == "garbage" else whole[: len(whole) // 2])
    with pytest.raises(StateDirectoryError) as refused:
        Engine(settings(state)).prepare()
    (line,) = str(refused.value).splitlines()
    assert f"{state / 'jobs.sqlite'} is damaged" in line
    assert "restore a copy" in line
    store = Store(settings(state).url)
    with pytest.raises(StoreDamaged, match="damaged"):
        store.get(JOB)
    store.close()


def test_the_doctor_finds_it_and_the_way_out(state):
    directory = StateDirectory(state)
    assert str(doctor.store(directory, None)).endswith("jobs.sqlite answers")
    for content, words in ((None, "is empty, though"), (b"", "is empty, though"), (b"\0garbage" * 4096, "is damaged")):
        lose(state, content)
        found = doctor.store(directory, None)
        assert found.is_wrong
        assert f"jobs.sqlite {words}" in str(found)
        assert f"move {state} away" in str(found)


def test_the_command_ends_with_that_line(state):
    lose(state, b"\0garbage" * 4096)
    command = [sys.executable, "-m", "moorage.cli", "serve", "--port", "1", "--state", str(state)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert ended.stderr.count("is damaged: restore a copy of it") == 1
    assert (state / "results" / JOB / "1" / "result").exists()
