"""Class html: every 200 comes as HTML5 too, and the page holds all that the JSON holds and all its links."""

from __future__ import annotations

import pytest
import requests
from exchange import bare, ended, execute, get, submit
from page import Page

HTML = "text/html"
PAGES = ["/", "/conformance", "/processes", "/processes?limit=2", "/processes?limit=2&offset=2", "/processes/echo"]
PAGES += ["/processes/terrain", "/processes/every-type", "/processes/only-later", "/jobs", "/jobs?limit=1"]
INPUTS = {"message": "test <b>string</b> & more", "numbers": [17, 23], "bounds": {"bbox": [7, 51, 8, 52]}}


def page(answer: requests.Response) -> Page:
    """The page of an answer, which is HTML5."""
    assert answer.status_code == 200, answer.text[:300]
    assert bare(answer.headers["Content-Type"]) == HTML, answer.headers["Content-Type"]
    assert answer.text.lstrip()[:15].lower() == "<!doctype html>"
    found = Page(answer.url, answer.text)
    assert {"html", "head", "title", "body"} <= set(found.tags)
    return found


def both(address: str) -> tuple[Page, dict]:
    """A resource as a page and as JSON."""
    return page(get(address, Accept=HTML)), get(address, Accept="application/json").json()


@pytest.fixture(scope="module")
def job(url: str) -> str:
    """A job that is done, with a document as its results."""
    location = submit(url, "echo", {"inputs": INPUTS, "response": "document"})
    assert ended(location)["status"] == "successful"
    return location


@pytest.mark.requirement("/req/html/definition")
@pytest.mark.parametrize("path", PAGES)
def test_every_page_comes_as_html(url, path):
    page(get(f"{url}{path}", Accept=HTML))
    page(get(f"{url}{path}{'&' if '?' in path else '?'}f=html"))


@pytest.mark.requirement("/req/html/content")
@pytest.mark.parametrize("path", PAGES)
def test_a_page_holds_all_that_its_json_holds(url, job, path):
    shown, document = both(f"{url}{path}")
    assert not shown.lacks(document)


@pytest.mark.requirement("/req/html/definition", "/req/html/content")
def test_the_status_of_a_job_comes_as_a_page(url, job):
    shown, document = both(job)
    assert not shown.lacks(document)


@pytest.mark.requirement("/req/html/definition", "/req/html/content")
def test_the_status_of_a_job_that_failed_comes_as_a_page(url):
    location = submit(url, "refuse", {"inputs": {"text": "a"}})
    assert ended(location)["status"] == "failed"
    shown, document = both(location)
    assert not shown.lacks(document)


@pytest.mark.requirement("/req/html/definition", "/req/html/content")
@pytest.mark.parametrize("response", ["document", "raw"])
@pytest.mark.parametrize("outputs", [None, {"message": {}}])
def test_the_results_of_a_job_come_as_a_page(url, response, outputs):
    body = {"inputs": INPUTS, "response": response} | ({"outputs": outputs} if outputs else {})
    location = submit(url, "echo", body)
    ended(location)
    shown = page(get(f"{location}/results", Accept=HTML))
    expected = {"message": INPUTS["message"]} if outputs else INPUTS
    assert not shown.lacks(expected)


@pytest.mark.requirement("/req/html/definition", "/req/html/content")
def test_grids_and_features_come_as_a_page_that_links_to_them(url):
    location = submit(url, "ramp", {"response": "document"})
    ended(location)
    shown = page(get(f"{location}/results", Accept=HTML))
    assert {f"{location}/results/{name}" for name in ("grid", "places")} <= {
        each.partition("?")[0] for each in shown.anchors
    }
    assert "7.5" in shown.text
    assert "harbour" in shown.text or f"{location}/results/places" in {each.partition("?")[0] for each in shown.anchors}


@pytest.mark.requirement("/req/html/definition", "/req/html/content")
@pytest.mark.parametrize("outputs", [None, {"message": {}}])
@pytest.mark.parametrize("response", ["document", "raw"])
def test_the_answer_to_a_call_comes_as_a_page(url, response, outputs):
    body = {"inputs": INPUTS, "response": response} | ({"outputs": outputs} if outputs else {})
    shown = page(execute(url, "echo", body, Accept=HTML))
    assert not shown.lacks({"message": INPUTS["message"]} if outputs else INPUTS)


@pytest.mark.requirement("/req/html/definition", "/req/html/content")
def test_the_answer_to_a_job_that_ended_within_the_wait_comes_as_a_page(url):
    answer = execute(url, "echo", {"inputs": INPUTS}, Accept=HTML, Prefer="respond-async, wait=20")
    shown = page(answer)
    assert not shown.lacks(INPUTS)


@pytest.mark.requirement("/req/html/definition", "/req/html/content")
def test_the_dismissal_of_a_job_comes_as_a_page(url):
    location = submit(url, "echo", {"inputs": INPUTS})
    ended(location)
    shown = page(requests.delete(location, headers={"Accept": HTML}, timeout=60))
    assert "dismissed" in shown.text
    assert location.rsplit("/", 1)[-1] in shown.text


@pytest.mark.requirement("/req/html/definition")
def test_the_api_definition_comes_as_a_page(url):
    shown = page(get(f"{url}/openapi?f=html"))
    assert page(get(f"{url}/openapi", Accept=HTML)).text == shown.text


@pytest.mark.requirement("/req/html/content")
def test_what_a_page_lacks_is_seen():
    shown = Page("http://a.example/b", "<!doctype html><p>one <b>two</b> 3<script>four</script><a href='c'>c</a>")
    assert not shown.lacks(
        {"x": "one two", "y": [3, True, None], "links": [{"href": "http://a.example/c", "rel": "self"}]}
    )
    assert shown.lacks({"x": "four"}) == ["four"]
    assert shown.lacks({"outputs": {"speed": {}}}) == ["speed"]
    assert shown.lacks({"links": [{"href": "http://a.example/d"}]}) == ["http://a.example/d"]
