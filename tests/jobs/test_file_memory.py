"""Files that lie in memory are charged to those who made them, and to nobody else."""

from __future__ import annotations

import mmap
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from moorage_processes.jobs.workers import linux
from moorage_processes.jobs.workers.file_memory import Family, FileMemory

MEGABYTE = 1 << 20


@pytest.fixture
def folder():
    folder = Path(tempfile.mkdtemp(prefix="moorage-test-", dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def ours():
    """This process, as a worker that begins an attempt now."""
    return Family([os.getpid()], time.time(), linux.written_to_memory([os.getpid()]))


@pytest.fixture
def theirs():
    """Another worker, which writes nothing."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield Family([process.pid], time.time())
        process.kill()


def held(folder: Path, *families: Family) -> list[int]:
    """Megabytes that each of them holds."""
    found = FileMemory(folder).held(families)
    return [round(found[each] / MEGABYTE) for each in families]


def test_a_file_that_is_open_is_its_opener_s_and_stays_so(folder, ours, theirs):
    with (folder / "open").open("wb") as file:
        file.write(bytes(5 * MEGABYTE))
        file.flush()
        assert held(folder, ours, theirs) == [5, 0]
    ours.written = theirs.written = 1 << 62
    assert held(folder, ours, theirs) == [5, 0]
    (folder / "open").unlink()
    assert held(folder, ours, theirs) == [0, 0]


def test_a_file_without_a_name_counts_while_it_is_open(folder, ours, theirs):
    nameless = os.memfd_create("test")
    os.write(nameless, bytes(3 * MEGABYTE))
    assert held(folder, ours, theirs) == [3, 0]
    os.close(nameless)
    assert held(folder, ours, theirs) == [0, 0]


def test_a_file_that_is_only_mapped_is_its_mapper_s_and_counts_once(folder, ours, theirs):
    ours.written = 1 << 62
    before = linux.resident_shared(ours.pids)
    with (folder / "mapped").open("w+b") as file:
        file.truncate(4 * MEGABYTE)
        mapped = mmap.mmap(file.fileno(), 0)
    mapped[:] = bytes(4 * MEGABYTE)
    assert held(folder, ours, theirs) == [4, 0]
    assert linux.resident_shared(ours.pids) - before == 4 * MEGABYTE
    mapped.close()


def test_files_that_were_closed_before_a_look_are_theirs_who_wrote_so_much(folder, ours, theirs):
    (folder / "below").mkdir()
    for number in range(20):
        (folder / "below" / str(number)).write_bytes(bytes(MEGABYTE))
    assert held(folder, theirs, ours) == [0, 20]


def test_files_of_others_are_nobody_s(folder, theirs):
    (folder / "foreign").write_bytes(bytes(MEGABYTE))
    assert held(folder, theirs) == [0]


def test_files_that_two_may_have_written_are_nobody_s(folder, ours, theirs):
    theirs.written = -1 << 62
    (folder / "whose").write_bytes(bytes(MEGABYTE))
    assert held(folder, ours, theirs) == [0, 0]


def test_older_files_are_nobody_s(folder, ours):
    (folder / "old").write_bytes(bytes(MEGABYTE))
    ours.began = time.time() + 60
    with (folder / "old").open("rb") as file:
        assert file.read(1) == b"\0"
    assert held(folder, ours) == [0]


def test_a_machine_without_shared_memory_has_none(tmp_path, ours):
    assert held(tmp_path / "none", ours) == [0]
