"""Features and tables are items: paged, filtered by place, time and column, in longitude and latitude."""

from __future__ import annotations

import numpy as np
import pytest
import requests

TOWNS = ["json", "gpkg", "fgb", "shp"]


@pytest.fixture(scope="module")
def url(awkward_service):
    return awkward_service.url


def get(url: str, path: str, **query: object) -> dict:
    """A document below /collections."""
    answer = requests.get(f"{url}/collections/{path}", params={"f": "json", **query}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(collection: dict) -> list[str]:
    """The towns of a page."""
    return [each["properties"]["name"] for each in collection["features"]]


@pytest.mark.parametrize("name", TOWNS)
def test_a_collection_tells_where_when_and_how_many(url, name):
    told = get(url, name)
    assert told["itemType"] == "feature"
    assert told["description"].endswith("40 features with name, people, height, port, founded.")
    west, south, east, north = told["extent"]["spatial"]["bbox"][0]
    assert (south, north) == (0, 0)
    assert west == pytest.approx(-179.9)
    assert east == pytest.approx(179.9)
    assert [each[:10] for each in told["extent"]["temporal"]["interval"][0]] == ["2001-01-01", "2001-02-09"]
    assert told["crs"][0] == "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


def test_title_and_description_of_the_configuration_come_first(url):
    told = get(url, "json")
    assert told["title"] == "Towns"
    assert told["description"].startswith("All in a row. 40 features")


@pytest.mark.parametrize("name", TOWNS)
def test_pages_follow_one_another_to_the_end(url, name):
    seen, place = [], f"{url}/collections/{name}/items?f=json&limit=15"
    while place:
        page = requests.get(place, timeout=60).json()
        assert page["numberMatched"] == 40
        assert page["numberReturned"] == len(page["features"])
        seen += names(page)
        place = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    assert seen == [f"town {number}" for number in range(40)]


@pytest.mark.parametrize("name", TOWNS)
def test_values_come_as_what_they_are(url, name):
    first, second = get(url, f"{name}/items", limit=2)["features"]
    assert first["geometry"]["type"] == "Point"
    assert np.allclose(first["geometry"]["coordinates"], [176.1, 0])
    properties = second["properties"]
    assert (properties["name"], properties["people"], properties["height"]) == ("town 1", 1000, 0.5)
    assert first["properties"]["height"] is None
    assert properties["founded"].startswith("2001-01-02")
    assert second["properties"]["port"] in (False, 0)  # a shapefile has no truth values in every release of GDAL


@pytest.mark.parametrize("name", TOWNS)
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"bbox": "176,-1,176.6,1"}, ["town 0", "town 1", "town 2"]),
        ({"bbox": "179.6,-1,-179.6,1"}, ["town 18", "town 19", "town 20", "town 21"]),
        ({"bbox": "10,-1,20,1"}, []),
        ({"datetime": "2001-01-03"}, ["town 2"]),
        ({"datetime": "2001-02-08/.."}, ["town 38", "town 39"]),
        ({"name": "town 7"}, ["town 7"]),
        ({"people": "7000"}, ["town 7"]),
        ({"height": "3.5"}, ["town 7"]),
        ({"name": 'it\'s "no" town'}, []),
        ({"bbox": "176,-1,178,1", "datetime": "2001-01-02/2001-01-04", "people": "3000"}, ["town 3"]),
        ({"sortby": "-people", "limit": 2}, ["town 39", "town 38"]),
        ({"sortby": "-people", "limit": 2, "offset": 2}, ["town 37", "town 36"]),
        ({"offset": 39, "limit": 5}, ["town 39"]),
        ({"offset": 100}, []),
    ],
)
def test_items_are_found_by_place_time_and_column(url, name, query, found):
    page = get(url, f"{name}/items", **query)
    assert names(page) == found
    if "limit" not in query and "offset" not in query:
        assert page["numberMatched"] == len(found)


def test_truth_filters_too(url):
    assert get(url, "json/items", port="true")["numberMatched"] == 20


