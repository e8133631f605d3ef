"""Datasets of the configuration are collections: right where they open, told where they do not, read only in part."""

from __future__ import annotations

import io
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import rasterio
import requests
import xarray as xr
from moorage_processes.app import create_app
from moorage_processes.configuration.configuration import ConfigurationError, read_configuration
from pyproj import Transformer
from support import odd_grids
from support.coverages import NETCDF, coverage, get, netcdf
from support.services import serve
from support.waiting import eventually

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
GEOTIFF = "image/tiff; application=geotiff"
GEOJSON = "application/geo+json"


@pytest.fixture(scope="module")
def folder(awkward_folder):
    return awkward_folder


@pytest.fixture(scope="module")
def url(awkward_service):
    return awkward_service.url


def utm_box(west: float, south: float, east: float, north: float) -> list[float]:
    """The box around the corners of one in UTM, in longitude and latitude."""
    corners = Transformer.from_crs(odd_grids.UTM, "OGC:CRS84", always_xy=True).transform(
        [west, west, east, east], [south, north] * 2
    )
    return [min(corners[0]), min(corners[1]), max(corners[0]), max(corners[1])]


# The list


def test_all_datasets_are_listed_those_that_do_not_open_with_the_reason(url):
    listed = {each["id"]: each for each in get(url, "").json()["collections"]}
    assert set(listed) >= {"around", "deep", "utm", "json", "wells", "short", "later"}
    told = {name: each["description"] for name, each in listed.items() if "Unavailable" in each["description"]}
    assert told == {
        "curved": "Unavailable: its axes ['x', 'y'] have no coordinates; a curvilinear grid is not served.",
        "short": "Unavailable: its file is cut short.",
        "cut": "Unavailable: its file is broken, or holds no grid.",
        "noise": "Unavailable: its file is broken, or holds no grid.",
        "later": "Unavailable: its file is not there.",
        "torn": "Unavailable: its file is broken, or holds no features.",
        "unplaced": "Unavailable: it states no coordinate reference system; give one with crs: in the configuration.",
    }


@pytest.mark.parametrize("name", ["curved", "short", "cut", "noise", "later", "torn", "unplaced"])
def test_what_does_not_open_is_one_clear_error_without_a_path(url, folder, name):
    for path in ("coverage",) if name != "torn" else ("items", "items/1"):
        answer = get(url, f"/{name}/{path}")
        assert answer.status_code == 503
        assert f"the dataset '{name}' of this service cannot be opened: " in answer.text
        assert str(folder) not in answer.text
    for path in ("", "/schema", "/queryables"):
        answer = get(url, f"/{name}{path}")
        assert answer.status_code == 200
        assert str(folder) not in answer.text


def test_a_file_that_appears_later_works_without_a_restart(url, folder):
    assert get(url, "/later/coverage").status_code == 503
    shutil.copy(folder / "around.nc", folder / "later.nc")
    for _ in range(8):  # of several processes, each finds out by itself
        assert coverage(url, "later", bbox="0,-10,20,10")["parameters"]["heat"]["unit"]["symbol"] == "K"
        told = get(url, "/later").json()
        assert told["title"] == "All around the Earth"
        assert told["extent"]["temporal"]["interval"] == [["2000-01-31T00:00:00Z", "2000-03-31T00:00:00Z"]]
    (folder / "later.nc").unlink()
    assert get(url, "/later/coverage").status_code == 503
    assert get(url, "/later").json()["description"] == "Unavailable: its file is not there."


def test_a_collection_tells_where_and_when_and_along_which_axes(url):
    around = get(url, "/around").json()
    assert around["title"] == "All around the Earth"
    assert around["description"] == "heat, mask on 36 ost x 3 wann x 18 nord, in longitude and latitude."
    assert around["extent"]["spatial"] == {
        "bbox": [[-180.0, -90.0, 180.0, 90.0]],
        "crs": CRS84,
        "grid": [{"cellsCount": 36, "resolution": 10.0}, {"cellsCount": 18, "resolution": 10.0}],
    }
    assert around["extent"]["temporal"] == {
        "interval": [["2000-01-31T00:00:00Z", "2000-03-31T00:00:00Z"]],
        "grid": {"resolution": "P1M"},
    }
    deep = get(url, "/deep").json()["extent"]
    assert deep["spatial"]["bbox"] == [[170.0, -10.0, -170.0, 10.0]]
    assert deep["depth"]["interval"] == [[5.0, 500.0]]
    assert deep["depth"]["grid"] == {"cellsCount": 3, "coordinates": [5.0, 50.0, 500.0]}
    assert "temporal" not in deep


