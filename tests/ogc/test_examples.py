"""The calls to copy on the page of a process are about data that the service has and that suit it, and run as they are.

``MOORAGE_DEEP=1`` runs each in curl, Python and JavaScript, on the data of the demonstration, and on those of a folder
that ``MOORAGE_EXAMPLES`` names.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
import xarray as xr
import yaml
from moorage_processes.catalogue.reading import describe_here, read_catalogue
from moorage_processes.commands import demo
from moorage_processes.data.datasets import Datasets, from_config
from moorage_processes.errors import ServingError
from moorage_processes.network.fetch import Policy
from moorage_processes.ogc.pages.examples import YourFile, examples
from moorage_processes.ogc.pages.snippets import Snippets
from moorage_processes.ogc.requests.input_validation import InputValidator
from support.pages_service import call_of, hills, zones
from support.patience import PATIENCE
from support.programs import program
from support.samples import sea_surface
from support.service_client import ServiceClient
from support.services import serve

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Catalogue

DEEP, FOLDER = os.environ.get("MOORAGE_DEEP"), os.environ.get("MOORAGE_EXAMPLES")
RUN = {"curl": ["bash", "-c"], "python": [sys.executable, "-c"]}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The methods that come with Moorage."""
    return read_catalogue([])


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory) -> Path:
    """What the demonstration leaves, but for its pictures."""
    folder = tmp_path_factory.mktemp("demonstrated")
    dem = demo.elevation_model()
    for name, data in ((demo.MODEL, dem), (demo.COAST, demo.coast()), (demo.WEATHER, demo.weather(dem))):
        data.to_netcdf(folder / name)
    demo.catchments(dem).to_file(folder / demo.CATCHMENTS, driver="GeoJSON")
    (folder / demo.CONFIGURATION).write_text(demo.DATASETS)
    return folder


def known(folder: Path, **paths: Any) -> Datasets:
    """Datasets of a folder."""
    return Datasets(from_config(paths, folder))


def described(catalogue: Catalogue, process: str) -> Mapping[str, Any]:
    return catalogue[process].description["inputs"]


def test_every_method_finds_data_of_the_demonstration_that_suit_it(catalogue, demonstrated):
    datasets = known(demonstrated, **yaml.safe_load(demo.DATASETS)["datasets"])
    for entry in catalogue.values():
        calls = Snippets(entry, "http://localhost", datasets)
        assert not calls.needs_file, entry.id
        InputValidator(entry, datasets, Policy(own="")).check(calls.inputs)
    zonal = examples(described(catalogue, "zonal-statistics"), datasets)
    assert zonal == {"grid": "jacksboro", "zones": "catchments"}
    assert examples(described(catalogue, "climate-index"), datasets)["data"] == "weather:tasmax"
    pair = examples(described(catalogue, "correlation-map"), datasets)
    assert pair == {"data": "weather:tasmax", "other": "weather:tasmin"}
    members = examples(described(catalogue, "ensemble-statistics"), datasets)["members"]
    assert members == ["weather:tasmax", "weather:tasmin"]


def test_values_follow_from_the_data(catalogue, tmp_path):
    sea_surface()[["sst"]].to_netcdf(tmp_path / "warmth.nc")
    sst = sea_surface().sst
    (tmp_path / "places.geojson").write_text(json.dumps(zones()))
    datasets = known(tmp_path, warmth="warmth.nc", places="places.geojson")
    box = examples(described(catalogue, "subset"), datasets)
    west, south, east, north = box["bbox"]["bbox"]
    assert -180 < west < east < 180
    assert float(sst.lat.min()) < south < north < float(sst.lat.max())
    assert box["period"] in str(sst.time.values[0])
    assert float(sst.min()) < examples(described(catalogue, "threshold-exceedance"), datasets)["threshold"] < sst.max()
    # one map of several, where a method takes no more
    lines = examples(described(catalogue, "contours"), datasets)
    assert lines["data"] == {"collection": "warmth", "datetime": str(sst.time.values[0])[:19] + "Z"}
    assert 0 < lines["interval"] < float(sst.max() - sst.min())
    step = float(sst.lon[1] - sst.lon[0])
    assert examples(described(catalogue, "regrid"), datasets)["resolution"] == pytest.approx(2 * step, rel=0.01)
    assert examples(described(catalogue, "zonal-statistics"), datasets)["zones"] == "places"
    assert examples(described(catalogue, "percentile"), datasets)["percentiles"] == [10, 50, 90]


def test_features_are_made_up_where_those_of_the_service_lie_elsewhere(catalogue, tmp_path):
    hills().to_netcdf(tmp_path / "hills.nc")
    (tmp_path / "places.geojson").write_text(json.dumps(zones()))
    datasets = known(tmp_path, hills="hills.nc", places="places.geojson")
    for process, name, shape in (("zonal-statistics", "zones", "Polygon"), ("point-series", "points", "Point")):
        first, *_ = examples(described(catalogue, process), datasets)[name]["features"]
        assert first["geometry"]["type"] == shape
        west, south, east, north = shapely.from_geojson(json.dumps(first)).bounds
        assert 10 < west <= east < 10.15
        assert 51 < south <= north < 51.11


