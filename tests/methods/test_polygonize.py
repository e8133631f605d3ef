"""Polygons of classes: by hand, by property, and against gdal_polygonize."""

import geopandas
import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from moorage_processes import InputError
from moorage_processes.commands.demo.jacksboro import elevation_model
from moorage_processes.methods import polygonize as module
from moorage_processes.methods.polygonize import polygonize
from pyproj import Geod


def test_cells_of_one_class_that_touch_are_one_polygon(utm_grid):
    result = polygonize(utm_grid([[1, 1, 2], [3, 1, 2], [1, 3, 3]]))
    assert sorted(zip(result["value"], result["cells"], strict=True)) == [(1, 1), (1, 3), (2, 2), (3, 1), (3, 2)]
    largest = result.geometry[result["cells"].idxmax()]
    x, y = 499_995.0, 5_000_005.0
    assert largest.equals(
        shapely.Polygon([(x, y), (x + 20, y), (x + 20, y - 20), (x + 10, y - 20), (x + 10, y - 10), (x, y - 10)])
    )
    assert result["value"].dtype == np.int64


def test_corners_join_cells_where_that_is_asked_for(utm_grid):
    chess = utm_grid([[1, 2], [2, 1]])
    assert len(polygonize(chess)) == 4
    together = polygonize(chess, connectivity=8)
    assert together["cells"].tolist() == [2, 2]
    assert together.is_valid.all()


def test_missing_cells_are_in_no_polygon_and_make_holes(utm_grid):
    values = np.ones((3, 3))
    values[1, 1] = np.nan
    ring = polygonize(utm_grid(values)).geometry[0]
    assert ring.area == 800
    assert len(ring.interiors) == 1
    assert polygonize(utm_grid([[5, 7], [7, 7]], _FillValue=7))["cells"].tolist() == [1]


def test_ranges_begin_with_their_lower_and_the_last_one_ends_with_its_upper(utm_grid):
    result = polygonize(utm_grid([[0.9, 1.0, 1.9, 2.0, 3.0, 3.1]] * 2), breaks=[1, 2, 3])
    assert result[["lower", "upper", "cells"]].to_numpy().tolist() == [[1, 2, 4], [2, 3, 4]]


