"""Our plugins in pygeoapi as it comes: listed, described, executed.

What that server itself gets wrong is written beside the test that meets it, not worked around.
"""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import requests
import xarray as xr
import yaml
from moorage_processes.plugins.processor import entry_of
from plugins_for_pygeoapi import MANAGER, OLDEST, OURS, execute, finished, with_our_plugins
from support.services import unmodified

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}
ZONE = {
    "type": "FeatureCollection",
    "features": [{"type": "Feature", "properties": {"name": "all"}, "geometry": SQUARE}],
}
pytestmark = [pytest.mark.starts, pytest.mark.xdist_group("unmodified pygeoapi")]
both = pytest.mark.parametrize("service", ["plain", "managed"])


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    with with_our_plugins(tmp_path_factory.mktemp("plain")) as url:
        yield url


@pytest.fixture(scope="module")
def managed(tmp_path_factory):
    with with_our_plugins(tmp_path_factory.mktemp("managed"), MANAGER) as url:
        yield url


@pytest.fixture
def url(service, request):
    """URL of the service a test is run against."""
    return request.getfixturevalue(service)


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
    assert "name: 5 is not valid; it takes text" in answer.text


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
