"""Whatever stands where something else should, in a body or a query, is refused in words and fails nothing."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

POINT = {"type": "Point", "coordinates": [8.5, 53.5]}
FEATURE = {"type": "Feature", "id": "a", "properties": {"name": "a", "size": 1}, "geometry": POINT}
COLLECTION = {"type": "FeatureCollection", "features": [FEATURE], "bbox": [8, 53, 9, 54]}
SELECTION = {"collection": "sst", "properties": ["sst"], "bbox": [0, -90, 360, 90], "datetime": "2000-01/2000-03"}
HERE = "http://service.example"
LINK = {"href": f"{HERE}/conformance?f=json", "type": "image/tiff", "rel": "x", "hreflang": "en", "title": "t"}
STATION = {"name": "a", "depths": [1.5], "kept": {"b": 1}}
OUTPUT = {"result": {"format": {"mediaType": "application/json", "encoding": "x", "schema": "y"}}}
WISHES = {"outputs": {"result": {"transmissionMode": "value", **OUTPUT["result"]}}, "response": "document"}
SUBSCRIBER = {"successUri": "http://10.0.0.1/a", "failedUri": "http://10.0.0.1/b", "inProgressUri": "http://10.0.0.1/c"}


def inputs(**given: Any) -> dict[str, Any]:
    """An execute request of these inputs."""
    return {"inputs": given}


TEMPLATES = {
    "selection": inputs(grid=SELECTION),
    "dataset": inputs(grids={**SELECTION, "properties": None}),
    "link": inputs(grid=LINK),
    "link to a value": inputs(numbers=LINK),
    "qualified": inputs(table={"value": "YSxiCjEsMgo=", "mediaType": "text/csv", "encoding": "base64", "schema": "s"}),
    "with a format": inputs(features={"value": COLLECTION, "format": {"mediaType": "application/geo+json"}}),
    "features": inputs(features=COLLECTION),
    "geometry": inputs(shape=POINT),
    "box": inputs(box={"bbox": [8, 53, 9, 54], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}),
    "box with heights": inputs(box={"bbox": [8, 53, 0, 9, 54, 1]}),
    "bytes": inputs(image={"value": "SUkqAA==", "mediaType": "image/tiff"}),
    "structure": inputs(station=STATION),
    "values": inputs(day="2000-01-15", moment="2000-01-15T00:00:00Z", colour="red", numbers=[1.5], either=1, flag=True),
    "wishes": inputs() | WISHES,
    "subscriber": inputs() | {"subscriber": SUBSCRIBER},
}
WRONG: list[Any] = [None, True, False, 0, -1, 1.5, 10**30, "", "x", "/etc/passwd", "..", [], [1], ["x"], [[[]]], {}]
WRONG += [{"a": 1}, [None], {"": None}, {"href": 1}, {"value": {"value": 1}}, "a" * 5000]
TEXTS = ["5e999", r'"\ud800"', "NaN", "1" + "0" * 400, "[" * 200 + "]" * 200, "[" * 90 + "]" * 90, r'{"\ud800": 1}']
"""What is not JSON of ours, or only just."""
PER_PLACE = 1000 if os.environ.get("MOORAGE_DEEP") else 4
"""Wrong values that are tried at each place; each place goes on where the one before it ended."""
MARK = "put it here"


def places(value: Any) -> Iterator[Any]:
    """The same value with a mark in place of each of its parts, and as the name of each member."""
    yield MARK
    if isinstance(value, dict):
        for name in value:
            yield from ({**value, name: changed} for changed in places(value[name]))
        yield {**value, MARK: 1}
    if isinstance(value, list):
        for number in range(len(value)):
            yield from ([*value[:number], changed, *value[number + 1 :]] for changed in places(value[number]))


def bodies(template: Any, url: str) -> Iterator[str]:
    """Execute requests to a service that are wrong at one place each."""
    texts = cycle([json.dumps(each) for each in WRONG] + TEXTS)
    for place in places(template):
        whole = json.dumps(place).replace(HERE, url)
        for text in islice(texts, min(PER_PLACE, len(WRONG) + len(TEXTS))):
            # a member's name is text whatever it is
            name = text if text.startswith('"') else json.dumps(text)
            yield whole.replace(f'"{MARK}":', f"{name}:").replace(f'"{MARK}"', text)


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """A caller who keeps the connection."""
    with requests.Session() as kept:
        yield kept


def trouble(answer: requests.Response) -> str | None:
    """What is wrong with an answer, if anything."""
    if answer.status_code < 400:
        return None
    if answer.status_code >= 500:
        return f"{answer.status_code}: {answer.text[:300]}"
    kind = answer.headers["Content-Type"].partition(";")[0]
    return None if kind in ("application/json", "application/problem+json", "text/html") else f"told as {kind}"


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_body_with_something_else_anywhere_in_it_is_told_so(service_url, session, template):
    headers = {"Content-Type": "application/json"}
    wrong = []
    for number, body in enumerate(bodies(TEMPLATES[template], service_url)):
        accept = {"Accept": "text/html" if number % 3 == 0 else "application/json"}
        url = f"{service_url}/processes/take-everything/execution"
        answer = session.post(url, data=body.encode(), headers=headers | accept, timeout=60)
        if (words := trouble(answer)) is not None:
            wrong.append(f"{body[:300]}\n    {accept['Accept']}: {words}")
    assert not wrong, "\n".join(wrong)


# queries

TRIED = [
    "",
    "x",
    "0",
    "-1",
    "1e999",
    "NaN",
    "1,2",
    "1,2,3,4,5",
    "a,b,c,d",
    "../..",
    "2000-13-01",
    "[]",
    "{}",
    "[[[",
    "(",
]
TRIED += ["9" * 400, "\ud7ff", "\0", '"\\ud800"', "POINT(", "POLYGON((0 0,1 1))", "EPSG:99999999", "*", "a" * 3000]
"""Values of parameters that mean something else, or nothing."""
QUERIES = {
    "/jobs": "limit offset type processID status datetime minDuration maxDuration after f profile",
    "/processes": "limit offset f",
    "/openapi": "f",
    "/processes/take-everything/execution": "grid grid[href] grid[type] features table shape box box[crs] "
    "image station day moment colour numbers either flag result[include] result[mediaType] "
    "response[f] response[prefer] f profile",
    "/collections": "f lang limit bbox datetime",
    "/collections/sst/coverage": "f bbox bbox-crs datetime subset properties crs",
    "/collections/sst/position": "coords z datetime parameter-name crs f",
    "/collections/sst/area": "coords z datetime parameter-name f",
    "/collections/sst/cube": "bbox z datetime parameter-name f",
    "/collections/sst/items": "bbox datetime sortby f",
    "/collections/sst/instances": "f",
    "/collections/sst/instances/a": "f",
    "/collections/sst/instances/a/position": "coords f",
    "/collections/sst/locations": "f",
    "/collections/sst/map": "bbox f width",
}
OF_ITEMS = "f bbox bbox-crs crs datetime limit offset sortby properties skipGeometry resulttype q filter name"
GOOD = {
    "position": {"coords": "POINT(8 53)"},
    "area": {"coords": "POLYGON((0 0,20 0,20 60,0 60,0 0))"},
    "cube": {"bbox": "0,0,60,60"},
}
"""What some of them need beside the parameter that is wrong."""


def queries(path: str, names: str) -> Iterator[dict[str, str]]:
    """Queries that are wrong in one parameter each."""
    texts = cycle(TRIED)
    for name in names.split():
        for text in islice(texts, min(PER_PLACE, len(TRIED))):
            yield {**GOOD.get(path.rpartition("/")[2], {}), name: text}


def test_a_query_with_something_else_anywhere_in_it_is_told_so(service_url, session):
    wrong = []
    for path, names in QUERIES.items():
        for query in ({}, *queries(path, names)):
            answer = session.get(service_url + path, params=query, headers={"Accept": "application/json"}, timeout=60)
            if (words := trouble(answer)) is not None:
                wrong.append(f"{path} {query}: {words}"[:500])
    assert not wrong, "\n".join(wrong)


def test_items_are_asked_for_in_vain_alike(awkward_service, session):
    wrong = []
    for query in queries("items", OF_ITEMS):
        url = f"{awkward_service.url}/collections/towns/items"
        answer = session.get(url, params=query, headers={"Accept": "application/json"}, timeout=60)
        if (words := trouble(answer)) is not None:
            wrong.append(f"{query}: {words}"[:500])
    assert not wrong, "\n".join(wrong)


def test_a_grid_has_no_instances(service_url, session):
    url = f"{service_url}/collections/sst/instances"
    assert session.get(url, headers={"Accept": "application/json"}, timeout=60).json()["instances"] == []
    assert session.get(url, headers={"Accept": "text/html"}, timeout=60).status_code == 200
    for path in ("a", "a/position?coords=POINT(8 53)", "a/locations"):
        assert session.get(f"{url}/{path}", timeout=60).status_code == 404
    described = session.get(f"{service_url}/collections/sst?f=json", timeout=60).json()
    assert "instances" not in described["data_queries"]


# bodies in pieces


def sent(url: str, method: str, path: str, head: str, body: bytes) -> bytes:
    """The answer to a request whose body is as it is."""
    parts = urlsplit(url)
    lines = (f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}", "Content-Type: application/json", head, "", "")
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.sendall("\r\n".join(lines).encode() + body)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


CHUNKS = [b"-1\r\n", b"-1\r\nx\r\n0\r\n\r\n", b"zz\r\n", b"\r\n", b"5\r\n{}", b"3\r\n{}  \r\n0\r\n\r\n", b"2\r\n{}\r\n"]


@pytest.mark.parametrize("chunks", CHUNKS)
@pytest.mark.parametrize(("method", "path"), [("POST", "/processes/echo/execution"), ("GET", "/collections")])
def test_a_body_that_is_not_chunked_as_http_has_it_is_refused(service_url, method, path, chunks):
    assert sent(service_url, method, path, "Transfer-Encoding: chunked", chunks).startswith(b"HTTP/1.1 400 ")


def test_a_body_that_was_cut_is_not_executed(service_url):
    body = b'{"inputs": {"message": "x"}}'
    head = f"Content-Length: {len(body) + 10}"
    assert sent(service_url, "POST", "/processes/echo/execution", head, body).startswith(b"HTTP/1.1 400 ")


def test_a_caller_who_only_listens_on_is_answered(service_url):
    body = b'{"inputs": {"message": "x"}}'
    answer = sent(service_url, "POST", "/processes/echo/execution", f"Content-Length: {len(body)}", body)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"x"' in answer
