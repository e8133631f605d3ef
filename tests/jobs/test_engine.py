"""The engine runs calls and jobs in workers, reports their outcomes, and stops them whatever they do."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import xarray as xr
from moorage_processes.catalogue.reading import read_catalogue
from moorage_processes.execution.request import Request
from moorage_processes.jobs.calls import CallRequest
from moorage_processes.jobs.engine import Engine
from moorage_processes.jobs.errors import Busy, QueueFull, TimedOut
from moorage_processes.jobs.files.disk import file_system
from moorage_processes.jobs.files.state_directory import StateDirectory, StateDirectoryError
from moorage_processes.jobs.ipc import connected
from moorage_processes.jobs.job import JobQuery, Status, Submission
from moorage_processes.jobs.store.store import Store
from moorage_processes.jobs.supervisor.prefetch import WITNESSES
from moorage_processes.jobs.supervisor.store_thread import POLL
from support.engines import EngineUnderTest, family, is_alive, limits, request, settings, started, value
from support.patience import PATIENCE
from support.waiting import eventually


@pytest.fixture(scope="module")
def under_test(tmp_path_factory):
    with started(tmp_path_factory.mktemp("engine") / "state", arrays=True) as under_test:
        yield under_test


# calls


def test_a_call_gives_its_result(under_test):
    job = under_test.call("shout", text="ahoy")
    assert value(job) == "AHOY"
    assert job.status is Status.SUCCESSFUL
    assert job.created <= job.started <= job.finished


def test_calls_of_many_threads_each_get_their_own_result(under_test):
    with ThreadPoolExecutor(16) as pool:
        jobs = list(pool.map(lambda number: under_test.call("shout", text=f"n{number}"), range(200)))
    assert [value(job) for job in jobs] == [f"N{number}" for number in range(200)]


def test_a_call_is_recorded_but_not_listed(under_test):
    job = under_test.call("shout", text="for the record")
    record = eventually(lambda: under_test.engine.get(job.id))
    assert (record.status, record.process, record.request) == (Status.SUCCESSFUL, "shout", job.request)
    assert job.id not in [each.id for each in under_test.engine.find(JobQuery(limit=1000)).jobs]


def test_a_failed_call_is_recorded_with_its_reason(under_test):
    job = under_test.call("refuse")
    assert (job.status, job.failure.reason, job.failure.input) == (Status.FAILED, "input", "period")
    assert job.failure.detail == "the period holds no data; it has 1990 to 1993"
    assert eventually(lambda: under_test.engine.get(job.id)).failure == job.failure


def test_files_of_a_call_are_there_until_they_are_discarded(under_test):
    job = under_test.call("grid")
    path = under_test.engine.directory(job) / job.artefacts[0].file
    assert float(xr.open_dataarray(path).sum()) == 100 * 100
    under_test.engine.discard(job)
    assert not path.exists()


def test_a_call_that_is_kept_is_found_with_its_files(under_test):
    job = under_test.call("grid")
    under_test.engine.keep(job)
    kept = under_test.engine.get(job.id)
    assert kept.artefacts == job.artefacts
    assert (under_test.engine.directory(kept) / kept.artefacts[0].file).exists()
    under_test.engine.dismiss(job.id)
    assert not under_test.engine.directory(kept).exists()


def test_a_light_call_does_not_wait_for_what_other_methods_import(tmp_path):
    heavy, light, gate = (tmp_path / name for name in ("heavy.py", "light.py", "gate"))
    method = "from moorage_processes import process\n\n@process\ndef {}() -> str:\n    return 'done'\n"
    heavy.write_text(method.format("heavy"))
    light.write_text(method.format("light"))
    described = read_catalogue([str(heavy), str(light)], installed=False)
    # a pipe that nobody writes to: from now on whoever imports this waits
    os.mkfifo(gate)
    heavy.write_text(f"open({str(gate)!r}).read()\n" + heavy.read_text())
    with started(tmp_path / "state", executor={"catalogue": described.to_json()}) as under_test:
        light_request = Request("light", {}, {"result": "application/json"})
        assert value(under_test.engine.call(light_request, described["light"].limits, PATIENCE)) == "done"
        assert under_test.processes()["ready"] == 0


def test_the_worker_of_light_calls_gives_way_to_one_that_has_imported_all(tmp_path):
    with started(tmp_path / "state", slots=1, call_slots=1) as under_test:
        assert value(under_test.call("shout", text="early")) == "EARLY"
        eventually(lambda: under_test.processes()["ready"] == len(under_test.processes()["workers"]) == 2)


def test_a_call_that_takes_too_long_is_stopped(under_test):
    before = set(under_test.engine.describe()["workers"])
    with pytest.raises(TimedOut, match="respond-async"):
        under_test.call("sleep-in-c", timeout=0.5, seconds=600)
    eventually(lambda: under_test.engine.describe()["work"] == {})
    (gone,) = before - set(under_test.engine.describe()["workers"])
    assert not is_alive(gone)
    assert value(under_test.call("shout")) == "HELLO"


def test_calls_beyond_the_places_wait_and_beyond_the_queue_are_refused(tmp_path):
    with started(tmp_path / "state", call_queue=2) as under_test, ThreadPoolExecutor(8) as pool:
        under_test.call("shout")
        answers = [pool.submit(under_test.call, "slow-sum", numbers=[1.0], pause=1.0) for _ in range(6)]
        errors = [answer.exception() for answer in answers]
    assert [type(error) for error in errors if error] == [Busy] * 3
    assert "respond-async" in str(next(error for error in errors if error))


def test_a_call_that_was_never_begun_is_told_to_come_again(under_test):
    with ThreadPoolExecutor(1) as pool:
        eventually(lambda: not under_test.processes()["work"])
        first = pool.submit(under_test.call, "slow-sum", numbers=[1.0], pause=2.0)
        eventually(lambda: under_test.engine.describe()["work"])
        with pytest.raises(Busy):
            under_test.call("shout", timeout=0.2)
        assert value(first.result()) == 1.0


# calls that may become jobs


def is_listed(under_test, job):
    """Whether a job stands in the job list."""
    return job.id in [each.id for each in under_test.engine.find(JobQuery(limit=1000)).jobs]


def tried(under_test, process, **inputs):
    """What a call has come to that may become a job; it is begun once a place is free and no job waits."""
    return eventually(lambda: under_test.try_out(process, **inputs))


def test_what_ends_well_within_the_wait_is_a_call(under_test):
    job = tried(under_test, "shout", text="quick")
    assert (value(job), job.listed, job.attempt) == ("QUICK", False, 1)
    assert eventually(lambda: under_test.engine.get(job.id)).request == job.request
    assert not is_listed(under_test, job)


def test_what_takes_longer_than_the_wait_is_a_job_that_goes_on(under_test):
    job = tried(under_test, "slow-sum", wait=0.3, numbers=[1.0, 2.0], pause=0.5)
    assert (job.status, job.attempt, job.epoch, job.listed) == (Status.RUNNING, 1, 1, True)
    assert job.request.inputs == {"numbers": [1.0, 2.0], "pause": 0.5}
    done = under_test.done(job)
    assert (value(done), done.attempt, done.progress, done.started) == (3.0, 1, 100, job.started)
    assert is_listed(under_test, job)
    eventually(lambda: not list((under_test.state / "begun").iterdir()))


def test_what_is_not_waited_for_is_a_job_that_has_begun(under_test):
    job = tried(under_test, "slow-sum", wait=0.0, numbers=[1.0, 2.0])
    assert (job.status, job.attempt, job.listed) == (Status.RUNNING, 1, True)
    assert is_listed(under_test, job)
    assert (value(under_test.done(job)), under_test.job(job).attempt) == (3.0, 1)


def test_what_is_not_waited_for_is_a_job_however_quick_it_is(under_test):
    jobs = [tried(under_test, "shout", wait=0.0) for _ in range(20)]
    assert all(job.listed for job in jobs)
    assert [value(under_test.done(job)) for job in jobs] == ["HELLO"] * 20


def test_a_supervisor_that_slept_begins_nothing_that_nobody_waits_for_any_more(under_test):
    eventually(lambda: under_test.try_out("shout"))
    supervisor = under_test.processes()["supervisor"]
    os.kill(supervisor, signal.SIGSTOP)
    try:
        assert under_test.try_out("sleep-in-c", wait=0.0, seconds=600) is None
    finally:
        os.kill(supervisor, signal.SIGCONT)
    assert value(under_test.call("shout")) == "HELLO"
    assert under_test.processes()["work"] == {}


def test_a_job_that_was_a_call_tells_its_progress(under_test):
    job = tried(under_test, "steps", wait=0.3, fractions=[0.2, 0.4, 0.6, 0.8], pause=0.25)
    assert job.message
    news = under_test.engine.wait(job.id, 30.0, job)
    assert (news.progress, news.message) > (job.progress, job.message)
    assert under_test.done(job).status is Status.SUCCESSFUL


def test_a_call_that_fails_is_a_job_with_its_reason_and_its_log(under_test):
    job = tried(under_test, "refuse")
    assert (job.status, job.failure.reason, job.failure.input) == (Status.FAILED, "input", "period")
    assert is_listed(under_test, job)


def test_a_call_that_leaves_files_is_one_still(under_test):
    job = tried(under_test, "grid", size=10)
    assert (job.status, job.listed) == (Status.SUCCESSFUL, False)
    path = under_test.engine.directory(job) / job.artefacts[0].file
    assert float(xr.open_dataarray(path).sum()) == 100


@pytest.mark.parametrize("wait", [0.0, 0.2])
def test_a_job_that_was_a_call_keeps_its_files(under_test, wait):
    job = tried(under_test, "noise", wait=wait, size=100, pause=0.6)
    assert job.status is Status.RUNNING
    done = under_test.done(job)
    assert (done.status, done.attempt) == (Status.SUCCESSFUL, 1)
    path = under_test.engine.directory(done) / done.artefacts[0].file
    assert path.stat().st_size == done.artefacts[0].size
    eventually(lambda: not list((under_test.state / "begun").iterdir()))


def test_a_call_that_crashes_is_a_job_that_runs_again(under_test):
    job = tried(under_test, "segfault")
    done = under_test.done(job)
    assert (done.failure.reason, done.attempt) == ("crashed", 3)


def test_a_call_becomes_no_job_where_it_must_not_run_twice(under_test):
    once = replace(limits("shout"), attempts=1)
    assert under_test.engine.try_out(request("shout"), once, 30.0) is None


def test_a_call_that_may_become_a_job_goes_before_no_job(under_test):
    slow = [under_test.submit("slow-sum", numbers=[1.0], pause=600.0) for _ in range(2)]
    for job in slow:
        under_test.running(job)
    waits = under_test.submit("slow-sum", numbers=[2.0], pause=0.5)
    assert under_test.try_out("shout") is None
    under_test.engine.dismiss(slow[0].id)
    assert value(under_test.done(waits)) == 2.0
    assert value(tried(under_test, "shout")) == "HELLO"
    under_test.engine.dismiss(slow[1].id)


def test_a_call_whose_caller_has_gone_is_stopped_and_is_no_job(under_test):
    order = Submission(id=str(uuid.uuid4()), request=request("sleep-in-c", seconds=600), limits=limits("sleep-in-c"))
    head = CallRequest(order=order, timeout=600.0, becomes_job=True)._head | {"until": time.monotonic() + 60}
    eventually(lambda: under_test.try_out("shout"))
    caller = connected(under_test.state / "run" / "socket")
    caller.send(head, b'{"seconds":600}')
    eventually(lambda: order.id in under_test.processes()["work"].values())
    caller.close()
    eventually(lambda: order.id not in under_test.processes()["work"].values())
    assert under_test.engine.get(order.id) is None


# jobs


def test_a_job_is_run_and_kept(under_test):
    job = under_test.submit("slow-sum", numbers=[1.0, 2.5])
    assert job.status is Status.ACCEPTED
    done = under_test.done(job)
    assert (done.status, done.progress, done.attempt, value(done)) == (Status.SUCCESSFUL, 100, 1, 3.5)
    assert under_test.engine.find(JobQuery()).jobs[0].id == job.id
    assert under_test.engine.find(JobQuery()).jobs[0].request.inputs == {"numbers": [1.0, 2.5]}


def test_a_file_of_a_job_is_published(under_test):
    done = under_test.run("grid", size=10)
    (artefact,) = done.artefacts
    path = under_test.engine.directory(done) / artefact.file
    assert path.stat().st_size == artefact.size
    assert float(xr.open_dataarray(path).sum()) == 100


def test_many_jobs_are_all_done(under_test):
    jobs = [under_test.submit("shout", text=f"n{number}") for number in range(100)]
    assert [value(under_test.done(job)) for job in jobs] == [f"N{number}" for number in range(100)]


SLOW = ("slow-sum", {"numbers": [1.0], "pause": 600.0})


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """An engine with one place."""
    with started(tmp_path_factory.mktemp("narrow") / "state", slots=1) as under_test:
        yield under_test


@contextmanager
def without_supervisor(under_test):
    """The supervisor hangs while the block lasts, not in the midst of writing."""
    supervisor = under_test.processes()["supervisor"]

    def is_halted():
        os.kill(supervisor, signal.SIGSTOP)
        try:
            with sqlite3.connect(under_test.state / "jobs.sqlite", timeout=0.1) as connection:
                connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            os.kill(supervisor, signal.SIGCONT)
            return False
        finally:
            connection.close()
        return True

    eventually(is_halted)
    try:
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)


def taken_ahead(under_test, first, *others):
    """Jobs that the supervisor took all at once, though only the first of them could begin."""

    def tried():
        for job in [under_test.submit("shout") for _ in range(2 * WITNESSES)]:
            under_test.done(job)
        with without_supervisor(under_test):
            jobs = [under_test.submit(name, **inputs) for name, inputs in (first, *others)]
        under_test.running(jobs[0])
        if under_test.job(jobs[-1]).epoch:
            return jobs
        # the machine was too busy for jobs to be quick
        for job in reversed(jobs):
            under_test.engine.dismiss(job.id)
        return None

    return eventually(tried)


def test_jobs_that_were_taken_ahead_go_back_where_the_one_before_them_is_long(narrow):
    slow, *behind = taken_ahead(narrow, SLOW, *[("shout", {})] * 10)
    eventually(lambda: all(narrow.job(job).status is Status.ACCEPTED for job in behind))
    # and are left alone while it runs
    time.sleep(3 * POLL)
    left = [narrow.job(job) for job in behind]
    assert {(job.status, job.attempt, job.epoch, job.message) for job in left} == {(Status.ACCEPTED, 0, 1, "")}
    narrow.engine.dismiss(slow.id)
    assert {(job.status, job.attempt) for job in map(narrow.done, behind)} == {(Status.SUCCESSFUL, 1)}


def test_jobs_that_are_dismissed_before_a_child_has_them_never_run(narrow, tmp_path):
    traces = tmp_path / "traces"
    traces.mkdir()
    slow, *behind = taken_ahead(narrow, SLOW, *[("leave-trace", {"folder": str(traces)})] * 10)
    for job in (*behind, slow):
        narrow.engine.dismiss(job.id)
    narrow.run("shout")
    assert not list(traces.iterdir())
    assert {narrow.job(job).status for job in behind} == {Status.DISMISSED}


def test_a_supervisor_that_hangs_holds_no_caller_up(narrow):
    with without_supervisor(narrow):
        # more than its socket holds
        jobs = [narrow.submit("shout") for _ in range(600)]
    assert value(narrow.done(jobs[-1])) == "HELLO"


def test_a_full_queue_refuses_jobs(tmp_path):
    with started(tmp_path / "state", queue=3, slots=1) as under_test:
        blocker = under_test.submit("slow-sum", numbers=[1.0], pause=600)
        under_test.running(blocker)
        waiting = [under_test.submit("shout") for _ in range(3)]
        with pytest.raises(QueueFull):
            under_test.submit("shout")
        under_test.engine.dismiss(blocker.id)
        assert [under_test.done(job).status for job in waiting] == [Status.SUCCESSFUL] * 3
        assert value(under_test.run("shout")) == "HELLO"


def test_what_a_method_raises_is_logged_and_not_told(under_test):
    done = under_test.run("fail")
    assert (done.status, done.failure.reason) == (Status.FAILED, "error")
    assert "s3cret" not in done.failure.detail
    log = under_test.engine.log(done).read_text()
    assert "the password is s3cret" in log
    assert done.failure.reference in log


def test_leaving_python_politely_fails_the_job_and_not_the_child(under_test):
    assert under_test.run("exit-politely").failure.reason == "error"


def test_the_log_belongs_to_the_job(under_test):
    spoken = under_test.run("speak")
    log = under_test.engine.log(spoken).read_text()
    for words in ("printed", "spoken", "put", "logged"):
        assert words in log
    silent = under_test.run("shout")
    eventually(lambda: not under_test.engine.log(silent).exists())


def test_children_draw_different_random_numbers(under_test):
    jobs = [under_test.submit("random-number", pause=0.01) for _ in range(30)]
    drawn = [value(under_test.done(job)) for job in jobs]
    assert len(set(drawn)) == 30


# jobs that misbehave


def test_a_segfault_ends_one_attempt_and_not_the_service(under_test):
    done = under_test.run("segfault")
    assert (done.status, done.failure.reason, done.attempt) == (Status.FAILED, "crashed", 3)
    assert "SIGSEGV in each of 3 attempts" in done.failure.detail
    assert "Segmentation fault" in under_test.engine.log(done).read_text()
    assert value(under_test.call("shout")) == "HELLO"


def test_a_segfault_in_a_call_fails_it_at_once(under_test):
    job = under_test.call("segfault")
    assert (job.failure.reason, job.status) == ("crashed", Status.FAILED)
    assert "SIGSEGV" in job.failure.detail
    assert value(under_test.call("shout")) == "HELLO"


def test_a_method_that_ends_its_process_is_told(under_test):
    assert "exit code 3" in under_test.run("leave-python").failure.detail


@pytest.mark.parametrize("how", ["run", "call"])
def test_a_method_over_its_time_is_stopped_inside_c(under_test, how):
    done = getattr(under_test, how)("too-slow")
    assert (done.status, done.failure.reason) == (Status.FAILED, "timeout")
    assert "limit of 1 s" in done.failure.detail


@pytest.mark.parametrize("process", ["eat-memory", "eat-memory-elsewhere"])
@pytest.mark.parametrize("how", ["run", "call"])
def test_a_method_over_its_memory_is_stopped(under_test, how, process):
    done = getattr(under_test, how)(process)
    assert (done.status, done.failure.reason) == (Status.FAILED, "memory")
    assert "limit of 0.7 GB" in done.failure.detail


@pytest.mark.parametrize("has_name", [True, False])
def test_files_in_memory_count_as_memory(under_test, shared_memory, has_name):
    done = under_test.run("fill-shared-memory", **({"folder": str(shared_memory)} if has_name else {}))
    assert (done.status, done.failure.reason) == (Status.FAILED, "memory")


@pytest.fixture
def shared_memory():
    """A folder in shared memory, which is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="moorage-test-", dir="/dev/shm"))
    assert shutil.disk_usage(folder).free > 2 * 10**9
    yield folder
    shutil.rmtree(folder)


