"""Parts of grids: by hand, by property, and against cdo and shapely."""

import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from moorage_processes import BBox, InputError
from moorage_processes.methods.streaming import blocks
from moorage_processes.methods.subset import subset
from pyproj import Transformer

DIAMOND = shapely.Polygon([(10, 0), (20, 10), (10, 20), (0, 10)])


def world(step=10.0, west=0.0, calendar="standard", dtype="float32"):
    """Two variables around the Earth, six months, two levels, latitudes falling."""
    lat = xr.Variable("lat", np.arange(90 - step / 2, -90, -step), {"units": "degrees_north"})
    lon = xr.Variable("lon", np.arange(west + step / 2, west + 360, step), {"units": "degrees_east"})
    plev = xr.Variable("plev", [100000.0, 50000.0], {"units": "Pa", "positive": "down"})
    time = xr.date_range("2000-01-16", periods=6, freq="MS", calendar=calendar, use_cftime=calendar != "standard")
    values = np.random.default_rng(0).uniform(0, 100, (6, 2, lat.size, lon.size)).astype(dtype)
    t = xr.Variable(("time", "plev", "lat", "lon"), values, {"units": "K"})
    orography = xr.Variable(("lat", "lon"), values[0, 0], {"units": "m"})
    axes = {"time": time, "plev": plev, "lat": lat, "lon": lon}
    return xr.Dataset({"t": t, "orog": orography}, axes, {"history": "made"})


def test_a_box_keeps_cells_whose_centres_lie_in_it():
    result = subset(world(), bbox=BBox(10, -20, 40, 15))
    assert result.lon.to_numpy().tolist() == [15, 25, 35]
    assert result.lat.to_numpy().tolist() == [15, 5, -5, -15]
    xr.testing.assert_equal(result.t, world().t.sel(lon=slice(10, 40), lat=slice(15, -20)))


@pytest.mark.parametrize("west", [0.0, -180.0])
@pytest.mark.parametrize(
    ("box", "longitudes"),
    [
        ((170, 0, -170, 10), [175, 185]),
        ((-20, 0, 20, 10), [-15, -5, 5, 15]),
        ((350, 0, 370, 10), [355, 365]),
        ((-180, 0, -160, 10), [-175, -165]),
    ],
)
def test_longitudes_come_in_the_range_of_the_box(west, box, longitudes):
    result = subset(world(west=west), bbox=BBox(*box))
    assert result.lon.to_numpy().tolist() == longitudes
    other = subset(world(west=west), bbox=BBox(-180, -90, 180, 90)).assign_coords(lon=lambda grid: grid.lon % 360)
    expected = other.t.sel(lon=np.array(longitudes) % 360, lat=[5.0])
    np.testing.assert_array_equal(result.t, expected)


@pytest.mark.parametrize("calendar", ["standard", "360_day", "noleap"])
@pytest.mark.parametrize(
    ("period", "months"),
    [("2000-03", [3]), ("2000-03/2000-05", [3, 4, 5]), ("../2000-04-01", [2, 3, 4]), ("2000-05/..", [5, 6, 7]),
     ("2000", [2, 3, 4, 5, 6, 7]), ("2000-02-30/2000-03-31", [3])],
)  # fmt: skip
def test_a_period_holds_its_last_day(calendar, period, months):
    result = subset(world(calendar=calendar), period=period)
    assert result.time.dt.month.to_numpy().tolist() == months


@pytest.mark.parametrize(("levels", "kept"), [([50000.0], [50000.0]), ([40000.0, 60000.0], [50000.0]), ([0.0, 2e5], [1e5, 5e4])])  # fmt: skip  # noqa: E501
def test_levels_are_between_two_or_one(levels, kept):
    assert subset(world(), levels=levels).plev.to_numpy().tolist() == kept


def test_variables_bring_their_grid_mapping_and_bounds():
    grid = world().assign(crs=0, time_bnds=(("time", "bnds"), np.zeros((6, 2))))
    grid.orog.attrs["grid_mapping"] = "crs"
    grid.time.attrs["bounds"] = "time_bnds"
    assert set(subset(grid, variables=["orog"]).data_vars) == {"orog", "crs", "time_bnds"}


def test_nothing_asked_for_is_everything():
    xr.testing.assert_equal(subset(world()), world())
    one = subset(world().t)
    xr.testing.assert_equal(one.t, world().t)


def test_cells_outside_a_polygon_are_missing_and_its_extent_is_kept():
    result = subset(world(), polygon=DIAMOND)
    assert result.lon.to_numpy().tolist() == result.lat.to_numpy().tolist()[::-1] == [5, 15]
    touched = subset(world(), polygon=DIAMOND.buffer(0.5), cells="touched")
    assert touched.lon.to_numpy().tolist() == [-5, 5, 15, 25]
    assert touched.lat.to_numpy().tolist() == [25, 15, 5, -5]
    assert touched.orog.isnull().to_numpy().tolist() == [
        [True, False, False, True], [False] * 4, [False] * 4, [True, False, False, True]
    ]  # fmt: skip
    assert touched.t.dtype == "float32"


