"""The process list and its pages."""

from __future__ import annotations

import pytest
from definition import defined, limits
from exchange import bare, get, get_json, links, problem
from standard import RELATIONS


def listed(url: str, query: str = "") -> dict:
    """One page of the list."""
    return get_json(f"{url}/processes{query}", "processList")


@pytest.mark.requirement("/req/core/process-list", "/req/core/process-list-success")
def test_the_process_list_is_there_and_valid(url):
    (link,) = links(get_json(f"{url}/", "landingPage"), f"{RELATIONS}processes")
    page = get_json(link["href"], "processList")
    assert page["processes"]
    assert all("inputs" not in each and "outputs" not in each for each in page["processes"])


@pytest.mark.requirement("/req/core/pl-limit-definition")
def test_without_a_limit_a_page_holds_as_many_processes_as_the_definition_says(url):
    default = limits(defined(url), "/processes")[1]["default"]
    total = len(listed(url, "?limit=10000")["processes"])
    assert len(listed(url)["processes"]) == min(default, total)


@pytest.mark.requirement("/req/core/pl-limit-definition")
@pytest.mark.parametrize("limit", ["0", "-1", "10001", "1.5", "ten", "", "1,2"])
def test_a_limit_that_is_none_is_told(url, limit):
    document = problem(get(f"{url}/processes?limit={limit}"), 400, "invalid-query-parameter-value")
    assert "limit" in document["detail"]
    assert "from 1 to 10000" in document["detail"]


@pytest.mark.requirement("/req/core/pl-limit-response")
@pytest.mark.parametrize("limit", [1, 3, 10_000])
def test_no_page_holds_more_than_its_limit(url, limit):
    total = len(listed(url, "?limit=10000")["processes"])
    assert len(listed(url, f"?limit={limit}")["processes"]) == min(limit, total)


@pytest.mark.requirement("/req/core/pl-links")
@pytest.mark.parametrize("query", ["", "?limit=2"])
def test_the_process_list_links_to_itself_in_json_and_html(url, query):
    page = listed(url, query)
    (itself,), others = links(page, "self"), links(page, "alternate")
    assert itself["type"] == "application/json"
    assert [each["type"] for each in others] == ["text/html"]
    assert get_json(itself["href"], "processList")["processes"] == page["processes"]
    for other in others:
        answer = get(other["href"])
        assert answer.status_code == 200
        assert bare(answer.headers["Content-Type"]) == other["type"]


@pytest.mark.requirement("/rec/core/next-1", "/rec/core/next-2", "/rec/core/next-3")
def test_the_pages_of_the_process_list_hold_every_process_once(url):
    whole = listed(url, "?limit=10000")
    assert not links(whole, "next")
    page, seen = listed(url, "?limit=3"), []
    while True:
        seen += [each["id"] for each in page["processes"]]
        following = links(page, "next")
        if not following:
            break
        assert len(page["processes"]) == 3
        page = get_json(following[0]["href"], "processList")
    assert seen == [each["id"] for each in whole["processes"]]


@pytest.mark.requirement("/text/core/process-summary-self")
def test_each_process_of_the_list_links_to_its_description(url):
    for each in listed(url, "?limit=10000")["processes"]:
        (itself,) = links(each, "self")
        assert get_json(itself["href"], "process")["id"] == each["id"]
