"""Whatever is killed between a hub and its sites, no job is lost, none is stuck, and one attempt has effect."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from moorage_processes.jobs.ipc import connected
from support.ageing import age
from support.engines import METHODS, is_alive
from support.hub_and_sites import HubAndSites, Machine, hub_and_sites
from support.patience import PATIENCE
from support.waiting import eventually

LEASE = 6.0
"""Seconds after which a machine that is not heard of loses its jobs here."""


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[HubAndSites]:
    """A hub; what its store does for sites is tested on each kind in sites/test_site_registry.py."""
    with hub_and_sites(tmp_path_factory.mktemp("hub_and_sites"), "awi", "gfz", site_lease=LEASE) as service:
        yield service


@pytest.fixture
def awi(service) -> Iterator[Machine]:
    """A machine of a site."""
    with service.joined("awi", "a") as machine:
        yield machine


@pytest.fixture(scope="module")
def gfz(service) -> Iterator[Machine]:
    """A machine of another site, which all tests share that leave it as it was."""
    with service.joined("gfz", "a") as machine:
        yield machine


def forget(service: HubAndSites, site: str) -> None:
    """Let the leases of a site's machines run out now."""
    age(f"sqlite:///{service.hub.state / 'jobs.sqlite'}", LEASE, queue=site, status="running")


def engine(state: Path) -> dict[str, int]:
    """The processes of an engine."""
    with contextlib.closing(connected(state / "run" / "socket")) as connection:
        connection.send({"do": "describe"})
        return connection.receive(PATIENCE).head


def traces(folder: Path) -> int:
    return len(list(folder.iterdir()))


def rejoined(service: HubAndSites, machine: Machine) -> Machine:
    """The same machine, once more."""
    return Machine(service.join("awi", machine.state, [str(METHODS)]), machine.state)


def stopped(machine: Machine) -> None:
    machine.process.terminate()
    machine.process.wait(PATIENCE)


def test_a_job_outlives_the_process_that_took_it(service, awi, tmp_path):
    job = service.submit("awi.leave-trace", folder=str(tmp_path), pause=4.0)
    eventually(lambda: traces(tmp_path))
    awi.process.kill()
    awi.process.wait()
    again = rejoined(service, awi)
    try:
        # its worker went on, and nobody began it a second time
        assert service.value(job) == 1
        assert traces(tmp_path) == 1
    finally:
        stopped(again)


def test_a_machine_that_dies_and_returns_goes_on_with_its_jobs(service, awi, tmp_path):
    job = service.submit("awi.leave-trace", folder=str(tmp_path), pause=2.0)
    eventually(lambda: traces(tmp_path))
    awi.kill()
    again = rejoined(service, awi)
    try:
        assert service.value(job) == 2
    finally:
        stopped(again)


def test_another_machine_takes_the_jobs_of_one_that_is_gone(service, tmp_path):
    with service.joined("awi", "a") as gone:
        job = service.submit("awi.leave-trace", folder=str(tmp_path), pause=1.0)
        eventually(lambda: traces(tmp_path))
        gone.kill()
        forget(service, "awi")
        with service.joined("awi", "b"):
            assert service.value(job) == 2
        assert not [pid for pid in gone.pids() if is_alive(pid)]


def test_what_must_not_run_twice_fails_where_its_machine_is_gone(service, tmp_path):
    with service.joined("awi", "a") as gone:
        job = service.submit("awi.leave-trace-once", folder=str(tmp_path), pause=60.0)
        eventually(lambda: traces(tmp_path))
        gone.kill()
        forget(service, "awi")
        with service.joined("awi", "b"):
            told = service.done(job)
            assert told["status"] == "failed"
            assert "not run again" in told["message"]
            assert traces(tmp_path) == 1


def test_a_machine_that_sleeps_longer_than_its_lease_changes_nothing_when_it_wakes(service, tmp_path):
    with service.joined("awi", "a") as sleepy:
        job = service.submit("awi.leave-trace", folder=str(tmp_path), pause=3.0)
        eventually(lambda: traces(tmp_path))
        asleep = [sleepy.process.pid, *sleepy.pids()]
        for pid in asleep:
            os.kill(pid, signal.SIGSTOP)
        try:
            with service.joined("awi", "b"):
                assert service.value(job) == 2
                results = service.status(job)
                for pid in asleep:
                    os.kill(pid, signal.SIGCONT)
                # it is told that the job is not its own any more, and forgets it
                eventually(lambda: not at_hand(sleepy))
                assert service.status(job) == results
                assert service.value(job) == 2
        finally:
            for pid in asleep:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


