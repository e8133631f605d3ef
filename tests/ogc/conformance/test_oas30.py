"""Class oas30: the definition is valid OpenAPI 3.0, and says neither more nor less than what the service does."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
from definition import defined, limits, named, operation, operations, resolved, response
from exchange import MESSAGE, bare, ended, execute, get, get_json, links, long_job, submit
from jsonschema import Draft4Validator
from openapi_spec_validator import OpenAPIV30SpecValidator
from standard import OPENAPI

OURS = {
    "/": {"get"},
    "/conformance": {"get"},
    "/processes": {"get"},
    "/processes/{processID}": {"get"},
    "/processes/{processID}/execution": {"post"},
    "/jobs": {"get"},
    "/jobs/{jobID}": {"get", "delete"},
    "/jobs/{jobID}/results": {"get"},
}
"""The operations of the standard."""


@pytest.fixture(scope="module")
def definition(url: str) -> dict[str, Any]:
    """The definition the landing page links to."""
    return defined(url)


@pytest.mark.requirement("/req/oas30/oas-definition-1")
def test_the_definition_comes_as_json_and_as_html(url):
    page = get_json(f"{url}/", "landingPage")
    (desc,), (doc,) = links(page, "service-desc"), links(page, "service-doc")
    assert (desc["type"], doc["type"]) == (OPENAPI, "text/html")
    assert get(desc["href"]).headers["Content-Type"] == OPENAPI
    assert get(desc["href"], Accept=OPENAPI).headers["Content-Type"] == OPENAPI
    assert bare(get(doc["href"]).headers["Content-Type"]) == "text/html"
    assert bare(get(desc["href"].partition("?")[0], Accept="text/html").headers["Content-Type"]) == "text/html"


@pytest.mark.requirement("/req/oas30/oas-definition-1")
def test_the_html_version_needs_no_other_host(url):
    (doc,) = links(get_json(f"{url}/", "landingPage"), "service-doc")
    html = get(doc["href"]).text
    loaded = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']?(?:https?:)?//([^/\"']+)", html)
    assert {each for each in loaded if each not in url} == set()


@pytest.mark.requirement("/req/oas30/oas-definition-2")
def test_the_definition_is_valid_openapi_3_0(definition):
    assert definition["openapi"].startswith("3.0.")
    assert not [error.message for error in OpenAPIV30SpecValidator(definition).iter_errors()]


@pytest.mark.requirement("/req/oas30/oas-definition-2")
def test_no_two_operations_have_one_id(definition):
    ids = [each["operationId"] for _, _, each in operations(definition) if "operationId" in each]
    assert len(ids) == len(set(ids))


@pytest.mark.requirement("/req/oas30/completeness")
def test_every_operation_of_the_standard_is_described(definition):
    described: dict[str, set[str]] = {}
    for path, method, _ in operations(definition):
        described.setdefault(named(path), set()).add(method)
    for path, methods in OURS.items():
        if path == "/processes/{processID}/execution" and path not in described:
            assert "post" in described["/processes/echo/execution"]
        elif path == "/processes/{processID}" and path not in described:
            assert "get" in described["/processes/echo"]
        else:
            assert methods <= described.get(path, set()), path


@pytest.mark.requirement("/req/oas30/oas-impl")
def test_every_operation_that_is_described_is_implemented(url, definition):
    job = submit(url, "echo", {"inputs": MESSAGE})
    ended(job)
    stand_ins = {"jobid": job.rsplit("/", 1)[-1], "processid": "echo", "outputid": "message", "outputname": "message"}
    for path, method, _ in operations(definition):
        if method == "delete":
            continue  # the last, below
        here = re.sub(r"\{([^}]+)\}", lambda found: stand_ins.get(found[1].replace("_", "").lower(), "none"), path)
        answer = requests.request(
            method, f"{url}{here}", json={"inputs": MESSAGE} if method == "post" else None, timeout=60
        )
        assert answer.status_code not in (405, 501), f"{method} {path}"
        assert answer.status_code != 404 or "none" in here or "NoPicture" in answer.text, (
            f"{method} {path}: {answer.text[:200]}"
        )
        assert answer.status_code < 500 or "/fail/" in here, f"{method} {path}: {answer.text[:200]}"
    assert requests.delete(job, timeout=60).status_code == 200


@pytest.mark.requirement("/req/oas30/oas-impl")
def test_every_query_parameter_that_is_described_is_read(url, definition):
    for path in ("/processes", "/jobs"):
        described = [resolved(definition, each) for each in operation(definition, path, "get")["parameters"]]
        names = {each["name"] for each in described if each["in"] == "query"}
        expected = {"limit"} if path == "/processes" else {
            "limit", "type", "processID", "status", "datetime", "minDuration", "maxDuration",
        }  # fmt: skip
        assert expected <= names, path
        for name in names - {"f", "lang", "profile"}:
            answer = requests.get(f"{url}{path}", params={name: "no such \N{SNOWMAN}"}, timeout=60)
            assert answer.status_code in (400, 404), f"{path}?{name}"
            assert name in answer.json()["detail"]


@pytest.mark.requirement("/req/core/pl-limit-definition", "/req/job-list/limit-definition")
@pytest.mark.parametrize("path", ["/processes", "/jobs"])
def test_the_limit_is_described_as_the_standard_has_it(definition, path):
    limit, schema = limits(definition, path)
    assert (schema["type"], schema["minimum"], schema["maximum"]) == ("integer", 1, 10_000)
    assert 1 <= schema["default"] <= 10_000
    assert (limit["in"], limit.get("required", False)) == ("query", False)
    assert (limit.get("style", "form"), limit.get("explode", True)) == ("form", False)


@pytest.mark.requirement(
    "/req/job-list/type-definition",
    "/req/job-list/processID-definition",
    "/req/job-list/status-definition",
    "/req/job-list/datetime-definition",
    "/req/job-list/duration-definition",
)
def test_the_filters_are_described_as_the_standard_has_them(definition):
    described = {
        each["name"]: (each, resolved(definition, each["schema"]))
        for each in (resolved(definition, every) for every in operation(definition, "/jobs", "get")["parameters"])
    }
    for name in ("type", "processID", "status"):
        parameter, schema = described[name]
        assert schema["type"] == "array"
        assert parameter.get("explode", True) is False, f"{name} is a comma list"
    assert resolved(definition, described["type"][1]["items"])["enum"] == ["process"]
    states = {"accepted", "running", "successful", "failed", "dismissed"}
    assert set(resolved(definition, described["status"][1]["items"])["enum"]) == states
    assert described["datetime"][1]["type"] == "string"
    for name in ("minDuration", "maxDuration"):
        schema = described[name][1]
        assert {schema["type"], schema.get("items", {}).get("type")} & {
            "integer",
            "number",
        }  # it takes parts of one too


@pytest.mark.requirement("/req/oas30/completeness")
def test_every_answer_of_success_is_described_with_its_body(url, definition):
    job = submit(url, "echo", {"inputs": MESSAGE, "response": "document"})
    ended(job)
    document = {"inputs": MESSAGE, "response": "document"}
    reference = {"inputs": MESSAGE, "outputs": {"message": {"transmissionMode": "reference"}}}
    several = {"inputs": {**MESSAGE, "numbers": [1]}}
    answers = [
        *(
            ("get", path, get(f"{url}{path}", Accept="application/json"))
            for path in ("/", "/conformance", "/processes")
        ),
        *(("get", path, get(f"{url}{path}", Accept="application/json")) for path in ("/processes/echo", "/jobs")),
        *(
            ("get", path, get(f"{url}{path}", Accept="text/html"))
            for path in ("/processes", "/processes/echo", "/jobs")
        ),
        ("post", "/processes/echo/execution", execute(url, "echo", document)),
        ("post", "/processes/echo/execution", execute(url, "echo", several)),
        ("post", "/processes/echo/execution", execute(url, "echo", reference)),
        ("post", "/processes/echo/execution", execute(url, "echo", document, Prefer="respond-async")),
        *(("get", each.removeprefix(url), get(each, Accept="application/json")) for each in (job, f"{job}/results")),
        *(("get", each.removeprefix(url), get(each, Accept="text/html")) for each in (job, f"{job}/results")),
        ("delete", job.removeprefix(url), requests.delete(job, timeout=60)),
    ]
    for method, path, answer in answers:
        described = response(definition, path, method, answer.status_code)
        if answer.content:
            _is_described(definition, described, answer, f"{method} {path}")
        for header in ("Location", "Preference-Applied"):
            if header in answer.headers:
                assert header in described.get("headers", {}), f"{method} {path} {answer.status_code}: {header}"


def _is_described(definition: dict[str, Any], described: dict[str, Any], answer: requests.Response, where: str) -> None:
    """The body of an answer has a described media type, and keeps to its schema."""
    media_type = bare(answer.headers["Content-Type"])
    offered = {bare(name): each for name, each in described.get("content", {}).items()}
    kind = media_type.partition("/")[0] + "/*"
    found = next((offered[name] for name in (media_type, kind, "*/*") if name in offered), None)
    assert found is not None, f"{where}: {media_type} is not among {', '.join(offered)}"
    if media_type.endswith("json"):
        schema = {**found["schema"], "components": definition.get("components", {})}
        faults = [
            f"{each.json_path}: {each.message[:200]}" for each in Draft4Validator(schema).iter_errors(answer.json())
        ]
        assert not faults, f"{where}: {faults}"


@pytest.mark.requirement("/req/oas30/exceptions-codes")
def test_every_error_is_described_with_its_body(url, definition):
    failed = submit(url, "fail", {})
    refused = submit(url, "refuse", {"inputs": {}})
    ended(failed), ended(refused)
    with long_job(url) as running:
        errors = [
            ("get", "/processes", get(f"{url}/processes?limit=0")),
            ("get", "/processes/nothing", get(f"{url}/processes/nothing")),
            ("post", "/processes/echo/execution", execute(url, "echo", {"inputs": {}})),
            ("post", "/processes/fail/execution", execute(url, "fail", {})),
            ("post", "/processes/nothing/execution", execute(url, "nothing", {})),
            ("get", "/jobs", get(f"{url}/jobs?status=lost")),
            ("get", "/jobs", get(f"{url}/jobs?processID=nothing")),
            ("get", "/jobs/nothing", get(f"{url}/jobs/nothing")),
            ("delete", "/jobs/nothing", requests.delete(f"{url}/jobs/nothing", timeout=60)),
            ("get", "/jobs/nothing/results", get(f"{url}/jobs/nothing/results")),
            *(("get", f"{job.removeprefix(url)}/results", get(f"{job}/results")) for job in (running, failed, refused)),
        ]
    for method, path, answer in errors:
        assert answer.status_code >= 400
        described = response(definition, path, method, answer.status_code)
        _is_described(definition, described, answer, f"{method} {path}")


@pytest.mark.requirement("/req/oas30/exceptions-codes")
@pytest.mark.parametrize("code", [400, 404, 413, 503, 504, 507, 500])
def test_what_may_become_of_an_execution_is_described(definition, code):
    content = response(definition, "/processes/echo/execution", "post", code)["content"]
    assert {bare(each) for each in content} & {"application/json", "application/problem+json"}


@pytest.mark.requirement("/req/oas30/security")
def test_what_asks_for_no_credentials_declares_none(url, definition):
    for path, method, each in operations(definition):
        needed = each.get("security", definition.get("security", []))
        codes = set(each["responses"])
        assert bool(needed and {} not in needed) == bool(codes & {"401", "403"}), f"{method} {path}"
    for path in ("/", "/conformance", "/processes", "/processes/echo", "/jobs"):
        assert get(f"{url}{path}").status_code == 200
    schemes = definition.get("components", {}).get("securitySchemes", {})
    used = {name for _, _, each in operations(definition) for need in each.get("security", []) for name in need}
    assert used | {name for need in definition.get("security", []) for name in need} <= set(schemes)
