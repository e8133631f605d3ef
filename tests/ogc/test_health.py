"""What watches a service is told whether it lives and takes work, and hears first that it is about to stop."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from moorage_processes.app import create_app, service_of
from moorage_processes.commands.serve import PROCESSES
from moorage_processes.configuration.configuration import read_configuration
from moorage_processes.jobs.engine import Engine
from moorage_processes.jobs.ipc import connected
from moorage_processes.jobs.job import Status
from moorage_processes.jobs.readiness import Readiness
from moorage_processes.jobs.store.store import Store
from moorage_processes.jobs.workers import linux
from support.engines import family, is_alive, settings, started, value
from support.paths import AUTHOR_MODULES
from support.postgres_server import serving_postgres
from support.service_client import ServiceClient, identifier
from support.services import Running, serve
from support.waiting import eventually

METHODS = str(AUTHOR_MODULES / "methods_for_tests.py")


def ask(service: Running, path: str) -> requests.Response:
    """An answer on a connection of its own, so that it may come from either web process."""
    return requests.get(f"{service.url}/{path}", timeout=60)


def is_ready(service: Running) -> bool:
    """Whether several answers in a row say so."""
    return all(ask(service, "readyz").ok for _ in range(8))


@contextmanager
def halted(pid: int) -> Iterator[None]:
    """A process that does nothing while the block lasts."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def described(service: Running) -> dict[str, Any]:
    """The processes of the engine, as its supervisor tells."""
    connection = connected(service.state / "run" / "socket")
    connection.send({"do": "describe"})
    head = dict(connection.receive(60).head)
    connection.close()
    return head


def supervisor_of(service: Running) -> int:
    return described(service)["supervisor"]


def at_work(service: Running) -> dict[str, str]:
    """Workers that run something."""
    return described(service)["work"]


def is_listening(service: Running) -> bool:
    """Whether the service takes connections."""
    try:
        socket.create_connection(("127.0.0.1", urlsplit(service.url).port)).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Running]:
    with serve(tmp_path_factory.mktemp("health"), [METHODS]) as service:
        eventually(lambda: is_ready(service))
        yield service


def test_a_service_that_takes_work_says_so(service):
    for path, word in (("healthz", "alive\n"), ("readyz", "ready\n")):
        answer = ask(service, path)
        assert (answer.status_code, answer.text, answer.headers["Cache-Control"]) == (200, word, "no-store")


def test_asking_starts_nothing(tmp_path):
    app = create_app(read_configuration(None, state=tmp_path / "state"))
    client = app.test_client()
    assert client.get("/healthz").status_code == 200
    told = client.get("/readyz")
    assert (told.status_code, told.json["away"]) == (503, ["store", "supervisor"])
    assert not (tmp_path / "state" / "run" / "socket").exists()
    assert client.get("/processes").status_code == 200
    eventually(lambda: client.get("/readyz").status_code == 200)
    service_of(app).close(stop_supervisor=True)


def test_a_supervisor_that_does_not_answer_is_named(service):
    with halted(supervisor_of(service)):
        answer = ask(service, "readyz")
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["away"] == ["supervisor"]
        assert int(answer.headers["Retry-After"]) > 0
        assert ask(service, "healthz").status_code == 200
    eventually(lambda: is_ready(service))


WAITS = """
import os, time
from pathlib import Path
from moorage_processes import process

while "{mark}" in os.environ and not Path({go!r}).exists():
    time.sleep(0.02)

@process
def one() -> int:
    \"\"\"One.\"\"\"
    return 1
"""
"""A module whose import takes as long as somebody wants, where methods run."""


def test_a_service_is_ready_once_a_worker_can_take_a_job(tmp_path):
    go, module = tmp_path / "go", tmp_path / "waits.py"
    module.write_text(WAITS.format(mark=linux.MARK, go=str(go)))

    def away() -> list[str]:
        answer = ask(service, "readyz")
        return [] if answer.ok else answer.json()["away"]

    with serve(tmp_path, [str(module), METHODS]) as service:
        eventually(lambda: away() == ["workers"])
        answer = ask(service, "readyz")
        assert answer.json()["detail"] == "workers: no worker can take a job yet; they import the methods first"
        assert described(service)["ready"] == 0
        # it takes calls whose methods import quickly
        assert ServiceClient(service.url).call("whoami").ok
        go.touch()
        eventually(lambda: is_ready(service))
        assert ServiceClient(service.url).call("one").json() == 1
        go.unlink()
        os.kill(described(service)["forkserver"], signal.SIGKILL)
        eventually(lambda: away() == ["workers"])
        go.touch()
        eventually(lambda: is_ready(service))


