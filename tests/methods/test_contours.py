"""Contour lines and areas: by hand, by property, and against gdal_contour."""

import geopandas
import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.cbook import get_sample_data
from moorage_processes import InputError
from moorage_processes.commands.demo.jacksboro import elevation_model
from moorage_processes.methods.contours import contours


def test_a_line_crosses_a_plane_where_its_value_is(utm_grid):
    plane = utm_grid(np.tile(np.arange(4.0), (3, 1)))
    result = contours(plane, [0.5, 2.25, 9.0])
    assert result.level.tolist() == [0.5, 2.25]
    assert result.crs.to_epsg() == 25832
    assert shapely.get_coordinates(result.geometry[0])[:, 0] == pytest.approx(500_005.0)
    assert shapely.get_coordinates(result.geometry[1])[:, 0] == pytest.approx(500_022.5)
    assert result.length.tolist() == pytest.approx([20.0, 20.0])


def test_a_summit_has_a_closed_ring(utm_grid):
    peak = utm_grid([[0, 0, 0], [0, 4, 0], [0, 0, 0]])
    ring = contours(peak, [2.0]).geometry[0]
    assert ring.geoms[0].is_closed
    assert ring.length == pytest.approx(4 * 5 * 2**0.5)
    disc = contours(peak, [2.0, 4.0], shapes="areas")
    assert disc[["lower", "upper"]].to_numpy().tolist() == [[2.0, 4.0]]
    assert disc.area[0] == pytest.approx(50.0)


def test_an_interval_has_a_level_at_its_base(utm_grid):
    plane = utm_grid(np.tile(np.linspace(0, 10, 6), (3, 1)))
    assert contours(plane, interval=3.0).level.tolist() == [0, 3, 6, 9]
    assert contours(plane, interval=3.0, base=1.0).level.tolist() == [1, 4, 7]
    areas = contours(plane, interval=3.0, base=1.0, shapes="areas")
    assert areas[["lower", "upper"]].to_numpy().tolist() == [[-2, 1], [1, 4], [4, 7], [7, 10]]


def test_missing_cells_leave_gaps(utm_grid):
    values = np.tile(np.arange(4.0), (5, 1))
    values[2, 1] = np.nan
    line = contours(utm_grid(values), [1.5]).geometry[0]
    assert line.length == pytest.approx(20.0)
    assert len(line.geoms) == 2
    areas = contours(utm_grid(values), interval=1.0, shapes="areas")
    assert areas.area.sum() == pytest.approx(30 * 40 - 4 * 100)
    filled = utm_grid(np.where(np.isnan(values), -99, values), _FillValue=-99.0)
    assert contours(filled, [1.5]).geometry[0].equals(line)


@pytest.fixture(scope="module")
def dem():
    return elevation_model().astype("float32")


def test_lines_are_as_long_as_those_of_gdal_contour_and_within_half_a_cell(tool, agrees, tmp_path, dem):
    dem.rio.to_raster(tmp_path / "dem.tif")
    levels = [300.0, 400.5, 500.5, 700.5]
    tool("gdal_contour", "-q", "-a", "level", "-fl", *levels, tmp_path / "dem.tif", tmp_path / "lines.gpkg")
    theirs = geopandas.read_file(tmp_path / "lines.gpkg").dissolve("level")
    ours = contours(dem, levels).set_index("level")
    west, south, east, north = dem.rio.bounds()
    cell = 1 / 1200
    inner = shapely.box(west + 2 * cell, south + 2 * cell, east - 2 * cell, north - 2 * cell)
    assert ours.index.tolist() == theirs.index.tolist()
    for level in levels[1:]:
        mine, peer = ours.geometry[level], theirs.geometry[level]
        agrees("contours", "gdal_contour, length", mine.length / peer.length, 1.0, within=0.011)
        assert shapely.hausdorff_distance(mine, peer) < 0.75 * cell  # half a cell both ways at a corner
        # away from the edge they are one line
        here, there = (shapely.intersection(lines, inner) for lines in (mine, peer))
        apart = shapely.hausdorff_distance(here, there) / cell
        agrees("contours", "gdal_contour, distance within the edge", apart, 0.0, within=1e-4, unit="cells")


def test_areas_tile_the_grid_and_hold_their_values(dem):
    areas = contours(dem, interval=100.0, shapes="areas")
    assert areas.is_valid.all()
    rows, columns = dem.shape
    assert areas.area.sum() == pytest.approx((rows - 1) * (columns - 1) / 1200**2, rel=1e-6)
    y, x = np.unravel_index(np.random.default_rng(0).integers(0, dem.size, 200), dem.shape)
    points = shapely.points(dem.lon.to_numpy()[x], dem.lat.to_numpy()[y])
    for lower, upper, area in zip(areas.lower, areas.upper, areas.geometry, strict=True):
        within = dem.to_numpy()[y, x][shapely.contains(area, points)]
        assert ((within >= lower) & (within <= upper)).all()


