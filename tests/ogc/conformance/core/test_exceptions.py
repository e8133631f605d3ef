"""Each exception of the standard, with its exact type and code, and a sentence that helps."""

from __future__ import annotations

import pytest
import requests
from exchange import MESSAGE, bare, ended, execute, get, long_job, problem, submit

ACCEPT = ["*/*", "application/json", "application/problem+json", "text/html"]


@pytest.mark.requirement("/req/core/process-exception/no-such-process", "/req/core/job-exception-no-such-job")
@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/processes/nothing", "no-such-process"),
        ("POST", "/processes/nothing/execution", "no-such-process"),
        ("GET", "/jobs?processID=nothing", "no-such-process"),
        ("GET", "/jobs/nothing", "no-such-job"),
        ("DELETE", "/jobs/nothing", "no-such-job"),
        ("GET", "/jobs/nothing/results", "no-such-job"),
        ("GET", "/jobs/nothing/results/message", "no-such-job"),
    ],
)
def test_what_is_not_there_is_404_of_its_own_type(url, method, path, kind):
    answer = requests.request(method, f"{url}{path}", json={"inputs": MESSAGE}, timeout=60)
    assert "nothing" in problem(answer, 404, kind)["detail"]


@pytest.mark.requirement("/req/core/job-results-exception/results-not-ready")
def test_results_are_not_ready_not_available_or_not_one_of_those_there_are(url):
    with long_job(url) as job:
        problem(get(f"{job}/results"), 404, "result-not-ready")
        problem(get(f"{job}/results/message"), 404, "result-not-ready")
        requests.delete(job, timeout=60)
        assert "dismissed" in problem(get(f"{job}/results"), 404, "result-not-available")["detail"]


@pytest.mark.requirement("/req/core/process-execute-request", "/req/core/job-results")
def test_an_unknown_output_is_400_with_those_there_are(url):
    body = {"inputs": MESSAGE, "outputs": {"shout": {}}}
    assert "message" in problem(execute(url, "echo", body), 400, "no-such-output")["detail"]
    job = submit(url, "echo", {"inputs": MESSAGE, "outputs": {"message": {}}})
    ended(job)
    assert "message" in problem(get(f"{job}/results/shout"), 400, "no-such-output")["detail"]
    assert "message" in problem(get(f"{job}/results?outputs=shout"), 400, "no-such-output")["detail"]


NUMBER = "a whole number from"
WRONG = [
    *(
        (path, "limit", value, f"{NUMBER} 1 to 10000")
        for path in ("/processes", "/jobs")
        for value in ("0", "-1", "10001", "1.5", "x", "")
    ),
    *((path, "offset", value, NUMBER) for path in ("/processes", "/jobs") for value in ("-1", "x", "1.5", "")),
    *(
        ("/jobs", "status", value, "accepted, running, successful, failed")
        for value in ("lost", "running,lost", "Running")
    ),
    *(("/jobs", "type", value, "process") for value in ("workflow", "process,workflow")),
    *(
        ("/jobs", "datetime", value, "RFC 3339")
        for value in ("", "soon", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00Z/x")
    ),
    ("/jobs", "datetime", "2026-02-01T00:00:00Z/2026-01-01T00:00:00Z", "start comes before its end"),
    *(("/jobs", name, value, "seconds") for name in ("minDuration", "maxDuration") for value in ("x", "-1", "")),
]


@pytest.mark.requirement(
    "/req/core/pl-limit-definition",
    "/req/job-list/limit-definition",
    "/req/job-list/status-definition",
    "/req/job-list/type-definition",
    "/req/job-list/datetime-definition",
    "/req/job-list/duration-definition",
)
@pytest.mark.parametrize(("path", "name", "value", "takes"), WRONG)
def test_a_wrong_query_parameter_is_named_with_what_it_takes(url, path, name, value, takes):
    answer = requests.get(f"{url}{path}", params={name: value}, timeout=60)
    document = problem(answer, 400, "invalid-query-parameter-value")
    assert document["detail"].startswith(name)
    assert takes in document["detail"]


@pytest.mark.requirement("/rec/core/problem-details")
@pytest.mark.parametrize("path", ["/processes/nothing", "/jobs/nothing", "/jobs?status=lost"])
def test_whoever_asks_for_html_still_gets_the_code(url, path):
    for accept in ACCEPT:
        answer = get(f"{url}{path}", Accept=accept)
        assert answer.status_code == (400 if "?" in path else 404)
        if accept != "text/html":
            assert bare(answer.headers["Content-Type"]) in ("application/json", "application/problem+json")
