"""The log of a job has a limit: its beginning and its last lines stay, also while it is written and read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from moorage_processes.jobs.files.job_log import MARGIN, JobLog
from moorage_processes.jobs.files.log_cap import NOTE, cap_log
from moorage_processes.jobs.job import Status
from moorage_processes.site.reporter import MARK, _piece
from support.engines import started
from support.waiting import eventually

LIMIT = 10_000


def lines(numbers: range) -> bytes:
    return b"".join(b"line %06d\n" % number for number in numbers)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "job.log"


def test_a_log_within_its_limit_is_left_alone(log):
    log.write_bytes(lines(range(100)))
    cap_log(log, LIMIT)
    assert log.read_bytes() == lines(range(100))
    cap_log(log.with_name("none"), LIMIT)


def test_the_beginning_and_the_last_lines_stay_however_often_it_grows(log):
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for start in range(0, 10_000, 1000):
        os.write(file, lines(range(start, start + 1000)))
        cap_log(log, LIMIT)
        content = log.read_bytes()
        assert LIMIT // 2 < len(content) <= LIMIT
        before, note, after = content.partition(NOTE)
        assert note == NOTE
        assert NOTE not in after
        head = before + b"\n"
        assert head == lines(range(len(head) // 12))
        assert len(head) > LIMIT // 5
        assert after == lines(range(start + 1000 - len(after) // 12, start + 1000))
    os.close(file)


def test_one_endless_line_is_cut_too(log):
    log.write_bytes(b"x" * 10 * LIMIT)
    cap_log(log, LIMIT)
    assert NOTE in log.read_bytes()
    assert log.stat().st_size <= LIMIT


def test_a_log_that_comes_from_a_site_has_a_limit(tmp_path):
    logs = JobLog(tmp_path, limit=LIMIT)
    logs.write("job", 0, b"begun\n")
    logs.write("job", 10**12, b"far away")
    logs.write("job", MARGIN * LIMIT - 3, b"at the end")
    assert logs.path("job").stat().st_size == MARGIN * LIMIT
    logs.write("job", 6, b"anew\n", is_last=True)
    assert logs.path("job").read_bytes() == b"begun\nanew\n"


def test_what_was_shortened_is_sent_anew_to_the_hub(log, tmp_path):
    at_hub, sent, last = JobLog(tmp_path / "hub"), 0, b""
    at_hub.folder.mkdir()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for numbers in (range(500), range(500, 700), range(700, 1200), range(1200, 1300)):
        os.write(file, lines(numbers))
        cap_log(log, LIMIT)
        start, content = _piece(log, sent, last)
        at_hub.write("job", start, content, is_last=start < sent)
        sent, last = start + len(content), content[-MARK:]
        assert at_hub.path("job").read_bytes() == log.read_bytes()
    assert _piece(log, sent, last) == (sent, b"")
    os.close(file)


def test_a_method_that_says_too_much_keeps_its_last_words_and_the_disk_its_room(tmp_path):
    with started(tmp_path / "state", log_size=LIMIT) as under_test:
        job = under_test.submit("chatter", go=str(tmp_path / "go"))
        log = under_test.engine.log(job)
        # while it runs
        eventually(lambda: log.exists() and NOTE in log.read_bytes() and log.stat().st_size <= LIMIT)
        assert log.read_bytes().startswith(b"first words\n")
        Path(tmp_path / "go").touch()
        done = under_test.done(job)
        assert (done.status, done.failure.reason) == (Status.FAILED, "error")
        content = eventually(lambda: log.stat().st_size <= LIMIT and log.read_text())
        assert content.startswith("first words\n")
        assert "the last words" in content
        assert done.failure.reference in content