@pytest.fixture(scope="module")
def classes():
    return (elevation_model() // 50).astype("int16").rio.write_crs("EPSG:4326")


@pytest.mark.parametrize("connectivity", [4, 8])
def test_polygons_are_those_of_gdal_polygonize_and_their_areas_numbers_of_cells(
    tool, agrees, tmp_path, classes, connectivity
):
    classes.rio.to_raster(tmp_path / "classes.tif")
    options = ["-8"] if connectivity == 8 else []
    source, written = tmp_path / "classes.tif", tmp_path / "out.gpkg"
    tool("gdal_polygonize.py", "-q", *options, source, "-f", "GPKG", written, "out", "value")
    theirs = geopandas.read_file(written)
    ours = polygonize(classes, connectivity=connectivity)
    numbers = [frame.groupby("value").size() for frame in (ours, theirs)]
    agrees("polygonize", "gdal_polygonize, polygons of each class", *numbers, within=0)
    counts = np.unique(classes, return_counts=True)[1]
    agrees("polygonize", "numpy.unique, cells of each class", ours.groupby("value")["cells"].sum(), counts, within=0)
    assert ours.is_valid.all()


def test_areas_are_exact_between_parallels_and_meridians(classes):
    polygons = polygonize(classes)
    west, south, east, north = classes.rio.bounds()
    along = np.linspace(west, east, 400)
    ring = np.r_[np.c_[along, np.full(400, south)], np.c_[along[::-1], np.full(400, north)]]
    whole = abs(Geod(ellps="WGS84").polygon_area_perimeter(*ring.T)[0])
    assert polygons["area"].sum() == pytest.approx(whole, rel=1e-8)
    one = polygons.iloc[polygons["cells"].argmax()]
    fine = shapely.orient_polygons(shapely.segmentize(one.geometry, 1 / 1200))
    assert one["area"] == pytest.approx(Geod(ellps="WGS84").geometry_area_perimeter(fine)[0], rel=1e-6)


def test_the_earth_has_its_area_and_mercator_does_not_make_it_larger(lonlat_grid, classes):
    globe = lonlat_grid(np.ones((18, 37)), np.arange(85.0, -90, -10), np.arange(0.0, 361, 10))
    assert polygonize(globe)["area"].tolist() == pytest.approx([510_065_621_724_088.4], rel=1e-9)
    coordinates = {"y": 8.4e6 - 1000.0 * np.arange(20), "x": 1e6 + 1000.0 * np.arange(20)}
    north = xr.DataArray(np.ones((20, 20)), coordinates, ("y", "x")).rio.write_crs("EPSG:3857")
    middle = 2 * np.arctan(np.exp((8.4e6 - 9500) / 6378137)) - np.pi / 2
    assert polygonize(north)["area"][0] == pytest.approx(4e8 * np.cos(middle) ** 2, rel=0.01)


@settings(deadline=None, max_examples=40)
@given(arrays(np.int16, (7, 8), elements=st.integers(0, 3)), st.sampled_from([4, 8]))
def test_polygons_cover_each_cell_of_their_class_once(values, connectivity):
    grid = xr.DataArray(values, {"y": np.arange(7.0), "x": np.arange(8.0)}, ("y", "x")).rio.write_crs("EPSG:3857")
    result = polygonize(grid, connectivity=connectivity)
    y, x = np.mgrid[0:7, 0:8]
    within = shapely.contains(result.geometry.to_numpy()[:, np.newaxis, np.newaxis], shapely.points(x, y))
    assert (within.sum(axis=0) == 1).all()
    assert (result["value"].to_numpy()[within.argmax(axis=0)] == values).all()
    assert result.is_valid.all()
    assert result["cells"].sum() == 56


def test_names_order_and_direction_of_the_axes_do_not_matter(classes):
    small = classes[:30, :40]
    expected = polygonize(small).dissolve("value")
    renamed = small.rename(lat="northing", lon="easting")
    for other in (small[::-1], small[:, ::-1], small.T, renamed, small.expand_dims(band=1)):
        result = polygonize(other).dissolve("value")
        assert result.index.equals(expected.index)
        assert shapely.area(shapely.symmetric_difference(result.geometry, expected.geometry)).max() < 1e-12


def test_small_ones_are_left_out_where_that_is_asked_for(classes):
    every, large = polygonize(classes), polygonize(classes, minimum_area=1e6)
    assert len(large) == (every["area"] >= 1e6).sum() < len(every)
    assert "minimum_area=1e+06" in large.attrs["history"]


@pytest.mark.parametrize(
    ("given", "sentence", "input_"),
    [
        ({}, "data are no whole numbers; give breaks", "breaks"),
        ({"breaks": [1.0]}, "make no ranges", "breaks"),
        ({"breaks": [3.0, 1.0]}, "make no ranges", "breaks"),
        ({"breaks": [8.0, 9.0]}, "no cell of any class", "data"),
        ({"breaks": [0.0, 9.0], "minimum_area": 1e9}, "no polygon is of 1e[+]09 m2; the largest has", "minimum_area"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(utm_grid, given, sentence, input_):
    with pytest.raises(InputError, match=sentence) as refused:
        polygonize(utm_grid([[0.5, 1.5], [2.5, 3.5]]), **given)
    assert refused.value.input == input_


def test_too_many_polygons_are_refused(utm_grid, monkeypatch):
    monkeypatch.setattr(module, "POLYGONS", 20)
    chess = utm_grid(np.indices((6, 6)).sum(axis=0) % 2)
    with pytest.raises(InputError, match="more than 20 polygons"):
        polygonize(chess)
    monkeypatch.setattr(module, "CELLS", 30)
    with pytest.raises(InputError, match="data has 36 cells; up to 30"):
        polygonize(chess)