def at_hand(machine: Machine) -> dict[str, str]:
    """What the workers of a machine do."""
    try:
        return engine(machine.state)["work"]
    except (OSError, EOFError):
        return {}


def test_a_machine_that_was_thought_lost_keeps_its_job_where_nobody_else_has_begun_it(service, gfz, tmp_path):
    job = service.submit("gfz.leave-trace", folder=str(tmp_path), pause=LEASE + 4.0)
    eventually(lambda: traces(tmp_path))
    service.nats.stop()
    forget(service, "gfz")
    try:
        # the hub gives it up
        assert service.until(job, "accepted")["status"] == "accepted"
    finally:
        service.nats.start()
    assert service.until(job, "running", "successful")
    assert service.value(job) == 1
    assert traces(tmp_path) == 1


@pytest.mark.parametrize("forgets", [False, True], ids=["keeps-its-store", "loses-its-store"])
def test_the_relay_may_die(service, gfz, forgets, tmp_path):
    running = service.submit("gfz.leave-trace", folder=str(tmp_path), pause=2.0)
    eventually(lambda: traces(tmp_path))
    waiting = [service.submit("gfz.slow-sum", numbers=[1.0, 2.0], pause=0.1) for _ in range(10)]
    service.nats.stop()
    if forgets:
        shutil.rmtree(service.nats.folder / "store")
    # the hub still takes jobs
    waiting += [service.submit("gfz.slow-sum", numbers=[1.0, 2.0]) for _ in range(3)]
    # what it had in hand is done while nobody can be told
    eventually(lambda: not at_hand(gfz))
    service.nats.start()
    assert service.value(running) == 1
    assert [service.value(job) for job in waiting] == [3.0] * 13


@pytest.mark.parametrize("part", ["supervisor", "forkserver", "web"])
def test_parts_of_the_hub_may_die(service, gfz, part, tmp_path):
    running = service.submit("gfz.leave-trace", folder=str(tmp_path), pause=2.0)
    jobs = [service.submit("gfz.content", size=10_000) for _ in range(6)]
    eventually(lambda: traces(tmp_path))
    if part == "web":
        master = service.hub.process.pid
        for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split():
            os.kill(int(pid), signal.SIGKILL)
    else:
        os.kill(engine(service.hub.state)[part], signal.SIGKILL)
    eventually(lambda: service.answers("/jobs"))
    assert service.value(running) == 1
    for job in jobs:
        told = service.done(job)
        assert told["status"] == "successful", told
        assert len(service.get(f"{job}/results/result").content) == 10_000


@pytest.mark.parametrize("part", ["supervisor", "forkserver"])
def test_parts_of_a_machine_may_die(service, gfz, part):
    jobs = [service.submit("gfz.content", size=10_000) for _ in range(6)]
    jobs += [service.submit("gfz.slow-sum", numbers=[1.0], pause=0.5) for _ in range(2)]
    eventually(lambda: at_hand(gfz))
    os.kill(engine(gfz.state)[part], signal.SIGKILL)
    assert all(service.done(job)["status"] == "successful" for job in jobs)


def test_a_machine_that_leaves_in_good_order_gives_back_what_it_had_begun(service, awi, tmp_path):
    job = service.submit("awi.leave-trace", folder=str(tmp_path), pause=30.0)
    eventually(lambda: traces(tmp_path))
    stopped(awi)
    told = service.status(job)
    assert told["status"] == "accepted"
    service.dismiss(job)


def test_a_job_dismissed_while_the_site_is_cut_off_is_stopped_when_it_is_back(service, gfz, tmp_path):
    job = service.submit("gfz.leave-trace", folder=str(tmp_path), pause=60.0)
    eventually(lambda: traces(tmp_path))
    os.kill(gfz.process.pid, signal.SIGSTOP)
    assert service.dismiss(job).json()["status"] == "dismissed"
    os.kill(gfz.process.pid, signal.SIGCONT)
    eventually(lambda: not at_hand(gfz))
    assert service.status(job)["status"] == "dismissed"
