"""Tests 5 to 12 of the compliance suite: the process list and the description of the echo process."""

from __future__ import annotations

from exchange import get, get_json, links, problem

NOTHING = "unknown-6b6f3cf4-process"


def test_05_process_list_limit_definition(url):
    (desc,) = links(get_json(f"{url}/", "landingPage"), "service-desc")
    parameters = get(desc["href"]).json()["paths"]["/processes"]["get"]["parameters"]
    assert any(each.get("name") == "limit" or each.get("$ref", "").lower().endswith("limit") for each in parameters)


def test_06_process_list_limit_response(url):
    assert len(get_json(f"{url}/processes?limit=1", "processList")["processes"]) == 1


def test_07_process_list_links(url):
    assert isinstance(get_json(f"{url}/processes", "processList")["links"], list)


def test_08_process_list(url):
    assert get_json(f"{url}/processes", "processList")["processes"]


def test_09_process_list_success(url):
    get_json(f"{url}/processes", "processList")


def test_10_process(url):
    assert get_json(f"{url}/processes/echo", "process")["id"] == "echo"


def test_11_process_success(url):
    get_json(f"{url}/processes/echo", "process")


def test_12_process_exception_no_such_process(url):
    answer = get(f"{url}/processes/{NOTHING}", Accept="application/json")
    assert answer.headers["Content-Type"] == "application/json"
    problem(answer, 404)
