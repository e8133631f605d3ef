"""Class job-list: all jobs, filtered and in pages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import requests
from definition import defined, limits
from exchange import MESSAGE, SLOW, awaited, bare, ended, get, get_json, links, problem, status, submit
from standard import RELATIONS
from support.services import serve

METHODS = Path(__file__).with_name("methods_for_conformance.py")
CROWD = 12


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """A service of its own, and its jobs by name: a crowd of short ones, and one or two for each state."""
    with serve(tmp_path_factory.mktemp("busy"), [str(METHODS)], ours=True, moorage={"slots": 1}) as running:
        url, jobs = running.url, {}

        def begun(name: str, process: str, inputs: dict) -> str:
            time.sleep(0.02)  # so that no two are created in the same hundredth of a second
            jobs[name] = submit(url, process, {"inputs": inputs})
            return jobs[name]

        for number in range(CROWD):
            begun(f"crowd {number}", "count-boxes", {})
        begun("quick", "echo", MESSAGE)
        begun("slow", "echo", {**MESSAGE, "pause": 2})
        begun("later", "only-later", {"text": "a"})
        ended(begun("failed", "fail", {}))
        awaited(begun("dismissed", SLOW, {**MESSAGE, "pause": 50}), "running")
        requests.delete(jobs["dismissed"], timeout=60)
        awaited(begun("running", SLOW, {**MESSAGE, "pause": 50}), "running")
        begun("accepted", "echo", MESSAGE)
        time.sleep(1.1)  # so that what runs has run for longer than a second
        yield url, jobs


def listed(url: str, **query: str) -> dict:
    """One page of the list."""
    asked = requests.Request("GET", f"{url}/jobs", params=query).prepare().url
    return get_json(asked, "jobList")


def found(busy: tuple[str, dict[str, str]], **query: str) -> set[str]:
    """The names of the jobs that fulfil a query, the crowd as one."""
    url, jobs = busy
    names = {location.rsplit("/", 1)[-1]: name for name, location in jobs.items()}
    page = listed(url, limit="10000", **query)
    return {names[each["jobID"]].partition(" ")[0] for each in page["jobs"]}


EVERY = {"crowd", "quick", "slow", "later", "failed", "dismissed", "running", "accepted"}


@pytest.mark.requirement("/req/job-list/job-list-op", "/req/job-list/job-list-success")
def test_the_job_list_is_there_and_valid(busy):
    url, jobs = busy
    assert len(listed(url, limit="10000")["jobs"]) == len(jobs)
    assert found(busy) == EVERY


@pytest.mark.requirement("/req/job-list/processID-mandatory")
def test_every_job_tells_its_process_and_is_as_its_own_status_says(busy):
    url, _ = busy
    for each in listed(url, limit="10000")["jobs"]:
        assert each["processID"] in ("count-boxes", "echo", SLOW, "only-later", "fail")
        if each["status"] != "running":
            alone = status(f"{url}/jobs/{each['jobID']}")
            assert {name: each[name] for name in each if name != "links"} == {
                name: alone[name] for name in alone if name != "links"
            }


@pytest.mark.requirement("/req/job-list/type-definition", "/req/job-list/type-response")
def test_all_jobs_are_of_the_type_process(busy):
    assert found(busy, type="process") == found(busy) == EVERY
    problem(get(f"{busy[0]}/jobs?type=workflow"), 400, "invalid-query-parameter-value")


@pytest.mark.requirement("/req/job-list/processID-definition", "/req/job-list/processid-response")
def test_jobs_are_found_by_process(busy):
    assert found(busy, processID="only-later") == {"later"}
    assert found(busy, processID="only-later,fail") == {"later", "failed"}
    assert found(busy, processID="every-type") == set()


@pytest.mark.requirement("/text/job-list/no-such-process")
def test_an_unknown_process_is_told(busy):
    for query in ("processID=nothing", "processID=echo,nothing"):
        assert "nothing" in problem(get(f"{busy[0]}/jobs?{query}"), 404, "no-such-process")["detail"]


@pytest.mark.requirement("/req/job-list/status-definition", "/req/job-list/status-response")
@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ("accepted", {"accepted"}),
        ("running", {"running"}),
        ("successful", {"crowd", "quick", "slow", "later"}),
        ("failed", {"failed"}),
        ("dismissed", {"dismissed"}),
        ("failed,dismissed", {"failed", "dismissed"}),
        ("accepted,running,successful,failed,dismissed", EVERY),
    ],
)
def test_jobs_are_found_by_state(busy, states, expected):
    assert found(busy, status=states) == expected


@pytest.mark.requirement("/req/job-list/status-response", "/req/job-list/processid-response")
def test_every_filter_narrows_what_the_others_leave(busy):
    assert found(busy, status="successful,running", processID=f"echo,{SLOW}") == {"quick", "slow", "running"}
    assert found(busy, status="successful", processID="echo", minDuration="1", type="process") == {"slow"}
    assert found(busy, status="failed", processID="echo") == set()


@pytest.mark.requirement("/req/job-list/datetime-definition", "/req/job-list/datetime-response")
def test_jobs_are_found_by_when_they_were_created(busy):
    created = {name: status(job)["created"] for name, job in busy[1].items()}
    slow, failed, last = created["slow"], created["failed"], created["accepted"]
    assert found(busy, datetime=slow) == {"slow"}
    assert found(busy, datetime=f"{slow}/{slow}") == {"slow"}
    assert found(busy, datetime=f"{slow}/{failed}") == {"slow", "later", "failed"}
    assert found(busy, datetime=f"../{slow}") == found(busy, datetime=f"/{slow}") == {"crowd", "quick", "slow"}
    late = {"failed", "dismissed", "running", "accepted"}
    assert found(busy, datetime=f"{failed}/..") == found(busy, datetime=f"{failed}/") == late
    assert found(busy, datetime="../..") == EVERY
    assert found(busy, datetime="../2001-01-01T00:00:00Z") == set()
    elsewhere = datetime.fromisoformat(last).astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat()
    assert found(busy, datetime=f"{elsewhere}/..") == {"accepted"}


@pytest.mark.requirement("/req/job-list/duration-definition", "/req/job-list/duration-response")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"minDuration": "1"}, {"slow", "running"}),
        ({"maxDuration": "1"}, EVERY - {"slow", "running", "accepted"}),
        ({"minDuration": "0"}, EVERY - {"accepted"}),
        ({"maxDuration": "1000"}, EVERY - {"accepted"}),
        ({"minDuration": "1", "maxDuration": "1000"}, {"slow", "running"}),
        ({"minDuration": "1", "status": "successful"}, {"slow"}),
        ({"minDuration": "1", "status": "running"}, {"running"}),
        ({"minDuration": "0", "status": "accepted"}, set()),
        ({"minDuration": "1000"}, set()),
    ],
)
def test_jobs_are_found_by_how_long_they_run_or_ran(busy, query, expected):
    assert found(busy, **query) == expected


@pytest.mark.requirement("/req/job-list/limit-definition")
def test_without_a_limit_a_page_holds_as_many_jobs_as_the_definition_says(busy):
    url, jobs = busy
    default = limits(defined(url), "/jobs")[1]["default"]
    assert default < len(jobs)
    assert len(listed(url)["jobs"]) == default


@pytest.mark.requirement("/req/job-list/limit-response")
@pytest.mark.parametrize("limit", [1, 3, 10_000])
def test_no_page_holds_more_than_its_limit(busy, limit):
    assert len(listed(busy[0], limit=str(limit))["jobs"]) == min(limit, len(busy[1]))


@pytest.mark.requirement("/req/job-list/links")
@pytest.mark.parametrize("query", [{}, {"limit": "2", "status": "successful", "minDuration": "0", "type": "process"}])
def test_the_job_list_links_to_itself_in_json_and_html(busy, query):
    page = listed(busy[0], **query)
    (itself,), (other,) = links(page, "self"), links(page, "alternate")
    assert (itself["type"], other["type"]) == ("application/json", "text/html")
    again = get_json(itself["href"], "jobList")
    assert [each["jobID"] for each in again["jobs"]] == [each["jobID"] for each in page["jobs"]]
    answer = get(other["href"])
    assert (answer.status_code, bare(answer.headers["Content-Type"])) == (200, "text/html")


@pytest.mark.requirement("/rec/job-list/next-1", "/rec/job-list/next-2", "/rec/job-list/next-3")
@pytest.mark.parametrize("query", [{}, {"processID": "count-boxes,echo", "status": "successful", "maxDuration": "1"}])
def test_the_pages_of_the_job_list_hold_every_job_once(busy, query):
    whole = listed(busy[0], limit="10000", **query)
    assert not links(whole, "next")
    page, seen = listed(busy[0], limit="4", **query), []
    while True:
        seen += [each["jobID"] for each in page["jobs"]]
        following = links(page, "next")
        if not following:
            break
        assert len(page["jobs"]) == 4
        page = get_json(following[0]["href"], "jobList")
    assert seen == [each["jobID"] for each in whole["jobs"]]
    assert len(seen) > 4


@pytest.mark.requirement("/rec/job-list/job-list-landing-page")
def test_the_landing_page_links_to_the_job_list(busy):
    found_links = links(get_json(f"{busy[0]}/", "landingPage"), f"{RELATIONS}job-list")
    assert found_links
    assert get_json(found_links[0]["href"], "jobList")["jobs"]