def test_what_a_method_left_running_is_killed(under_test, tmp_path):
    orphan = value(under_test.run("leave-orphans", folder=str(tmp_path)))
    eventually(lambda: not is_alive(orphan))


def test_what_a_dismissed_job_left_running_is_killed(under_test, tmp_path):
    job = under_test.submit("leave-orphans", folder=str(tmp_path), pause=600)
    orphan = int(eventually(lambda: (tmp_path / "orphan").exists() and (tmp_path / "orphan").read_text()))
    under_test.engine.dismiss(job.id)
    eventually(lambda: not is_alive(orphan))


# dismissing


@pytest.mark.parametrize(("process", "inputs"), [("burn", {}), ("sleep-in-c", {"seconds": 600})])
def test_dismissing_a_job_in_a_long_c_call_frees_its_processor(under_test, process, inputs):
    job = under_test.submit(process, **inputs)
    worker = under_test.running(job)
    dismissed = under_test.engine.dismiss(job.id)
    assert dismissed.status is Status.DISMISSED
    assert not is_alive(worker)
    assert under_test.job(job).status is Status.DISMISSED
    assert value(under_test.run("shout")) == "HELLO"


def test_a_dismissal_that_nobody_told_of_is_noticed(under_test):
    job = under_test.submit("sleep-in-c", seconds=600)
    worker = under_test.running(job)
    store = Store(settings(under_test.state).url)
    store.dismiss(job.id)
    store.close()
    eventually(lambda: not is_alive(worker))


