"""The wire: OWSLib's defects are cured, what is safe is repeated, credentials stay at home."""

from __future__ import annotations

import time

import moorage
import pytest
from moorage import NotFoundError, RefusedError, ResultError, ServiceError, UnreachableError
from moorage.connection import Connection
from owslib.ogcapi import REQUEST_HEADERS
from owslib.ogcapi.processes import Processes
from requests.auth import HTTPDigestAuth
from support.scripted_server import JSON, Answer, scripted

EXECUTION = "POST /processes/p/execution"


DEFECT = pytest.mark.xfail(strict=True, reason="OWSLib itself has this defect, which ours cures")


@pytest.fixture(params=[Connection, pytest.param(Processes, marks=DEFECT)])
def client(request):
    """Ours, and OWSLib's, on which these tests fail."""
    kept = dict(REQUEST_HEADERS)
    yield request.param
    REQUEST_HEADERS.clear()
    REQUEST_HEADERS.update(kept)


# -- OWSLib's defects, cured -------------------------------------------------------------------------------


def test_headers_for_one_service_do_not_reach_another(client):
    with scripted({}) as mine, scripted({}) as other:
        client(mine.url, headers={"Authorization": "Bearer secret"})
        client(other.url).processes()
        assert "Authorization" in mine.heard[0].headers
        assert not any("Authorization" in each.headers for each in other.heard)


def test_the_timeout_is_kept(client):
    def slow(_):
        time.sleep(2)
        return {"links": []}

    with scripted({"GET /": slow}) as service, pytest.raises(UnreachableError):
        client(service.url, timeout=0.2)


def test_a_preference_lasts_for_one_request(client):
    with scripted({EXECUTION: {"y": 1}}) as service:
        connection = client(service.url)
        connection.execute("p", {}, async_=True)
        connection.processes()
        connection.execute("p", {})
        first, second = service.requests("POST")
        assert first.headers["Prefer"] == "respond-async"
        assert "Prefer" not in service.heard[-2].headers
        assert "respond-async" not in second.headers.get("Prefer", "")


def test_a_result_need_not_be_json(client):
    with scripted({EXECUTION: Answer(b"\x89PNG", headers={"Content-Type": "image/png"})}) as service:
        assert client(service.url).execute("p", {}, response="raw") == b"\x89PNG"


def test_it_is_still_a_client_of_owslib():
    with scripted({"GET /conformance": {"conformsTo": ["core"]}, "GET /collections": {"collections": []}}) as service:
        connection = Connection(f"{service.url}?token=abc")
        assert isinstance(connection, Processes)
        assert connection.conformance() == {"conformsTo": ["core"]}
        assert connection.collections() == {"collections": []}
        assert connection.process("p")["id"] == "p"
        assert all(each.path.endswith("?token=abc") for each in service.heard)


# -- repeating ----------------------------------------------------------------------------------------------

BUSY = Answer({"detail": "busy"}, 503, {"Retry-After": "0"})


@pytest.mark.parametrize("first", [BUSY, Answer(b"", 502), Answer(b"", 503), Answer(b"{", cut=0)])
def test_reading_is_repeated(first):
    with scripted({"GET /": [first, Answer({"title": "here"})]}) as service:
        assert moorage.connect(service.url).title == "here"


def test_reading_is_given_up_when_the_service_stays_away():
    with scripted({"GET /": Answer({"detail": "down for repair"}, 503)}) as service:
        with pytest.raises(ServiceError, match="down for repair"):
            moorage.connect(service.url)
        assert len(service.heard) == 4


def test_an_execution_is_repeated_where_nothing_was_accepted():
    with scripted({EXECUTION: [BUSY, BUSY, Answer({"y": 5})]}) as service:
        assert moorage.connect(service.url).p() == 5
        assert len(service.requests("POST")) == 3


@pytest.mark.parametrize(
    ("answer", "error"),
    [(Answer(b"", 503), ServiceError), (Answer(b"", 502), ServiceError), (Answer(cut=0, body=b"x"), UnreachableError)],
)
def test_an_execution_is_sent_once_where_it_may_have_been_accepted(answer, error):
    with scripted({EXECUTION: answer}) as service:
        hub = moorage.connect(service.url)
        with pytest.raises(error):
            hub.p()
        assert len(service.requests("POST")) == 1


