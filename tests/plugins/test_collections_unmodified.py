"""Our provider plugins in pygeoapi as it comes: named in its configuration, beside its own.

What that server itself gets wrong is written beside the test that meets it, not worked around:

- it knows one format besides CoverageJSON, the one the configuration names; we know five;
- a box that is none is 500 in a coverage, where it is 400 in items;
- the list of collections tells extents as the configuration has them; a single coverage tells those of the file, a
  single feature collection never does;
- where the configuration states a temporal extent, ``datetime`` must be a date of our calendar: 30 February is 400 even
  where the data has one;
- ``subset`` knows axes by the letter.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from importlib.metadata import version

import pytest
import requests
import xarray as xr
from support import odd_grids
from support.services import unmodified

OLDEST = version("pygeoapi").startswith("0.21")
PROVIDERS = "moorage_processes.plugins.providers"


def grid(path: str, form: str = "NetCDF", media_type: str = "application/x-netcdf", **options: object) -> dict:
    """A coverage collection as an operator writes it."""
    provider = {"type": "coverage", "name": f"{PROVIDERS}.Grid", "data": path, "options": options}
    return collection(provider | {"format": {"name": form, "mimetype": media_type}})


def items(path: str, **further: object) -> dict:
    """A feature collection as an operator writes it."""
    return collection({"type": "feature", "name": f"{PROVIDERS}.Items", "data": path, **further})


def collection(*providers: dict) -> dict:
    """Around a provider."""
    return {
        "type": "collection",
        "title": "Data of an institute",
        "description": "As its operator describes it",
        "keywords": ["data"],
        "extents": {"spatial": {"bbox": [-180, -90, 180, 90]}},
        "providers": list(providers),
    }


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    odd_grids.write_all(folder)
    resources = {
        "around": grid(str(folder / "around.nc")),
        "thirty": grid(str(folder / "thirty.nc")),
        "dated": grid(str(folder / "thirty.nc")),
        "utm": grid(str(folder / "utm.nc"), "GeoTIFF", "image/tiff"),
        "placed": grid(str(folder / "unplaced.nc"), crs=odd_grids.UTM),
        "small": grid(str(folder / "around.nc"), limit=1000),
        "gone": grid(str(folder / "gone.nc")),
        "cut": grid(str(folder / "cut.nc")),
        "towns": items(str(folder / "towns.gpkg")),
        "named": items(str(folder / "towns.gpkg"), id_field="name"),
        "wells": items(str(folder / "wells.csv"), options={"kind": "table"}),
        "torn": items(str(folder / "torn.geojson")),
    }
    begin, end = datetime(2001, 1, 30, tzinfo=UTC), datetime(2001, 12, 30, tzinfo=UTC)
    resources["dated"]["extents"]["temporal"] = {"begin": begin, "end": end}
    with unmodified(tmp_path_factory.mktemp("unmodified"), resources) as service:
        yield service.url


def get(url: str, path: str, **query: object) -> requests.Response:
    """A GET of something below /collections."""
    return requests.get(f"{url}/collections{path}", params={"f": "json", **query}, timeout=60)


def test_all_collections_are_listed_whatever_state_their_files_are_in(url):
    listed = {each["id"] for each in get(url, "").json()["collections"]}
    assert listed == {
        "around", "thirty", "dated", "utm", "placed", "small", "gone", "cut", "towns", "named", "wells", "torn",
    }  # fmt: skip


def test_a_coverage_tells_the_extents_of_its_file(url):
    around = get(url, "/around").json()["extent"]
    assert around["spatial"]["grid"] == [{"cellsCount": 36, "resolution": 10.0}, {"cellsCount": 18, "resolution": 10.0}]
    assert around["temporal"]["interval"] == [["2000-01-31T00:00:00Z", "2000-03-31T00:00:00Z"]]
    assert get(url, "/thirty").json()["extent"]["temporal"]["cf:calendar"] == "360_day"
    assert get(url, "/placed").json()["extent"]["spatial"]["storageCrsBbox"] == [[560000, 5930000, 570000, 5938000]]


def test_variables_are_the_schema(url):
    assert list(get(url, "/around/schema").json()["properties"]) == ["heat", "mask"]
    assert get(url, "/around/queryables").json()["properties"]["heat"]["type"] == "number"


def test_a_coverage_is_cut_by_box_time_variable_and_axis(url):
    query = {"bbox": "-20,-10,20,10", "datetime": "2000-02", "properties": "heat", "subset": "lat(0:10)"}
    answer = get(url, "/around/coverage", **query)
    assert answer.headers["Content-Type"] == "application/prs.coverage+json"
    document = answer.json()
    assert document["domain"]["axes"]["x"]["values"] == [-15.0, -5.0, 5.0, 15.0]
    assert document["domain"]["axes"]["y"]["values"] == [5.0]
    assert document["ranges"]["heat"]["values"][0] == 4985.25
    utm = {"bbox": "560000,5930000,562000,5931000", "bbox-crs": "http://www.opengis.net/def/crs/EPSG/0/25832"}
    assert get(url, "/utm/coverage", **utm).json()["domain"]["axes"]["x"]["values"] == [560500.0, 561500.0]


def test_dates_of_other_calendars_are_cut_where_pygeoapi_lets_them_through(url):
    assert get(url, "/thirty/coverage", datetime="2001-02-30").json()["ranges"]["t2m"]["shape"] == [1, 2, 3]
    assert get(url, "/dated/coverage", datetime="2001-03/2001-04").status_code == 200
    assert get(url, "/dated/coverage", datetime="2001-02-30").status_code == 400


def test_missing_values_are_null(url):
    assert '"values":[null,' in get(url, "/around/coverage", bbox="0,80,10,90", properties="heat").text.replace(" ", "")


def test_the_format_of_the_configuration_is_written(url):
    answer = get(url, "/around/coverage", f="NetCDF", bbox="0,0,20,20", properties="heat")
    assert answer.headers["Content-Type"] == "application/x-netcdf"
    with xr.open_dataset(io.BytesIO(answer.content), engine="h5netcdf") as part:
        assert dict(part.sizes) == {"ost": 2, "wann": 3, "nord": 2}
    tiff = get(url, "/utm/coverage", f="GeoTIFF")
    assert (tiff.headers["Content-Type"], tiff.content[:2]) == ("image/tiff", b"II")
    assert 'filename="utm.tif"' in tiff.headers["Content-Disposition"]
    assert get(url, "/utm/coverage", f="netcdf").status_code == 400  # one format only


@pytest.mark.parametrize(
    ("path", "query", "status", "words"),
    [
        ("/around/coverage", {"bbox": "10,80,11,81"}, 400, "does not meet the data"),
        ("/around/coverage", {"subset": "lat(95)"}, 400, "does not meet the data"),
        ("/around/coverage", {"datetime": "1990"}, 400, "which has 2000-01-31"),
        ("/around/coverage", {"subset": "depth(5)"}, 400, "Invalid axis name"),
        ("/around/coverage", {"subset": "LAT(5)"}, 400, "Invalid axis name"),
        ("/around/coverage", {"bbox": "a"}, 500, "bbox should be either 4 values"),
        ("/small/coverage", {}, 413, "the service sends at most 1 kB; ask for less"),
        ("/gone/coverage", {}, 503, "its file is not there"),
        ("/cut/coverage", {}, 503, "its file is broken"),
        ("/torn/items", {}, 503, "its file is broken, or holds no features"),
        ("/torn/items/1", {}, 503, "its file is broken, or holds no features"),
        ("/towns/items", {"people": "many"}, 400, "people: 'many' is no integer"),
        ("/towns/items/99", {}, 404, "there is no item '99'"),
    ],
)
def test_what_cannot_be_answered_is_told_in_our_words(url, path, query, status, words):
    answer = get(url, path, **query)
    assert answer.status_code == status
    assert words in answer.json()["description"]
    assert "/tmp" not in answer.text


def test_a_collection_that_does_not_open_is_described_all_the_same(url):
    for name in ("gone", "cut", "torn"):
        for path in ("", "/schema", "/queryables"):
            assert get(url, f"/{name}{path}").status_code == 200
        assert requests.get(f"{url}/collections/{name}?f=html", timeout=60).status_code == 200


def test_features_are_paged_and_filtered(url):
    page = get(url, "/towns/items", limit=2, bbox="179.6,-1,-179.6,1").json()
    assert [each["properties"]["name"] for each in page["features"]] == ["town 18", "town 19"]
    assert page["numberMatched"] == 4
    assert "next" in {link["rel"] for link in page["links"]}
    assert get(url, "/towns/items", datetime="2001-01-03").json()["numberMatched"] == 1
    assert get(url, "/named/items/town 7").json()["properties"]["people"] == 7000
    assert get(url, "/wells/items").json()["features"][1]["geometry"] is None


def test_pages_for_people_stand_them(url):
    for path in ("/around", "/towns", "/towns/items", "/towns/items/3", "/wells/items", "/around/schema"):
        assert requests.get(f"{url}/collections{path}?f=html", timeout=60).status_code == 200
    shown = requests.get(f"{url}/collections/around/coverage?f=html&datetime=2000-02", timeout=60)
    assert shown.status_code == (400 if OLDEST else 200)


def test_the_openapi_document_tells_them(url):
    paths = requests.get(f"{url}/openapi?f=json", timeout=60).json()["paths"]
    assert {"/collections/around/coverage", "/collections/towns/items", "/collections/towns/queryables"} <= set(paths)