def test_dismissing_a_job_that_is_done_removes_all_of_it(under_test):
    done = under_test.run("grid")
    folder = under_test.engine.directory(done)
    assert under_test.engine.dismiss(done.id).status is Status.DISMISSED
    assert under_test.engine.get(done.id) is None
    assert not folder.exists()
    assert under_test.engine.dismiss(done.id) is None


@pytest.mark.parametrize("name", ["nothing", "../../etc", "", "00000000-0000-0000-0000-000000000000", "a\0b"])
def test_an_unknown_job_is_none(under_test, name):
    assert under_test.engine.get(name) is None
    assert under_test.engine.dismiss(name) is None
    assert under_test.engine.wait(name, 10.0) is None


# waiting


def test_waiting_ends_when_the_time_is_up(under_test):
    job = under_test.submit("slow-sum", numbers=[], pause=600)
    known = eventually(lambda: under_test.job(job).status is Status.RUNNING and under_test.job(job))
    assert under_test.engine.wait(job.id, 0.3, known) == known
    under_test.engine.dismiss(job.id)


def test_each_change_ends_the_wait(under_test):
    job = under_test.submit("steps", fractions=[0.25, 0.5, 0.75], pause=0.4)
    seen, known = [], job
    while not known.status.is_done:
        known = under_test.engine.wait(job.id, 30.0, known)
        seen.append((known.status, known.progress, known.message))
    assert seen[0][0] is Status.RUNNING
    assert [(progress, words) for status, progress, words in seen if progress in (25, 50, 75)] == [
        (25, "at 0.25"),
        (50, "at 0.5"),
        (75, "at 0.75"),
    ]
    assert seen[-1] == (Status.SUCCESSFUL, 100, "at 0.75")