def test_a_long_retry_after_is_told_instead_of_waited_for():
    with (
        scripted({"GET /": Answer({"detail": "tomorrow"}, 503, {"Retry-After": "86400"})}) as service,
        pytest.raises(ServiceError, match="tomorrow"),
    ):
        moorage.connect(service.url)


def test_sockets_are_kept():
    with scripted({EXECUTION: {"y": 1}}) as service:
        hub = moorage.connect(service.url)
        for _ in range(5):
            hub.p()
    assert len({each.peer for each in service.heard}) == 1


# -- errors -------------------------------------------------------------------------------------------------


def test_nobody_there_is_told_with_the_address():
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1"):
        moorage.connect("http://127.0.0.1:1")


def test_what_is_no_api_is_told():
    page = Answer(b"<html>", headers={"Content-Type": "text/html"})
    with scripted({"GET /": page}) as service, pytest.raises(ResultError, match="text/html"):
        moorage.connect(service.url)


def test_a_problem_document_comes_with_its_error():
    problem = {"type": "InvalidParameterValue", "title": "Bad Request", "status": 400, "detail": "x is 5", "input": "x"}
    with scripted({EXECUTION: Answer(problem, 400, {"Content-Type": "application/problem+json"})}) as service:
        with pytest.raises(RefusedError, match="x is 5") as caught:
            moorage.connect(service.url).p(x=5)
        assert caught.value.problem == problem
        assert caught.value.input == "x"
        assert caught.value.status == 400


@pytest.mark.parametrize(
    ("body", "media_type", "words"),
    [
        ({"code": "X", "description": "not like that"}, JSON, "not like that"),
        (b"plain words", "text/plain", "plain words"),
        (b"<html>secrets</html>", "text/html", "Internal Server Error"),
        ([1, 2], JSON, "Internal Server Error"),
    ],
)
def test_an_error_of_any_shape_is_told_in_words(body, media_type, words):
    with scripted({EXECUTION: Answer(body, 500, {"Content-Type": media_type})}) as service:
        with pytest.raises(ServiceError, match=words) as caught:
            moorage.connect(service.url).p()
        assert "<html>" not in str(caught.value)


def test_an_unknown_process_is_told_with_those_there_are():
    with scripted({}) as service:
        hub = moorage.connect(service.url)
        with pytest.raises(NotFoundError, match="it has p"):
            hub["zonal-mean"]
        with pytest.raises(AttributeError, match="it has p"):
            hub.zonal_mean  # noqa: B018 - the attribute is the point


# -- addresses ----------------------------------------------------------------------------------------------


def test_credentials_do_not_follow_a_redirection_to_another_host():
    with scripted({"GET /found": {"y": 3}}) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        script = {
            EXECUTION: Answer({"jobID": "1"}, 201, {"Location": "/jobs/1"}),
            "GET /jobs/1": {"jobID": "1", "status": "successful"},
            "GET /jobs/1/results": Answer(b"", 303, {"Location": f"{elsewhere}/found"}),
        }
        with scripted(script) as service:
            hub = moorage.connect(service.url, headers={"X-Token": "secret"}, auth=("me", "secret"))
            assert hub.p() == 3
            assert service.heard[-1].headers["X-Token"] == "secret"
    assert "X-Token" not in other.heard[-1].headers
    assert "Authorization" not in other.heard[-1].headers


def test_what_a_call_gave_may_lie_at_another_host():
    with scripted({"GET /found": Answer(b"[1, 2]", 200, {"Content-Type": "application/json"})}) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        with scripted({EXECUTION: Answer(b"", 303, {"Location": f"{elsewhere}/found"})}) as service:
            assert moorage.connect(service.url, headers={"X-Token": "secret"}).p() == [1, 2]
    assert "X-Token" not in other.heard[-1].headers
    assert "Prefer" not in other.heard[-1].headers
    assert not other.heard[-1].body


def test_a_call_that_moved_is_not_sent_again():
    moved = pytest.raises(RefusedError, match="has moved to /elsewhere; connect there")
    with scripted({EXECUTION: Answer(b"", 307, {"Location": "/elsewhere"})}) as service, moved:
        moorage.connect(service.url).p()