def test_rows_of_a_mercator_map_stand_where_they_do():
    with np.load(get_sample_data("topobathy.npz", asfileobj=False)) as sample:
        latitude = xr.Variable("lat", sample["latitude"].astype("f8"), {"units": "degrees_north"})
        longitude = xr.Variable("lon", sample["longitude"].astype("f8"), {"units": "degrees_east"})
    rows = xr.DataArray(
        np.tile(latitude.values[:, np.newaxis], (1, longitude.size)), {"lat": latitude, "lon": longitude}
    )
    line = contours(rows, [49.1]).geometry[0]
    np.testing.assert_allclose(shapely.get_coordinates(line)[:, 1], 49.1, atol=1e-12)


@pytest.mark.parametrize(
    "longitudes",
    [np.arange(-175.0, 180, 10), np.arange(5.0, 360, 10), np.arange(5.0, 366, 10), np.arange(355.0, 0, -10)],
)
def test_round_the_earth_lines_reach_the_seam_from_both_sides_and_never_leap(lonlat_grid, longitudes):
    latitudes = np.arange(-80.0, 81, 10)
    field = lonlat_grid(latitudes[:, np.newaxis] + 5 * np.sin(np.radians(longitudes)), latitudes, longitudes)
    points = shapely.get_coordinates(contours(field, [12.0]).geometry[0])
    assert np.ptp(points[:, 0]) == pytest.approx(360)
    assert np.abs(np.diff(points[:, 0])).max() <= 10 + 1e-9
    assert points[0, 1] == pytest.approx(points[-1, 1])


@settings(deadline=None, max_examples=25)
@given(st.floats(-100, 100), st.floats(0.1, 10), st.integers(0, 100))
def test_lines_do_not_depend_on_offset_and_scale(offset, scale, seed):
    values = np.random.default_rng(seed).normal(size=(8, 9))
    one, other = (
        xr.DataArray(field, {"y": np.arange(8.0), "x": np.arange(9.0)}, ("y", "x"))
        for field in (values, offset + scale * values)
    )
    here, there = contours(one, [0.3], crs="EPSG:3857"), contours(other, [offset + scale * 0.3], crs="EPSG:3857")
    assert here.length[0] == pytest.approx(there.length[0], rel=1e-6)


def test_names_order_and_direction_of_the_axes_do_not_matter(dem):
    small = dem[:60, :50]
    expected = contours(small, [400.5]).geometry[0]
    for other in (
        small[::-1],
        small[:, ::-1],
        small.T,
        small.rename(lat="northing", lon="easting"),
        small.expand_dims(band=1),
    ):
        line = contours(other, [400.5]).geometry[0]
        assert line.length == pytest.approx(expected.length)
        assert shapely.hausdorff_distance(line, expected) < 1e-9


def test_what_was_done_is_told(dem):
    attrs = contours(dem[:20, :20], interval=20.0).attrs
    assert attrs["units"] == "m"
    assert "contours, Moorage" in attrs["method"]
    assert "lines" in attrs["history"]


@pytest.mark.parametrize(
    ("given", "sentence", "input_"),
    [
        ({}, "either levels or an interval", "levels"),
        ({"levels": [1.0], "interval": 2.0}, "either levels or an interval", "levels"),
        ({"levels": [99.0]}, "nothing to draw at the levels 99 to 99: data lie between 0 and 3", "levels"),
        ({"interval": 1e-4}, "makes 30001 levels; up to 1000", "interval"),
        ({"interval": 50.0, "base": 20.0}, "nothing to draw", "interval"),
        ({"levels": list(range(1001))}, "1001 levels are asked for", "levels"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_a_sentence(utm_grid, given, sentence, input_):
    with pytest.raises(InputError, match=sentence) as refused:
        contours(utm_grid(np.tile(np.arange(4.0), (3, 1))), **given)
    assert refused.value.input == input_


def test_fields_that_are_no_map_are_refused(utm_grid):
    with pytest.raises(InputError, match="all are missing"):
        contours(utm_grid(np.full((3, 3), np.nan)), [1.0])
    with pytest.raises(InputError, match=r"further dimensions: time \(2\)"):
        contours(utm_grid(np.ones((3, 3))).expand_dims(time=2), [1.0])