def test_the_last_progress_before_a_long_c_call_is_told(under_test):
    job = under_test.submit("steps", fractions=[number / 100 for number in range(91)], freeze=600)
    assert eventually(lambda: under_test.job(job).progress == 90)
    assert (under_test.job(job).status, under_test.job(job).message) == (Status.RUNNING, "at 0.9")
    under_test.engine.dismiss(job.id)


def test_progress_of_an_inner_loop_does_not_hold_it_up(under_test):
    done = under_test.run("many-steps")
    assert (done.status, done.progress) == (Status.SUCCESSFUL, 100)


def test_progress_that_is_none_does_no_harm(under_test):
    done = under_test.run("strange-progress")
    assert (done.status, done.progress, done.attempt) == (Status.SUCCESSFUL, 100, 1)
    assert "half" in done.message


def test_all_who_wait_are_woken_by_a_dismissal(under_test):
    job = under_test.submit("slow-sum", numbers=[], pause=600)
    under_test.running(job)
    with ThreadPoolExecutor(8) as pool:
        waiting = [
            pool.submit(under_test.engine.wait, job.id, 60.0, known) for known in (None, under_test.job(job)) * 4
        ]
        time.sleep(0.2)
        under_test.engine.dismiss(job.id)
        assert {each.result(30).status for each in waiting} == {Status.DISMISSED}


