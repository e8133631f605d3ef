"""Whatever is killed, no job is lost, none is stuck, none has effect twice, and no process is left over."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from moorage_processes.jobs.engine import Engine
from moorage_processes.jobs.errors import Busy, Interrupted
from moorage_processes.jobs.files.state_directory import StateDirectory
from moorage_processes.jobs.job import JobQuery, Status
from moorage_processes.jobs.store.store import Store
from support.engines import EngineUnderTest, family, is_alive, settings, started, value
from support.job_stores import STORES, new_store
from support.waiting import eventually

MANY = 30
UNDONE = JobQuery(statuses=(Status.ACCEPTED, Status.RUNNING), limit=1000)
HERE = Path(__file__).parents[1]


def kill(pid: int) -> None:
    """End a process as a power cut would."""
    os.kill(pid, signal.SIGKILL)


def kill_part(under_test: EngineUnderTest, part: str) -> None:
    """Kill one of the engine's processes; a worker may have been replaced before it is hit, then the next one is."""
    while True:
        processes = under_test.processes()
        with contextlib.suppress(ProcessLookupError):
            kill(processes["workers"][0] if part == "worker" else processes[part])
            return


def all_are_successful(under_test: EngineUnderTest, jobs: list) -> None:
    """Every job is done, with the files of one attempt, and only those."""
    for job in jobs:
        done = under_test.done(job)
        assert done.status is Status.SUCCESSFUL, done.failure
        folder = under_test.engine.directory(done)
        assert [each.name for each in folder.parent.iterdir()] == [str(done.epoch)]
        assert {each.name for each in folder.iterdir()} == {each.file for each in done.artefacts}


@pytest.fixture(scope="module", params=STORES)
def shared(request, tmp_path_factory):
    """An engine on a store of each kind, and the URL of that; what is killed of it is replaced."""
    folder = tmp_path_factory.mktemp("engine")
    url = new_store(request.param, folder, request)
    with started(folder / "state", store=url) as under_test:
        yield under_test, url


@pytest.fixture
def under_test(shared):
    """The engine once nothing runs: each test leaves it as it was, or fails."""
    under_test, _ = shared
    under_test.call("shout")
    eventually(lambda: not under_test.processes()["work"])
    yield under_test
    for job in under_test.engine.find(UNDONE).jobs:
        under_test.engine.dismiss(job.id)
    eventually(lambda: not list((under_test.state / "begun").iterdir()))


@pytest.mark.parametrize("part", ["supervisor", "forkserver", "worker"])
def test_jobs_survive_the_death_of(under_test, part):
    jobs = [under_test.submit("content", size=1000) for _ in range(MANY)]
    slow = [under_test.submit("slow-sum", numbers=[1.0], pause=0.3) for _ in range(4)]
    for _ in range(2):
        eventually(lambda: under_test.processes()["work"])
        kill_part(under_test, part)
    all_are_successful(under_test, jobs)
    assert [value(under_test.done(job)) for job in slow] == [1.0] * 4


def test_nothing_is_left_of_what_was_written_when_nobody_wanted_it_any_more_and_the_supervisor_was_killed(
    under_test, shared
):
    job = under_test.submit("slow-sum", numbers=[1.0], pause=600.0)
    under_test.running(job)
    supervisor, state = under_test.processes()["supervisor"], StateDirectory(under_test.state)
    os.kill(supervisor, signal.SIGSTOP)
    # as its worker would have done at this moment
    state.published(job.id, 1).mkdir(parents=True)
    store = Store(shared[1])
    store.dismiss(job.id)
    store.close()
    kill(supervisor)
    eventually(lambda: not (state.results / job.id).exists())
    eventually(lambda: not list((under_test.state / "begun").iterdir()))
    assert under_test.job(job).status is Status.DISMISSED


def test_a_killed_supervisor_takes_its_workers_with_it_and_is_replaced(under_test, tmp_path):
    job = under_test.submit("leave-orphans", folder=str(tmp_path), pause=600)
    worker = under_test.running(job)
    orphan = int(eventually(lambda: (tmp_path / "orphan").exists() and (tmp_path / "orphan").read_text()))
    before = under_test.processes()
    kill(before["supervisor"])
    eventually(lambda: not any(map(is_alive, [worker, before["forkserver"], *before["workers"]])))
    assert under_test.processes()["supervisor"] != before["supervisor"]
    # what the method itself had started, in a session of its own
    eventually(lambda: not is_alive(orphan))
    eventually(lambda: under_test.job(job).attempt == 2)
    under_test.engine.dismiss(job.id)