def test_hits_are_a_number_without_items(url):
    page = get(url, "gpkg/items", resulttype="hits", bbox="176,-1,176.6,1")
    assert (page["numberMatched"], page["features"]) == (3, [])


def test_columns_and_geometry_may_be_left_out(url):
    (town,) = get(url, "gpkg/items", limit=1, properties="name,people", skipGeometry="true")["features"]
    assert town["properties"] == {"name": "town 0", "people": 0}
    assert town["geometry"] is None


@pytest.mark.parametrize("name", TOWNS)
def test_an_item_has_the_id_it_is_listed_under(url, name):
    for listed in get(url, f"{name}/items", limit=2, offset=10)["features"]:
        single = get(url, f"{name}/items/{listed['id']}")
        assert single["properties"] == listed["properties"]
        assert single["geometry"] == listed["geometry"]
    for missing in ("1000", "-1", "none", "9" * 30):
        answer = requests.get(f"{url}/collections/{name}/items/{missing}?f=json", timeout=60)
        assert answer.status_code == 404
        assert "there is no item" in answer.text


def test_a_column_may_tell_items_apart(url):
    single = get(url, "by-name/items/town 7")
    assert (single["id"], single["properties"]["people"]) == ("town 7", 7000)
    assert get(url, "by-name/items", limit=1)["features"][0]["id"] == "town 0"
    assert get(url, "by-name/items", limit=1, properties="people")["features"][0]["id"] == "town 0"


def test_columns_are_queryables_with_their_types(url):
    told = get(url, "gpkg/queryables")["properties"]
    assert {name: each.get("type") for name, each in told.items()} == {
        "geometry": None, "name": "string", "people": "integer", "height": "number", "port": "boolean",
        "founded": "string",
    }  # fmt: skip
    assert told["founded"]["format"] == "date-time"
    assert told["founded"]["x-ogc-role"] == "primary-instant"
    assert get(url, "gpkg/schema")["properties"]["people"]["type"] == "integer"


def test_features_in_metres_come_in_degrees_and_are_found_in_degrees(url):
    told = get(url, "squares")["extent"]["spatial"]["bbox"][0]
    assert np.allclose(told, [9.904875, 53.515217, 9.942672, 53.520002], atol=1e-4)  # as pyproj places the corners
    ring = get(url, "squares/items", limit=1)["features"][0]["geometry"]["coordinates"][0]
    assert np.allclose(ring[0], [9.91, 53.52], atol=0.01)
    page = get(url, "squares/items", bbox="9.92,53.5,9.925,53.6")
    assert [each["properties"]["code"] for each in page["features"]] == ["b"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"people": "many"}, "people: 'many' is no integer, which this column holds"),
        ({"port": "maybe"}, "port: 'maybe' is no boolean"),
        ({"filter": "people > 3"}, "filter: not served here; a column's name and value filter"),
        ({"q": "town"}, "q: not served here"),
    ],
)
def test_a_filter_that_cannot_be_is_told(url, query, words):
    answer = requests.get(f"{url}/collections/gpkg/items", params={"f": "json", **query}, timeout=60)
    assert answer.status_code == 400
    assert words in answer.json()["description"]


def test_a_table_is_items_without_geometry(url):
    told = get(url, "wells")
    assert told["description"] == "3 rows with well, depth, drilled."
    assert [each[:10] for each in told["extent"]["temporal"]["interval"][0]] == ["1990-05-01", "1992-07-03"]
    page = get(url, "wells/items")
    assert [each["geometry"] for each in page["features"]] == [None, None, None]
    assert page["features"][1]["properties"] == {"well": "B2", "depth": None, "drilled": "1991-06-02"}
    assert get(url, "wells/items", datetime="1991/..", well="C3")["numberReturned"] == 1
    assert get(url, f"wells/items/{page['features'][2]['id']}")["properties"]["well"] == "C3"
    assert requests.get(f"{url}/collections/wells/items?f=html", timeout=60).status_code == 200


def test_a_box_finds_no_row_of_a_table(url):
    assert get(url, "wells/items", bbox="-180,-90,180,90")["numberMatched"] == 0