def test_a_wait_that_begins_late_is_not_in_vain(under_test):
    for _ in range(50):
        job = under_test.submit("shout")
        assert under_test.engine.wait(job.id, 30.0, job).status is not Status.ACCEPTED


# one supervisor, many web processes


def test_two_engines_in_one_process_do_not_know_of_each_other(under_test, narrow):
    job = under_test.submit("shout")
    assert value(under_test.done(job)) == value(narrow.call("shout")) == "HELLO"
    assert narrow.engine.get(job.id) is None
    assert under_test.engine.describe()["supervisor"] != narrow.engine.describe()["supervisor"]


def test_web_processes_of_one_service_share_a_supervisor(tmp_path):
    shared = settings(tmp_path / "state")
    engines = [Engine(shared) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Engine.start, engines))
        pids = set(pool.map(lambda engine: engine.describe()["supervisor"], engines))
    assert len(pids) == 1
    job = EngineUnderTest(engines[0], tmp_path / "state").submit("shout")
    assert EngineUnderTest(engines[3], tmp_path / "state").done(job).status is Status.SUCCESSFUL
    for engine in engines[1:]:
        engine.close()
    engines[1].close(stop_supervisor=True)
    assert engines[0].describe()["supervisor"] in pids
    engines[0].close(stop_supervisor=True)
    eventually(lambda: not family(tmp_path / "state"))