def test_credentials_do_not_follow_a_service_to_another_host():
    with scripted({}) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        refusal = pytest.raises(RefusedError, match=f"has moved to {elsewhere}/; connect there")
        with scripted({"GET /": Answer(b"", 301, {"Location": f"{elsewhere}/"})}) as service, refusal:
            moorage.connect(service.url, auth=("me", "secret"))
    assert not any("Authorization" in each.headers for each in other.heard)


def test_a_service_that_moved_on_its_host_is_followed():
    with scripted({"GET /": Answer(b"", 301, {"Location": "/ogc/"})}) as service:
        usual = {path: service.script[path] for path in ("GET /processes", "GET /processes/p")}
        service.script |= {path.replace("/", "/ogc/", 1): answer for path, answer in usual.items()}
        service.script |= {"GET /ogc/": {"title": "moved"}, "POST /ogc/processes/p/execution": {"y": 1}}
        hub = moorage.connect(service.url)
        assert hub.p() == 1
        assert hub.url == f"{service.url}/ogc/"


def test_a_token_in_the_address_is_not_told():
    with scripted({EXECUTION: Answer(b"<html>", 500)}) as service:
        hub = moorage.connect(f"{service.url}?token=secret")
        with pytest.raises(ServiceError) as caught:
            hub.p()
    assert "secret" not in f"{caught.value} {hub!r} {hub.p!r} {hub._repr_html_()}"


def test_an_execution_is_not_carried_elsewhere():
    answer = Answer(b"", 307, {"Location": "http://elsewhere.example/"})
    refusal = pytest.raises(RefusedError, match=r"moved to http://elsewhere\.example/")
    with scripted({EXECUTION: answer}) as service, refusal:
        moorage.connect(service.url).p()


def test_a_service_behind_a_tunnel_is_followed_through_the_tunnel():
    inside = "http://analysis.internal:8080/ogc"
    script = {
        "GET /": {"title": "t", "links": [{"rel": "self", "href": f"{inside}?f=json"}]},
        EXECUTION: Answer({"jobID": "1"}, 201, {"Location": f"{inside}/jobs/1"}),
        "GET /jobs/1": {"jobID": "1", "status": "successful"},
        "GET /jobs/1/results": {"y": {"href": f"{inside}/files/y", "type": JSON}},
        "GET /files/y": 7,
    }
    with scripted(script) as service:
        assert moorage.connect(service.url).p() == 7


def test_all_pages_of_a_list_are_read():
    pages = {
        "0": {"processes": [{"id": "a"}], "links": [{"rel": "next", "href": "/processes?page=1"}]},
        "1": {"processes": [{"id": "b"}], "links": [{"rel": "next", "href": "/processes?page=1"}]},
    }
    script = {"GET /processes": lambda told: pages["1" if "page=1" in told.path else "0"]}
    with scripted(script) as service:
        assert list(moorage.connect(service.url)) == ["a", "b"]


def test_an_address_without_a_scheme_is_taken_as_https():
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1"):
        moorage.connect("127.0.0.1:1/ogc")


# -- what requests does for a session, done here ------------------------------------------------------------


def test_credentials_may_take_two_requests():
    def guarded(told):
        if "Authorization" in told.headers:
            return {"links": []}
        return Answer(b"", 401, {"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth"'})

    with scripted({"GET /": guarded}) as service:
        moorage.connect(service.url, auth=HTTPDigestAuth("me", "secret"))
        first, second = service.requests("GET", "/")[:2]
    assert "Authorization" not in first.headers
    assert second.headers["Authorization"].startswith('Digest username="me"')


def test_cookies_are_kept_for_the_service():
    with scripted({EXECUTION: Answer({"y": 1}, 200, {"Set-Cookie": "node=a"})}) as service:
        hub = moorage.connect(service.url)
        hub.p()
        hub.p()
        first, second = service.requests("POST")
    assert "Cookie" not in first.headers
    assert second.headers["Cookie"] == "node=a"


def test_letters_that_may_not_travel_in_an_address_are_quoted():
    with scripted({"GET /some%20where": {"links": []}}) as service:
        assert Connection(service.url).get(f"{service.url}/some where").ok