def test_jobs_survive_the_death_of_the_web_process(tmp_path):
    state = tmp_path / "state"
    program = (
        f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
        "from support.engines import *\n"
        f"engine = Engine(settings(Path({str(state)!r})))\n"
        "engine.start()\n"
        "under_test = EngineUnderTest(engine, None)\n"
        f"print(*(under_test.submit('slow-sum', numbers=[1.0], pause=0.2).id for _ in range({MANY})), flush=True)\n"
        "under_test.call('sleep-in-c', seconds=600)\n"
    )
    web = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    ids = web.stdout.readline().split()
    store = Store(settings(state).url)
    eventually(lambda: any(store.get(job).status is Status.SUCCESSFUL for job in ids))
    web.kill()
    web.communicate()
    eventually(lambda: all(store.get(job).status is Status.SUCCESSFUL for job in ids))
    store.close()
    # the call that nobody waits for has ended too, or the supervisor would stay
    eventually(lambda: not family(state))


def test_jobs_survive_the_death_of_everything(tmp_path):
    state = tmp_path / "state"
    engine = Engine(settings(state))
    engine.start()
    under_test = EngineUnderTest(engine, state)
    jobs = [under_test.submit("content", size=1000) for _ in range(MANY)]
    slow = under_test.submit("slow-sum", numbers=[1.0], pause=0.5)
    under_test.running(slow)
    processes = under_test.processes()
    engine.close()
    for pid in (processes["supervisor"], processes["forkserver"], *processes["workers"]):
        kill(pid)
    eventually(lambda: not family(state))
    with started(state) as under_test:
        all_are_successful(under_test, jobs)
        assert value(under_test.done(slow)) == 1.0


def test_a_method_that_must_not_run_twice_does_not(under_test, tmp_path):
    (tmp_path / "traces").mkdir()
    job = under_test.submit("leave-trace-once", folder=str(tmp_path / "traces"), pause=600)
    under_test.running(job)
    eventually(lambda: list((tmp_path / "traces").iterdir()))
    kill(under_test.processes()["supervisor"])
    done = under_test.done(job)
    assert (done.status, done.failure.reason) == (Status.FAILED, "lost")
    assert "might do its work twice" in done.failure.detail
    assert len(list((tmp_path / "traces").iterdir())) == 1


def test_a_job_that_loses_its_supervisor_each_time_is_given_up(under_test, tmp_path):
    (tmp_path / "traces").mkdir()
    job = under_test.submit("leave-trace", folder=str(tmp_path / "traces"), pause=600)
    for attempt in range(3):
        eventually(lambda attempt=attempt: len(list((tmp_path / "traces").iterdir())) == attempt + 1)
        kill(under_test.processes()["supervisor"])
    done = under_test.done(job)
    assert (done.failure.reason, done.attempt) == ("lost", 3)


@pytest.mark.parametrize("part", ["supervisor", "forkserver", "worker"])
def test_a_call_is_told_that_it_was_interrupted(under_test, part):
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(under_test.call, "sleep-in-c", seconds=600)
        eventually(lambda: under_test.processes()["work"])
        processes = under_test.processes()
        kill(int(next(iter(processes["work"]))) if part == "worker" else processes[part])
        with pytest.raises(Interrupted, match="try again"):
            answer.result(60)
    assert value(under_test.call("shout")) == "HELLO"


def tried(under_test, process, **inputs):
    """What a call comes to that may become a job, begun at a free place; it runs when this returns."""
    eventually(lambda: under_test.try_out("shout"))
    pool = ThreadPoolExecutor(1)
    answer = pool.submit(under_test.try_out, process, **inputs)
    pool.shutdown(wait=False)
    eventually(lambda: under_test.processes()["work"])
    return answer


@pytest.mark.parametrize("part", ["supervisor", "forkserver", "worker"])
def test_a_call_that_may_become_a_job_is_one_or_nothing_after_the_death_of(under_test, part):
    answer = tried(under_test, "slow-sum", numbers=[1.0], pause=1.0)
    processes = under_test.processes()
    kill(int(next(iter(processes["work"]))) if part == "worker" else processes[part])
    job = answer.result(60)
    if part == "supervisor":
        assert job is None
    else:
        assert (value(under_test.done(job)), job.listed, under_test.done(job).attempt) == (1.0, True, 2)