def test_data_that_do_not_suit_are_not_named(catalogue, tmp_path):
    sea_surface()[["sst"]].to_netcdf(tmp_path / "terrain.nc")
    datasets = known(tmp_path, terrain="terrain.nc")
    # neither the name nor the title makes degrees Celsius an elevation, nor months days
    assert examples(described(catalogue, "terrain"), datasets)["dem"] == YourFile("dem.nc")
    assert examples(described(catalogue, "climate-index"), datasets)["data"] == YourFile("data.nc")
    assert examples(described(catalogue, "trend"), datasets)["data"] == "terrain"


def test_a_column_of_measured_values_is_named(catalogue, tmp_path):
    features = [
        {
            "type": "Feature",
            "properties": {"station_id": number, "height": 10.0, "rain": number / 3, "lon": 5.0 + number},
            "geometry": {"type": "Point", "coordinates": [5.0 + number, 50.0]},
        }
        for number in range(5)
    ]
    (tmp_path / "gauges.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    asked = examples(described(catalogue, "interpolate-stations"), known(tmp_path, gauges="gauges.geojson"))
    # 4 degrees, about 440 km, in steps of metres
    assert asked == {"stations": "gauges", "resolution": 5000.0, "column": "rain"}


def test_a_grid_over_180_degrees_has_its_box(catalogue, tmp_path):
    lon = np.arange(170.5, 190)
    values = np.ones((4, len(lon)), dtype="float32")
    lat = ("lat", np.arange(-1.5, 2), {"units": "degrees_north"})
    coords = {"lat": lat, "lon": ("lon", lon, {"units": "degrees_east"})}
    xr.DataArray(values, coords, ("lat", "lon"), "depth", {"units": "m"}).to_netcdf(tmp_path / "fiji.nc")
    asked = examples(described(catalogue, "subset"), known(tmp_path, fiji="fiji.nc"))
    assert asked["bbox"] == {"bbox": [175.0, -1.0, 185.0, 1.0]}


FLOOD = """
from moorage_processes import process

@process(example={example})
def flood(level: float, steps: int = 3, mode: str = "fast", *, crs: str | None = None) -> float:
    return level
"""


def shown(folder: Path, example: str) -> dict[str, Any]:
    """What the example of a method of an author gives."""
    # each has a name of its own in this process
    file = folder / f"flood_{abs(hash(example))}.py"
    file.write_text(FLOOD.replace("{example}", example))
    return examples(describe_here(f"{file}:flood").description["inputs"], Datasets({}))


def test_an_author_says_what_an_example_gives(tmp_path):
    assert shown(tmp_path, "None") == {"level": 1.0}


def test_values_of_the_author_are_given_as_they_are(tmp_path):
    assert shown(tmp_path, '{"level": 2.5, "steps": 7}') == {"level": 2.5, "steps": 7}


def test_what_would_follow_from_data_is_left_out_where_there_are_none(tmp_path):
    assert shown(tmp_path, '{"crs": ...}') == {"level": 1.0}


def test_an_example_of_something_else_is_refused(tmp_path):
    with pytest.raises(ServingError, match="its example gives 'depth', which is not an input; it takes crs, level"):
        shown(tmp_path, '{"depth": 1}')


def run(language: str, text: str, folder: Path) -> str:
    """What went wrong with a call in a folder, if anything."""
    if language == "javascript":
        (folder / "call.mjs").write_text(text)
        command = [program("node"), "call.mjs"]
    else:
        command = [*RUN[language], text.replace("curl -sS", "curl -sS --fail-with-body")]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=10 * PATIENCE)
    return "" if done.returncode == 0 else f"{language}: {text}\n{done.stderr[-1000:]}{done.stdout[-1000:]}"


def failures(url: str, folder: Path) -> list[str]:
    """The calls of all methods that do not run, in a folder that has an elevation model of the caller's."""
    hills().to_netcdf(folder / "dem.nc")
    names = [each["id"] for each in ServiceClient(url).get("/processes?limit=1000").json()["processes"]]
    assert len(names) > 20
    calls = [(language, call_of(url, name, language)) for name in names for language in (*RUN, "javascript")]
    return [failure for language, text in calls if (failure := run(language, text, folder))]


def check_all(tmp_path: Path, folder: Path) -> None:
    """Serve all data of a folder, and run all calls there."""
    files = [each for each in folder.iterdir() if each.suffix in (".nc", ".geojson")]
    with serve(tmp_path, ours=True, datasets={each.stem: {"path": str(each)} for each in files}) as service:
        assert failures(service.url, tmp_path) == []


if DEEP:  # the plain run has `test_pages.py: test_every_call_of_our_methods_runs_as_it_stands`

    def test_every_call_runs_as_it_stands(demonstrated, tmp_path):
        check_all(tmp_path, demonstrated)


if FOLDER:

    def test_every_call_runs_as_it_stands_on_data_of_a_folder(tmp_path):
        check_all(tmp_path, Path(FOLDER))
