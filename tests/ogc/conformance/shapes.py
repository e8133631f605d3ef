"""The five shapes in which results come, the same for a call and for a job: what is asked, and what then is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exchange import bare, content, get, header_links, parts, value
from standard import valid

if TYPE_CHECKING:
    import requests

INPUTS = {"message": "teststring", "numbers": [1, 2], "bounds": {"bbox": [7, 51, 8, 52]}}
REFERENCE = {"transmissionMode": "reference"}
NETCDF = "application/x-netcdf"
PNG = "image/png"


@dataclass(frozen=True)
class Case:
    """One execute request, and the check of its results."""

    process: str
    body: dict[str, Any]
    check: Callable[[requests.Response], None]


def _one_value(answer: requests.Response) -> None:
    assert answer.status_code == 200
    assert bare(answer.headers["Content-Type"]) == "application/json"
    assert answer.json() == "teststring"


def _one_grid(answer: requests.Response) -> None:
    assert answer.status_code == 200
    assert bare(answer.headers["Content-Type"]) == NETCDF
    assert answer.content.startswith(b"\x89HDF")


def _one_picture(answer: requests.Response) -> None:
    assert answer.status_code == 200
    assert bare(answer.headers["Content-Type"]) == PNG
    assert answer.content.startswith(b"\x89PNG")


def _several_values(answer: requests.Response) -> None:
    found = parts(answer)
    assert list(found) == ["message", "numbers"]
    assert {name: value(part) for name, part in found.items()} == {"message": "teststring", "numbers": [1, 2]}
    assert {part.get_content_type() for part in found.values()} == {"application/json"}
    _keeps_rfc_2387(answer)


def _several_files(answer: requests.Response) -> None:
    found = parts(answer)
    assert list(found) == ["grid", "mean", "places"]
    assert content(found["grid"]).startswith(b"\x89HDF")
    assert found["grid"].get_content_type() == NETCDF
    assert value(found["mean"]) == 7.5
    assert found["places"].get_content_type() == "application/geo+json"
    assert value(found["places"])["features"][0]["properties"] == {"name": "harbour"}
    _keeps_rfc_2387(answer)


def _keeps_rfc_2387(answer: requests.Response) -> None:
    """multipart/related says the type of its first part."""
    first = next(iter(parts(answer).values()))
    stated = answer.headers["Content-Type"].replace('"', "").replace(" ", "")
    assert f";type={first.get_content_type()}" in stated, stated


def _references(answer: requests.Response) -> None:
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer.headers
    found = {each["url"].rsplit("/", 1)[-1]: each["url"] for each in header_links(answer) if "/results/" in each["url"]}
    assert list(found) == ["message", "numbers"]
    assert get(found["message"]).json() == "teststring"
    assert get(found["numbers"]).json() == [1, 2]


def _mixed(answer: requests.Response) -> None:
    found = parts(answer)
    assert list(found) == ["message", "numbers"]
    assert content(found["message"]).strip() == b""
    assert get(str(found["message"]["Content-Location"])).json() == "teststring"
    assert found["numbers"]["Content-Location"] is None
    assert value(found["numbers"]) == [1, 2]
    _keeps_rfc_2387(answer)


def _document(answer: requests.Response) -> None:
    assert answer.status_code == 200
    assert bare(answer.headers["Content-Type"]) == "application/json"
    document = valid(answer.json(), "results")
    assert set(document) == {"message", "numbers", "bounds"}
    assert document["message"] == "teststring"
    assert document["bounds"]["bbox"] == [7, 51, 8, 52]


def _document_of_links(answer: requests.Response) -> None:
    document = valid(answer.json(), "results")
    assert {name: get(valid(link, "link")["href"]).json() for name, link in document.items()} == {
        "message": "teststring",
        "numbers": [1, 2],
    }
    for link in document.values():
        assert bare(get(link["href"]).headers["Content-Type"]) == bare(link["type"])


def _document_of_files(answer: requests.Response) -> None:
    document = valid(answer.json(), "results")
    assert set(document) == {"grid", "mean", "table", "places"}
    assert document["mean"] == 7.5
    assert (document["grid"]["mediaType"], document["grid"]["encoding"]) == (NETCDF, "base64")
    assert document["places"]["value"]["type"] == "FeatureCollection"
    assert json.dumps(document["table"])


def _echo(check: Callable[[requests.Response], None], outputs: dict[str, Any] | None = None, **members: Any) -> Case:
    named = {} if outputs is None else {"outputs": outputs}
    return Case("echo", {"inputs": INPUTS, **named, **members}, check)


def _ramp(check: Callable[[requests.Response], None], outputs: dict[str, Any] | None = None, **members: Any) -> Case:
    return Case("ramp", ({} if outputs is None else {"outputs": outputs}) | members, check)


RAW_VALUE_ONE = [
    _echo(_one_value, {"message": {}}),
    _echo(_one_value, {"message": {"transmissionMode": "value"}}, response="raw"),
    _ramp(_one_grid, {"grid": {}}),
    _ramp(_one_picture, {"grid": {"format": {"mediaType": PNG}}}, response="raw"),
]
RAW_VALUE_MULTI = [
    _echo(_several_values, {"numbers": {}, "message": {}}),
    _echo(_several_values, {"message": {}, "numbers": {"transmissionMode": "value"}}, response="raw"),
    _ramp(_several_files, {"grid": {}, "mean": {}, "places": {"format": {"mediaType": "application/geo+json"}}}),
]
RAW_REFERENCE = [_echo(_references, {"message": REFERENCE, "numbers": REFERENCE}, response="raw")]
RAW_MIXED = [_echo(_mixed, {"message": REFERENCE, "numbers": {}}, response="raw")]
DOCUMENT = [
    _echo(_document, response="document"),
    _echo(_document_of_links, {"message": REFERENCE, "numbers": REFERENCE}, response="document"),
    _ramp(_document_of_files, response="document"),
]
