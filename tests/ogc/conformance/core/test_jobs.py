"""The status of a job."""

from __future__ import annotations

import uuid
from datetime import datetime

import pytest
import requests
from exchange import MESSAGE, awaited, ended, get, get_json, links, long_job, problem, status, submit
from standard import RELATIONS

TIMES = ("created", "started", "finished", "updated")


def times(state: dict) -> dict[str, datetime]:
    """The times a status tells."""
    return {name: datetime.fromisoformat(state[name]) for name in TIMES if name in state}


@pytest.mark.requirement("/req/core/job", "/req/core/job-success", "/rec/core/job-status")
def test_a_status_is_valid_in_every_state_and_tells_its_times(url):
    with long_job(url) as first, long_job(url) as second:
        running, waiting = awaited(first, "running"), status(second)
        assert waiting["status"] == "accepted"
        assert set(times(waiting)) == {"created", "updated"}
        assert set(times(running)) == {"created", "started", "updated"}
        requests.delete(first, timeout=60)
        assert status(first)["status"] == "dismissed"
        assert set(times(status(first))) == set(TIMES)
    for process, inputs, outcome in (("echo", MESSAGE, "successful"), ("fail", {}, "failed")):
        state = ended(submit(url, process, {"inputs": inputs}))
        assert (state["status"], state["processID"], state["type"]) == (outcome, process, "process")
        moments = times(state)
        assert moments["created"] <= moments["started"] <= moments["finished"] <= moments["updated"]


@pytest.mark.requirement("/rec/core/job-status")
def test_updated_moves_with_every_change_of_state(url):
    with long_job(url), long_job(url, pause=0.5) as job:
        moments = [times(status(job))["updated"]]
        requests.delete(job, timeout=60)
        moments.append(times(status(job))["updated"])
    assert moments[0] < moments[1]


@pytest.mark.requirement("/req/core/job-success")
def test_a_status_links_to_itself_and_to_results_only_where_there_are_any(url):
    with long_job(url) as job:
        state = awaited(job, "running")
        rels = {link["rel"] for link in state["links"]}
        assert rels & {"monitor", "status"}
        assert not rels & {"results", f"{RELATIONS}results", f"{RELATIONS}exceptions"}
    state = ended(submit(url, "echo", {"inputs": MESSAGE}))
    (results,) = links(state, f"{RELATIONS}results")
    assert get(results["href"]).status_code == 200
    (itself,) = links(state, "self")
    assert get_json(itself["href"], "statusInfo")["jobID"] == state["jobID"]
    failed = ended(submit(url, "fail", {}))
    (reason,) = links(failed, f"{RELATIONS}exceptions")
    assert not links(failed, f"{RELATIONS}results")
    assert get(reason["href"]).status_code == 500


@pytest.mark.requirement("/req/core/job-exception-no-such-job")
@pytest.mark.parametrize("name", ["nothing", str(uuid.UUID(int=0)), "%27", "x" * 300])
def test_an_unknown_job_is_told(url, name):
    problem(get(f"{url}/jobs/{name}"), 404, "no-such-job")


@pytest.mark.requirement("/text/core/job-ids")
def test_the_id_of_a_job_cannot_be_guessed(url):
    jobs = [submit(url, "echo", {"inputs": MESSAGE}) for _ in range(3)]
    ids = [uuid.UUID(job.rsplit("/", 1)[-1]) for job in jobs]
    assert {each.version for each in ids} == {4}
    assert len({each.fields[:3] for each in ids}) == 3
    for job in jobs:
        ended(job)
