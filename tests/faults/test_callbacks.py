"""Whatever is killed between the start of a job and the arrival of its callbacks, they arrive."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path

import pytest
from moorage_processes.jobs.ipc import connected
from support.callback_receiver import receiver, sender, verified
from support.engines import family, is_alive
from support.scripted_server import Answer
from support.service_client import identifier
from support.waiting import eventually

NOT_NOW = Answer(status=503)


def children(pid: int) -> list[int]:
    """The children of a process."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill(*pids: int) -> None:
    """End processes as a power cut would."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(map(is_alive, pids)))


def workers(service) -> list[int]:
    """The web processes of a service."""
    return children(service.process.pid)


def everything(service) -> list[int]:
    """All processes of a service."""
    eventually((service.state / "run" / "socket").exists)
    with contextlib.closing(connected(service.state / "run" / "socket")) as connection:
        connection.send({"do": "describe"})
        engine = connection.receive(10.0).head
    master = service.process.pid
    return [master, *children(master), engine["supervisor"], engine["forkserver"], *engine["workers"]]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A service whose web processes may die: others take their place."""
    with sender(tmp_path_factory.mktemp("service")) as service:
        yield service


def test_a_web_process_that_dies_while_it_delivers_is_stood_in_for(service):
    release = threading.Event()

    def hold(_):
        release.wait(60)
        return Answer(status=202)

    with receiver(success=hold) as hook:
        job = service.submit("shout", hook.subscriber())
        first = hook.hears("success")
        kill(*workers(service))
        assert service.owed(job) == 1
        release.set()
        second = hook.hears("success", 2)
        service.settled(job)
        # at least once: whether the first arrived, the one that died could not say any more
        assert second.body == first.body
        assert second.headers["Moorage-Delivery"] == first.headers["Moorage-Delivery"]
        verified(second, service)


def test_what_was_not_delivered_when_everything_died_is_when_it_runs_again(tmp_path):
    with receiver(success=NOT_NOW, failed=NOT_NOW) as hook:
        with sender(tmp_path, callback_pause=2.0) as service:
            jobs = [service.submit(process, hook.subscriber()) for process in ("shout", "refuse")]
            hook.hears("success")
            hook.hears("failed")
            kill(*everything(service))
            eventually(lambda: not family(service.state))
        before = len(hook.heard("success"))
        hook.server.script["POST /success"] = hook.server.script["POST /failed"] = Answer(status=202)
        with sender(tmp_path, callback_pause=2.0) as service:
            hook.hears("success", before + 1)
            for job in jobs:
                service.settled(job)
        assert hook.heard("success", jobs[0])[-1].json() == {"result": "HELLO"}
        assert hook.heard("failed", jobs[1])[-1].json()["status"] == 400


def test_a_job_that_was_accepted_when_everything_died_is_run_and_told_of(tmp_path):
    with receiver() as hook:
        with sender(tmp_path) as service:
            jobs = [service.submit("slow-sum", hook.subscriber(), numbers=[n], pause=0.5) for n in range(6)]
            hook.hears("success")
            kill(*everything(service))
            eventually(lambda: not family(service.state))
        assert len(hook.heard("success")) < len(jobs)
        with sender(tmp_path) as service:
            for job in jobs:
                service.settled(job)
        told = {each.headers["Moorage-Job"]: each.json() for each in hook.heard("success")}
        assert told == {identifier(job): {"result": float(number)} for number, job in enumerate(jobs)}


def test_one_whose_sender_dies_at_each_attempt_is_given_up(service):
    release = threading.Event()
    with receiver(success=lambda _: release.wait(60) and b"") as hook:
        job = service.submit("shout", hook.subscriber())
        for attempt in range(3):
            hook.hears("success", attempt + 1)
            kill(*workers(service))
        service.settled(job)
        release.set()
        assert len(hook.heard("success")) == 3
        eventually(lambda: "nobody knows whether the last attempt arrived" in service.log(job))
