"""The landing page, the API definition, the declaration of conformance, and HTTP itself."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest
from exchange import bare, get, get_json, links
from standard import CLASSES, OPENAPI, RELATIONS

DEFINITIONS = ("service-desc", "service-doc")


@pytest.mark.requirement("/req/core/landingpage-op")
@pytest.mark.parametrize("path", ["", "/"])
def test_the_landing_page_is_there(url, path):
    assert get(f"{url}{path}", Accept="application/json").status_code == 200


@pytest.mark.requirement("/req/core/landingpage-success")
def test_the_landing_page_leads_to_definition_conformance_and_processes(url):
    page = get_json(f"{url}/", "landingPage")
    rels = {link["rel"] for link in page["links"]}
    assert rels & set(DEFINITIONS)
    assert {f"{RELATIONS}conformance", f"{RELATIONS}processes"} <= rels


@pytest.mark.requirement("/req/core/landingpage-success")
def test_every_link_of_the_landing_page_holds_and_has_the_type_it_states(url):
    for link in get_json(f"{url}/", "landingPage")["links"]:
        if link["href"].startswith(url):
            answer = get(link["href"])
            assert answer.status_code == 200, link
            assert bare(answer.headers["Content-Type"]) == bare(link.get("type", answer.headers["Content-Type"])), link


@pytest.mark.requirement("/req/core/api-definition-op")
def test_each_api_definition_is_there(url):
    page = get_json(f"{url}/", "landingPage")
    for link in (each for rel in DEFINITIONS for each in links(page, rel)):
        assert get(link["href"]).status_code == 200, link


@pytest.mark.requirement("/req/core/api-definition-success")
@pytest.mark.requirement("/rec/core/api-definition-oas")
def test_each_api_definition_defines_the_api(url):
    page = get_json(f"{url}/", "landingPage")
    described = [get(link["href"]) for link in links(page, "service-desc")]
    assert [each.json()["openapi"].rpartition(".")[0] for each in described if each.headers["Content-Type"] == OPENAPI]
    for answer in (get(link["href"]) for link in links(page, "service-doc")):
        assert bare(answer.headers["Content-Type"]) == "text/html"
        assert "/processes/{processID}" in answer.text.replace("processId", "processID") or "execution" in answer.text


@pytest.mark.requirement("/req/core/conformance-op")
def test_conformance_is_declared(url):
    (link,) = links(get_json(f"{url}/", "landingPage"), f"{RELATIONS}conformance")
    assert link["href"].startswith(f"{url}/conformance")
    assert get(link["href"]).status_code == 200


@pytest.mark.requirement("/req/core/conformance-success")
def test_every_class_that_is_implemented_is_declared_once(url):
    declared = get_json(f"{url}/conformance", "confClasses")["conformsTo"]
    assert sorted(declared) == sorted(CLASSES)


@pytest.mark.requirement("/req/core/http")
@pytest.mark.parametrize("path", ["/", "/processes", "/processes/echo", "/jobs", "/jobs/none"])
def test_every_answer_is_http_1_1(url, path):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    for _ in range(2):  # the second time over the same connection, which HTTP/1.1 keeps
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.version == 11
        answer.read()
    connection.close()


@pytest.mark.requirement("/req/core/http")
def test_what_a_resource_does_not_take_is_405_with_what_it_takes(url):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("PUT", "/processes")
    answer = connection.getresponse()
    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]
    connection.close()
