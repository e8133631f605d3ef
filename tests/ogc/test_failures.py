"""What goes wrong while a method runs is told by a problem document, and ends nothing but the call."""

from __future__ import annotations

import requests
from support.service_client import ServiceClient
from support.services import serve
from test_bad_input import execute, problem

METHODS = '''
import ctypes
import time

from moorage_processes import InputError, process


@process
def raises(secret: str) -> str:
    """Raise what its author did not think of."""
    raise KeyError(secret)


@process
def minds(year: int) -> str:
    """Raise what a caller can mend."""
    raise InputError(f"there is no data for {year}; there is for 1990 to 1993", input="year")


@process
def segfaults() -> str:
    """End the process."""
    ctypes.string_at(0)
    return ""


@process(timeout=1)
def hangs() -> str:
    """Take longer than it may, inside a C call."""
    time.sleep(600)
    return ""


@process(memory="400 MB")
def eats() -> int:
    """Take more memory than it may."""
    kept = []
    while True:
        kept.append(bytearray(50_000_000))


@process
def waits(seconds: float) -> str:
    """Wait."""
    time.sleep(seconds)
    return "done"
'''


def test_each_failure_has_its_problem_now_and_later(tmp_path):
    (tmp_path / "methods.py").write_text(METHODS)
    with serve(
        tmp_path, [str(tmp_path / "methods.py")], moorage={"sync_timeout": 5, "queue": 3, "slots": 1}
    ) as service:
        _each_failure(service.url)
        _too_long_to_wait_for(service.url)
        _the_queue_is_full(service.url)
        log = (service.state / "logs").rglob("*.log")
        assert any("KeyError" in path.read_text(errors="replace") for path in log)


def _each_failure(url: str) -> None:
    client = ServiceClient(url)
    for process, inputs, status, words in (
        ("raises", {"secret": "tell nobody"}, 500, "finds the reason under reference"),
        ("minds", {"year": 2000}, 400, "there is no data for 2000"),
        ("segfaults", {}, 500, "SIGSEGV"),
        ("hangs", {}, 504, "1 s"),
        ("eats", {}, 507, "memory"),
    ):
        job = client.submit(process, **inputs)
        client.until(job, "failed")
        answer = client.get(f"{job}/results", Accept="application/json")
        document = problem(answer, status)
        assert words in document["detail"], document
        assert "tell nobody" not in answer.text
        assert execute(url, "waits", {"inputs": {"seconds": 0}}).json() == "done"
    document = problem(execute(url, "raises", {"inputs": {"secret": "tell nobody"}}), 500)
    assert "tell nobody" not in str(document)
    assert problem(execute(url, "minds", {"inputs": {"year": 1}}), 400)["input"] == "year"


def _too_long_to_wait_for(url: str) -> None:
    document = problem(execute(url, "waits", {"inputs": {"seconds": 60}}), 504)
    assert "respond-async" in document["detail"]


def _the_queue_is_full(url: str) -> None:
    answers = [execute(url, "waits", {"inputs": {"seconds": 60}}, Prefer="respond-async") for _ in range(8)]
    accepted = [answer for answer in answers if answer.status_code == 201]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(accepted) + len(refused) == 8
    assert len(accepted) in (3, 4, 5)
    for answer in refused:
        assert "wait already" in problem(answer, 503)["detail"]
        assert int(answer.headers["Retry-After"]) > 0
    for answer in accepted:
        assert requests.delete(answer.headers["Location"], timeout=60).json()["status"] == "dismissed"
