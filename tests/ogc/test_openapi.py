"""The service describes all it answers, in OpenAPI 3.0 and on a page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from moorage_processes.app import create_app
from moorage_processes.configuration.configuration import shipped
from moorage_processes.ogc.pages.page import PLACE
from openapi_spec_validator import OpenAPIV30SpecValidator
from support.service_client import ServiceClient
from test_bad_input import execute

MEDIA_TYPE = "application/vnd.oai.openapi+json;version=3.0"
MESSAGE = {"inputs": {"message": "x"}}
METHODS = {"get", "post", "put", "delete"}


def get(url: str, **headers: str) -> requests.Response:
    """A page, redirects apart."""
    return requests.get(url, headers=headers, timeout=60, allow_redirects=False)


@pytest.fixture(scope="module")
def document(service_url: str) -> dict[str, Any]:
    """The OpenAPI document of the service all tests share."""
    return get(f"{service_url}/openapi?f=json").json()


def references(value: Any) -> Iterator[str]:
    """Every reference in a document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


def found(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """What a reference leads to."""
    if "$ref" not in value:
        return value
    kind, name = value["$ref"].split("/")[-2:]
    return document["components"][kind][name]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation."""
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            yield method, path, item[method]


def described(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """The operation that describes a request; one without placeholders goes before one with them."""
    for each in sorted(document["paths"], key=lambda each: each.count("{")):
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", each), path) and method in document["paths"][each]:
            return document["paths"][each][method]
    raise AssertionError(f"{method} {path} is not described")


def check(document: dict[str, Any], answer: requests.Response) -> None:
    """An answer has a status and a media type that are described."""
    path = re.sub(r"^https?://[^/]+", "", answer.request.url).partition("?")[0]
    told = described(document, answer.request.method.lower(), path)["responses"]
    assert str(answer.status_code) in told, (answer.request.method, path, answer.status_code)
    content = found(document, told[str(answer.status_code)]).get("content", {})
    bare = answer.headers.get("Content-Type", "").partition(";")[0]
    kinds = {each.partition(";")[0] for each in content}
    assert not answer.content or bare in kinds, (path, answer.status_code, bare, kinds)


def test_it_is_valid_openapi_3_0(document):
    assert document["openapi"].startswith("3.0.")
    OpenAPIV30SpecValidator(document).validate()


def test_nothing_of_it_lies_on_another_host(document):
    assert {each for each in references(document) if not each.startswith("#/")} == set()


def test_it_says_whose_service_this_is_and_where(document, service_url):
    info = document["info"]
    assert info["title"] == "Moorage"
    assert info["contact"]["email"] == "contact@example.org"
    assert info["license"]["name"] == "Apache-2.0"
    assert document["servers"] == [{"url": service_url}]
    assert document["security"] == []


def test_every_route_of_ours_is_described(document):
    app = create_app()
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("moorage.") and not rule.rule.startswith(PLACE):  # the pages' own files
            path = re.sub(r"<(?:\w+:)?(\w+)>", "x", rule.rule)
            for method in (rule.methods & {"GET", "POST", "PUT", "DELETE", "PATCH"}) or ():
                described(document, method.lower(), path)


def test_every_described_operation_is_there(document, service_url):
    for method, path, operation in operations(document):
        url = service_url + re.sub(r"\{[^}]+\}", "none", path)
        nothing = "?none=none" if path.endswith("/execution") else ""  # so that none is executed
        answer = requests.request(method, url + nothing, timeout=60)
        assert answer.status_code not in (405, 501), (method, path)
        if answer.status_code == 404:
            assert "{" in path, (method, path, answer.text)
            assert answer.json()["type"].startswith("http://www.opengis.net/"), (method, path)
        assert str(answer.status_code) in operation["responses"], (method, path, answer.status_code)


def test_every_process_has_a_body_a_query_and_answers_of_its_own(document, service_url):
    for listed in get(f"{service_url}/processes?limit=1000").json()["processes"]:
        process = get(f"{service_url}/processes/{listed['id']}").json()
        execution = document["paths"][f"/processes/{process['id']}/execution"]
        body = execution["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert list(body["properties"]["inputs"]["properties"]) == list(process["inputs"])
        assert list(body["properties"]["outputs"]["properties"]) == list(process["outputs"])
        named = [each["name"] for each in execution["get"]["parameters"] if "name" in each]
        assert set(process["inputs"]) <= set(named)
        content = execution["post"]["responses"]["200"]["content"]
        stated = {
            each["contentMediaType"]
            for output in process["outputs"].values()
            for each in output["schema"].get("oneOf", [output["schema"]])
            if "contentMediaType" in each
        }
        assert stated <= set(content)
        assert ("multipart/related" in content) == (len(process["outputs"]) > 1)


def test_a_body_takes_a_value_what_it_is_and_where_it_is(document):
    """The three ways of the standard to give an input, and the bounds of the value."""
    body = document["paths"]["/processes/echo/execution"]["post"]["requestBody"]
    inputs = body["content"]["application/json"]["schema"]["properties"]["inputs"]
    assert inputs["required"] == ["message"]
    value, qualified, link = inputs["properties"]["count"]["anyOf"]
    assert (value["type"], value["minimum"], value["maximum"]) == ("integer", 1, 1000)
    assert qualified["allOf"][0] == {"$ref": "#/components/schemas/qualifiedValue"}
    assert link == {"$ref": "#/components/schemas/link"}


def test_an_execution_says_whom_it_calls_back(document):
    callbacks = document["paths"]["/processes/echo/execution"]["post"]["callbacks"]["subscriber"]
    assert {each.rpartition("/")[2].rstrip("}") for each in callbacks} == {"successUri", "inProgressUri", "failedUri"}


@pytest.mark.parametrize(
    ("name", "least", "most"), [("limit", 1, 10_000), ("offset", 0, 10**9), ("minDuration", 0, None)]
)
def test_every_number_of_a_query_has_its_bounds(document, service_url, name, least, most):
    schema = document["components"]["parameters"][name]["schema"]
    assert (schema["minimum"], schema.get("maximum")) == (least, most)
    assert get(f"{service_url}/jobs?{name}={least}").status_code == 200
    assert get(f"{service_url}/jobs?{name}={least - 1}").status_code == 400
    if most is not None:
        assert get(f"{service_url}/jobs?{name}={most + 1}").status_code == 400


def test_every_filter_of_the_job_list_is_described(document):
    stated = [found(document, each)["name"] for each in document["paths"]["/jobs"]["get"]["parameters"]]
    filters = {"type", "processID", "status", "datetime", "minDuration", "maxDuration", "limit", "offset", "after", "f"}
    assert filters <= set(stated)


def test_every_kind_of_problem_is_described(document):
    problems = document["components"]["responses"]
    kinds = {
        each.rpartition("/")[2]
        for status, answer in problems.items()
        if status.isdecimal() and status >= "400"
        for each in answer["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["type"]["enum"]
    }
    assert kinds >= {
        "no-such-process", "no-such-job", "result-not-ready", "result-not-available", "no-such-output",
        "invalid-query-parameter-value", "InvalidParameterValue", "ProcessingError", "QueueFull", "TimeLimitExceeded",
        "MemoryLimitExceeded", "ProcessCrashed", "Interrupted", "InternalError", "NoPicture",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("process", "inputs", "status"),
    [
        ("echo", {"message": "x"}, 200),
        ("echo", {"message": 1}, 400),
        ("no-such", {}, 404),
        ("fail", {}, 500),
        ("too-slow", {}, 504),
        ("segfault", {}, 500),
        ("refuse", {}, 400),
        ("climatology", {"data": "sst"}, 200),
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/html", "*/*"])
def test_every_end_of_a_call_is_described(document, service_url, process, inputs, status, accept):
    answer = execute(service_url, process, {"inputs": inputs}, Accept=accept)
    assert answer.status_code == status
    check(document, answer)


def test_references_jobs_and_refusals_are_described(document, service_url):
    reference = MESSAGE | {"outputs": {"message": {"transmissionMode": "reference"}}}
    for answer, status in (
        (execute(service_url, "echo", reference), 204),
        (execute(service_url, "echo", MESSAGE, Prefer="respond-async"), 201),
        (execute(service_url, "echo", {"inputs": {"message": "x" * 17_000_000}}), 413),
        (get(f"{service_url}/processes/echo/execution?message=x"), 200),
        (get(f"{service_url}/processes/echo/execution?message={'x' * 10_000}"), 414),
        (get(f"{service_url}/processes/echo/execution?massage=x"), 400),
        (get(f"{service_url}/processes/echo", **{"If-Match": '"another"'}), 412),
        (get(f"{service_url}/openapi", **{"If-Match": '"another"'}), 412),
    ):
        assert answer.status_code == status
        check(document, answer)


def test_all_that_a_job_answers_is_described(document, service_url):
    job = ServiceClient(service_url).run("content", size=1000)
    state = get(job)
    file = get(f"{job}/results/result")
    for answer, status in (
        (state, 200),
        (get(job, **{"If-None-Match": state.headers["ETag"]}), 304),
        (get(f"{job}?f=nonsense"), 400),
        (get(f"{job}/log"), 200),
        (get(f"{job}/log", Accept="text/html"), 200),
        (get(f"{job}/results"), 200),
        (get(f"{job}/results", Accept="text/html"), 200),
        (get(f"{job}/results?outputs=none"), 400),
        (file, 200),
        (get(f"{job}/results/result", Range="bytes=0-9"), 206),
        (get(f"{job}/results/result", Range="bytes=5000-"), 416),
        (get(f"{job}/results/result", **{"If-None-Match": file.headers["ETag"]}), 304),
        (get(f"{job}/results/result", **{"If-Match": '"another"'}), 412),
        (get(f"{job}/results/none"), 400),
        (get(f"{service_url}/jobs?status=nonsense"), 400),
        (get(f"{service_url}/jobs?processID=nonsense"), 404),
        (requests.delete(job, timeout=60), 200),
        (requests.delete(job, timeout=60), 404),
        (get(f"{job}/results"), 404),
    ):
        assert answer.status_code == status, answer.url
        check(document, answer)


@pytest.mark.parametrize(
    ("query", "accept", "expected"),
    [
        ("", "*/*", MEDIA_TYPE),
        ("", "application/json", MEDIA_TYPE),
        ("", "application/json, text/html;q=0.5", MEDIA_TYPE),
        ("", MEDIA_TYPE, MEDIA_TYPE),
        ("?f=json", "text/html", MEDIA_TYPE),
        ("", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"),
        ("?f=html", "application/json", "text/html; charset=utf-8"),
    ],
)
def test_it_comes_as_it_is_asked_for(service_url, query, accept, expected):
    assert get(f"{service_url}/openapi{query}", Accept=accept).headers["Content-Type"] == expected


@pytest.mark.parametrize(
    "path",
    ["openapi?f=json", "openapi?f=html", "processes", "processes?limit=2", "processes/echo", "processes/echo?f=html"],
)
def test_what_never_changes_is_sent_once(service_url, path):
    first = get(f"{service_url}/{path}")
    etag = first.headers["ETag"]
    assert not etag.startswith("W/")
    again = get(f"{service_url}/{path}", **{"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert get(f"{service_url}/{path}", **{"If-None-Match": '"another"'}).content == first.content
    head = requests.head(f"{service_url}/{path}", timeout=60)
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", etag)
    assert head.headers["Content-Length"] == str(len(first.content))


def test_one_page_of_the_list_is_not_taken_for_another(service_url):
    pages = {get(f"{service_url}/processes?limit={limit}").headers["ETag"] for limit in (1, 2, 3)}
    assert len(pages) == 3
    assert "Content-Security-Policy" in get(f"{service_url}/processes?f=html").headers


class Page(HTMLParser):
    """Where a page leads, and what it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name in ("href", "src")]


