"""Whatever is wrong with a request gets one problem document that names the input and what it takes."""

from __future__ import annotations

import base64
import io
import json

import h5py
import pytest
import requests
from support.service_client import ServiceClient

POLYGON = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
BOWTIE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}


def execute(url: str, process: str, body: object, **headers: str) -> requests.Response:
    """Post an execute request."""
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    headers = {"Content-Type": "application/json", "Accept": "application/json", **headers}
    return requests.post(f"{url}/processes/{process}/execution", data=data, headers=headers, timeout=60)


def problem(response: requests.Response, status: int) -> dict:
    """The problem document of an answer, after the checks that hold for every one."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    document = response.json()
    assert document["status"] == status
    assert {"type", "title", "detail"} <= set(document)
    for leak in ("Traceback", 'File "', ".py", "site-packages"):
        assert leak not in response.text
    return document


def sparse_grid(size: int) -> str:
    """A NetCDF file of a kilobyte or two that stands for an array of size x size."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.create_dataset("v", (size, size), "f4", chunks=(1000, 1000), fillvalue=0)
    return base64.b64encode(content.getvalue()).decode()


REFUSED = [
    ("echo", {"inputs": {"message": 5}}, "message", "it takes text"),
    ("echo", {"inputs": {}}, "message", "missing; it takes text"),
    ("echo", {"inputs": {"message": "a", "shout": True}}, "shout", "it takes message, pause"),
    ("echo", {"inputs": {"message": "a", "pause": -1}}, "pause", "a number of at least 0"),
    ("echo", {"inputs": {"message": "a", "pause": "long"}}, "pause", "a number"),
    ("echo", {"inputs": {"message": "a", "count": 1.5}}, "count", "an integer"),
    ("echo", {"inputs": {"message": "a", "numbers": [1, "b"]}}, "numbers", "a list, each item an integer"),
    ("echo", {"inputs": {"message": "a", "bounds": {"bbox": [1, 2, 3]}}}, "bounds", "west, south, east, north"),
    ("echo", {"inputs": {"message": "a", "bounds": {"bbox": [0, 9, 1, 2]}}}, "bounds", "south 9"),
    ("echo", {"inputs": {"message": "a", "image": "no base64!"}}, "image", "base64 of image/tiff"),
    ("echo", {"inputs": {"message": "a", "image": "nöt ascii"}}, "image", "base64 of image/tiff"),
    ("climatology", {"inputs": {"data": "nöt ascii"}}, "data", "there is no grid dataset"),
    ("echo", {"inputs": {"message": "a", "image": {"type": "wrong/type"}}}, "image", "base64 of image/tiff"),
    ("echo", {"inputs": {"message": None}}, "message", "it takes text"),
    ("terrain", {"inputs": {"dem": "atlantis"}}, "dem", "'atlantis' here; this service has: both, sea, sst"),
    ("terrain", {"inputs": {"dem": {"value": "AAAA", "mediaType": "text/html"}}}, "dem", "text/html"),
    ("terrain", {"inputs": {"dem": 7}}, "dem", "a grid: a dataset id"),
    ("terrain", {"inputs": {"dem": {"href": "file:///etc/passwd"}}}, "dem", "not an http or https URL"),
    ("terrain", {"inputs": {"dem": {"href": "http://10.0.0.1/a.nc"}}}, "dem", "not a host this service fetches from"),
    ("terrain", {"inputs": {"dem": {"href": "http://169.254.169.254/"}}}, "dem", "none but this service"),
    ("terrain", {"inputs": {"dem": {"collection": "atlantis"}}}, "dem", "'atlantis' here"),
    (
        "zonal-statistics",
        {"inputs": {"grid": "sst", "zones": {"value": {"type": "FeatureCollection", "features": [
            {"type": "Feature", "properties": {}, "geometry": POLYGON},
            {"type": "Feature", "properties": {}, "geometry": BOWTIE}]}}}},
        "zones",
        "feature 1: the geometry is not valid: Self-intersection[0.5 0.5]",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("process", "body", "name", "words"), REFUSED)
@pytest.mark.parametrize("prefer", ["", "respond-async"])
def test_an_input_is_refused_before_anything_is_stored(service_url, process, body, name, words, prefer):
    before = stored(service_url)
    document = problem(execute(service_url, process, body, Prefer=prefer), 400)
    assert document["input"] == name
    assert words in document["detail"]
    assert stored(service_url) == before


def stored(url: str) -> set[str]:
    """All jobs that are listed."""
    return {job["jobID"] for job in requests.get(f"{url}/jobs?limit=10000", timeout=60).json()["jobs"]}


MALFORMED = [
    (b"", "the body is empty"),
    (b"not JSON", "not JSON"),
    (b"[1, 2]", "not a JSON object"),
    (b"null", "not a JSON object"),
    (b'{"inputs": [1]}', "'inputs' is not a JSON object"),
    (b'{"inputs": {"message": "a", "pause": NaN}}', "NaN, which is not JSON"),
    (b'{"inputs": {"message": "a", "pause": Infinity}}', "Infinity, which is not JSON"),
    (b"[" * 100_000, "nested more than 100 deep"),
    (b'{"inputs": {"message": "\xff"}}', "not JSON"),
    (b'{"inputs": {"message": "a"}, "response": "banana"}', "neither 'raw' nor 'document'"),
    (b'{"inputs": {"message": "a"}, "outputs": []}', "'outputs' is not a JSON object"),
    (b'{"inputs": {"message": "a"}, "outputs": {"shout": {}}}', "no output 'shout'; echo has message"),
    (b'{"inputs": {"message": "a"}, "outputs": {"message": {"transmissionMode": "pigeon"}}}', "pigeon"),
    (
        b'{"inputs": {"message": "a"}, "outputs": {"message": {"format": {"mediaType": "image/png"}}}}',
        "image/png",
    ),
    (
        b'{"inputs": {"message": "a"}, "subscriber": {"successUri": "http://a.example/"}}',
        "a.example is not a host this service sends callbacks to",
    ),
]


@pytest.mark.parametrize(("body", "words"), MALFORMED)
def test_a_body_that_is_no_execute_request_is_told(service_url, body, words):
    assert words in problem(execute(service_url, "echo", body), 400)["detail"]


def test_a_body_that_is_too_large_is_refused(service_url):
    body = json.dumps({"inputs": {"message": "x" * 200_000_000}})
    assert "more than 16000000 bytes" in problem(execute(service_url, "echo", body), 413)["detail"]


def test_a_body_that_never_ends_is_refused(service_url):
    blocks = (b"x" * 1_000_000 for _ in range(40))
    stated = {"Content-Type": "application/json"}
    answer = requests.post(f"{service_url}/processes/echo/execution", data=blocks, headers=stated, timeout=60)
    assert answer.status_code == 413


def test_an_unknown_process_job_output_and_page_are_told(service_url):
    exceptions = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
    assert problem(execute(service_url, "nothing", {}), 404)["type"] == f"{exceptions}no-such-process"
    for path, kind in (
        ("processes/nothing", "no-such-process"),
        ("jobs/nothing", "no-such-job"),
        ("jobs/nothing/results", "no-such-job"),
        ("jobs/nothing/results/a", "no-such-job"),
    ):
        answer = requests.get(f"{service_url}/{path}", headers={"Accept": "application/json"}, timeout=60)
        assert problem(answer, 404)["type"] == exceptions + kind
    answer = requests.put(f"{service_url}/processes", headers={"Accept": "application/json"}, timeout=60)
    problem(answer, 405)
    assert "GET" in answer.headers["Allow"]


def half_a_file() -> str:
    """A NetCDF-4 file that was cut, as base64."""
    import tempfile
    from pathlib import Path

    from support.samples import sea_surface

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sea.nc"
        sea_surface()[["sst"]].to_netcdf(path)
        content = path.read_bytes()
    return base64.b64encode(content[: len(content) // 2]).decode()


FAILED = [
    (
        "terrain",
        {"dem": {"value": half_a_file, "mediaType": "application/x-netcdf"}},
        400,
        "dem",
        "no netcdf file, or a broken one",
    ),
    ("terrain", {"dem": {"value": half_a_file, "format": "netcdf"}}, 400, "dem", "no netcdf file, or a broken one"),
    ("terrain", {"dem": half_a_file}, 400, "dem", "no netcdf file, or a broken one"),
    ("terrain", {"dem": "both"}, 400, "dem", "pick one as 'id:variable'"),
    ("terrain", {"dem": "both:ice"}, 400, "dem", "there is no variable 'ice'"),
    ("terrain", {"dem": {"href": "{url}/jobs/none/results/a"}}, 400, "dem", "answered with status 404"),
    ("terrain", {"dem": "sst"}, 400, "dem", "further dimensions: time (12)"),
]


@pytest.mark.parametrize(("process", "inputs", "status", "name", "words"), FAILED)
def test_what_only_reading_shows_fails_the_call_and_the_job_alike(service_url, process, inputs, status, name, words):
    body = {"inputs": filled(inputs, service_url)}
    now = problem(execute(service_url, process, body), status)
    assert now["input"] == name
    assert words in now["detail"]
    client = ServiceClient(service_url)
    job = client.submit(process, body)
    client.until(job, "failed")
    later = problem(client.get(f"{job}/results", Accept="application/json"), status)
    assert later == now


def filled(value: object, url: str) -> object:
    """Inputs with what is only known now."""
    if callable(value):
        return value()
    if isinstance(value, dict):
        return {name: filled(each, url) for name, each in value.items()}
    return value.replace("{url}", url) if isinstance(value, str) else value


def test_an_array_that_no_memory_holds_is_too_large(service_url):
    content = sparse_grid(100_000)
    assert len(content) < 10_000
    document = problem(execute(service_url, "trend", {"inputs": {"data": content}}), 413)
    assert document["input"] == "data"
    assert "would take 40 GB in memory, where there may be 4.29 GB; send a part of it" in document["detail"]


def test_no_method_lets_proj_fetch_grids(service_url):
    """The service was started with PROJ_NETWORK=ON."""
    assert ServiceClient(service_url).call("proj-is-online").json() is False