def test_a_polygon_with_a_hole_and_parts():
    ring = shapely.box(0, 0, 50, 50) - shapely.box(20, 20, 30, 30)
    result = subset(world(), polygon=shapely.MultiPolygon([ring, shapely.box(80, 0, 90, 10)]))
    assert result.lon.to_numpy().tolist() == list(range(5, 95, 10))
    assert result.orog.notnull().sum() == 24 + 1


@pytest.mark.parametrize("west", [0.0, -180.0])
@pytest.mark.parametrize("turn", [-360, 0, 360])
@pytest.mark.parametrize("cells", ["centre", "touched"])
@pytest.mark.parametrize("place", [0, 180])
def test_polygons_agree_with_shapely_cell_by_cell(west, turn, cells, place):
    grid = world(5.0, west)
    shape = shapely.transform(DIAMOND.buffer(1.3), lambda points: points + np.array([place - 8, 0]))
    result = subset(
        grid, polygon=shapely.transform(shape, lambda points: points + np.array([turn, 0])), cells=cells
    ).orog
    inside = []
    for lon in (grid.lon.to_numpy() - place + 180) % 360 - 180 + place:
        for lat in grid.lat.to_numpy():
            point = (
                shapely.Point(lon, lat)
                if cells == "centre"
                else shapely.box(lon - 2.5, lat - 2.5, lon + 2.5, lat + 2.5)
            )
            if shape.intersects(point):
                inside.append((lon % 360, lat))
    there = result.stack(cell=("lon", "lat")).dropna("cell")
    assert sorted(inside) == sorted((lon % 360, lat) for lon, lat in there.cell.to_numpy())
    own = grid.orog.assign_coords(lon=grid.lon % 360)
    assert all(
        own.sel(lon=lon % 360, lat=lat) == value
        for (lon, lat), value in zip(there.cell.to_numpy(), there.to_numpy(), strict=True)
    )
    assert result.sizes["lon"] < 10


def test_a_polygon_may_be_in_another_crs_than_the_grid(utm_grid):
    grid = utm_grid(np.arange(2500.0).reshape(50, 50), cell=100.0).to_dataset()
    circle = shapely.Point(502_000, 4_998_000).buffer(1000)
    to = Transformer.from_crs("EPSG:25832", "EPSG:4326", always_xy=True)
    lonlat = shapely.transform(circle.segmentize(10), lambda points: np.array(to.transform(*points.T)).T)
    for cells in ("centre", "touched"):
        here = subset(grid, polygon=circle, polygon_crs="EPSG:25832", cells=cells)
        there = subset(grid, polygon=lonlat, cells=cells)
        xr.testing.assert_equal(here, there)


def test_a_box_may_be_in_the_crs_of_the_grid(utm_grid):
    grid = utm_grid(np.arange(100.0).reshape(10, 10), cell=100.0).to_dataset()
    result = subset(grid, bbox=BBox(500_100, 4_999_500, 500_300, 4_999_800, crs="EPSG:25832"))
    assert result.x.to_numpy().tolist() == [500_100, 500_200, 500_300]
    assert result.y.to_numpy().tolist() == [4_999_800, 4_999_700, 4_999_600, 4_999_500]


@settings(max_examples=30, deadline=None)
@given(west=st.floats(-180, 180), width=st.floats(20, 300), south=st.floats(-80, 40), height=st.floats(20, 40))
def test_a_box_and_a_polygon_that_is_a_box_keep_the_same_cells(west, width, south, height):
    east, north = west + width, south + height
    box = subset(world(), bbox=BBox(west, south, east, north))
    outline = subset(world(), polygon=shapely.box(west - 1e-6, south - 1e-6, east + 1e-6, north + 1e-6))
    np.testing.assert_array_equal(box.t, outline.t)


def test_only_the_part_is_read_and_not_before_it_is_needed(counted):
    grid, array = counted(world())
    result = subset(grid, bbox=BBox(10, -20, 40, 15), period="2000-03/2000-04", levels=[50000.0])
    assert array.read == 0
    result.load()
    assert array.read == 2 * 1 * 4 * 3


def test_a_large_part_inside_a_polygon_is_read_when_it_is_written(monkeypatch, counted):
    monkeypatch.setattr(blocks, "EAGER", 10)
    grid, array = counted(world())
    result = subset(grid, polygon=DIAMOND)
    assert array.read == 0
    one = result.t.isel(time=2).load()
    assert array.read == 2 * 2 * 2
    np.testing.assert_array_equal(one, subset(world(), polygon=DIAMOND).t.isel(time=2))


def test_whole_numbers_become_floating_point_only_inside_a_polygon():
    grid = world(dtype="int16")
    assert subset(grid, bbox=BBox(0, 0, 90, 90)).t.dtype == "int16"
    result = subset(grid, polygon=DIAMOND.buffer(5))
    assert result.t.dtype == "float32"
    assert result.t.attrs["units"] == "K"


