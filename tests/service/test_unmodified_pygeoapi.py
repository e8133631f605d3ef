"""Our plugins in pygeoapi as it comes: listed, described, executed; kept, followed and dismissed by our manager.

What that server itself gets wrong is written beside the test that meets it, not worked around.
"""

from __future__ import annotations

import base64
import io
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import requests
import xarray as xr
import yaml
from mooring_processes.ogc.plugin import entry_of
from serving import HELLO, unmodified

BENCH = Path(__file__).parents[1] / "bench" / "methods.py"
TESTS = Path(__file__).parent / "methods_for_tests.py"
PLUGIN = "mooring_processes.ogc.plugin.Method"
FUNCTIONS = {
    "hello": f"{BENCH}:hello",
    "array": f"{BENCH}:array",
    "echo": "mooring_processes.methods.echo:echo",
    "terrain": "mooring_processes.methods.terrain:terrain",
    "zonal-statistics": "mooring_processes.methods.zonal_statistics:zonal_statistics",
    "climatology": "mooring_processes.methods.climatology:climatology",
    "noise": f"{TESTS}:noise",
    "decline": f"{TESTS}:decline",
    "fail": f"{TESTS}:fail",
}
OURS = {
    name: {"type": "process", "processor": {"name": PLUGIN, "function": function}}
    for name, function in FUNCTIONS.items()
}
OLDEST = version("pygeoapi").startswith("0.21")
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}
ZONE = {
    "type": "FeatureCollection",
    "features": [{"type": "Feature", "properties": {"name": "all"}, "geometry": SQUARE}],
}
both = pytest.mark.parametrize("service", ["plain", "managed"])


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    with unmodified(tmp_path_factory.mktemp("plain"), HELLO | OURS) as service:
        yield service.url


@pytest.fixture(scope="module")
def managed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("managed")
    manager = {"name": "mooring_processes.ogc.manager.Manager", "connection": str(folder / "state"), "output_dir": "/"}
    with unmodified(folder, HELLO | OURS, manager=manager) as service:
        yield service.url


@pytest.fixture
def url(service, request):
    """URL of the service a test is run against."""
    return request.getfixturevalue(service)


def execute(url: str, process: str, inputs: dict, body: dict | None = None, **headers: str) -> requests.Response:
    """Post an execute request."""
    document = {"inputs": inputs} | (body or {})
    return requests.post(f"{url}/processes/{process}/execution", json=document, headers=headers, timeout=60)


def finished(url: str, process: str, inputs: dict, body: dict | None = None) -> tuple[str, dict]:
    """URL and last state of a job."""
    answer = execute(url, process, inputs, body, Prefer="respond-async")
    assert answer.status_code == 201, answer.text
    job = answer.headers["Location"]
    deadline = time.monotonic() + 60
    while (state := state_of(job))["status"] in ("accepted", "running"):
        assert time.monotonic() < deadline, state
        time.sleep(0.05)
    return job, state


def state_of(job: str) -> dict:
    return requests.get(f"{job}?f=json", timeout=60).json()


def encoded(array: xr.DataArray) -> str:
    """A grid as it stands in a request."""
    return base64.b64encode(bytes(array.to_netcdf(engine="h5netcdf"))).decode()


def decoded(qualified: dict) -> xr.DataArray:
    """A grid as it stands among several results."""
    assert (qualified["mediaType"], qualified["encoding"]) == ("application/x-netcdf", "base64")
    file = io.BytesIO(base64.b64decode(qualified["value"]))
    return xr.load_dataarray(file, engine="h5netcdf", decode_coords="all")


def field(values: np.ndarray) -> xr.DataArray:
    """Values on a square of cells from 0 degrees east and north on, one degree each."""
    steps = np.arange(len(values)) + 0.5
    coords = {"lat": ("lat", steps, {"units": "degrees_north"}), "lon": ("lon", steps, {"units": "degrees_east"})}
    return xr.DataArray(values.astype("float32"), coords, ("lat", "lon"), name="height")


def months() -> xr.DataArray:
    """Two years in which every month has the number of its year."""
    time = xr.date_range("2000", periods=24, freq="MS")
    years = xr.DataArray(np.repeat([2000.0, 2001.0], 12), {"time": time}, ("time",))
    return (field(np.zeros((2, 2))) + years).rename("t").transpose("time", "lat", "lon")


# Listed and described


@both
def test_a_function_is_listed(url):
    listed = requests.get(f"{url}/processes?f=json", timeout=60).json()["processes"]
    assert {"hello-world", *OURS} == {process["id"] for process in listed}