def test_a_newer_service_with_other_settings_gets_its_own_supervisor(tmp_path):
    state = tmp_path / "state"
    old = Engine(settings(state, slots=1))
    old.start()
    first = old.describe()["supervisor"]
    job = EngineUnderTest(old, state).submit("slow-sum", numbers=[1.0], pause=2.0)
    EngineUnderTest(old, state).running(job)
    with started(state, slots=2) as new:
        second = eventually(lambda: (pid := new.processes()["supervisor"]) != first and pid)
        assert value(new.done(job)) == 1.0
        # the older one lives with it
        assert old.describe()["supervisor"] == second
        assert new.job(job).attempt == 1
        old.close()
        assert new.engine.describe()["supervisor"] == second


def test_the_same_settings_have_the_same_fingerprint_until_a_method_changes(tmp_path):
    file = tmp_path / "flood.py"
    file.write_text("")
    one = replace(settings(tmp_path), executor={"catalogue": [{"address": {"file": str(file)}}]})
    assert replace(one, born=0.0).fingerprint == one.fingerprint
    before = one.fingerprint
    file.write_text("changed")
    assert one.fingerprint != before
    assert replace(one, slots=7).fingerprint != one.fingerprint


def test_stopping_waits_for_running_jobs(tmp_path):
    state = tmp_path / "state"
    engine = Engine(settings(state, drain=60.0))
    engine.start()
    under_test = EngineUnderTest(engine, state)
    job = under_test.submit("slow-sum", numbers=[2.0], pause=2.0)
    under_test.running(job)
    engine.close(stop_supervisor=True)
    assert not family(state)
    store = Store(settings(state).url)
    assert store.get(job.id).status is Status.SUCCESSFUL
    store.close()


