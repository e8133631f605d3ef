"""The results of a job, in the shape its execute request asked for."""

from __future__ import annotations

import pytest
import requests
import shapes
from exchange import MESSAGE, awaited, ended, get, long_job, problem, submit


def collected(url: str, case: shapes.Case) -> None:
    """Submit, wait, fetch the results twice, and check them."""
    job = submit(url, case.process, case.body)
    assert ended(job)["status"] == "successful"
    for _ in range(2):
        case.check(get(f"{job}/results"))


@pytest.mark.requirement("/req/core/job-results", "/req/core/job-results-async-raw-value-one")
@pytest.mark.parametrize("case", shapes.RAW_VALUE_ONE)
def test_one_raw_value_is_the_body(url, case):
    collected(url, case)


@pytest.mark.requirement("/req/core/job-results", "/req/core/job-results-async-raw-value-multi")
@pytest.mark.parametrize("case", shapes.RAW_VALUE_MULTI)
def test_several_raw_values_are_parts(url, case):
    collected(url, case)


@pytest.mark.requirement("/req/core/job-results", "/req/core/job-results-async-raw-ref")
@pytest.mark.parametrize("case", shapes.RAW_REFERENCE)
def test_raw_references_are_links_in_the_head(url, case):
    collected(url, case)


@pytest.mark.requirement("/req/core/job-results", "/req/core/job-results-async-raw-mixed-multi")
@pytest.mark.parametrize("case", shapes.RAW_MIXED)
def test_a_reference_among_raw_values_is_a_part_with_a_location(url, case):
    collected(url, case)


@pytest.mark.requirement("/req/core/job-results", "/req/core/job-results-async-document")
@pytest.mark.parametrize("case", shapes.DOCUMENT)
def test_a_document_maps_outputs_to_values(url, case):
    collected(url, case)


@pytest.mark.requirement("/req/core/job-results-exception/no-such-job")
def test_the_results_of_an_unknown_job_are_told(url):
    problem(get(f"{url}/jobs/nothing/results"), 404, "no-such-job")
    job = submit(url, "echo", {"inputs": MESSAGE})
    ended(job)
    requests.delete(job, timeout=60)
    problem(get(f"{job}/results"), 404, "no-such-job")


@pytest.mark.requirement("/req/core/job-results-exception/results-not-ready")
def test_the_results_of_a_job_that_waits_or_runs_are_not_ready(url):
    with long_job(url) as first, long_job(url) as second:
        awaited(first, "running")
        assert "running" in problem(get(f"{first}/results"), 404, "result-not-ready")["detail"]
        assert "accepted" in problem(get(f"{second}/results"), 404, "result-not-ready")["detail"]


@pytest.mark.requirement("/req/core/job-results-failed")
def test_the_results_of_a_job_that_failed_tell_what_the_caller_can_mend(url):
    job = submit(url, "refuse", {"inputs": {"text": "a"}})
    assert ended(job)["status"] == "failed"
    document = problem(get(f"{job}/results"), 400)
    assert document["type"].endswith("InvalidParameterValue")
    assert (document["input"], document["detail"]) == ("text", "the period holds no data; it has 1990 to 1993")


@pytest.mark.requirement("/req/core/job-results-failed")
def test_the_results_of_a_job_that_failed_do_not_tell_what_is_not_the_callers(url):
    job = submit(url, "fail", {})
    assert ended(job)["status"] == "failed"
    document = problem(get(f"{job}/results"), 500)
    assert "unseen" not in str(document)
    assert "reference" in document["detail"]
