"""A page of another site runs nothing here, reads what is for everybody, and cannot pass for the service itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from flask import Flask
from moorage_processes.app import app_of, service_of
from moorage_processes.catalogue.catalogue import Catalogue
from moorage_processes.configuration.configuration import read_configuration
from moorage_processes.ogc.host_header import HostCheck
from moorage_processes.ogc.pages import problem as problems
from test_bad_input import problem

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from support.services import Running

CALL = '{"inputs": {"message": "x"}, "outputs": {"message": {}}}'
ORIGIN = "Access-Control-Allow-Origin"
PUBLIC = "https://analysis.example.org/api"


def called(url: str, **headers: str) -> requests.Response:
    """The answer to a call of echo whose headers are these and no others."""
    prepared = requests.Request("POST", f"{url}/processes/echo/execution", data=CALL.encode())
    ready = prepared.prepare()
    ready.headers.update({"Accept": "application/json", **headers})
    with requests.Session() as session:
        return session.send(ready, timeout=60)


# what executes


@pytest.mark.parametrize(
    "stated", ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/x+json"]
)
def test_what_is_stated_to_be_json_executes(service_url, stated):
    assert called(service_url, **{"Content-Type": stated}).json() == "x"


@pytest.mark.parametrize(
    "stated",
    [
        "text/plain",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=application/json",
        "text/plain, application/json",
        "text/json",
        None,
    ],
)
def test_what_a_browser_sends_without_asking_is_refused(service_url, stated):
    before = requests.get(f"{service_url}/jobs?limit=1", timeout=60).json()["jobs"]
    for more in ({}, {"Prefer": "respond-async"}):
        answer = called(service_url, **({"Content-Type": stated} if stated else {}), **more)
        assert "send the header 'Content-Type: application/json'" in problem(answer, 415)["detail"]
        assert answer.headers["Accept"] == "application/json"
    assert requests.get(f"{service_url}/jobs?limit=1", timeout=60).json()["jobs"] == before


def test_a_get_executes_only_by_the_draft(awkward_service, service_url):
    told = requests.get(f"{awkward_service.url}/processes/echo/execution?message=x", timeout=60)
    assert told.status_code == 405
    assert "GET" not in told.headers["Allow"]
    assert (
        "get"
        not in requests.get(f"{awkward_service.url}/openapi?f=json", timeout=60).json()["paths"][
            "/processes/{processID}/execution"
        ]
    )
    url = f"{service_url}/processes/echo/execution?message=x&message[include]=true"
    assert requests.get(url, timeout=60).json() == "x"
    from_a_page = {"Accept": "application/json", "Sec-Fetch-Site": "cross-site"}
    assert "page of another site" in problem(requests.get(url, headers=from_a_page, timeout=60), 403)["detail"]


# what pages of other sites read


READS = ("/", "/conformance", "/processes", "/openapi?f=json")
DATA = ("/jobs", "/collections", "/collections/around/coverage", "/nothing")


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A service that listens on loopback and has a proxy in front."""
    configuration = read_configuration(None, state=tmp_path_factory.mktemp("public"))
    configuration.pygeoapi["server"]["url"] = PUBLIC
    app = app_of(configuration, Catalogue([]))
    yield app.test_client()
    service_of(app).close(stop_supervisor=True)


def test_of_a_service_of_this_machine_they_read_what_it_offers_and_nothing_else(awkward_service: Running):
    for path in READS:
        assert requests.get(awkward_service.url + path, timeout=60).headers[ORIGIN] == "*", path
    for path in DATA:
        assert ORIGIN not in requests.get(awkward_service.url + path, timeout=60).headers, path


@pytest.mark.starts
def test_of_a_public_service_they_read_everything(public):
    for path in (*READS, *DATA):
        answer = public.get(path)
        assert answer.headers[ORIGIN] == "*", path
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.starts
def test_they_are_not_let_to_run_or_remove_anything(public, awkward_service):
    for method, path in (("POST", "/processes/x/execution"), ("DELETE", "/jobs/x"), ("GET", "/processes/x/execution")):
        asked = {"Origin": "https://other.example", "Access-Control-Request-Method": method}
        answers = [
            public.options(path, headers=asked),
            public.open(path, method=method, headers=asked),
            requests.options(awkward_service.url + path, headers=asked, timeout=60),
        ]
        for answer in answers:
            assert ORIGIN not in answer.headers or method not in answer.headers.get("Access-Control-Allow-Methods", "")
            assert "POST" not in answer.headers.get("Access-Control-Allow-Methods", "")
            assert "DELETE" not in answer.headers.get("Access-Control-Allow-Methods", "")