def test_a_service_that_leaves_jobs_to_others_is_ready_for_calls(tmp_path):
    with serve(tmp_path, [METHODS], moorage={"jobs": False}) as service:
        eventually(lambda: is_ready(service))
        answer = ServiceClient(service.url).call("whoami")
        assert answer.ok, answer.text


def test_a_database_that_is_away_is_named(tmp_path):
    with serving_postgres() as server, serve(tmp_path, moorage={"store": server.database()}) as service:
        eventually(lambda: is_ready(service))
        server.stop()
        answer = ask(service, "readyz")
        assert (answer.status_code, answer.json()["away"]) == (503, ["store"])
        assert answer.json()["detail"] == "store: the job store does not answer"
        assert ask(service, "healthz").status_code == 200
        server.start()
        eventually(lambda: is_ready(service))


def test_a_database_that_swallows_what_it_is_sent_holds_one_thread(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg://nobody@127.0.0.1:{silent.getsockname()[1]}/jobs"
        readiness = Readiness(Engine(settings(tmp_path, store=url)), patience=0.1)
        for _ in range(5):
            assert readiness.trouble()["store"] == "it does not answer within 0.1 s"
        assert sum(thread.name == "readiness" for thread in threading.enumerate()) == 1
    eventually(lambda: all(thread.name != "readiness" for thread in threading.enumerate()))


def test_a_service_says_that_it_leaves_before_it_does_and_loses_no_job(tmp_path):
    with serve(tmp_path, [METHODS], moorage={"shutdown_delay": 3600, "drain": 5, "slots": 4}) as service:
        eventually(lambda: is_ready(service))
        client = ServiceClient(service.url)
        long = client.submit("slow-sum", pause=600.0, numbers=[])
        client.until(long, "running")
        service.process.terminate()
        eventually(lambda: not ask(service, "readyz").ok)
        answers = [ask(service, "readyz") for _ in range(8)]
        assert {(answer.status_code, answer.json()["type"]) for answer in answers} == {(503, "Leaving")}
        assert ask(service, "healthz").status_code == 200
        late = client.submit("slow-sum", pause=1.0, numbers=[1.0, 2.0])
        client.until(late, "running")
        # a second signal cuts the delay short
        service.process.terminate()
        assert service.process.wait(60) == 0
    assert not family(service.state)
    store = Store(f"sqlite:///{service.state / 'jobs.sqlite'}")
    finished, handed_back = store.get(identifier(late)), store.get(identifier(long))
    store.close()
    assert finished.status is Status.SUCCESSFUL
    assert (handed_back.status, handed_back.attempt) == (Status.ACCEPTED, 0)


def test_work_that_was_handed_back_after_the_shutdown_delay_is_done_by_the_next_service(tmp_path):
    with serve(tmp_path, [METHODS], moorage={"shutdown_delay": 1, "drain": 0}) as service:
        eventually(lambda: is_ready(service))
        client = ServiceClient(service.url)
        job = client.submit("slow-sum", pause=5.0, numbers=[1.0, 2.0])
        client.until(job, "running")
        service.process.terminate()
        assert service.process.wait(60) == 0
    with started(service.state) as under_test:
        done = under_test.engine.wait(identifier(job), 60)
        assert (value(done), done.attempt) == (3.0, 1)


def test_a_service_that_stops_answers_what_it_was_asked_and_leaves_no_process(tmp_path):
    with serve(tmp_path, [METHODS]) as service:
        eventually(lambda: is_ready(service))
        web = linux.children(service.process.pid)
        family_before, supervisor = family(service.state), supervisor_of(service)
        assert len(web) == PROCESSES
        assert len(family_before) > 1
        with ThreadPoolExecutor(1) as caller:
            answer = caller.submit(ServiceClient(service.url).call, "slow-sum", pause=2.0, numbers=[1.0, 2.0])
            eventually(lambda: at_work(service))
            service.process.terminate()
            assert answer.result().json() == 3.0
        assert service.process.wait(60) == 0
    assert not [pid for pid in web if is_alive(pid)]
    eventually(lambda: not [pid for pid in (supervisor, *family_before) if is_alive(pid)])


def test_a_second_signal_ends_a_service_that_waits_for_a_call(tmp_path):
    with (
        serve(tmp_path, [METHODS], moorage={"drain": 0, "sync_timeout": 3600}) as service,
        ThreadPoolExecutor(1) as caller,
    ):
        eventually(lambda: is_ready(service))
        client = ServiceClient(service.url, timeout=3600)
        answer = caller.submit(client.call, "slow-sum", pause=3600.0, numbers=[])
        eventually(lambda: at_work(service))
        service.process.terminate()
        eventually(lambda: not is_listening(service))
        service.process.send_signal(signal.SIGINT)
        with pytest.raises(requests.ConnectionError):
            answer.result()
        assert service.process.wait(60) == 0
    assert not family(service.state)
