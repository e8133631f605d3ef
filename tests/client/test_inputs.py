"""Values of Python travel as the standard writes them, and what cannot travel is refused by name."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from moorage import BBox, Link
from moorage.description import read_description
from moorage.inputs import dump_request, encode_inputs

NETCDF = {"type": "string", "contentMediaType": "application/x-netcdf"}
GEOJSON = {"type": "object", "format": "geojson-feature-collection"}
JSON_VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(),
    some.lists,
)


def encoded(value, *, wrap=True, **described):
    """One value as it is sent to an input."""
    document = {"id": "p", "inputs": {"x": {"schema": {}, **described}}}
    return encode_inputs(read_description(document), {"x": value}, wrap=wrap)["x"]


def grid(**described):
    """An input for grids."""
    return {"schema": NETCDF, "metadata": [{"role": "moorage:type", "title": "xarray.DataArray"}], **described}


class Season(Enum):
    WINTER = "DJF"


@dataclass
class Station:
    name: str
    opened: date


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (Season.WINTER, "DJF"),
        (date(2000, 2, 29), "2000-02-29"),
        (datetime(2000, 1, 1, 12, tzinfo=UTC), "2000-01-01T12:00:00+00:00"),
        (time(12, 30), "12:30:00"),
        (timedelta(hours=1), "PT3600S"),
        (timedelta(seconds=-0.5), "-PT0.5S"),
        (np.float32(0.5), 0.5),
        (np.int64(5), 5),
        (np.array([True])[0], True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(["2000-01-01"], "datetime64[ns]"), ["2000-01-01T00:00:00.000000000"]),
        ((1, 2), [1, 2]),
        (range(3), [0, 1, 2]),
        ({date(2000, 1, 1)}, ["2000-01-01"]),
        (b"II*", base64.b64encode(b"II*").decode()),
        (BBox(1, 2, 3, 4), {"bbox": [1, 2, 3, 4], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}),
        (Link("http://a.example/b", "image/tiff"), {"href": "http://a.example/b", "type": "image/tiff"}),
        (Station("Helgoland", date(1852, 1, 1)), {"value": {"name": "Helgoland", "opened": "1852-01-01"}}),
        ({"a": np.float64(1.5)}, {"value": {"a": 1.5}}),
        ({"href": "http://a.example/b"}, {"href": "http://a.example/b"}),
        ({"value": 5, "mediaType": "application/json"}, {"value": 5, "mediaType": "application/json"}),
        ({"value": 5, "other": 6}, {"value": {"value": 5, "other": 6}}),
    ],
)
def test_values_are_spelled_as_json(value, sent):
    assert encoded(value) == sent


@given(JSON_VALUES)
def test_what_is_json_already_travels_as_it_is(value):
    assert json.loads(dump_request({"inputs": {"x": encoded(value)}}))["inputs"]["x"] == value


def test_pygeoapi_gets_objects_as_they_are():
    assert encoded({"a": 1}, wrap=False) == {"a": 1}


def test_a_member_that_the_input_itself_has_is_no_sign_of_the_standards_forms():
    schema = {"type": "object", "properties": {"href": {"type": "string"}}}
    assert encoded({"href": "b"}, schema=schema) == {"value": {"href": "b"}}


@pytest.mark.parametrize("value", [math.nan, math.inf, [1.0, math.nan], {"a": {"b": -math.inf}}, np.array([np.nan])])
def test_nan_is_refused_with_the_name_of_the_input(value):
    with pytest.raises(ValueError, match="x holds NaN or infinity"):
        dump_request({"inputs": {"w": 1, "x": encoded(value)}})


@pytest.mark.parametrize("value", [object(), 1j, [object()], int])
def test_what_cannot_travel_is_refused_with_the_name_of_the_input(value):
    with pytest.raises(TypeError, match="x: .* cannot be sent"):
        encoded(value)


def test_occurrences_are_encoded_one_by_one():
    assert encoded([BBox(1, 2, 3, 4)], maxOccurs="unbounded")[0]["bbox"] == [1, 2, 3, 4]
    assert encoded([[1, 2], [3]], maxOccurs=2) == [[1, 2], [3]]


def test_text_for_data_is_a_dataset_or_an_address():
    assert encoded("discharge", **grid()) == "discharge"
    assert encoded("https://a.example/b.nc", **grid()) == {"href": "https://a.example/b.nc"}
    assert encoded("https://a.example/b.nc", schema={"type": "string"}) == "https://a.example/b.nc"


def test_a_file_travels_with_its_media_type(tmp_path):
    xr = pytest.importorskip("xarray", reason="the light client has no grids")
    path = tmp_path / "t.nc"
    xr.DataArray([1.0], dims="x", name="t").to_netcdf(path)
    sent = encoded(path, **grid())
    assert sent["mediaType"] == "application/x-netcdf"
    assert base64.b64decode(sent["value"]) == path.read_bytes()


def test_a_grid_travels_as_netcdf(tmp_path):
    xr = pytest.importorskip("xarray", reason="the light client has no grids")
    field = xr.DataArray([1.0, np.nan], dims="x", name="t", attrs={"units": "K"})
    sent = encoded(field, **grid())
    assert (sent["mediaType"], sent["encoding"]) == ("application/x-netcdf", "base64")
    (tmp_path / "t.nc").write_bytes(base64.b64decode(sent["value"]))
    with xr.open_dataarray(tmp_path / "t.nc") as arrived:
        assert arrived.identical(field)


def test_a_grid_travels_in_the_format_that_the_service_reads():
    xr = pytest.importorskip("xarray", reason="the light client has no grids")
    pytest.importorskip("rioxarray", reason="nor GeoTIFF")
    coords = {"y": [1.5, 0.5], "x": [0.5, 1.5]}
    field = xr.DataArray([[1.0, 2.0], [3.0, 4.0]], coords, ("y", "x")).rio.write_crs("EPSG:25832")
    sent = encoded(field, schema={"type": "string", "contentMediaType": "image/tiff; application=geotiff"})
    assert sent["mediaType"].startswith("image/tiff")
    with pytest.raises(ValueError, match="x: .*coordinate reference system"):
        encoded(field.drop_vars("spatial_ref"), schema={"contentMediaType": "image/tiff; application=geotiff"})


def test_the_mean_of_a_field_is_a_number_for_an_input_that_takes_numbers():
    xr = pytest.importorskip("xarray", reason="the light client has no grids")
    assert encoded(xr.DataArray([1.0, 2.0]).mean(), schema={"type": "number"}) == 1.5


def test_features_and_geometries_travel_as_geojson():
    geopandas = pytest.importorskip("geopandas", reason="the light client has no features")
    from shapely import Point

    frame = geopandas.GeoDataFrame({"n": [1]}, geometry=[Point(1, 2)], crs="EPSG:4326")
    sent = encoded(frame, schema=GEOJSON)
    assert sent["mediaType"] == "application/geo+json"
    assert sent["value"]["features"][0]["properties"] == {"n": 1}
    assert encoded(Point(1, 2))["value"] == {"type": "Point", "coordinates": [1.0, 2.0]}
    assert encoded(Point(1, 2), wrap=False) == {"type": "Point", "coordinates": [1.0, 2.0]}


def test_a_table_travels_as_text():
    pandas = pytest.importorskip("pandas", reason="the light client has no tables")
    sent = encoded(pandas.DataFrame({"a": [1, 2]}), schema={"contentMediaType": "text/csv"})
    assert sent["mediaType"] == "text/csv"
    assert base64.b64decode(sent["value"]).split() == [b"a", b"1", b"2"]
