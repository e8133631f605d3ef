"""Grids are asked by position, area and cube, as OGC API - EDR has it: in our service, and in pygeoapi as it comes."""

from __future__ import annotations

import numpy as np
import pytest
import requests
from owslib.ogcapi.edr import EnvironmentalDataRetrieval
from support import odd_grids
from support.services import unmodified

NAMES = ("around", "deep", "utm", "thirty", "later")


def resource(path: str) -> dict:
    """A collection for such queries only, as an operator of pygeoapi writes it."""
    return {
        "type": "collection",
        "title": "A grid",
        "description": "For queries",
        "keywords": ["grid"],
        "extents": {"spatial": {"bbox": [-180, -90, 180, 90]}},
        "providers": [{"type": "edr", "name": "moorage_processes.plugins.edr.Queries", "data": path}],
    }


@pytest.fixture(scope="module", params=["ours", "pygeoapi"])
def url(request, tmp_path_factory):
    if request.param == "ours":
        yield request.getfixturevalue("awkward_service").url
    else:
        folder = tmp_path_factory.mktemp("queries")
        odd_grids.write_all(folder)
        with unmodified(folder / "plain", {name: resource(str(folder / f"{name}.nc")) for name in NAMES}) as service:
            yield service.url


def ask(url: str, path: str, **query: object) -> requests.Response:
    """A query of a collection."""
    query = {name.replace("_", "-"): value for name, value in query.items()}
    return requests.get(f"{url}/collections/{path}", params={"f": "json", **query}, timeout=60)


def axes(document: dict) -> dict[str, list]:
    """The values of all axes."""
    return {name: axis["values"] for name, axis in document["domain"]["axes"].items()}


def test_a_collection_tells_its_queries_and_parameters(url):
    told = requests.get(f"{url}/collections/around?f=json", timeout=60).json()
    assert set(told["data_queries"]) == {"position", "area", "cube"}
    assert set(told["parameter_names"]) == {"heat", "mask"}
    assert told["parameter_names"]["heat"]["unit"]["symbol"]["value"] == "K"


def test_a_position_is_a_series_of_its_cell(url):
    document = ask(url, "around/position", coords="POINT(-12 81)", parameter_name="heat").json()
    assert document["domain"]["domainType"] == "PointSeries"
    assert (axes(document)["x"], axes(document)["y"]) == ([345.0], [85.0])
    assert document["ranges"]["heat"]["values"] == [84985.0, 84985.25, 84985.5]
    instant = ask(url, "around/position", coords="POINT(-12 81)", parameter_name="heat", datetime="2000-02").json()
    assert instant["domain"]["domainType"] == "Point"


def test_a_position_in_a_projected_grid_is_given_in_degrees(url):
    document = ask(url, "utm/position", coords="POINT(9.97 53.55)").json()
    (x,), (y,) = axes(document)["x"], axes(document)["y"]
    assert document["ranges"]["height"]["values"] == [pytest.approx(y - 5930500 + (x - 560500) / 1000)]


def test_levels_are_picked_by_z(url):
    profile = ask(url, "deep/position", coords="POINT(-179 1)").json()
    assert profile["domain"]["domainType"] == "VerticalProfile"
    assert axes(profile)["z"] == [5.0, 50.0, 500.0]
    assert axes(ask(url, "deep/position", coords="POINT(-179 1)", z="50").json())["z"] == [50.0]
    assert axes(ask(url, "deep/cube", bbox="175,-5,-175,5", z="5/50").json())["z"] == [5.0, 50.0]


def test_a_cube_may_go_over_180_degrees(url):
    document = ask(url, "deep/cube", bbox="175,-2,-175,2").json()
    assert axes(document)["x"] == [175.0, 177.0, 179.0, 181.0, 183.0, 185.0]
    assert axes(document)["y"] == [-1.0, 1.0]


def test_an_area_has_values_inside_and_null_outside(url):
    query = {"coords": "POLYGON((0 0, 40 0, 0 40, 0 0))", "parameter_name": "heat", "datetime": "2000-02"}
    document = ask(url, "around/area", **query).json()
    shape = document["ranges"]["heat"]["shape"]
    values = np.array(document["ranges"]["heat"]["values"], dtype=float).reshape(shape)[0]
    lon, lat = np.meshgrid(axes(document)["x"], axes(document)["y"])
    assert np.array_equal(np.isnan(values), lon + lat > 40)
    assert np.allclose(values[~np.isnan(values)], (odd_grids.place(lon, lat) + 0.25)[~np.isnan(values)])


@pytest.mark.parametrize(
    ("path", "query", "status", "words"),
    [
        ("around/position", {"coords": "LINESTRING(0 0, 1 1)"}, 400, "a position is a POINT"),
        ("around/area", {"coords": "POINT(0 0)"}, 400, "an area is a POLYGON"),
        ("around/position", {"coords": "POINT(0 95)"}, 400, "does not meet the data"),
        ("deep/position", {"coords": "POINT(175 1)", "z": "6"}, 400, "which has 5.0, 50.0, 500.0"),
        ("deep/position", {"coords": "POINT(175 1)", "z": "1/2/3"}, 400, "is not a level or low/high"),
        ("later/position", {"coords": "POINT(0 0)"}, 503, "its file is not there"),
        ("later/cube", {"bbox": "0,0,1,1"}, 503, "its file is not there"),
    ],
)
def test_what_cannot_be_answered_is_told(url, path, query, status, words):
    answer = ask(url, path, **query)
    assert answer.status_code == status
    assert words in answer.json()["description"]


def test_owslib_asks_them(url):
    client = EnvironmentalDataRetrieval(url)
    assert "around" in client.data()
    document = client.query_data("around", "position", coords="POINT(-12 81)", parameter_names=["heat"])
    assert document["ranges"]["heat"]["values"][0] == 84985.0
