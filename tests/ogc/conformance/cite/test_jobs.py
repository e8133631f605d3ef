"""Tests 13 to 45 of the compliance suite: executions of the echo process, and jobs.

``ok`` is 200 or 201. The suite writes a space behind ``respond-async``, and so do these tests.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
import requests
from cite_requests import BOX, TEXT, TIFF, Suite
from exchange import bare, content, get, parts, problem
from standard import EXCEPTIONS, RELATIONS, valid
from support.patience import patience
from support.waiting import eventually

JSON = {"Content-Type": "application/json", "Accept": "application/json"}
NOTHING = "unknown-6b6f3cf4-job"


def posted(url: str, body: dict[str, Any], *, is_async: bool = False, **headers: str) -> requests.Response:
    """One execution of the echo process."""
    if is_async:
        headers["Prefer"] = "respond-async "
    head = {name: value or None for name, value in (JSON | headers).items()}  # None: not sent at all
    return requests.post(f"{url}/processes/echo/execution", data=json.dumps(body), headers=head, timeout=60)


def unaddressed(url: str, suite: Suite, *, is_async: bool) -> requests.Response:
    """One ordinary execution that does not say which media types it takes."""
    body = {"inputs": suite.ordinary(), "outputs": suite.outputs()}
    return posted(url, body, is_async=is_async, Accept="")


def ok(answer: requests.Response) -> requests.Response:
    """The answer, after what holds for each that is good."""
    assert answer.status_code in (200, 201), answer.text
    return answer


def said(answer: requests.Response) -> str:
    """What a good answer of several outputs says, as one JSON document or as the parts of multipart/related."""
    if bare(ok(answer).headers["Content-Type"]) == "application/json":
        return json.dumps(valid(answer.json(), "results"))
    return "".join(content(part).decode() for part in parts(answer).values())


def followed(answer: requests.Response) -> Any:
    """The valid status at the Location of an answer, asked for without saying in which media type."""
    assert answer.status_code == 201, answer.text
    state = get(answer.headers["Location"])
    assert state.status_code == 200
    assert bare(state.headers["Content-Type"]) == "application/json"
    found = valid(state.json(), "statusInfo")
    assert all(link.get("rel") for link in found["links"])
    return found


def test_13_auto_execution_mode(url, suite):
    assert "async-execute" in suite.described["jobControlOptions"]
    ok(posted(url, {"inputs": suite.ordinary(), "outputs": suite.outputs()}, is_async=True))


def test_14_default_execution_mode(url, suite):
    assert posted(url, {"inputs": suite.ordinary(), "outputs": suite.outputs()}).status_code == 200


def test_15_default_outputs(url, suite):
    ok(posted(url, {"inputs": suite.ordinary()}))


def test_16_input_array(url, suite):
    chosen = suite.first(lambda each: each.has("array"))
    assert chosen is not None
    outputs = suite.outputs(lambda _, schema: schema.get("type") == "array")
    assert outputs
    inputs = suite.ordinary(**{chosen.id: chosen.list()})
    assert inputs[chosen.id] == [1, 2, 3]
    ok(posted(url, {"inputs": inputs, "outputs": outputs}))


def test_17_input_inline_bbox(url, suite):
    chosen = suite.first(lambda each: each.is_box)
    assert chosen is not None
    outputs = suite.outputs(lambda _, schema: any(each.get("format") == "ogc-bbox" for each in schema.get("allOf", ())))
    assert outputs
    ok(posted(url, {"inputs": suite.ordinary(**{chosen.id: BOX}), "outputs": outputs}))


def test_18_input_inline_binary(url, suite):
    chosen = suite.first(lambda each: each.is_binary())
    assert chosen is not None
    ok(posted(url, {"inputs": suite.ordinary(**{chosen.id: suite.picture()}), "outputs": suite.outputs()}))


def test_19_input_inline_mixed(url, suite):
    chosen = suite.first(lambda each: each.has("object"))
    assert chosen is not None
    ok(posted(url, {"inputs": suite.ordinary(**{chosen.id: {"value": TEXT}}), "outputs": suite.outputs()}))


def test_20_input_inline_object(url, suite):
    chosen = suite.first(lambda each: each.has("object"))
    assert chosen is not None
    ok(posted(url, {"inputs": suite.ordinary(**{chosen.id: {"value": TEXT}}), "outputs": {}}))


def test_21_input_inline(url, suite):
    ok(posted(url, {"inputs": suite.ordinary(), "outputs": suite.outputs()}))


def test_22_inputs(url, suite):
    ok(posted(url, {"inputs": suite.ordinary(), "outputs": suite.outputs()}))


def test_23_input_by_reference(url, suite, files):
    # the suite's own picture lies on raw.githubusercontent.com: where the suite itself is run, allowed_hosts names that
    folder, there = files
    (folder / "picture.tif").write_bytes(TIFF)
    chosen = suite.first(lambda each: each.is_binary())
    assert chosen is not None
    inputs = suite.ordinary(**{chosen.id: {"href": f"{there}/picture.tif", "format": {}}})
    assert TEXT in said(posted(url, {"inputs": inputs, "outputs": suite.outputs()}))
    followed(posted(url, {"inputs": inputs, "outputs": suite.outputs()}, is_async=True))


def test_24_input_validation(url, suite):
    ok(posted(url, {"inputs": suite.ordinary(), "outputs": suite.outputs()}))
    inputs = suite.wrong(str(uuid.uuid4()))
    assert inputs != suite.ordinary()
    answer = posted(url, {"inputs": inputs, "outputs": suite.outputs()})
    assert answer.headers["Content-Type"] == "application/json"
    problem(answer, 400)


@pytest.mark.parametrize("is_async", [True, False])
def test_25_job_creation_op(url, suite, is_async):
    answer = unaddressed(url, suite, is_async=is_async)
    if is_async:
        followed(answer)
    else:
        assert TEXT in said(answer)


@pytest.mark.parametrize("is_async", [True, False])
def test_26_job_creation_request(url, suite, is_async):
    answer = posted(url, {"inputs": suite.ordinary(), "outputs": suite.outputs()}, is_async=is_async)
    if is_async:
        followed(answer)
    else:
        assert TEXT in said(answer)


def test_27_success_async(url, suite):
    followed(posted(url, {"inputs": suite.ordinary(), "outputs": suite.outputs()}, is_async=True))


def test_28_sync_document(url, suite):
    answer = ok(posted(url, {"inputs": suite.ordinary(), "outputs": suite.outputs(), "response": "document"}))
    assert valid(answer.json(), "results")["message"] == TEXT


def test_29_sync_raw_mixed_multi(url, suite):
    ok(posted(url, {"inputs": suite.ordinary(), "outputs": suite.outputs(), "response": "raw"}))


def test_30_sync_raw_ref(url, suite):
    ok(posted(url, {"inputs": suite.ordinary(), "outputs": suite.outputs(), "response": "raw"}))


def test_31_sync_raw_value_multi(url, suite):
    ok(posted(url, {"inputs": suite.ordinary(), "outputs": suite.outputs(), "response": "raw"}))


def test_32_sync_raw_value_one(url, suite):
    assert len(suite.only_output()) == 1
    answer = ok(posted(url, {"inputs": suite.ordinary(), "outputs": suite.only_output(), "response": "raw"}))
    assert TEXT in answer.text


def test_33_job_exception_no_such_job(url):
    answer = get(f"{url}/jobs/{NOTHING}", Accept="application/json")
    assert answer.headers["Content-Type"] == "application/json"
    problem(answer, 404)


def test_34_job_results_no_such_job(url):
    answer = get(f"{url}/jobs/{NOTHING}/results", Accept="application/json")
    assert answer.headers["Content-Type"] == "application/json"
    problem(answer, 404)


def test_35_job_op(url, suite):
    ok(posted(url, {"inputs": suite.ordinary(), "outputs": suite.outputs()}))


def test_36_job_results_exception_results_not_ready(url, suite):
    name, described = next(iter(suite.described["inputs"].items()))
    assert "pause" in suite.described["inputs"]
    assert described["schema"] == {"type": "string"}
    answer = posted(url, {"inputs": {name: TEXT, "pause": 5}, "outputs": {}}, is_async=True)
    location = answer.headers["Location"]
    early = get(f"{location}/results", Accept="application/json")
    requests.delete(location, timeout=60)
    assert problem(early, 404)["type"] == f"{EXCEPTIONS}result-not-ready"


def test_37_job_results_failed(url):
    answer = posted(url, {"invalid-execute-request": str(uuid.uuid4())})
    assert answer.status_code > 200
    problem(answer, 400)


@pytest.mark.parametrize("is_async", [True, False])
def test_38_job_results(url, suite, is_async):
    answer = posted(url, {"inputs": suite.ordinary(), "outputs": suite.outputs()}, is_async=is_async)
    if is_async:
        followed(answer)
    else:
        assert answer.status_code == 200


def test_39_job_results_async_document(url, suite):
    body = {"inputs": suite.ordinary(), "outputs": suite.outputs(), "response": "document"}
    followed(posted(url, body, is_async=True))


def test_40_job_results_async_raw_mixed_multi(url, suite):
    body = {"inputs": suite.ordinary(), "outputs": suite.outputs(), "response": "raw"}
    followed(posted(url, body, is_async=True))


def test_41_job_results_async_raw_ref(url, suite):
    body = {"inputs": suite.ordinary(), "outputs": suite.outputs(), "response": "raw"}
    followed(posted(url, body, is_async=True))


def test_42_job_results_async_raw_value_multi(url, suite):
    body = {"inputs": suite.ordinary(), "outputs": suite.outputs(), "response": "raw"}
    followed(posted(url, body, is_async=True))


def test_43_job_results_async_raw_value_one(url, suite):
    body = {"inputs": suite.ordinary(), "outputs": suite.only_output(), "response": "raw"}
    told = [followed(posted(url, body, is_async=True))]

    def results() -> list[str]:
        found = [each["href"] for each in told[-1]["links"] if each["rel"] in (f"{RELATIONS}results", "results")]
        if not found:
            assert told[-1]["status"] in ("accepted", "running")
            again = next(each["href"] for each in told[-1]["links"] if each["rel"] in ("monitor", "status"))
            told.append(valid(get(again, Accept="application/json").json(), "statusInfo"))
        return found

    assert TEXT in get(eventually(results, within=patience(20.0))[0]).text


def test_44_job_results_sync(url, suite):
    for outputs in (suite.outputs(), suite.only_output(), {}):
        answer = posted(url, {"inputs": suite.ordinary(), "outputs": outputs})
        assert answer.status_code == 200
        assert "Link" not in answer.headers  # the suite takes any for a monitor link, and cannot read one with <>


@pytest.mark.parametrize("is_async", [True, False])
def test_45_job_success(url, suite, is_async):
    answer = unaddressed(url, suite, is_async=is_async)
    if is_async:
        assert followed(answer)["processID"] == "echo"
    else:
        assert TEXT in said(answer)


def test_only_the_first_input_is_needed_and_comes_back_by_its_name(suite: Suite):
    inputs = suite.described["inputs"]
    name = next(iter(inputs))
    assert [each for each in inputs if inputs[each].get("minOccurs", 1)] == [name]
    assert name in suite.described["outputs"]
