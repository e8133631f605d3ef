"""Class dismiss: a job is stopped or removed by a DELETE."""

from __future__ import annotations

import time

import pytest
import requests
from exchange import MESSAGE, SLOW, awaited, ended, get, get_json, long_job, problem, status, submit
from standard import valid


def dismissed(job: str) -> dict:
    """The answer to a dismissal."""
    answer = requests.delete(job, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    state = valid(answer.json(), "statusInfo")
    assert (state["status"], state["jobID"]) == ("dismissed", job.rsplit("/", 1)[-1])
    assert state["processID"] in ("echo", SLOW)
    assert state["links"]
    return state


@pytest.mark.requirement("/req/dismiss/job-dismiss-op", "/req/dismiss/job-dismiss-success", "/text/dismiss/effect")
def test_a_running_job_is_stopped_at_once(url):
    with long_job(url) as job:
        awaited(job, "running")
        dismissed(job)
        assert status(job)["status"] == "dismissed"
        problem(get(f"{job}/results"), 404)
        begun = time.monotonic()
        assert ended(submit(url, "echo", {"inputs": MESSAGE}))["status"] == "successful"
        assert time.monotonic() - begun < 20, "the only slot was not given back"


@pytest.mark.requirement("/req/dismiss/job-dismiss-success", "/text/dismiss/effect")
def test_a_waiting_job_never_begins(url):
    with long_job(url) as running:
        awaited(running, "running")
        # after quick jobs one more is taken ahead, but not behind one that has run for a while
        time.sleep(0.2)
        with long_job(url, pause=0) as waiting:
            assert status(waiting)["status"] == "accepted"
            assert "started" not in dismissed(waiting)
            assert "started" not in status(waiting)


@pytest.mark.requirement("/req/dismiss/job-dismiss-success", "/text/dismiss/effect")
def test_a_finished_job_is_removed_with_its_results(service, url):
    job = submit(url, "echo", {"inputs": MESSAGE})
    ended(job)
    dismissed(job)
    for path in ("", "/results", "/results/message"):
        problem(get(f"{job}{path}"), 404, "no-such-job")
    assert job.rsplit("/", 1)[-1] not in get(f"{url}/jobs?limit=10000").text
    assert not (service.state / "results" / job.rsplit("/", 1)[-1]).exists()


@pytest.mark.requirement("/req/dismiss/job-dismiss-success")
def test_a_job_that_was_dismissed_twice_is_removed(url):
    with long_job(url) as job:
        awaited(job, "running")
        dismissed(job)
        dismissed(job)
        problem(requests.delete(job, timeout=60), 404, "no-such-job")


@pytest.mark.requirement("/text/dismiss/no-such-job")
def test_an_unknown_job_cannot_be_dismissed(url):
    problem(requests.delete(f"{url}/jobs/nothing", timeout=60), 404, "no-such-job")


@pytest.mark.requirement("/text/dismiss/advertised")
def test_what_can_be_dismissed_says_so(url):
    for each in get_json(f"{url}/processes?limit=10000", "processList")["processes"]:
        options = each["jobControlOptions"]
        assert ("dismiss" in options) == ("async-execute" in options)
