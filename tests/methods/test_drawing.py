"""Looks at results: numbers, and features however many there are."""

from __future__ import annotations

import json
import os
from io import BytesIO
from math import nan

import geopandas
import numpy as np
import pytest
import shapely
import xarray as xr
from moorage.formats import FormatError, Kind
from moorage.formats.pictures import picture_of, size_of
from moorage_processes import InputError
from moorage_processes.jobs.files import pictures
from moorage_processes.jobs.files.pictures import KeptPictures
from moorage_processes.methods import preview
from moorage_processes.methods.drawing import many_features
from moorage_processes.methods.drawing.feature_map import FEW, feature_map, on_earth, size
from moorage_processes.methods.drawing.number import SIZE, number_picture
from moorage_processes.ogc.pages.picture_size import picture_size
from PIL import Image


def tiles(count: int) -> geopandas.GeoDataFrame:
    """Squares side by side in rows, whose number grows to the north; the last one is large."""
    side = int(np.ceil(np.sqrt(count - 1)))
    row, column = np.divmod(np.arange(count - 1), side)
    boxes = shapely.box(column, row, column + 1.0, row + 1.0)
    shapes = [*boxes, shapely.box(side + 5, 0, side + 25, side)]
    return geopandas.GeoDataFrame({"value": [*row.astype("float64"), 0.0]}, geometry=shapes)


def pixels(content: bytes) -> np.ndarray:
    """A picture, dark colours as True."""
    with Image.open(BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGB")).astype("int32")


def test_many_features_are_all_drawn_in_their_places_and_colours():
    count = 2 * FEW
    drawn = pixels(preview._png(feature_map(tiles(count))))
    coloured = np.ptp(drawn, axis=2) > 60
    rows, columns = np.flatnonzero(coloured.mean(axis=1) > 0.2), np.flatnonzero(coloured.mean(axis=0) > 0.2)
    body = drawn[rows[0] : rows[-1], columns[0] : columns[-1]]
    # few of the pixels are left white between them: the gap beside the large one
    assert (np.ptp(body, axis=2) > 60).mean() > 0.75
    top, bottom = body[5, 20], body[-5, 20]
    assert (top[0] > 200, top[2] < 120) == (True, True)  # the highest are yellow
    assert bottom[0] < 110  # the lowest are violet


def test_features_in_one_place_are_drawn():
    points = geopandas.GeoDataFrame(geometry=shapely.points(np.zeros((FEW + 1, 2))), crs="EPSG:4326")
    assert size_in_pixels(feature_map(points)) == tuple(round(each * 150) for each in size(on_earth(points)))


def size_in_pixels(figure) -> tuple[int, int]:
    return picture_size(preview._png(figure)) or (0, 0)


def test_a_number_is_drawn_with_its_unit():
    figure = number_picture(271.25, "K", "mean of $T$")
    assert [each.get_text() for each in figure.texts] == ["271.25 K", "mean of $T$"]
    assert [each.get_text() for each in number_picture(nan, "1", "").texts] == ["no value", ""]
    assert size_in_pixels(figure) == SIZE
    assert picture_size(preview.picture("", "application/json", "3.5", "Slope", "degree")) == SIZE
    with pytest.raises(InputError, match="only numbers"):
        preview.picture("", "application/json", "true")


def test_large_files_of_polygons_are_read_as_gdal_reads_them(tmp_path, monkeypatch):
    two = shapely.multipolygons([shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)])
    hollow = shapely.box(0, 0, 9, 9).difference(shapely.box(3, 3, 4, 4))
    frame = geopandas.GeoDataFrame({"name": ["a", "b"], "value": [1.5, None]}, geometry=[two, hollow], crs="EPSG:4326")
    path = tmp_path / "zones.geojson"
    frame.to_file(path, driver="GeoJSON")
    expected, kind = preview._opened(str(path), "application/geo+json", "")
    monkeypatch.setattr(many_features, "LARGE", 0)
    found = many_features.read_polygons(path)
    assert (kind, list(found.columns)) == (Kind.FEATURES, list(expected.columns))
    assert list(found.geom_type) == list(expected.geom_type) == ["MultiPolygon", "Polygon"]
    assert found.to_crs(expected.crs).geometry.geom_equals(expected.geometry).all()
    assert found.crs.to_epsg() is None or found.crs.to_epsg() == 4326


TILE = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}}


@pytest.mark.parametrize(
    "change",
    [
        {"features": []},
        {"crs": {"type": "name", "properties": {"name": "EPSG:25832"}}, "features": [TILE]},
        {"features": [{"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [1, 2]}}]},
        {"features": [{"type": "Feature", "properties": {}, "geometry": None}]},
        {
            "features": [
                {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0, 5], [0, 0]]]}}
            ]
        },
    ],
)
def test_what_is_no_plain_file_of_polygons_is_left_to_gdal(tmp_path, monkeypatch, change):
    monkeypatch.setattr(many_features, "LARGE", 0)
    path = tmp_path / "zones.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [], **change}))
    assert many_features.read_polygons(path) is None
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [TILE]}))
    assert many_features.read_polygons(path) is not None


@pytest.mark.parametrize("form", ["PNG", "GIF", "JPEG", "WEBP"])
@pytest.mark.parametrize("options", [{}, {"lossless": True}], ids=["plain", "lossless"])
def test_the_size_of_a_picture_is_read_from_its_first_bytes(form, options):
    content = BytesIO()
    Image.new("RGB", (321, 123)).save(content, form, **options)
    assert picture_size(content.getvalue()) == (321, 123)
    assert picture_size(content.getvalue()[:9]) is None
    assert picture_size(b"") is None


@pytest.mark.parametrize("shape", [(30, 40), (60, 20), (12, 30, 40), (50,)])
def test_the_size_of_a_picture_is_known_nearly_before_it_is_drawn(shape):
    dims = ("time", "lat", "lon")[-len(shape) :]
    coords = {name: np.linspace(10, 10 + length / 10, length) for name, length in zip(dims, shape, strict=True)}
    units = {"lat": "degrees_north", "lon": "degrees_east"}
    coords = {
        name: (name, values, {"units": units.get(name, "days since 2000-01-01")}) for name, values in coords.items()
    }
    array = xr.DataArray(np.random.default_rng(0).random(shape), coords, dims)
    width, height = picture_of(array).get_size_inches() * 150
    found = size_of(array)
    assert found[0] == pytest.approx(width, rel=0.01)
    assert found[1] == pytest.approx(height, rel=0.3)


def test_kept_pictures_of_old_jobs_go_first(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "MOST", 3)
    kept = KeptPictures(tmp_path / "pictures")
    assert kept.read("j0", 1, "slope") is None
    for number in range(5):
        kept.keep(f"j{number}", 1, "slope", b"%d" % number)
        os.utime(tmp_path / "pictures" / f"j{number}", (number, number))
    kept.keep("j4", 1, "aspect", b"another")
    assert [kept.read(f"j{number}", 1, "slope") for number in range(5)] == [None, None, b"2", b"3", b"4"]
    assert kept.read("j4", 1, "aspect") == b"another"
    assert kept.read("j4", 2, "slope") is None


def test_features_without_geometry_have_no_picture():
    frame = geopandas.GeoDataFrame({"a": [1]}, geometry=[None], crs="EPSG:4326")
    with pytest.raises(FormatError, match="none of the features has a geometry"):
        feature_map(frame)