@pytest.mark.parametrize(
    ("host", "url", "is_local"),
    [
        ("localhost", None, True),
        ("127.0.0.1", None, True),
        ("127.8.8.8", "http://app.localhost:5000", True),
        ("::1", "http://[::1]:5000", True),
        ("127.0.0.1", PUBLIC, False),
        ("0.0.0.0", "http://localhost:5000", False),
        ("0.0.0.0", None, False),
        ("10.1.2.3", None, False),
        ("localhost.example.org", None, False),
    ],
)
def test_a_service_is_local_where_both_its_ends_are(host, url, is_local):
    configuration = read_configuration(None, host=host)
    if url is not None:
        configuration.pygeoapi["server"]["url"] = url
    assert configuration.is_local is is_local


# by which names


def asked(check: HostCheck, host: str | None, path: str = "/") -> tuple[int, str]:
    """Status and detail of an answer to a request that has this Host."""
    app = Flask("names")
    app.before_request(check.refuse_others)
    app.add_url_rule("/", view_func=lambda: "here")
    problems.register(app, pages=False)
    answer = app.test_client().get(path, environ_overrides={"HTTP_HOST": host} if host is not None else {})
    return answer.status_code, answer.json["detail"] if answer.is_json else answer.text


LOCAL = HostCheck("http://localhost:5000", "localhost")
BEHIND = HostCheck("https://Analysis.example.org/api", "127.0.0.1")
CONTAINER = HostCheck("https://analysis.example.org", "0.0.0.0", ("web",))
NAMELESS = HostCheck("http://0.0.0.0:5000", "0.0.0.0")


@pytest.mark.parametrize(
    ("check", "host"),
    [
        *((LOCAL, host) for host in ("localhost:5000", "LOCALHOST", "127.0.0.1:5000", "[::1]:5000", "a.localhost")),
        *((BEHIND, host) for host in ("analysis.example.org", "ANALYSIS.example.org.:443", "127.0.0.1:5000")),
        *((CONTAINER, host) for host in ("analysis.example.org", "web:5000", "WEB")),
        *((NAMELESS, host) for host in ("localhost", "10.1.2.3:5000", "[fd00::1]", socket.gethostname())),
    ],
)
def test_a_service_answers_to_its_names(check, host):
    assert asked(check, host) == (200, "here")


@pytest.mark.parametrize(
    ("check", "host"),
    [
        *((LOCAL, host) for host in ("evil.example", "evil.example:5000", "localhost.evil.example", "10.1.2.3")),
        *((BEHIND, host) for host in ("evil.example", "example.org", "analysis.example.org.evil.example")),
        *((CONTAINER, host) for host in ("localhost", "127.0.0.1", "evil.example", "10.1.2.3")),
        *((NAMELESS, host) for host in ("evil.example", "10.1.2.3.evil.example")),
    ],
)
def test_a_request_for_another_host_is_misdirected(check, host):
    status, detail = asked(check, host)
    assert status == 421
    assert f"found at {check.url}" in detail
    assert "server_names" in detail


@pytest.mark.parametrize("host", ["", "a b", "localhost:port", "localhost/a", "localhost#a", "me@localhost", "[::1"])
def test_a_host_that_is_none_is_a_bad_request(host):
    status, detail = asked(LOCAL, host)
    assert status == 400
    assert detail.startswith("Host: ")


@pytest.mark.parametrize(
    "path",
    ["/", "/jobs", "/processes/echo", "/collections", "/static/css/default.css", "/-/pages/page.css", "/none"],
)
def test_no_part_of_a_service_answers_to_another_name(service_url, path):
    told = requests.get(service_url + path, headers={"Host": "evil.example", "Accept": "application/json"}, timeout=60)
    assert "not called 'evil.example'" in problem(told, 421)["detail"]


def test_nothing_runs_under_another_name(service_url):
    problem(called(service_url, **{"Content-Type": "application/json", "Host": "evil.example"}), 421)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_ask_by_whatever_they_know(service_url, path):
    for host in ("10.1.2.3:5000", "some-pod", "127.0.0.1"):
        assert requests.get(service_url + path, headers={"Host": host}, timeout=60).ok


def test_further_names_are_of_the_configuration(tmp_path: Path):
    (tmp_path / "config.yml").write_text("moorage: {server_names: [web, 10.1.2.3]}")
    assert read_configuration(tmp_path / "config.yml").settings.server_names == ("web", "10.1.2.3")