def test_the_page_leads_to_every_operation_and_schema(document, service_url):
    page = Page(get(f"{service_url}/openapi?f=html").text)
    assert len(page.ids) == len(set(page.ids))
    for method, path, operation in operations(document):
        assert f"#{operation['operationId']}" in page.links, (method, path)
    assert {f"schema-{name}" for name in document["components"]["schemas"]} <= set(page.ids)
    anchors = {each[1:] for each in page.links if each.startswith("#")}
    assert anchors <= set(page.ids)


def test_the_page_needs_no_other_host_and_no_script_of_its_own(service_url):
    text = get(f"{service_url}/openapi?f=html").text
    main = Page(text[text.index("<main") : text.index("</main>")])
    assert main.names.isdisjoint({"script", "style", "img", "iframe", "link"})
    assert main.attributes.isdisjoint({"style", "onclick", "onload"})


def collection(provider: dict[str, Any]) -> dict[str, Any]:
    """One collection of pygeoapi's configuration."""
    extents = {"spatial": {"bbox": [-180, -90, 180, 90], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}}
    words = {"title": "Towns", "description": "Places", "keywords": ["towns"]}
    return {"type": "collection", **words, "extents": extents, "links": [], "providers": [provider]}


def test_collections_of_pygeoapi_are_described_beside_ours(tmp_path: Path):
    places = tmp_path / "towns.geojson"
    towns = {
        "type": "Feature",
        "id": 1,
        "properties": {"name": "a"},
        "geometry": {"type": "Point", "coordinates": [8, 53]},
    }
    places.write_text(json.dumps({"type": "FeatureCollection", "features": [towns]}))
    config = yaml.safe_load(shipped("local.yml").read_text())
    config["server"]["url"] = "http://localhost:5000"
    config["moorage"] |= {"state": str(tmp_path / "state"), "installed": False}
    config["resources"] = {
        "towns": collection({"type": "feature", "name": "GeoJSON", "data": str(places), "id_field": "id"})
    }
    client = create_app(config).test_client()
    document = json.loads(client.get("/openapi").data)
    OpenAPIV30SpecValidator(document).validate()
    assert all(each.startswith("#/") for each in references(document))
    paths = document["paths"]
    assert {"/collections", "/collections/towns", "/collections/towns/items"} <= set(paths)
    item = paths["/collections/towns/items/{featureId}"]["get"]
    assert ("featureId", "path") in {(each["name"], each["in"]) for each in item["parameters"]}
    items = {each["name"] for each in paths["/collections/towns/items"]["get"]["parameters"]}
    assert items >= {"bbox", "limit", "offset", "name"}
    assert 'id="tag-towns"' in client.get("/openapi?f=html").text
