"""Sync or async: what the process can, and what the caller prefers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from exchange import MESSAGE, ended, execute, header_links, status
from requests.structures import CaseInsensitiveDict

if TYPE_CHECKING:
    import requests

SYNC, ASYNC = 200, 201
TEXT = {"text": "teststring"}


def applied(answer: requests.Response) -> set[str]:
    """The preferences an answer says it honoured."""
    return {each.strip() for each in answer.headers.get("Preference-Applied", "").split(",") if each.strip()}


@pytest.mark.requirement("/req/core/process-execute-default-execution-mode")
@pytest.mark.parametrize(
    ("process", "inputs", "code"), [("echo", MESSAGE, SYNC), ("only-now", TEXT, SYNC), ("only-later", TEXT, ASYNC)]
)
def test_without_a_preference_a_process_is_executed_sync_where_it_can(url, process, inputs, code):
    assert execute(url, process, {"inputs": inputs}).status_code == code


@pytest.mark.requirement("/req/core/process-execute-auto-execution-mode")
@pytest.mark.parametrize(
    ("process", "inputs", "code"), [("echo", MESSAGE, ASYNC), ("only-now", TEXT, SYNC), ("only-later", TEXT, ASYNC)]
)
def test_with_respond_async_a_process_is_executed_async_where_it_can(url, process, inputs, code):
    answer = execute(url, process, {"inputs": inputs}, Prefer="respond-async")
    assert answer.status_code == code
    assert ("respond-async" in applied(answer)) == (code == ASYNC)


PREFER = [
    "respond-async",
    "respond-async ",
    "Respond-Async",
    "wait=0 , respond-async",
    "respond-async;x=1, handling=lenient",
    'something="a, b", respond-async',
    "something=else,,respond-async",
]


@pytest.mark.requirement("/req/core/process-execute-auto-execution-mode", "/rec/core/process-execute-honor-prefer")
@pytest.mark.parametrize("prefer", PREFER)
def test_prefer_is_read_as_the_list_it_is(url, prefer):
    assert execute(url, "echo", {"inputs": MESSAGE}, Prefer=prefer).status_code == ASYNC


@pytest.mark.requirement("/req/core/process-execute-auto-execution-mode")
@pytest.mark.parametrize(
    "prefer", ["", "wait=5", "respond-asynchronously", 'x="respond-async"', "return=minimal", ",;="]
)
def test_what_is_not_respond_async_is_not_taken_for_it(url, prefer):
    assert execute(url, "echo", {"inputs": MESSAGE}, Prefer=prefer).status_code == SYNC


@pytest.mark.requirement("/req/core/process-execute-auto-execution-mode")
def test_several_prefer_headers_are_one_list(url):
    import http.client
    import json
    from urllib.parse import urlsplit

    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    body = json.dumps({"inputs": MESSAGE}).encode()
    connection.putrequest("POST", "/processes/echo/execution")
    for name, value in (("Prefer", "wait=0"), ("Prefer", "respond-async"), ("Content-Length", str(len(body)))):
        connection.putheader(name, value)
    connection.putheader("Content-Type", "application/json")
    connection.endheaders(body)
    assert connection.getresponse().status == ASYNC
    connection.close()


@pytest.mark.requirement("/rec/core/process-execute-honor-prefer")
def test_what_ends_within_the_wait_is_answered_with_its_results(url):
    body = {"inputs": MESSAGE, "outputs": {"message": {}}}
    answer = execute(url, "echo", body, Prefer="respond-async, wait=20")
    assert (answer.status_code, answer.json()) == (SYNC, "teststring")
    assert any(each.startswith("wait=") for each in applied(answer))


@pytest.mark.requirement("/rec/core/process-execute-honor-prefer")
def test_a_job_that_outlives_the_wait_is_followed(url):
    answer = execute(url, "echo", {"inputs": {**MESSAGE, "pause": 3}}, Prefer="respond-async, wait=1")
    assert answer.status_code == ASYNC
    assert 0.9 < answer.elapsed.total_seconds() < 2.9
    assert ended(answer.headers["Location"])["status"] == "successful"


@pytest.mark.requirement("/rec/core/process-execute-preference-applied")
def test_what_was_honoured_is_told_and_nothing_else(url):
    sync = execute(url, "echo", {"inputs": MESSAGE})
    assert "Preference-Applied" not in sync.headers
    later = execute(url, "echo", {"inputs": MESSAGE}, Prefer="respond-async, handling=lenient, unheard-of")
    assert applied(later) == {"respond-async"}
    only_now = execute(url, "only-now", {"inputs": TEXT}, Prefer="respond-async")
    assert not applied(only_now)


@pytest.mark.requirement("/req/core/process-execute-success-async")
@pytest.mark.parametrize("response", ["raw", "document"])
def test_async_is_201_with_a_location_and_a_status(url, response):
    from standard import valid

    body = {"inputs": MESSAGE, "response": response}
    answer = execute(url, "echo", body, Prefer="respond-async")
    assert answer.status_code == ASYNC
    state = valid(answer.json(), "statusInfo")
    location = CaseInsensitiveDict(answer.headers)["location"]
    assert location == f"{url}/jobs/{state['jobID']}"
    assert status(location)["jobID"] == state["jobID"]
    assert state["status"] in ("accepted", "running", "successful")


@pytest.mark.requirement("/req/core/job-results-success-sync")
@pytest.mark.parametrize(
    ("outputs", "prefer", "code"),
    [
        ({"message": {"transmissionMode": "reference"}}, "respond-async, wait=20", 204),
        ({"message": {"transmissionMode": "reference"}}, "", 204),
        ({"message": {"transmissionMode": "reference"}, "numbers": {}}, "", 200),
    ],
)
def test_a_sync_answer_for_which_a_job_was_made_links_to_it(url, outputs, prefer, code):
    body = {"inputs": {**MESSAGE, "numbers": [1]}, "outputs": outputs}
    answer = execute(url, "echo", body, Prefer=prefer)
    assert answer.status_code == code
    (monitor,) = (each for each in header_links(answer) if each["rel"] == "monitor")
    assert monitor["url"].startswith(f"{url}/jobs/")
    assert status(monitor["url"])["status"] == "successful"