def test_a_projected_grid_is_placed_on_the_earth_and_in_its_own_crs(url):
    for name in ("utm", "placed"):
        told = get(url, f"/{name}").json()
        assert told["extent"]["spatial"]["storageCrsBbox"] == [[560000.0, 5930000.0, 570000.0, 5938000.0]]
        assert np.allclose(told["extent"]["spatial"]["bbox"], [utm_box(560000, 5930000, 570000, 5938000)], atol=1e-4)
        assert "in EPSG:25832" in told["description"]


@pytest.mark.parametrize(
    ("name", "calendar", "last"), [("noleap", "noleap", "2001-12-24"), ("thirty", "360_day", "2001-12-30")]
)
def test_other_calendars_are_told(url, name, calendar, last):
    temporal = get(url, f"/{name}").json()["extent"]["temporal"]
    assert temporal["interval"][0][1] == f"{last}T00:00:00Z"
    assert temporal["cf:calendar"] == calendar
    system = coverage(url, name)["domain"]["referencing"][1]["system"]
    assert system["cf:calendar"] == calendar


def test_the_variables_are_the_schema_with_their_units(url):
    schema = get(url, "/around/schema").json()
    assert schema["properties"] == {
        "heat": {"title": "Heat", "type": "number", "x-ogc-unit": "K"},
        "mask": {"title": "Land", "type": "integer", "x-ogc-unit": ""},
    }
    salt = get(url, "/deep/schema").json()["properties"]["salt"]
    assert salt["x-ogc-definition"] == "https://vocab.nerc.ac.uk/standard_name/sea_water_salinity/"


@pytest.mark.parametrize("name", ["around", "utm"])
def test_links_lead_to_all_formats_and_ask_for_what_each_can_hold(url, name):
    links = [link for link in get(url, f"/{name}").json()["links"] if link["rel"].endswith(("/coverage", "preview"))]
    assert {link["type"] for link in links} >= {"application/prs.coverage+json", NETCDF, GEOTIFF, GEOJSON, "image/png"}
    for link in links:
        answer = requests.get(link["href"], timeout=60)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"].startswith(link["type"])


