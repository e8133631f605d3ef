"""The description of one process."""

from __future__ import annotations

import pytest
from exchange import MESSAGE, execute, get, get_json, links, problem
from standard import RELATIONS


@pytest.mark.requirement("/req/core/process", "/req/core/process-success", "/rec/core/ogc-process-description")
def test_each_process_is_described(url):
    for each in get_json(f"{url}/processes?limit=10000", "processList")["processes"]:
        described = get_json(f"{url}/processes/{each['id']}", "process")
        assert described["id"] == each["id"]
        assert described["version"] == each["version"]
        assert described["outputs"]


@pytest.mark.requirement("/req/core/process-exception/no-such-process")
@pytest.mark.parametrize("name", ["nothing", "echo2", "Echo", "%C3%A4", "a'b", "x" * 300])
def test_an_unknown_process_is_told(url, name):
    document = problem(get(f"{url}/processes/{name}"), 404, "no-such-process")
    assert "/processes" in document["detail"]
    problem(execute(url, name, {"inputs": MESSAGE}), 404, "no-such-process")
    problem(execute(url, name, {"inputs": MESSAGE}, Prefer="respond-async"), 404, "no-such-process")


@pytest.mark.requirement("/text/core/process-execute-link")
def test_a_description_links_to_where_the_process_is_executed(url):
    (link,) = links(get_json(f"{url}/processes/echo", "process"), f"{RELATIONS}execute")
    assert link["href"] == f"{url}/processes/echo/execution"
