"""Draft 2.0 of the standard, where it and 1.0 agree: profiles, selection, preferences, and execution by a query."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, urlencode

import pytest
import requests
from moorage_processes.app import create_app, service_of
from moorage_processes.configuration.configuration import read_configuration
from support.service_client import ServiceClient
from test_bad_input import execute, problem
from test_endpoints import get, parts

PROFILE = "https://www.opengis.net/def/profile/OGC/0/ogc-results"
STATUS = "https://www.opengis.net/def/profile/OGC/0/ogc-status-info"
SENT = {"message": "teststring", "numbers": [1, 2]}
BOTH = {"inputs": SENT, "outputs": {"message": {}, "numbers": {}}}


def ask(url: str, process: str, query: dict[str, str] | str, **headers: str) -> requests.Response:
    """Execute by a query."""
    text = query if isinstance(query, str) else urlencode(query, quote_via=quote)
    return get(f"{url}/processes/{process}/execution?{text}", **headers)


# -- jobs ---------------------------------------------------------------------------------------------------


def test_a_status_has_the_names_of_both_versions(service_url):
    location = ServiceClient(service_url).submit("echo", {"inputs": SENT})
    state = ServiceClient(service_url).done(location)
    assert state["id"] == state["jobID"] == location.rsplit("/")[-1]
    assert (state["type"], state["processingEntityType"]) == ("process", "ogc-api-processes")
    assert state["processID"] == "echo"
    told = get(location, **{"Accept-Profile": f"<{STATUS}>"}).json()
    assert told["processID"] == f"{service_url}/processes/echo"


def test_one_output_of_a_job_has_its_own_address(service_url):
    location = ServiceClient(service_url).run("echo", BOTH)
    assert get(f"{location}/results/numbers").json() == [1, 2]
    for name, status, kind in (("mixed", 404, "result-not-available"), ("nothing", 400, "no-such-output")):
        told = problem(get(f"{location}/results/{name}", Accept="application/json"), status)
        assert told["type"].endswith(kind)


def test_outputs_selects_among_the_results(service_url):
    location = ServiceClient(service_url).run("echo", {"inputs": SENT, "response": "document"})
    assert get(f"{location}/results").json() == SENT
    assert get(f"{location}/results?outputs=numbers").json() == {"numbers": [1, 2]}
    assert get(f"{location}/results?outputs=numbers,message").json() == SENT
    for query, status, words in (
        ("nothing", 400, "there is no output 'nothing'"),
        ("", 400, "outputs: nothing is named"),
    ):
        told = problem(get(f"{location}/results?outputs={query}", Accept="application/json"), status)
        assert words in told["detail"]


# -- the form of results ------------------------------------------------------------------------------------


def test_several_outputs_come_as_json_where_json_is_asked_for_and_as_parts_elsewhere(service_url):
    assert execute(service_url, "echo", BOTH, Accept="application/json").json() == SENT
    assert set(parts(execute(service_url, "echo", BOTH, Accept="*/*"))) == {"message", "numbers"}
    explicit = BOTH | {"response": "raw"}
    assert set(parts(execute(service_url, "echo", explicit, Accept="application/json"))) == {"message", "numbers"}


ASKED = {
    "by uri": {"query": f"profile={quote(PROFILE, safe='')}"},
    "by curie": {"query": "profile=%5Bogc-profile%3Aogc-results%5D"},
    "by name": {"query": "profile=ogc-results"},
    "by old uri": {"query": f"profile={quote(PROFILE.replace('https', 'http'), safe='')}"},
    "by header": {"Accept-Profile": f"<{PROFILE}>"},
    "by preference": {"Prefer": f'return=minimal; profile="{PROFILE}"'},
    "by media type": {"Accept": f'application/json;profile="{PROFILE}"'},
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_the_profile_of_results_makes_a_document_of_a_single_output(service_url, asked):
    location = ServiceClient(service_url).run("echo", {"inputs": SENT, "outputs": {"message": {}}})
    assert get(f"{location}/results").json() == "teststring"
    headers = {name: value for name, value in asked.items() if name != "query"}
    answer = get(f"{location}/results?{asked.get('query', '')}", **headers)
    assert answer.json() == {"message": "teststring"}
    assert answer.links["profile"]["url"] == PROFILE


def test_a_profile_nobody_knows_does_no_harm(service_url):
    location = ServiceClient(service_url).run("echo", {"inputs": SENT, "outputs": {"message": {}}})
    answer = get(f"{location}/results?profile=https%3A%2F%2Fexample.org%2Fown")
    assert (answer.status_code, answer.json()) == (200, "teststring")


def test_a_description_states_its_profile(service_url):
    stated = get(f"{service_url}/processes/echo").headers["Link"]
    assert '<https://www.opengis.net/def/profile/OGC/0/ogc-process-description>; rel="profile"' in stated


LARGE = {"inputs": {"size": 600}, "response": "document"}
"""1.4 MB."""


def test_return_says_whether_large_values_are_linked(service_url):
    for prefer in ("", "return=minimal"):
        linked = execute(service_url, "grid", LARGE, Prefer=prefer).json()["result"]
        assert get(linked["href"]).content.startswith(b"\x89HDF")
    answer = execute(service_url, "grid", LARGE, Prefer="return=representation")
    assert answer.headers["Preference-Applied"] == "return=representation"
    assert base64.b64decode(answer.json()["result"]["value"]).startswith(b"\x89HDF")


def test_what_the_request_says_of_an_output_wins_over_a_preference(service_url):
    body = LARGE | {"outputs": {"result": {"transmissionMode": "reference"}}}
    assert "href" in execute(service_url, "grid", body, Prefer="return=representation").json()["result"]


def test_a_preference_of_a_job_holds_for_its_results_unless_they_are_asked_for_otherwise(service_url):
    answer = execute(service_url, "grid", LARGE, Prefer="respond-async, return=representation")
    location = answer.headers["Location"]
    ServiceClient(service_url).done(location)
    assert "value" in get(f"{location}/results").json()["result"]
    assert "href" in get(f"{location}/results", Prefer="return=minimal").json()["result"]


def test_no_outputs_means_none_in_the_draft_and_all_in_1_0(service_url):
    body = {"inputs": SENT, "outputs": {}}
    assert execute(service_url, "echo", body).json() == SENT
    answer = execute(service_url, "echo", body, **{"Accept-Profile": f"<{PROFILE}>"})
    assert (answer.status_code, answer.content) == (204, b"")
    later = execute(service_url, "echo", body, Prefer=f"respond-async; profile={PROFILE}")
    assert later.status_code == 201
    state = ServiceClient(service_url).done(later.headers["Location"])
    assert state["status"] == "successful"
    assert "results" not in {link["rel"] for link in state["links"]}
    results = f"{later.headers['Location']}/results"
    for url in (results, f"{results}/message"):
        assert problem(get(url, Accept="application/json"), 404)["type"].endswith("result-not-available")


@pytest.mark.parametrize("path", ["/", "/conformance", "/processes", "/processes/echo", "/jobs", "job", "job/results"])
def test_head_tells_what_get_would(service_url, path):
    location = ServiceClient(service_url).run("echo", {"inputs": SENT})
    url = path.replace("job", location) if path.startswith("job") else f"{service_url}{path}"
    head, body = requests.head(url, timeout=60), get(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Type"].partition(";")[0] == body.headers["Content-Type"].partition(";")[0]
    if "Content-Length" in body.headers:
        assert head.headers["Content-Length"] == body.headers["Content-Length"]


# -- execution by a query -----------------------------------------------------------------------------------

INCLUDED = "&message[include]=true&numbers[include]=true"


def test_a_query_executes(service_url):
    answer = ask(service_url, "echo", f"message=ahoy&numbers=1,2{INCLUDED}&response[f]=json")
    assert answer.json() == {"message": "ahoy", "numbers": [1, 2]}
    assert ask(service_url, "echo", "MESSAGE=ahoy&message[include]=true").json() == "ahoy"


BOX = quote('{"bbox": [7, 51, 8, 52]}')
READ = {
    "text": ("message=5", {"message": "5"}),
    "escaped text": ("message=a%26b%20c", {"message": "a&b c"}),
    "integer": ("message=a&count=2", {"message": "aa"}),
    "number": ("message=a&pause=0.1", {"message": "a"}),
    "list": ("message=a&numbers=3", {"message": "a", "numbers": [3]}),
    "list as JSON": ("message=a&numbers=%5B3%2C4%5D", {"message": "a", "numbers": [3, 4]}),
    "box": ("message=a&bounds=7,51.9,7.1,52", {"message": "a", "bounds": [7, 51.9, 7.1, 52]}),
    "box as JSON": (f"message=a&bounds={BOX}", {"message": "a", "bounds": [7, 51, 8, 52]}),
    "object": ("message=a&mixed=%7B%22a%22%3A1%7D", {"message": "a", "mixed": {"value": {"a": 1}}}),
    "text where an object may stand": ("message=a&mixed=12", {"message": "a", "mixed": "12"}),
    "binary": ("message=a&image=SUkqAA%3D%3D", {"message": "a"}),
    "binary, qualified": ("message=a&image=SUkqAA%3D%3D&image[mediaType]=image%2Ftiff", {"message": "a"}),
}  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), READ.values(), ids=READ)
def test_parameters_are_read_by_the_types_of_inputs(service_url, query, expected):
    found = ask(service_url, "echo", f"{query}&response[f]=json").json()
    found = found if isinstance(found, dict) else {"message": found}
    assert {
        name: value.get("bbox", value) if isinstance(value, dict) else value for name, value in found.items()
    } == expected


def test_a_box_has_its_crs_beside_it(service_url):
    crs = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    query = {"message": "a", "bounds": "7,51,8,52", "bounds[crs]": crs, "bounds[include]": "true"}
    assert ask(service_url, "echo", query).json() == {"bbox": [7, 51, 8, 52], "crs": crs}


def test_datasets_and_references_work_in_a_query(service_url):
    picture = {"data": "sst", "climatology[include]": "true", "climatology[mediaType]": "image/png"}
    assert ask(service_url, "climatology", picture).content.startswith(b"\x89PNG")
    made = execute(
        service_url, "grid", {"inputs": {"size": 20}, "outputs": {"result": {"transmissionMode": "reference"}}}
    )
    link = {"dem[href]": made.links["result"]["url"], "dem[type]": "application/x-netcdf", "cells[include]": "false"}
    told = problem(ask(service_url, "terrain", link, Accept="application/json"), 400)
    assert "cells[include]" in told["detail"]
    del link["cells[include]"]
    told = problem(ask(service_url, "terrain", link, Accept="application/json"), 400)
    assert told["input"] == "dem"


def test_a_query_may_ask_for_a_job(service_url):
    answer = ask(service_url, "echo", "message=a&response[prefer]=respond-async")
    assert answer.status_code == 201
    ServiceClient(service_url).until(answer.headers["Location"], "successful")


WRONG = {
    "unknown": ("message=a&colour=red", "colour: is not a parameter of echo; it takes message, pause"),
    "twice": ("message=a&Message=b", "stands there twice"),
    "no number": ("message=a&count=two", "count: is 'two'; it takes a number"),
    "not finite": ("message=a&pause=NaN", "pause: is 'NaN'; it takes a finite number"),
    "broken JSON": ("message=a&numbers=%5B1", "numbers: begins like JSON, but is not JSON"),
    "unknown key": ("message[colour]=red", "message[colour]: is unknown; in brackets stands one of"),
    "quality alone": ("message=a&image[mediaType]=image/tiff", "image[mediaType]: stands without image itself"),
    "include": ("message=a&message[include]=maybe", "message[include]: is 'maybe'; it takes true or false"),
    "bracket": ("message=a&numbers[=1", "numbers[: is not a parameter"),
}


@pytest.mark.parametrize(("query", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_parameter_is_named_with_what_it_takes(service_url, query, words):
    told = problem(ask(service_url, "echo", query, Accept="application/json"), 400)
    assert told["type"].endswith("invalid-query-parameter-value")
    assert words in told["detail"]


def test_a_value_its_schema_does_not_take_is_refused_as_in_a_body(service_url):
    told = problem(ask(service_url, "echo", "message=a&count=0", Accept="application/json"), 400)
    assert told == problem(execute(service_url, "echo", {"inputs": {"message": "a", "count": 0}}), 400)
    missing = problem(ask(service_url, "echo", "count=1", Accept="application/json"), 400)
    assert missing["detail"] == "message is missing; it takes text"


# -- what is declared ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("drafts", [False, True])
def test_classes_of_the_draft_are_declared_only_where_the_operator_wants_it(tmp_path, drafts):
    document = json.loads(json.dumps(read_configuration(None, state=tmp_path).pygeoapi))
    config = {**document, "moorage": {"drafts": drafts, "state": str(tmp_path / "state")}}
    app = create_app(config)
    try:
        classes = app.test_client().get("/conformance").json["conformsTo"]
    finally:
        service_of(app).engine.close(stop_supervisor=True)
    assert any("/ogcapi-processes-1/2.0/conf/kvp-execute" in each for each in classes) is drafts
    assert not any("/ogcapi-processes-1/2.0/conf/core" in each for each in classes)


def test_programs_that_follow_every_link_are_asked_not_to_run_processes(service_url):
    assert "Disallow: /processes/*/execution" in get(f"{service_url}/robots.txt").text
