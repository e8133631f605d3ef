"""What an execute request may say, and what is made of it."""

from __future__ import annotations

import base64

import geopandas
import pytest
from exchange import MESSAGE, ended, execute, get, problem, submit
from shapely import Point
from standard import CRS84, CRS84H, valid

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
FEATURES = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "properties": {"name": name}, "geometry": {"type": "Point", "coordinates": [lon, 54]}}
        for name, lon in (("harbour", 10), ("buoy", 8))
    ],
}
RAW = b"\x00\x01moorage\xff"
IN_LINE = base64.b64encode(RAW).decode()


def answered(url: str, process: str, **inputs: object) -> object:
    """The only output of a process, as JSON."""
    body = valid({"inputs": inputs}, "execute")
    answer = execute(url, process, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(url: str, process: str, name: str, **inputs: object) -> str:
    """Why an input was refused, sync and async alike, with nothing stored."""
    before = get(f"{url}/jobs").json()["jobs"][:1]
    now, later = (execute(url, process, {"inputs": inputs}, Prefer=prefer) for prefer in ("", "respond-async"))
    assert problem(later, 400) == problem(now, 400)
    assert get(f"{url}/jobs").json()["jobs"][:1] == before
    assert now.json()["input"] == name
    assert name in now.json()["detail"]
    return str(now.json()["detail"])


def refused_when_read(url: str, process: str, name: str, **inputs: object) -> None:
    """What only reading the reference shows fails the call, and the job."""
    now = problem(execute(url, process, {"inputs": inputs}), 400)
    assert now["input"] == name
    job = submit(url, process, {"inputs": inputs})
    assert ended(job)["status"] == "failed"
    assert problem(get(f"{job}/results"), 400) == now


@pytest.mark.requirement("/req/core/process-execute-op")
def test_a_process_is_executed_by_a_post(url):
    assert execute(url, "echo", {"inputs": MESSAGE}).status_code == 200
    answer = get(f"{url}/processes/echo/execution?limit=1")
    assert answer.status_code in (400, 405)  # draft 2.0 has an execution by GET, which takes the inputs from the query


@pytest.mark.requirement("/req/core/process-execute-request")
def test_every_member_of_an_execute_request_is_read(url):
    body = {
        "inputs": {**MESSAGE, "numbers": [1, 2]},
        "outputs": {"numbers": {"format": {"mediaType": "application/json"}, "transmissionMode": "value"}},
        "response": "document",
    }
    answer = execute(url, "echo", valid(body, "execute"))
    assert answer.json() == {"numbers": [1, 2]}


MALFORMED = [
    ({"inputs": [1]}, "inputs"),
    ({"inputs": MESSAGE, "outputs": ["message"]}, "outputs"),
    ({"inputs": MESSAGE, "outputs": {"shout": {}}}, "shout"),
    ({"inputs": MESSAGE, "outputs": {"message": {"transmissionMode": "pigeon"}}}, "transmissionMode"),
    ({"inputs": MESSAGE, "outputs": {"message": {"format": {"mediaType": "image/png"}}}}, "image/png"),
    ({"inputs": MESSAGE, "response": "both"}, "response"),
    ({"inputs": MESSAGE, "subscriber": "http://a.example/"}, "subscriber"),
    ({"inputs": MESSAGE, "subscriber": {"successUri": 1}}, "subscriber"),
    ({"inputs": {}}, "message"),
    ({}, "message"),
]


@pytest.mark.requirement("/req/core/process-execute-request")
@pytest.mark.parametrize(("body", "word"), MALFORMED)
def test_what_is_wrong_with_an_execute_request_is_named(url, body, word):
    assert word in problem(execute(url, "echo", body), 400)["detail"]


@pytest.mark.requirement("/req/core/process-execute-inputs")
def test_inputs_come_by_value(url):
    assert answered(url, "size-of", content=IN_LINE) == len(RAW)
    assert answered(url, "count-features", features={"value": FEATURES}) == 2


@pytest.mark.requirement("/req/core/process-execute-inputs")
@pytest.mark.parametrize(
    ("process", "name", "file", "content", "expected"),
    [
        ("size-of", "content", "a.bin", RAW, len(RAW)),
        ("only-now", "text", "a.json", b'"teststring"', "teststring"),
        ("only-now", "text", "a.txt", b"teststring", "teststring"),
        ("corners", "box", "a.json", b'{"bbox": [7, 51, 8, 52]}', {"bbox": [7, 51, 8, 52], "crs": CRS84}),
        ("name-of", "station", "a.json", b'{"name": "Kiel"}', "Kiel"),
        ("count-features", "features", "a.geojson", b'{"type": "FeatureCollection", "features": []}', 0),
    ],
)
def test_inputs_come_by_reference(url, files, process, name, file, content, expected):
    folder, there = files
    (folder / file).write_bytes(content)
    assert answered(url, process, **{name: {"href": f"{there}/{file}"}}) == expected


@pytest.mark.requirement("/req/core/process-execute-inputs")
def test_a_reference_may_tell_its_type_language_and_title(url, files):
    folder, there = files
    (folder / "unnamed").write_bytes(b'{"type": "FeatureCollection", "features": []}')
    link = {
        "href": f"{there}/unnamed",
        "rel": "item",
        "type": "application/geo+json",
        "hreflang": "en",
        "title": "None",
    }
    assert answered(url, "count-features", features=valid(link, "link")) == 0


@pytest.mark.requirement("/req/core/process-execute-input-array")
@pytest.mark.parametrize("count", [1, 3])
def test_an_input_that_may_occur_several_times_comes_as_an_array(url, count):
    assert answered(url, "count-outlines", outlines=[{"value": SQUARE}] * count) == count


@pytest.mark.requirement("/req/core/process-execute-input-array")
def test_each_occurrence_comes_as_it_likes(url, files):
    folder, there = files
    (folder / "a.json").write_text('{"bbox": [0, 0, 1, 1]}')
    boxes = [{"bbox": [0, 0, 1, 1]}, {"value": {"bbox": [0, 0, 1, 1]}}, {"href": f"{there}/a.json"}]
    assert answered(url, "count-boxes", boxes=boxes) == 3
    assert "missing" in refused(url, "count-outlines", "outlines")
    assert "it takes" in refused(url, "count-outlines", "outlines", outlines=[])


@pytest.mark.requirement("/req/core/process-execute-input-inline-object")
def test_an_object_comes_as_a_qualified_value(url):
    assert answered(url, "name-of", station={"value": {"name": "Kiel"}}) == "Kiel"
    qualified = {"value": {"name": "Kiel"}, "mediaType": "application/json"}
    assert answered(url, "name-of", station=qualified) == "Kiel"
    assert answered(url, "count-features", features={"value": FEATURES, "mediaType": "application/geo+json"}) == 2


@pytest.mark.requirement("/req/core/process-execute-input-mixed-type")
@pytest.mark.parametrize("sent", ["text", 1.5, {"a": 1, "value": 2}])
def test_each_type_of_a_mixed_input_is_taken(url, sent):
    document = execute(url, "same", {"inputs": {"anything": {"value": sent}}, "response": "document"}).json()
    assert document == {"result": {"value": sent} if isinstance(sent, dict) else sent}


@pytest.mark.requirement("/req/core/process-execute-input-mixed-type")
@pytest.mark.parametrize(
    ("suffix", "media_type"),
    [(".gpkg", "application/geopackage+sqlite3"), (".geojson", "application/geo+json")],
)
@pytest.mark.parametrize("is_nested", [True, False])
def test_the_format_of_a_qualified_value_picks_one_of_several_types(url, tmp_path, suffix, media_type, is_nested):
    path = tmp_path / f"two{suffix}"
    geopandas.GeoDataFrame({"n": [1, 2]}, geometry=[Point(0, 0), Point(1, 1)], crs="EPSG:4326").to_file(path)
    stated = {"mediaType": media_type, "encoding": "base64"}
    qualified = {"value": base64.b64encode(path.read_bytes()).decode()}
    assert answered(url, "count-features", features=qualified | ({"format": stated} if is_nested else stated)) == 2


@pytest.mark.requirement("/req/core/process-execute-input-mixed-type")
def test_a_format_that_is_none_of_the_types_is_told(url):
    qualified = {"value": IN_LINE, "mediaType": "application/pdf", "encoding": "base64"}
    assert "application/geo+json" in refused(url, "count-features", "features", features=qualified)


@pytest.mark.requirement("/req/core/process-execute-input-inline-binary")
def test_binary_content_comes_as_base64(url):
    assert answered(url, "size-of", content=IN_LINE) == len(RAW)
    qualified = {"value": IN_LINE, "mediaType": "application/octet-stream", "encoding": "base64"}
    assert answered(url, "size-of", content=qualified) == len(RAW)
    assert "base64" in refused(url, "size-of", "content", content="no base64!")
    assert "base64" in refused(url, "size-of", "content", content={"type": "wrong/type"})


@pytest.mark.requirement("/req/core/process-execute-input-inline-bbox")
@pytest.mark.parametrize(
    ("box", "understood"),
    [
        ({"bbox": [7, 51, 8, 52]}, {"bbox": [7, 51, 8, 52], "crs": CRS84}),
        ({"bbox": [7.5, 51, 8, 52], "crs": CRS84}, {"bbox": [7.5, 51, 8, 52], "crs": CRS84}),
        ({"bbox": [7, 51, -9, 8, 52, 9]}, {"bbox": [7, 51, -9, 8, 52, 9], "crs": CRS84H}),
        ({"bbox": [7, 51, -9, 8, 52, 9], "crs": CRS84H}, {"bbox": [7, 51, -9, 8, 52, 9], "crs": CRS84H}),
    ],
)
def test_a_box_comes_with_four_or_six_numbers(url, box, understood):
    assert answered(url, "corners", box=box) == valid(understood, "bbox")
    assert answered(url, "corners", box={"value": box}) == understood


@pytest.mark.requirement("/req/core/process-execute-input-inline-bbox")
@pytest.mark.parametrize("box", [{"bbox": [7, 51, 8]}, {"bbox": [7, 52, 8, 51]}, {"bbox": "7,51,8,52"}, [7, 51, 8, 52]])
def test_a_box_that_is_none_is_told(url, box):
    assert "west, south, east, north" in refused(url, "corners", "box", box=box)


@pytest.mark.requirement("/req/core/process-execute-input-validation")
@pytest.mark.parametrize(
    ("process", "name", "wrong"),
    [
        ("only-now", "text", 5),
        ("only-now", "text", {"value": 5, "mediaType": "text/plain"}),
        ("only-now", "text", None),
        ("only-now", "text", {"neither": "href", "nor": "value"}),
        ("name-of", "station", {"value": {"height": 3}}),
        ("name-of", "station", {"value": {"name": 5}}),
        ("count-outlines", "outlines", [{"value": SQUARE}, {"value": {"type": "Point", "coordinates": [0, 0]}}]),
        ("same", "anything", [1]),
    ],
)
def test_a_value_is_checked_before_anything_is_stored(url, process, name, wrong):
    assert "it takes" in refused(url, process, name, **{name: wrong})


@pytest.mark.requirement("/req/core/process-execute-input-validation")
def test_an_input_that_a_process_has_not_is_told_with_those_it_has(url):
    assert "it takes text" in refused(url, "only-now", "shout", text="a", shout=1).replace("takes: ", "takes ")


@pytest.mark.requirement("/req/core/process-execute-input-validation")
@pytest.mark.parametrize(
    ("process", "name", "file", "content"),
    [
        ("echo", "message", "a.json", b"5"),
        ("echo", "message", "a.txt", b"\xff"),
        ("name-of", "station", "a.json", b'{"name": 5}'),
        ("name-of", "station", "a.json", b"no JSON"),
        ("corners", "box", "a.json", b'{"bbox": [1, 2, 3]}'),
        ("count-features", "features", "a.json", b"no features"),
    ],
)
def test_what_a_reference_holds_is_checked_the_same_way(url, files, process, name, file, content):
    folder, there = files
    (folder / file).write_bytes(content)
    refused_when_read(url, process, name, **{name: {"href": f"{there}/{file}"}})


@pytest.mark.requirement("/req/core/process-execute-input-validation")
def test_a_reference_that_leads_nowhere_is_told(url, files):
    refused_when_read(url, "size-of", "content", content={"href": f"{files[1]}/nothing"})


@pytest.mark.requirement("/req/core/process-execute-default-outputs")
def test_no_outputs_named_means_all_outputs(url):
    document = execute(url, "ramp", {"response": "document"}).json()
    assert list(document) == ["grid", "mean", "table", "places"]