@both
@pytest.mark.parametrize("process", OURS)
def test_a_function_is_described_as_we_describe_it(url, process):
    """pygeoapi passes inputs and outputs on as they are, and makes a page of them."""
    told = requests.get(f"{url}/processes/{process}?f=json", timeout=60).json()
    ours = entry_of(OURS[process]["processor"]).description
    same = ("id", "title", "description", "version", "keywords", "inputs", "outputs")
    assert {name: told[name] for name in same} == {name: ours[name] for name in same}
    page = requests.get(f"{url}/processes/{process}?f=html", timeout=60)
    assert page.status_code == 200
    assert all(name in page.text for name in [*ours["inputs"], *ours["outputs"]])


@both
def test_how_it_may_be_executed_is_told_by_later_releases(url, service):
    """0.21 says the same of every process: what its manager can, and values only."""
    told = requests.get(f"{url}/processes/noise?f=json", timeout=60).json()
    if OLDEST:
        by_manager = {"plain": ["sync-execute"], "managed": ["sync-execute", "async-execute"]}
        assert told["jobControlOptions"] == by_manager[service]
        assert told["outputTransmission"] == ["value"]
    else:
        assert told["jobControlOptions"] == ["async-execute", "dismiss"]
        assert told["outputTransmission"] == ["value", "reference"]


@both
def test_its_openapi_has_a_function(url):
    paths = requests.get(f"{url}/openapi?f=json", timeout=60).json()["paths"]
    assert {f"/processes/{process}/execution" for process in OURS} <= set(paths)


def test_its_openapi_is_valid_where_no_output_states_formats(tmp_path):
    """pygeoapi copies the schema of a process's first output into its OpenAPI as it stands.

    There ``contentMediaType``, by which the standard has a schema state a format, is no member; pygeoapi takes it out
    of a schema, but not out of the alternatives of one. Those of its own processes state none.
    """
    assert validated(tmp_path / "echo", {"echo": OURS["echo"]}) == ""
    assert "ValidationError" in validated(tmp_path / "terrain", {"terrain": OURS["terrain"]})


def validated(folder: Path, resources: dict) -> str:
    """What pygeoapi says against the OpenAPI it generates."""
    with unmodified(folder, resources):
        command = [sys.executable, "-c", "from pygeoapi import cli; cli()", "openapi", "validate"]
        done = subprocess.run([*command, str(folder / "openapi.yml")], capture_output=True, text=True, check=False)
    assert yaml.safe_load((folder / "openapi.yml").read_text())["openapi"].startswith("3.0")
    return done.stderr.strip() if done.returncode else ""


# Executed


@both
def test_a_function_is_executed(url):
    answer = execute(url, "hello", {"name": "Ada"})
    assert answer.status_code == 200
    assert answer.json() == "Hello Ada!"
    assert answer.headers["Content-Type"].startswith("application/json")


@both
def test_a_file_is_sent_as_it_is(url):
    grid = execute(url, "array", {"megabytes": 1})
    assert grid.headers["Content-Type"] == "application/x-netcdf"
    assert grid.content.startswith(b"\x89HDF")


@both
def test_several_outputs_are_one_object(url):
    answer = execute(url, "echo", {"message": "a", "numbers": [1, 2]})
    assert answer.json() == {"message": "a", "numbers": [1, 2]}


@both
def test_outputs_are_chosen(url):
    answer = execute(url, "echo", {"message": "a", "numbers": [1, 2]}, {"outputs": {"numbers": {}}})
    assert answer.json() == [1, 2]
    answer = execute(url, "echo", {"message": "a", "numbers": [1, 2]}, {"outputs": {"message": {}}})
    assert answer.json() == "a"


@both
def test_our_science_runs_there(url):
    hills = execute(url, "terrain", {"dem": encoded(field(np.zeros((3, 3))))}).json()
    assert decoded(hills["slope"])[1, 1] == 0
    usual = execute(url, "climatology", {"data": encoded(months())}).json()
    np.testing.assert_allclose(decoded(usual["climatology"]), np.full((12, 2, 2), 2000.5))
    np.testing.assert_allclose(decoded(usual["anomaly"])[:12], np.full((12, 2, 2), -0.5))
    inputs = {"grid": encoded(field(np.array([[1, 2], [3, 4]]))), "zones": ZONE}
    zones = execute(url, "zonal-statistics", inputs)
    assert zones.headers["Content-Type"] == "application/geo+json"
    assert zones.json()["features"][0]["properties"]["mean"] == pytest.approx(2.5)


@both
def test_a_wrong_input_is_refused_in_our_words(url):
    """pygeoapi answers 400 whatever a processor raises, and frames the words in its own."""
    answer = execute(url, "hello", {"name": 5})
    assert answer.status_code == 400
    assert "name: 5 will not do; it takes text" in answer.text


@both
def test_a_body_that_is_no_object_fails_before_it_comes_to_us(url):
    assert requests.post(f"{url}/processes/echo/execution", data="[1]", timeout=60).status_code == 500


