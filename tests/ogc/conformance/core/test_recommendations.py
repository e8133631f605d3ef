"""What the standard recommends to the core as a whole."""

from __future__ import annotations

import pytest
import requests
from exchange import MESSAGE, bare, ended, execute, get, get_json, header_links, submit
from standard import RELATIONS

DOCUMENTS = [
    ("/", "landingPage"),
    ("/processes", "processList"),
    ("/processes?limit=2", "processList"),
    ("/processes/echo", "process"),
    ("/jobs", "jobList"),
]


@pytest.mark.requirement("/req/core/test-process", "/rec/core/test-process")
def test_a_process_gives_back_what_it_is_sent_after_a_pause(url):
    described = get_json(f"{url}/processes/echo", "process")
    needed = [name for name, each in described["inputs"].items() if each.get("minOccurs", 1) > 0]
    assert needed == ["message"] == list(described["inputs"])[:1]
    assert {"sync-execute", "async-execute"} <= set(described["jobControlOptions"])
    answer = execute(url, "echo", {"inputs": {**MESSAGE, "pause": 1}, "outputs": {"message": {}}})
    assert answer.json() == "teststring"
    assert answer.elapsed.total_seconds() > 1


@pytest.mark.requirement("/rec/core/problem-details")
@pytest.mark.parametrize(
    "path", ["/processes/nothing", "/jobs/nothing", "/jobs/nothing/results", "/processes?limit=0", "/nothing"]
)
def test_errors_are_problem_details(url, path):
    for accept, media_type in (
        ("*/*", "application/problem+json"),
        ("application/problem+json", "application/problem+json"),
        ("application/json", "application/json"),
    ):
        answer = get(f"{url}{path}", Accept=accept)
        assert bare(answer.headers["Content-Type"]) == media_type
        assert {"type", "title", "status", "detail"} <= set(answer.json())


@pytest.mark.requirement("/rec/core/cross-origin", "/rec/core/access-control-expose-headers")
def test_pages_of_other_origins_may_call_and_read_where_a_job_is(url):
    asked = {"Origin": "https://other.example", "Access-Control-Request-Method": "POST"}
    asked["Access-Control-Request-Headers"] = "content-type, prefer"
    before = requests.options(f"{url}/processes/echo/execution", headers=asked, timeout=60)
    assert before.ok
    assert before.headers["Access-Control-Allow-Origin"] in ("*", asked["Origin"])
    assert "POST" in before.headers["Access-Control-Allow-Methods"]
    allowed = before.headers["Access-Control-Allow-Headers"].lower()
    assert "content-type" in allowed
    assert "prefer" in allowed
    answer = execute(url, "echo", {"inputs": MESSAGE}, Prefer="respond-async", Origin=asked["Origin"])
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", asked["Origin"])
    assert "location" in answer.headers["Access-Control-Expose-Headers"].lower()
    ended(answer.headers["Location"])
    refused = get(f"{url}/processes/nothing", Origin=asked["Origin"])
    assert refused.headers["Access-Control-Allow-Origin"] in ("*", asked["Origin"])


@pytest.mark.requirement("/rec/core/html")
@pytest.mark.parametrize(("path", "schema"), DOCUMENTS)
def test_people_get_html_and_programs_get_json(url, path, schema):
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
    assert bare(get(f"{url}{path}", Accept=browser).headers["Content-Type"]) == "text/html"
    get_json(f"{url}{path}", schema)
    if path != "/":  # pygeoapi's landing page knows no default but its own
        assert bare(get(f"{url}{path}", Accept="*/*").headers["Content-Type"]) == "application/json"


@pytest.mark.requirement("/rec/core/link-header")
@pytest.mark.parametrize(("path", "schema"), DOCUMENTS)
def test_the_links_of_a_document_are_link_headers_too(url, path, schema):
    answer = get(f"{url}{path}", Accept="application/json")
    inside = {(link["rel"], link["href"]) for link in answer.json()["links"]}
    assert inside
    assert inside <= {(link["rel"], link["url"]) for link in header_links(answer)}


@pytest.mark.requirement("/rec/core/link-header")
def test_the_links_of_a_status_are_link_headers_too(url):
    job = submit(url, "echo", {"inputs": MESSAGE})
    ended(job)
    answer = get(job)
    inside = {(link["rel"], link["href"]) for link in answer.json()["links"]}
    assert (f"{RELATIONS}results", f"{job}/results") in {(rel, href.partition("?")[0]) for rel, href in inside}
    assert inside <= {(link["rel"], link["url"]) for link in header_links(answer)}
