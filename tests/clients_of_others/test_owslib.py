"""OWSLib as it comes, the client of the standard that most Python programs use.

It lists, describes and executes. It has no calls for jobs: what it leaves of one is in the headers of its last answer.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from owslib import ogcapi
from owslib.ogcapi.processes import Processes
from support.waiting import followed


@pytest.fixture
def owslib(service_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    """A client whose headers, which OWSLib shares between all its clients, go no further than this test."""
    monkeypatch.setattr(ogcapi, "REQUEST_HEADERS", dict(ogcapi.REQUEST_HEADERS))
    return Processes(service_url)


def submitted(owslib: Processes, process: str, inputs: dict) -> str:
    """URL of a new job."""
    state = owslib.execute(process, inputs, async_=True)
    assert state["processID"] == process
    assert state["status"] in ("accepted", "running")
    assert owslib.response_headers["Preference-Applied"] == "respond-async"
    return owslib.response_headers["Location"]


def told_of(job: str) -> list[dict]:
    """What is told of a job until it is done."""
    return followed(
        lambda: requests.get(job, timeout=60).json(), lambda state: state["status"] not in ("accepted", "running")
    )


def test_it_finds_the_api_the_classes_and_the_processes(owslib):
    assert owslib.api()["openapi"].startswith("3.0")
    assert "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core" in owslib.conformance()["conformsTo"]
    listed = owslib.processes()
    assert {"echo", "terrain", "zonal-statistics", "climatology", "noise"} <= {process["id"] for process in listed}


def test_it_describes_a_process(owslib):
    described = owslib.process("echo")
    assert described["inputs"]["message"]["schema"] == {"type": "string"}
    assert "sync-execute" in described["jobControlOptions"]


def test_it_executes_and_waits(owslib):
    """Its preference for that, ``respond-sync``, is none that is registered, and is passed over."""
    results = owslib.execute("echo", {"message": "teststring", "numbers": [1, 2]})
    assert results == {"message": "teststring", "numbers": [1, 2]}


def test_it_chooses_outputs(owslib):
    results = owslib.execute("echo", {"message": "a", "numbers": [1]}, outputs={"numbers": {}})
    assert results == {"numbers": [1]}


def test_it_submits_a_job_that_is_followed_to_its_results(owslib):
    job = submitted(owslib, "echo", {"message": "teststring", "pause": 1.0})
    told = told_of(job)
    assert told[-1]["status"] == "successful"
    assert any(0 < state["progress"] < 100 for state in told)
    assert requests.get(f"{job}/results", timeout=60).json() == {"message": "teststring"}


def test_its_job_is_dismissed(owslib):
    job = submitted(owslib, "slow-sum", {"numbers": [], "pause": 60})
    assert requests.delete(job, timeout=60).json()["status"] == "dismissed"
    assert told_of(job)[-1]["status"] == "dismissed"


def test_it_shows_our_refusal(owslib):
    with pytest.raises(RuntimeError, match="message is missing"):
        owslib.execute("echo", {"count": 2})
    with pytest.raises(RuntimeError, match="there is no process 'nope'"):
        owslib.process("nope")