def test_angle_brackets_are_its_own_matter(managed):
    """Later releases write ``<`` as HTML does, also into the values of JSON; stored results are as they were."""
    inputs = {"message": "<b>", "numbers": [1]}
    assert execute(managed, "echo", inputs).json()["message"] == ("<b>" if OLDEST else "&lt;b&gt;")
    job, _ = finished(managed, "echo", inputs)
    assert requests.get(f"{job}/results?f=json", timeout=60).json()["message"] == "<b>"


def test_a_document_is_the_same_object(managed, plain):
    """Without jobs pygeoapi packs it into a list of its own."""
    document = {"response": "document"}
    assert execute(managed, "echo", {"message": "a"}, document).json() == {"message": "a"}
    assert execute(plain, "echo", {"message": "a"}, document).json() == {"outputs": [{"message": "a"}]}


def test_processes_of_others_go_on_working(managed):
    answer = execute(managed, "hello-world", {"name": "Ada"})
    assert "Hello Ada!" in answer.text


# Jobs


def test_a_job_is_kept_followed_and_removed(managed):
    job, state = finished(managed, "echo", {"message": "teststring", "numbers": [1]})
    assert (state["status"], state["processID"], state["progress"]) == ("successful", "echo", 100)
    assert requests.get(f"{job}?f=html", timeout=60).status_code == 200
    results = requests.get(f"{job}/results?f=json", timeout=60)
    assert results.json() == {"message": "teststring", "numbers": [1]}
    listed = requests.get(f"{managed}/jobs?f=json", timeout=60).json()["jobs"]
    assert listed[0]["jobID"] == job.rsplit("/", 1)[-1]
    assert requests.delete(job, timeout=60).json()["status"] == "dismissed"
    assert requests.get(f"{job}?f=json", timeout=60).status_code == 404
    assert requests.delete(job, timeout=60).status_code == 404


def test_the_answer_to_a_job_that_was_accepted(managed):
    """0.21 sends what the manager gives, a whole statusInfo; later releases send three members of their own.

    For a document 0.21 sends an empty object.
    """
    state = execute(managed, "echo", {"message": "a"}, Prefer="respond-async").json()
    assert state["status"] == "accepted"
    assert ("processID" in state) is OLDEST
    state = execute(managed, "echo", {"message": "a"}, {"response": "document"}, Prefer="respond-async").json()
    assert (state == {}) is OLDEST


def test_a_preference_among_others_is_passed_over(managed):
    """pygeoapi knows ``respond-async`` only where it stands alone."""
    assert execute(managed, "echo", {"message": "a"}, Prefer="respond-async, wait=5").status_code == 200


def test_what_cannot_be_waited_for_becomes_a_job(managed):
    answer = execute(managed, "noise", {"size": 10})
    assert answer.status_code == 201
    assert answer.headers["Preference-Applied"] == "respond-async"


def test_results_are_files_and_pages(managed):
    """pygeoapi gives a page to whoever does not ask for JSON, but for results that are files."""
    job, _ = finished(managed, "noise", {"size": 10})
    results = requests.get(f"{job}/results", timeout=60)
    assert results.headers["Content-Type"] == "application/x-netcdf"
    assert results.content.startswith(b"\x89HDF")
    job, _ = finished(managed, "echo", {"message": "teststring"})
    assert requests.get(f"{job}/results", timeout=60).headers["Content-Type"] == "text/html"


def test_a_single_value_is_kept_as_it_is(managed):
    job, _ = finished(managed, "hello", {"name": "Ada"})
    assert requests.get(f"{job}/results?f=json", timeout=60).json() == "Hello Ada!"


def test_progress_is_shown_and_a_job_is_stopped(managed):
    """pygeoapi answers a dismissal in JSON that it calls HTML, and has no words for the results of such a job."""
    job = execute(managed, "echo", {"message": "a", "pause": 60}, Prefer="respond-async").headers["Location"]
    deadline = time.monotonic() + 60
    while (state := state_of(job))["progress"] < 1:
        assert time.monotonic() < deadline, state
        time.sleep(0.05)
    assert (state["status"], state["message"]) == ("running", "waiting")
    dismissed = requests.delete(job, timeout=60)
    assert dismissed.headers["Content-Type"].startswith("text/html")
    assert dismissed.json()["status"] == "dismissed"
    assert state_of(job)["status"] == "dismissed"
    assert requests.get(f"{job}/results?f=json", timeout=60).status_code == 500


@pytest.mark.parametrize(("process", "words"), [("decline", "the period holds no data"), ("fail", "under reference")])
def test_a_failed_job_says_why(managed, process, words):
    """pygeoapi says of the results of any such job just that it failed, as if the caller could mend it."""
    job, state = finished(managed, process, {})
    assert state["status"] == "failed"
    assert words in state["message"]
    assert "s3cret" not in state["message"]
    results = requests.get(f"{job}/results?f=json", timeout=60)
    assert (results.status_code, results.json()["description"]) == (400, "job failed")