def test_axes_may_stand_in_any_order_and_coordinates_are_kept():
    grid = world().transpose("lon", "time", "lat", "plev")
    grid = grid.assign_coords(height=2.0, area=(("lat", "lon"), np.ones((18, 36))))
    result = subset(grid, polygon=DIAMOND, period="2000-03")
    assert result.t.dims == ("lon", "time", "lat", "plev")
    assert {"height", "area"} <= set(result.coords)
    expected = subset(world(), polygon=DIAMOND, period="2000-03").t
    np.testing.assert_array_equal(result.t.transpose(*expected.dims), expected)


def test_results_say_what_they_are():
    result = subset(world(), ["t"], BBox(0, 0, 90, 90), "2000-03")
    assert result.attrs["history"].startswith("made\nsubset, Moorage ")
    assert "variables=['t'], bbox=[0, 0, 90, 90], period=2000-03" in result.attrs["history"]


def curvilinear():
    lat, lon = np.meshgrid([0.0, 1.0], [0.0, 1.0])
    units = ({"units": "degrees_north"}, {"units": "degrees_east"})
    coordinates = {"nav_lat": (("j", "i"), lat, units[0]), "nav_lon": (("j", "i"), lon, units[1])}
    return xr.Dataset({"t": (("j", "i"), np.zeros((2, 2)))}, coordinates)


FLAT = world()[["orog"]].drop_vars(["time", "plev"], errors="ignore")


@pytest.mark.parametrize(
    ("grid", "options", "sentence"),
    [
        (world(), {"variables": ["u"]}, r"no variable \['u'\]; it has \['t', 'orog'\]"),
        (world(), {"variables": []}, "no variable is named; data has"),
        (world(), {"period": "1999"}, "period '1999' does not meet the data, which has 2000-02-01T00:00:00 to"),
        (world(calendar="360_day"), {"period": "1999"}, "period '1999' does not meet the data, which has 2000-02-01"),
        (world(), {"period": "yesterday"}, "'yesterday' is none; write it as"),
        (FLAT, {"period": "2000"}, "no time axis of dates"),
        (world(), {"levels": [85000.0]}, r"plev \(85000.0\) does not meet the data, which has 100000.0, 50000.0"),
        (FLAT, {"levels": [1.0]}, r"no vertical axis to take levels of; it has"),
        (world().sel(lon=slice(0, 90)), {"bbox": BBox(100, 0, 120, 20)},
         "does not meet the data, which has lon 5 to 85 and lat -85 to 85"),
        (curvilinear(), {"bbox": BBox(0, 0, 1, 1)}, "curvilinear grid; regrid it"),
        (curvilinear(), {"polygon": DIAMOND}, "curvilinear grid; regrid it"),
        (world().sel(lon=slice(100, 300)), {"polygon": DIAMOND},
         "no centre of a cell lies in the polygon; data has lon 105 to 295 and lat -85 to 85 in WGS 84"),
        (world().sel(lon=slice(100, 300)), {"polygon": DIAMOND, "cells": "touched"}, "the polygon touches no cell"),
        (world(), {"polygon": shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])}, "polygon is not valid"),
        (world(), {"polygon": shapely.Polygon()}, "polygon is empty"),
        (world(), {"polygon": DIAMOND, "polygon_crs": "EPSG:none"}, "'EPSG:none' is not known"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_a_sentence(grid, options, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        subset(grid, **options)
    assert caught.value.input in {*options, "data"}


def with_cdo(tool, folder, grid, operator):
    source, target = folder / "a.nc", folder / "b.nc"
    grid.to_netcdf(source)
    tool("cdo", "-s", "-O", operator, source, target)
    with xr.open_dataset(target) as result:
        return result.load()


@pytest.mark.parametrize("box", [(10, -20, 40, 15), (-30, 0, 30, 60), (170, -90, 190, 90)])
def test_boxes_agree_with_cdo(tool, agrees, tmp_path, box):
    west, south, east, north = box
    expected = with_cdo(tool, tmp_path, world(), f"sellonlatbox,{west},{east},{south},{north}")
    result = subset(world(), bbox=BBox(*box))
    np.testing.assert_array_equal(result.lon, expected.lon)
    agrees("subset", "cdo sellonlatbox", result.t, expected.t, within=0)
    agrees("subset", "cdo sellonlatbox, without time", result.orog, expected.orog, within=0)


def test_periods_and_levels_agree_with_cdo(tool, agrees, tmp_path):
    grid = world(calendar="noleap")
    expected = with_cdo(tool, tmp_path, grid, "seldate,2000-03-01,2000-05-31")
    agrees("subset", "cdo seldate", subset(grid, period="2000-03/2000-05").t, expected.t, within=0)
    expected = with_cdo(tool, tmp_path, grid[["t"]], "sellevel,50000")
    agrees("subset", "cdo sellevel", subset(grid, levels=[50000.0]).t, expected.t, within=0)


def test_sea_surface_temperature_of_a_region_and_a_decade_agrees_with_cdo(tool, tmp_path, shared_data):
    grid = xr.open_dataset(shared_data / "coads_sst.nc")[["SST"]]
    expected = with_cdo(tool, tmp_path, grid, "sellonlatbox,100,150,-20,20")
    result = subset(grid, bbox=BBox(100, -20, 150, 20))
    np.testing.assert_array_equal(result.SST, expected.SST)