def test_stopping_hands_back_what_takes_longer_and_does_not_charge_it(tmp_path):
    state = tmp_path / "state"
    with started(state) as under_test:
        job = under_test.submit("slow-sum", numbers=[2.0], pause=1.0)
        once = under_test.submit("leave-trace-once", folder=str(tmp_path), pause=600)
        under_test.running(job)
        under_test.running(once)
        # what has not begun goes back too
        eventually(lambda: list(tmp_path.glob("*-*")))
    store = Store(settings(state).url)
    handed_back = store.get(job.id)
    assert (handed_back.status, handed_back.attempt) == (Status.ACCEPTED, 0)
    assert store.get(once.id).failure.reason == "interrupted"
    store.close()
    with started(state) as under_test:
        assert value(under_test.done(job)) == 2.0
        assert under_test.job(job).attempt == 1


def test_stopping_kills_what_methods_left_running(tmp_path):
    with started(tmp_path / "state") as under_test:
        job = under_test.submit("leave-orphans", folder=str(tmp_path), pause=600)
        orphan = int(eventually(lambda: (tmp_path / "orphan").exists() and (tmp_path / "orphan").read_text()))
        under_test.running(job)
    assert not is_alive(orphan)


def test_a_supervisor_that_nobody_needs_ends_by_itself_after_the_last_job(tmp_path):
    state = tmp_path / "state"
    engine = Engine(settings(state, slots=1))
    engine.start()
    under_test = EngineUnderTest(engine, state)
    under_test.call("shout")
    jobs = [under_test.submit("slow-sum", numbers=[3.0], pause=0.5) for _ in range(3)]
    engine.close()
    eventually(lambda: not family(state))
    store = Store(settings(state).url)
    assert [store.get(job.id).status for job in jobs] == [Status.SUCCESSFUL] * 3
    store.close()