@pytest.mark.parametrize("part", ["supervisor", "forkserver", "worker"])
def test_a_call_that_became_a_job_outlives_the_death_of(under_test, part):
    job = tried(under_test, "slow-sum", wait=0.2, numbers=[1.0], pause=1.0).result(60)
    assert (job.status, job.attempt) == (Status.RUNNING, 1)
    processes = under_test.processes()
    kill(int(next(iter(processes["work"]))) if part == "worker" else processes[part])
    done = under_test.done(job)
    assert (value(done), done.attempt) == (1.0, 2)


def test_a_call_that_may_become_a_job_is_one_when_its_supervisor_is_terminated(under_test):
    answer = tried(under_test, "slow-sum", numbers=[1.0], pause=1.0)
    os.kill(under_test.processes()["supervisor"], signal.SIGTERM)
    job = answer.result(60)
    done = under_test.done(job)
    assert (value(done), done.attempt) == (1.0, 1)


def test_a_dismissal_without_a_supervisor_holds(under_test):
    job = under_test.submit("sleep-in-c", seconds=600)
    worker = under_test.running(job)
    supervisor = under_test.processes()["supervisor"]
    os.kill(supervisor, signal.SIGSTOP)
    kill(supervisor)
    assert under_test.engine.dismiss(job.id).status is Status.DISMISSED
    eventually(lambda: not is_alive(worker))
    assert value(under_test.run("shout")) == "HELLO"
    assert under_test.job(job).status is Status.DISMISSED


def test_a_wait_goes_on_when_the_supervisor_is_replaced(under_test):
    job = under_test.submit("slow-sum", numbers=[1.0], pause=1.0)
    under_test.running(job)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(under_test.engine.wait, job.id, 60.0)
        time.sleep(0.2)
        kill(under_test.processes()["supervisor"])
        assert value(waiting.result(60)) == 1.0


def test_a_terminated_supervisor_hands_its_jobs_back(under_test):
    job = under_test.submit("slow-sum", numbers=[1.0], pause=1.0)
    under_test.running(job)
    first = under_test.processes()["supervisor"]
    os.kill(first, signal.SIGTERM)
    eventually(lambda: not is_alive(first))
    done = under_test.done(job)
    assert (value(done), done.attempt) == (1.0, 1)


def test_a_forkserver_that_hangs_is_replaced(under_test):
    forkserver = under_test.processes()["forkserver"]
    os.kill(forkserver, signal.SIGSTOP)
    job = under_test.submit("segfault")
    assert under_test.done(job).failure.reason in ("crashed", "lost")
    assert under_test.processes()["forkserver"] != forkserver
    assert not is_alive(forkserver)


@pytest.mark.parametrize("seed", [1])
def test_a_storm_of_deaths_loses_nothing(tmp_path, seed):
    chance = random.Random(seed)
    state = tmp_path / "state"
    submitted = []
    with started(state) as under_test:
        under_test.call("shout")
        for _ in range(12):
            for _ in range(chance.randrange(6)):
                if chance.random() < 0.5:
                    submitted.append(under_test.submit("slow-sum", numbers=[1.0], pause=chance.uniform(0, 0.3)))
                else:
                    submitted.append(under_test.submit("content", size=1000))
            processes = under_test.processes()
            part = chance.choice(["supervisor", "forkserver", "worker", "worker"])
            try:
                kill(chance.choice(processes["workers"]) if part == "worker" else processes[part])
            except ProcessLookupError:
                continue
            with contextlib.suppress(Interrupted, Busy):
                assert value(under_test.call("shout")) == "HELLO"
            time.sleep(chance.uniform(0, 0.3))
        ends = [under_test.done(job) for job in submitted]
        for job in ends:
            # three deaths in the midst of one job are possible, and then told
            assert job.status is Status.SUCCESSFUL or (job.failure.reason in ("lost", "crashed") and job.attempt == 3)
            folder = state / "results" / job.id
            epochs = {each.name for each in folder.iterdir()} if folder.exists() else set()
            has_file = any(artefact.file for artefact in job.artefacts)
            assert epochs == ({str(job.epoch)} if has_file else set())
        assert under_test.engine.find(UNDONE).jobs == ()
        eventually(lambda: not list((state / "begun").iterdir()))
        print(json.dumps({"jobs": len(ends), "again": sum(job.attempt > 1 for job in ends)}))
