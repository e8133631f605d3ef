"""Class json: every document of the standard comes as JSON, and is valid."""

from __future__ import annotations

import pytest
import requests
from exchange import MESSAGE, bare, ended, execute, get, submit
from standard import valid

JSON = "application/json"
PAGES = [
    ("/", "landingPage"),
    ("/conformance", "confClasses"),
    ("/processes", "processList"),
    ("/processes/echo", "process"),
    ("/jobs", "jobList"),
]


@pytest.mark.requirement("/req/json/definition")
@pytest.mark.parametrize(("path", "schema"), PAGES)
@pytest.mark.parametrize("accept", [JSON, "text/html;q=0.5, application/json", "application/*"])
def test_every_page_comes_as_json(url, path, schema, accept):
    answer = get(f"{url}{path}", Accept=accept)
    assert answer.status_code == 200
    assert bare(answer.headers["Content-Type"]) == JSON
    valid(answer.json(), schema)


@pytest.mark.requirement("/req/json/definition")
@pytest.mark.parametrize(("path", "schema"), PAGES)
def test_every_page_comes_as_json_where_its_address_says_so(url, path, schema):
    answer = get(f"{url}{path}?f=json", Accept="text/html")
    assert bare(answer.headers["Content-Type"]) == JSON
    valid(answer.json(), schema)


@pytest.mark.requirement("/req/json/definition")
def test_the_status_and_the_dismissal_of_a_job_come_as_json(url):
    answer = execute(url, "echo", {"inputs": MESSAGE}, Prefer="respond-async")
    location = answer.headers["Location"]
    assert answer.headers["Content-Type"] == JSON
    valid(answer.json(), "statusInfo")
    ended(location)
    for found in (get(location), get(location, Accept=JSON), requests.delete(location, timeout=60)):
        assert found.status_code == 200
        assert found.headers["Content-Type"] == JSON
        valid(found.json(), "statusInfo")


@pytest.mark.requirement("/req/json/definition")
def test_results_in_a_document_come_as_json(url):
    body = {"inputs": MESSAGE, "response": "document"}
    job = submit(url, "echo", body)
    ended(job)
    for answer in (execute(url, "echo", body), get(f"{job}/results"), get(f"{job}/results", Accept=JSON)):
        assert answer.headers["Content-Type"] == JSON
        assert valid(answer.json(), "results") == {"message": "teststring"}


@pytest.mark.requirement("/req/json/definition")
def test_an_etag_tells_that_a_page_is_unchanged(url):
    job = submit(url, "echo", {"inputs": MESSAGE})
    ended(job)
    answer = get(job)
    assert get(job, **{"If-None-Match": answer.headers["ETag"]}).status_code == 304