@pytest.mark.parametrize("place", ["wells/items", "utm/items", "wells/items/1"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_datasets_are_read_only(url, place, method):
    answer = requests.request(method, f"{url}/collections/{place}", json={}, timeout=60)
    assert answer.status_code == 405
    assert answer.json()["type"] == "MethodNotAllowed"
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_classes_are_declared_for_the_kinds_of_data_there_are(url):
    classes = requests.get(f"{url}/conformance?f=json", timeout=60).json()["conformsTo"]
    for name in ("common-2/1.0/conf/collections", "features-1/1.0/conf/geojson", "edr-1/1.0/conf/core"):
        assert f"http://www.opengis.net/spec/ogcapi-{name}" in classes


# The data


def test_coverage_json_has_axes_references_units_and_null_where_there_is_nothing(url):
    document = coverage(url, "around", bbox="0,70,20,90", properties="heat")
    assert document["type"] == "Coverage"
    assert document["domain"]["domainType"] == "Grid"
    axes = {name: axis["values"] for name, axis in document["domain"]["axes"].items()}
    assert axes == {
        "x": [5.0, 15.0],
        "y": [85.0, 75.0],
        "t": ["2000-01-31T00:00:00Z", "2000-02-29T00:00:00Z", "2000-03-31T00:00:00Z"],
    }
    assert document["domain"]["referencing"] == [
        {"coordinates": ["x", "y"], "system": {"type": "GeographicCRS", "id": CRS84}},
        {"coordinates": ["t"], "system": {"type": "TemporalRS", "calendar": "Gregorian"}},
    ]
    assert document["parameters"]["heat"]["unit"] == {"label": {"en": "K"}, "symbol": "K"}
    heat = document["ranges"]["heat"]
    assert (heat["axisNames"], heat["shape"], heat["dataType"]) == (["t", "y", "x"], [3, 2, 2], "float")
    assert heat["values"][:5] == [None, 85015.0, 75005.0, 75015.0, 85005.25]


def test_a_variable_without_an_axis_of_others_repeats_along_it(url):
    ranges = coverage(url, "around", bbox="0,70,20,90")["ranges"]
    assert ranges["mask"]["shape"] == ranges["heat"]["shape"]
    assert ranges["mask"]["dataType"] == "integer"


def test_levels_are_an_axis_with_a_direction(url):
    document = coverage(url, "deep", subset="depth(5:50),lat(1),lon(179)")
    assert document["domain"]["axes"]["z"]["values"] == [5.0, 50.0]
    (vertical,) = [each["system"] for each in document["domain"]["referencing"] if each["coordinates"] == ["z"]]
    assert vertical["cs"]["csAxes"][0]["direction"] == "down"
    assert vertical["cs"]["csAxes"][0]["unit"] == {"symbol": "m"}
    assert np.allclose(document["ranges"]["salt"]["values"], [6.79, -38.21], atol=0.02)


def test_a_projected_coverage_says_its_crs(url):
    system = coverage(url, "utm")["domain"]["referencing"][0]["system"]
    assert system == {"type": "ProjectedCRS", "id": "http://www.opengis.net/def/crs/EPSG/0/25832"}
    part = coverage(
        url,
        "utm",
        **{"bbox": "560000,5930000,562000,5931000", "bbox-crs": "http://www.opengis.net/def/crs/EPSG/0/25832"},
    )
    assert part["domain"]["axes"]["x"]["values"] == [560500.0, 561500.0]


def test_netcdf_holds_the_part_with_names_units_and_places(url):
    part = netcdf(url, "around", bbox="-20,-10,20,10", datetime="2000-02/..", properties="heat")
    assert dict(part.sizes) == {"ost": 4, "wann": 2, "nord": 2}
    assert part.heat.attrs["units"] == "K"
    expected = odd_grids.place(*np.meshgrid([-15, -5, 5, 15], [5, -5])).astype("float32")
    assert np.array_equal(part.heat.isel(wann=0).transpose("nord", "ost"), expected + 0.25)
    thirty = netcdf(url, "thirty", datetime="2001-02-30")
    assert thirty.time.dt.calendar == "360_day"


def test_geotiff_is_cloud_optimised_and_lies_where_the_data_does(url, tmp_path):
    query = {"datetime": "2000-02", "properties": "heat", "bbox": "-20,-10,20,10", "f": "geotiff"}
    answer = get(url, "/around/coverage", **query)
    assert answer.headers["Content-Type"] == GEOTIFF
    with rasterio.open(io.BytesIO(answer.content)) as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.crs.to_epsg() == 4326
        assert file.bounds == (-20, -10, 20, 10)
        assert file.read(1)[0].tolist() == [4985.25, 4995.25, 5005.25, 5015.25]
    with rasterio.open(io.BytesIO(get(url, "/utm/coverage", f="geotiff").content)) as file:
        assert file.crs.to_epsg() == 25832
        assert file.bounds == (560000, 5930000, 570000, 5938000)


def test_parts_of_a_geotiff_answer_can_be_read_by_range(url):
    place = f"{url}/collections/utm/coverage?f=geotiff"
    whole = requests.get(place, timeout=60)
    part = requests.get(place, headers={"Range": "bytes=0-99"}, timeout=60)
    assert (part.status_code, part.content) == (206, whole.content[:100])
    assert requests.get(place, headers={"If-None-Match": whole.headers["ETag"]}, timeout=60).status_code == 304


def test_geojson_has_a_point_for_each_cell_with_a_value(url):
    answer = get(url, "/around/coverage", f="geojson", bbox="0,70,20,90", datetime="2000-01", properties="heat")
    features = answer.json()["features"]
    assert [each["geometry"]["coordinates"] for each in features] == [[5.0, 75.0], [15.0, 85.0], [15.0, 75.0]]
    assert features[0]["properties"]["heat"] == 75005.0
    utm = get(url, "/utm/coverage", f="geojson").json()["features"][0]["geometry"]["coordinates"]
    assert np.allclose(utm, utm_box(560500, 5930500, 560500, 5930500)[:2])


def test_the_accept_header_picks_a_format(url):
    place = f"{url}/collections/around/coverage?datetime=2000-02&properties=heat"
    for media_type in (NETCDF, GEOTIFF, "image/png", "application/geo+json", "application/prs.coverage+json"):
        answer = requests.get(place, headers={"Accept": media_type}, timeout=60)
        assert answer.headers["Content-Type"] == media_type
    assert requests.get(place, headers={"Accept": "text/css"}, timeout=60).status_code == 406


@pytest.mark.parametrize(
    ("name", "query", "status", "words"),
    [
        ("around", {"bbox": "1,2,3"}, 400, "'bbox' is [west, south, east, north]"),
        ("around", {"bbox": "a,b,c,d"}, 400, "'bbox' is four numbers"),
        ("around", {"datetime": "soon"}, 400, "'soon' is not an instant or start/end"),
        ("around", {"datetime": "1990"}, 400, "which has 2000-01-31T00:00:00 to 2000-03-31T00:00:00"),
        ("around", {"properties": "cold"}, 400, "there is no 'cold'; the data holds heat, mask"),
        ("around", {"subset": "depth(5)"}, 400, "there is no axis 'depth'; the data has ost, wann, nord"),
        ("around", {"subset": "lat"}, 400, "'lat' is not axis(value) or axis(low:high)"),
        ("around", {"f": "docx"}, 400, "there is no format 'docx'; a coverage comes as json, netcdf, geotiff"),
        ("around", {"scale-factor": "2"}, 400, "scale-factor: not served here"),
        ("around", {"f": "geotiff"}, 400, "ask for netcdf"),
        ("around", {"f": "geojson"}, 400, "pick one with subset"),
        ("months", {"datetime": "2000"}, 400, "no time axis"),
        ("deep", {"subset": "depth(6)"}, 400, "which has 5.0, 50.0, 500.0"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_told_with_what_can(url, name, query, status, words):
    answer = get(url, f"/{name}/coverage", **query)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert words in answer.json()["detail"]


def test_times_without_a_length_stay_numbers(url):
    document = coverage(url, "months", bbox="0,0,10,10")
    assert document["domain"]["axes"]["wann"]["values"] == [0.5, 1.5]


def test_an_answer_that_would_be_too_large_is_refused_with_size_and_limit(folder, url):
    big = xr.Dataset(
        {"v": (("lat", "lon"), np.zeros((600, 1200)))},
        {"lat": np.linspace(-89, 89, 600), "lon": np.linspace(-179, 179, 1200)},
    )
    big.to_netcdf(folder / "later.nc")
    try:
        answer = get(url, "/later/coverage", f="netcdf")
        assert answer.status_code == 413
        assert (
            "would hold about 5.77 MB and the service sends at most 2 MB; ask for less of it with bbox" in answer.text
        )
        assert get(url, "/later/coverage", f="netcdf", bbox="0,0,40,40").status_code == 200
    finally:
        (folder / "later.nc").unlink()


def test_many_readers_at_once_are_all_answered(url):
    def read(number: int) -> int:
        name = ("around", "deep", "utm", "noleap", "cut")[number % 5]
        return get(url, f"/{name}/coverage", f=("netcdf", "json")[number % 2]).status_code

    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(read, range(100)))
    assert statuses == [503 if number % 5 == 4 else 200 for number in range(100)]


# Beside the others


def test_a_dataset_that_is_called_like_a_process_is_refused_at_the_start(tmp_path):
    config = {"server": {}, "resources": {}, "datasets": {"echo": "echo.nc"}, "moorage": {"state": str(tmp_path)}}
    whole = read_configuration(None)
    document = {**whole.pygeoapi, **{key: value for key, value in config.items() if key in ("datasets", "moorage")}}
    with pytest.raises(
        ConfigurationError, match=r"datasets\.echo: there is a process of that name.*give the dataset another"
    ):
        create_app(document)


def test_the_openapi_document_and_the_pages_stand_all_of_them(url):
    assert requests.get(f"{url}/openapi?f=json", timeout=60).status_code == 200
    for name in ("around", "later", "json", "wells", "torn"):
        assert requests.get(f"{url}/collections/{name}?f=html", timeout=60).status_code == 200
    assert requests.get(f"{url}/collections?f=html", timeout=60).status_code == 200


def test_an_address_is_read_like_a_file_and_one_that_does_not_answer_holds_nobody_up(url, tmp_path):
    named = {
        "far": {"path": f"{url}/collections/utm/coverage?f=geotiff", "kind": "grid", "engine": "rasterio"},
        "near": str(tmp_path / "near.geojson"),
    }
    odd_grids.towns().to_file(tmp_path / "near.geojson", driver="GeoJSON")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silence = f"http://127.0.0.1:{silent.getsockname()[1]}/grid.tif"
        named["silent"] = {"path": silence, "kind": "grid"}
        with serve(tmp_path, datasets=named) as service:

            def described(name: str) -> str:
                told = {each["id"]: each["description"] for each in get(service.url, "").json()["collections"]}
                assert told["silent"].startswith("Unavailable: its address ")
                return told[name]

            # each web process reads it once, and waits only so long for it
            for _ in range(4):
                eventually(lambda: "in EPSG:25832" in described("far"))
            assert get(service.url, "/near/items", limit=1).json()["numberMatched"] == 40
            assert get(service.url, "/silent/coverage").status_code == 503

            def values() -> list[float] | None:
                answer = get(service.url, "/far/coverage", f="json", subset="x(560500),y(5930500)")
                return answer.json()["ranges"]["band_data"]["values"] if answer.ok else None

            assert eventually(values) == [0.0]