@pytest.mark.parametrize("library", ["numpy", "pydantic_core"])
def test_the_supervisor_carries_nothing_that_only_methods_need(under_test, library):
    pid = under_test.engine.describe()["supervisor"]
    mapped = Path(f"/proc/{pid}/maps").read_text()
    assert "sqlite" in mapped
    assert library not in mapped


# the state directory


def test_the_kind_of_a_file_system_is_known(tmp_path):
    assert file_system(Path("/proc/self")) == "proc"
    assert file_system(Path("/dev/shm")) == "tmpfs"
    assert file_system(tmp_path) not in ("", "proc")


def test_a_state_directory_is_for_its_user_alone(under_test):
    assert (under_test.state / "run").stat().st_mode & 0o777 == 0o700
    assert (under_test.state / "run" / "lock").stat().st_mode & 0o777 == 0o600


def test_a_state_directory_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises((StateDirectoryError, OSError)):
        StateDirectory(tmp_path / "file" / "state").prepare()


def test_a_state_directory_may_have_a_long_name(tmp_path):
    state = tmp_path / ("long" * 20) / ("name" * 20) / "state"
    with started(state) as under_test:
        assert value(under_test.call("shout")) == "HELLO"
        assert under_test.run("content").status is Status.SUCCESSFUL


def test_nothing_is_left_of_jobs_that_failed_or_were_dismissed(under_test):
    under_test.run("fail")
    under_test.run("too-slow")
    under_test.call("grid")
    job = under_test.submit("sleep-in-c", seconds=600)
    under_test.running(job)
    under_test.engine.dismiss(job.id)
    kept = under_test.run("grid")
    for folder in ("begun", "trash"):
        eventually(lambda folder=folder: not list((under_test.state / folder).iterdir()))
    assert under_test.engine.directory(kept).is_dir()


def test_a_store_that_is_locked_for_long_delays_jobs_and_loses_none(tmp_path):
    state = tmp_path / "state"
    with started(state) as under_test:
        job = under_test.submit("slow-sum", numbers=[1.0, 1.0], pause=0.5)
        under_test.running(job)
        other = sqlite3.connect(state / "jobs.sqlite", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(12.0, lambda: None)
        timer.start()
        # reading and calls go on
        assert value(under_test.call("shout")) == "HELLO"
        assert under_test.job(job).status is Status.RUNNING
        timer.join()
        other.execute("ROLLBACK")
        other.close()
        assert value(under_test.done(job)) == 2.0
        assert under_test.job(job).attempt == 1


def test_the_engine_must_be_started_in_each_process(tmp_path):
    engine = Engine(settings(tmp_path / "state"))
    with pytest.raises(RuntimeError, match="start"):
        engine.call(request("shout"), limits("shout"), 1.0)


def test_results_that_a_power_loss_made_the_store_forget_are_replaced(tmp_path):
    state = StateDirectory(tmp_path)
    state.prepare()
    for number in (1, 2):
        scratch = state.clear_scratch(1)
        (scratch / "result").write_text(f"attempt {number}")
        state.publisher.publish(scratch, "job", 1, is_job=True)
    assert (state.published("job", 1) / "result").read_text() == "attempt 2"
