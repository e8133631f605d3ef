"""Features and geometries in files."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from moorage.formats import FormatError, Kind, features, find, read, write
from moorage.formats.unpacked import TooLargeError, unpacked_up_to

GEOJSON, GEOPACKAGE = find(Kind.FEATURES, "geojson"), find(Kind.FEATURES, "geopackage")
GEOMETRY = find(Kind.GEOMETRY, "geojson")
FRAME = "geopandas.GeoDataFrame"
both = pytest.mark.parametrize("fmt", [GEOJSON, GEOPACKAGE], ids=["geojson", "geopackage"])

degrees = st.tuples(st.floats(-179, 179), st.floats(-89, 89))
points = degrees.map(shapely.Point)
lines = st.lists(degrees, min_size=2, max_size=5).map(shapely.LineString)
boxes = st.tuples(degrees, st.floats(0.01, 0.9)).map(lambda b: shapely.box(*b[0], b[0][0] + b[1], b[0][1] + b[1]))
rings = boxes.map(lambda box: box.difference(box.centroid.buffer(0.001)))
many = st.lists(points, min_size=1, max_size=4).map(shapely.MultiPoint)
shapes = st.one_of(points, lines, boxes, rings, many)


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("features") / "file.gpkg"


def there_and_back(frame, path, fmt):
    path.unlink(missing_ok=True)
    write(frame, path, fmt)
    return read(path, fmt, FRAME)


def towns(**columns) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"name": ["Tromsø", None], **columns}, geometry=[shapely.Point(18.9, 69.6), None], crs=4326)


@both
@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(
        st.tuples(shapes, st.integers(-(2**53), 2**53), st.floats(allow_infinity=False), st.text("aä€ \n", min_size=1)),
        min_size=1,
        max_size=4,
    )
)
def test_features_come_back_as_they_were(path, fmt, rows):
    geometry, count, value, text = zip(*rows, strict=True)
    frame = gpd.GeoDataFrame({"count": count, "value": value, "text": text}, geometry=list(geometry), crs=4326)
    back = there_and_back(frame, path, fmt)
    pd.testing.assert_frame_equal(
        pd.DataFrame(back.drop(columns="geometry")), pd.DataFrame(frame.drop(columns="geometry")), check_dtype=False
    )
    assert shapely.equals_exact(
        shapely.normalize(np.asarray(back.geometry)), shapely.normalize(np.asarray(frame.geometry)), 0
    ).all()
    assert back.crs == frame.crs


def test_geojson_is_what_the_standard_says(path):
    hole = shapely.box(0, 0, 9, 9) - shapely.box(3, 3, 6, 6)
    frame = gpd.GeoDataFrame(
        {
            "n": [np.nan, np.inf],
            "when": [pd.Timestamp("2000-01-02T03:04"), pd.NaT],
            "day": [date(2000, 1, 2), None],
            "parts": [[1, np.nan], {"a": np.int64(2)}],
        },
        geometry=[hole, None],
        crs="OGC:CRS84",
    )
    write(frame, path, GEOJSON)
    document = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert document["type"] == "FeatureCollection"
    assert "crs" not in document
    first, second = document["features"]
    assert first["properties"] == {"n": None, "when": "2000-01-02T03:04:00", "day": "2000-01-02", "parts": [1, None]}
    assert second == {
        "type": "Feature",
        "properties": {"n": None, "when": None, "day": None, "parts": {"a": 2}},
        "geometry": None,
    }
    shell, inner = (shapely.LinearRing(ring) for ring in first["geometry"]["coordinates"])
    assert shell.is_ccw
    assert not inner.is_ccw


@both
def test_times_come_back_as_times(path, fmt):
    frame = towns(
        seen=pd.to_datetime(["2001-02-03T04:05:06.789", None]), zoned=pd.date_range("2000", periods=2, tz="UTC")
    )
    back = there_and_back(frame, path, fmt)
    assert list(back.seen.dropna()) == list(frame.seen.dropna())
    assert list(back.zoned) == list(frame.zoned)


@both
@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        (lambda frame: frame.iloc[[1, 0]], ["name", "geometry"]),
        (lambda frame: frame.set_index("name"), ["name", "geometry"]),
        (lambda frame: frame.set_axis(["p", "q"]), ["index", "name", "geometry"]),
        (lambda frame: frame.rename(columns={"name": 7}), ["7", "geometry"]),
        (lambda frame: frame.assign(fid=[3, 3]), ["name", "fid", "geometry"]),
    ],
    ids=["reordered", "named", "text", "number as heading", "fid"],
)
def test_any_index_and_heading_is_written_sensibly(path, fmt, prepare, expected):
    assert list(there_and_back(prepare(towns()), path, fmt).columns) == expected


@both
def test_columns_of_any_type_are_written(path, fmt):
    frame = towns(
        nested=[{"a": 1}, [1, 2]],
        kind=pd.Categorical(["x", "y"]),
        gap=pd.to_timedelta([1, 2], unit="h"),
        half=np.array([1, 2], "float16"),
        few=pd.array([1, None], dtype="Int64"),
        month=pd.period_range("2000", periods=2, freq="M"),
        home=gpd.GeoSeries([shapely.Point(0, 1)] * 2),
    )
    back = there_and_back(frame, path, fmt)
    assert list(back.kind) == ["x", "y"]
    assert list(back.month) == ["2000-01", "2000-02"]
    assert back.few[0] == 1
    assert np.isnan(back.few[1])


def test_geojson_is_in_longitude_and_latitude(path):
    frame = gpd.GeoDataFrame(geometry=[shapely.Point(18.9, 69.6)], crs=4326)
    back = there_and_back(frame.to_crs(32633), path, GEOJSON)
    assert back.crs == 4326
    assert back.geometry[0].distance(frame.geometry[0]) < 1e-9


def test_features_without_a_crs_must_lie_within_degrees(path):
    assert len(there_and_back(towns().set_crs(None, allow_override=True), path, GEOJSON)) == 2
    metres = gpd.GeoDataFrame(geometry=[shapely.Point(500000, 7000000)])
    with pytest.raises(FormatError, match="set_crs"):
        write(metres, path, GEOJSON)


def test_a_crs_that_an_older_file_names_is_believed(path):
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
    point = {
        "type": "Feature",
        "id": 5,
        "properties": {"a": 1},
        "geometry": {"type": "Point", "coordinates": [5e5, 7e6]},
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [point]}))
    frame = read(path, GEOJSON, FRAME)
    assert frame.crs == 32633
    assert list(frame.id) == [5]


polar_shapes = {
    "across 180 degrees": shapely.box(-2.2e6, 1.9e6, -1.7e6, 2.5e6),
    "around the pole": shapely.Point(1e6, 5e5).buffer(2e6),
    "a ring around the pole": shapely.Point(0, 0).buffer(2e6) - shapely.Point(0, 0).buffer(1e6),
    "away from both": shapely.box(1e5, -3e6, 2e5, -2e6),
}


@pytest.mark.parametrize("shape", polar_shapes.values(), ids=polar_shapes.keys())
def test_polar_shapes_keep_their_area(shape, path):
    shape = shape.segmentize(2e4)
    back = there_and_back(gpd.GeoDataFrame(geometry=[shape], crs=3413), path, GEOJSON)
    assert back.is_valid.all()
    again = back.segmentize(0.1).to_crs(3413)
    assert again.area[0] == pytest.approx(shape.area, rel=1e-3)


@pytest.mark.parametrize("crs", [4326, 3857])
def test_a_shape_around_the_whole_earth_stays_whole(crs, path):
    world = gpd.GeoDataFrame(geometry=[shapely.box(-179, -80, 179, 80)], crs=4326).to_crs(crs)
    assert there_and_back(world, path, GEOJSON).area[0] == pytest.approx(358 * 160)


def test_longitudes_beyond_180_are_brought_back(path):
    frame = gpd.GeoDataFrame(geometry=[shapely.box(170, 0, 190, 1), shapely.Point(350, 5)], crs=4326)
    back = there_and_back(frame, path, GEOJSON)
    assert sorted(part.bounds for part in back.geometry[0].geoms) == [(-180, 0, -170, 1), (170, 0, 180, 1)]
    assert back.geometry[1] == shapely.Point(-10, 5)


@both
@pytest.mark.parametrize("cut", [0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused(fmt, cut, path):
    frame = gpd.GeoDataFrame(
        {"a": range(2000)}, geometry=shapely.points(np.random.default_rng(1).random((2000, 2))).tolist(), crs=4326
    )
    path.unlink(missing_ok=True)
    write(frame, path, fmt)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * cut)])
    with pytest.raises(FormatError):
        read(path, fmt, FRAME)


@pytest.mark.parametrize(
    "document",
    [
        '{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline"}',
        "[]",
        '{"type": "FeatureCollection"}',
        '{"type": "Polygon", "coordinates": [[[0, 0]]]}',
    ],
)
def test_json_that_is_no_geojson_is_refused(document, path):
    path.write_text(document)
    with pytest.raises(FormatError):
        read(path, GEOJSON, FRAME)


def test_a_frame_without_geometries_is_refused(path):
    with pytest.raises(FormatError, match="GeoDataFrame"):
        write(pd.DataFrame({"a": [1]}), path, GEOJSON)
    with pytest.raises(FormatError, match="set_geometry"):
        write(gpd.GeoDataFrame({"a": [1]}), path, GEOJSON)


@given(shape=shapes)
def test_a_geometry_comes_back_as_it_was(path, shape):
    write(shape, path, GEOMETRY)
    back = read(path, GEOMETRY, f"shapely.{shape.geom_type}")
    assert shapely.equals_exact(back.normalize(), shape.normalize(), 0)


def test_another_geometry_than_wanted_is_refused(path):
    write(shapely.Point(1, 2), path, GEOMETRY)
    with pytest.raises(FormatError, match="Polygon is wanted.*Point"):
        read(path, GEOMETRY, "shapely.Polygon")
    write(gpd.GeoDataFrame(geometry=[shapely.Point(1, 2)] * 2, crs=4326), path, GEOJSON)
    with pytest.raises(FormatError, match="holds 2"):
        read(path, GEOMETRY, "shapely.Point")


@pytest.mark.parametrize("name", ["ne_110m_lakes.geojson", "ne_110m_populated_places_simple.geojson"])
def test_real_features_come_back_as_they_were(name, shared_data, path):
    frame = read(shared_data / name, GEOJSON, FRAME)
    back = there_and_back(frame, path, GEOJSON)
    assert shapely.equals(np.asarray(back.geometry), np.asarray(frame.geometry)).all()
    assert (back.geometry.count_coordinates() == frame.geometry.count_coordinates()).all()
    pd.testing.assert_frame_equal(
        pd.DataFrame(back.drop(columns="geometry")), pd.DataFrame(frame.drop(columns="geometry"))
    )


def changed(path, *statements):
    """A GeoPackage of three points, after statements of SQL."""
    path.unlink(missing_ok=True)
    places = shapely.points([[1, 1], [2, 2], [3, 3]])
    features.write_geopackage(gpd.GeoDataFrame({"value": [1, 2, 3]}, geometry=places, crs="EPSG:25832"), path)
    with closing(sqlite3.connect(path)) as file:
        for statement in statements:
            file.execute(statement)
        file.commit()


def test_triggers_and_other_views_of_a_geopackage_are_not_run(path):
    forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    changed(path, f"CREATE VIEW other AS {forever}", "CREATE TABLE log (x)",
            "CREATE TRIGGER t AFTER UPDATE ON features BEGIN INSERT INTO log VALUES (1); END")  # fmt: skip
    before = path.read_bytes()
    assert features.read_geopackage(path, "").value.tolist() == [1, 2, 3]
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (("ALTER TABLE features RENAME TO t", "CREATE VIEW features AS SELECT * FROM t"), "views are not run"),
        (("ALTER TABLE gpkg_contents RENAME TO t", "CREATE VIEW gpkg_contents AS SELECT * FROM t"), "is a view"),
        (("ALTER TABLE features ADD COLUMN more AS (zeroblob(9))",), "has computed columns"),
        (("CREATE VIRTUAL TABLE bytes USING dbstat",), "is a virtual table"),
        (("DROP TABLE gpkg_geometry_columns",), "has no table 'gpkg_geometry_columns'"),
    ],
)
def test_a_geopackage_that_is_more_than_tables_is_refused(path, statements, words):
    changed(path, *statements)
    with pytest.raises(FormatError, match=words):
        features.read_geopackage(path, "")


def test_a_crs_behind_a_link_is_not_followed(path):
    crs = {"type": "link", "properties": {"href": "http://localhost:9/crs"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [], "crs": crs}))
    with pytest.raises(FormatError, match="links are not followed"):
        features.read_geojson(path, "")


def test_features_that_would_not_fit_into_memory_are_refused(path):
    changed(path)
    with unpacked_up_to(1000), pytest.raises(TooLargeError, match="would take 0.000197 GB in memory"):
        features.read_geopackage(path, "")
    path.write_text('{"type": "FeatureCollection", "features": []}')
    with unpacked_up_to(100), pytest.raises(TooLargeError, match="in memory, where there may be 1e-07 GB"):
        features.read_geojson(path, "")
