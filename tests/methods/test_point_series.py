"""Series at points: by hand, by property, and against cdo, xarray and scipy."""

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from moorage_processes import InputError
from moorage_processes.methods import point_series as module
from moorage_processes.methods.point_series import point_series
from moorage_processes.methods.streaming import blocks
from pyproj import Transformer
from scipy.interpolate import RegularGridInterpolator

BOX = geopandas.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)])


def field(lon, lat, steps=3, calendar="standard", missing=0.0, seed=0):
    """Rough values on given longitudes and latitudes."""
    random = np.random.default_rng(seed)
    values = random.uniform(0, 100, (steps, len(lat), len(lon)))
    values[random.random(values.shape) < missing] = np.nan
    time = xr.date_range("2000-01-01", periods=steps, freq="D", calendar=calendar, use_cftime=calendar != "standard")
    coordinates = {
        "time": time,
        "lat": ("lat", np.asarray(lat, float), {"units": "degrees_north"}),
        "lon": ("lon", np.asarray(lon, float), {"units": "degrees_east"}),
    }
    return xr.DataArray(values, coordinates, ("time", "lat", "lon"), "t", {"units": "K"})


def points(*places, crs="EPSG:4326", **columns):
    return geopandas.GeoDataFrame(columns, geometry=[shapely.Point(place) for place in places], crs=crs)


def world(**options):
    return field(np.arange(5.0, 360, 10), np.arange(85.0, -90, -10), **options)


def test_nearest_is_the_cell_that_a_point_lies_in():
    data = field([0, 10, 20], [0, 10])
    series = point_series(data, points((4.9, 4.9), (5.1, 5.1), (-5, -5), (25, 15))).series
    assert series.dims == ("station", "time")
    cells = [(0, 0), (1, 1), (0, 0), (1, 2)]
    np.testing.assert_array_equal(series, [data.to_numpy()[:, row, column] for row, column in cells])


def test_bilinear_by_hand():
    data = field([0, 10], [0, 10], steps=1)
    data[:] = [[[0, 10], [20, 30]]]
    result = point_series(data, points((5, 5), (2.5, 0), (10, 7.5), (0, 0)), "bilinear").series
    assert result[:, 0].to_numpy().tolist() == pytest.approx([15, 2.5, 25, 0])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[np.nan, 10], [20, 30]], 20.0),
        ([[np.nan, np.nan], [20, 30]], 25.0),
        ([[np.nan, np.nan], [np.nan, 30]], np.nan),
    ],
)
def test_bilinear_is_the_mean_of_what_is_there_if_that_is_half(values, expected):
    data = field([0, 10], [0, 10], steps=1)
    data[:] = [values]
    np.testing.assert_allclose(point_series(data, points((5, 5)), "bilinear").series, [[expected]])
    on_a_centre = point_series(data, points((10, 10)), "bilinear").series
    assert on_a_centre.item() == 30


@given(
    places=st.lists(st.tuples(st.floats(0, 40), st.floats(0, 20)), min_size=1, max_size=5),
    a=st.floats(-5, 5), b=st.floats(-5, 5),
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_bilinear_gives_a_plane_back(places, a, b):
    data = field(np.arange(0.0, 41, 8), np.arange(20.0, -1, -4), steps=1)
    plane = a * data.lon + b * data.lat + 0 * data
    result = point_series(plane.transpose("time", "lat", "lon"), points(*places), "bilinear").series
    np.testing.assert_allclose(result[:, 0], [a * x + b * y for x, y in places], atol=1e-9)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("west", [0, -180])
def test_longitudes_are_taken_round_the_earth(interpolation, west):
    data = world()
    turned = data.assign_coords(lon=(data.lon + 180) % 360 - 180).sortby("lon") if west else data
    turned.lon.attrs = data.lon.attrs
    places = [(-0.5, 10), (359.5, 10), (179.5, -3), (-180.5, -3), (-179, 3), (181, 3)]
    result = point_series(turned, points(*places), interpolation).series
    np.testing.assert_allclose(result[::2], result[1::2], rtol=1e-12)
    expected = point_series(data, points(*places), interpolation).series
    np.testing.assert_allclose(result, expected, rtol=1e-12)


def test_bilinear_closes_the_circle_of_longitudes():
    data = world(steps=1)
    result = point_series(data, points((0, 85)), "bilinear").series.item()
    assert result == pytest.approx((data[0, 0, 0] + data[0, 0, -1]).item() / 2)


@pytest.mark.parametrize("falls", [False, True])
def test_agrees_with_scipy_and_xarray_on_uneven_axes(agrees, falls):
    data = field([0, 3, 4, 9, 20], [0, 1, 5, 6], seed=3)
    data = data.isel(lat=slice(None, None, -1)) if falls else data
    random = np.random.default_rng(1)
    places = list(zip(random.uniform(0, 20, 50), random.uniform(0, 6, 50), strict=True))
    x, y = (xr.DataArray(np.array(each), dims="station") for each in zip(*places, strict=True))
    nearest = point_series(data, points(*places)).series
    np.testing.assert_array_equal(nearest, data.sel(lon=x, lat=y, method="nearest").transpose("station", "time"))
    rising = data.sortby("lat")
    scipy = [
        RegularGridInterpolator((rising.lat.to_numpy(), rising.lon.to_numpy()), step)(np.array(places)[:, ::-1])
        for step in rising.to_numpy()
    ]
    bilinear = point_series(data, points(*places), "bilinear").series
    agrees("point-series", "scipy RegularGridInterpolator", bilinear, np.transpose(scipy), within=1e-10)


def test_points_may_be_in_another_crs_than_the_grid(utm_grid):
    grid = utm_grid(np.arange(100.0).reshape(10, 10), cell=100.0)
    there = [(500_130, 4_999_820), (500_410, 4_999_490)]
    lonlat = [Transformer.from_crs("EPSG:25832", "EPSG:4326", always_xy=True).transform(*place) for place in there]
    for crs, places in (("EPSG:25832", there), ("EPSG:4326", lonlat), (None, lonlat)):
        series = point_series(grid, points(*places, crs=crs)).series
        assert series.to_numpy().tolist() == [21, 54]
        np.testing.assert_allclose(np.transpose([series.lon, series.lat]), lonlat, atol=1e-7)


def test_single_geometries_will_do_in_python():
    data = field([0, 10], [0, 10])
    one = point_series(data, shapely.Point(10, 0)).series
    two = point_series(data, shapely.MultiPoint([(10, 0), (0, 0)])).series
    assert one.sizes["station"] == 1
    np.testing.assert_array_equal(two[:1], one)


def test_the_table_has_a_row_a_time_and_a_column_a_station():
    data = field([0, 10], [0, 10])
    series, table = point_series(data, points((0, 0), (10, 0), name=["Kiel", "Husum"]), names="name")
    assert table.columns.tolist() == ["time", "Kiel", "Husum"]
    assert table["time"].tolist() == list(pd.date_range("2000-01-01", periods=3))
    np.testing.assert_array_equal(table[["Kiel", "Husum"]], series.T)
    assert series.sel(station="Husum").equals(series[1])


def test_further_dimensions_and_coordinates_are_kept():
    data = xr.concat([world(calendar="360_day"), world(calendar="360_day") + 1], xr.Variable("level", [1.0, 2.0]))
    data = data.assign_coords(height=2.0, area=(("lat", "lon"), data[0, 0].to_numpy()), day=("time", [1, 2, 3]))
    series, table = point_series(data, points((15, 5), (-15, 5)))
    assert series.dims == ("station", "level", "time")
    assert set(series.coords) == {"station", "lon", "lat", "level", "time", "height", "area", "day"}
    np.testing.assert_array_equal(series.area, series[:, 0, 0])
    assert table.shape == (6, 4)
    assert table["time"].tolist()[:2] == ["2000-01-01T00:00:00", "2000-01-02T00:00:00"]
    np.testing.assert_array_equal(table["1"], series[0].to_numpy().reshape(-1))
    turned = point_series(data.transpose("lon", "time", "lat", "level"), points((15, 5), (-15, 5))).series
    np.testing.assert_array_equal(turned.transpose(*series.dims), series)


def test_a_map_without_time_gives_one_value_a_point():
    series, table = point_series(world()[0], points((15, 5), (25, 5)), "bilinear")
    assert series.dims == ("station",)
    assert table.shape == (1, 2)


@pytest.mark.parametrize(("interpolation", "cells"), [("nearest", 2), ("bilinear", 8)])
def test_of_large_maps_only_the_cells_that_are_needed_are_read(counted, monkeypatch, interpolation, cells):
    monkeypatch.setattr(module, "SEARCH", 1)
    data = world()
    grid, array = counted(data.to_dataset())
    result = point_series(grid.t, points((12, 5), (-100, 42)), interpolation).series
    assert array.read == cells * 3
    np.testing.assert_array_equal(result, point_series(data, points((12, 5), (-100, 42)), interpolation).series)


def test_of_small_maps_all_around_the_points_is_read_once(counted):
    data = world()
    grid, array = counted(data.to_dataset())
    where = points((12, 5), (-98, 42))
    result = point_series(grid.t, where).series
    assert array.read == 5 * 26 * 3
    np.testing.assert_array_equal(result, point_series(data, where).series)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("chunks", [(1, 18, 36), (2, 5, 7), (3, 1, 1)])
def test_packed_files_and_dask_give_the_same(monkeypatch, tmp_path, interpolation, chunks):
    data = world(missing=0.1)
    data.to_netcdf(tmp_path / "a.nc", encoding={"t": {"chunksizes": chunks, "zlib": True}})
    where = points((12, 5), (-100, 42), (0, 0))
    expected = point_series(data, where, interpolation).series
    monkeypatch.setattr(blocks, "BUDGET", 10)
    with xr.open_dataset(tmp_path / "a.nc") as file:
        np.testing.assert_array_equal(point_series(file.t, where, interpolation).series, expected)
    pytest.importorskip("dask")
    np.testing.assert_array_equal(point_series(data.chunk(time=1, lat=9), where, interpolation).series, expected)


def test_results_say_what_they_are():
    series = point_series(world(), points((0, 0)), "bilinear").series
    assert series.attrs["units"] == "K"
    assert series.station.attrs["cf_role"] == "timeseries_id"
    assert "interpolation=bilinear, 1 points" in series.attrs["history"]
    assert point_series(world().astype("int16"), points((0, 0))).series.dtype == "float32"


@pytest.mark.parametrize(
    ("data", "where", "options", "sentence"),
    [
        (field([0, 10], [0, 10]), points((0, 0), (16, 0), (0, -6)), {},
         "outside the grid lie the points 2, 3; data covers lon -5 to 15, lat -5 to 15 in WGS 84"),
        (field([0, 10], [0, 10]), points((80, 0), n=["Oslo"]), {"names": "n"}, "outside the grid lie the points Oslo"),
        (field([0, 10], [0, 10]), points((0, 0), (1, 0), n=["a", "a"]), {"names": "n"}, "names two points 'a'"),
        (field([0, 10], [0, 10]), points((0, 0), n=["a"]), {"names": "m"}, r"no column 'm'; they have \['n'\]"),
        (field([0, 10], [0, 10]), BOX, {}, "is a Polygon; give points only"),
        (field([0, 10], [0, 10]), points(), {}, "has no points"),
        (field([0], [0, 10]), points((0, 0)), {}, "no two or more coordinates along lon"),
        (field([0, 10, 5], [0, 10]), points((0, 0)), {}, "no two or more coordinates along lon that rise or fall"),
        (field([0, 1], [0, 1]).astype(str), points((0, 0)), {}, "it takes numbers"),
        (xr.DataArray(np.zeros((2, 2)), {"x": [0.0, 1.0], "y": [0.0, 1.0]}, ("y", "x")), points((0, 0)), {},
         "does not state its CRS"),
        (xr.DataArray(np.zeros((2, 2)), {"nav": (("j", "i"), np.eye(2), {"units": "degrees_north"})}, ("j", "i")),
         points((0, 0)), {}, "curvilinear grid"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_a_sentence(data, where, options, sentence):
    with pytest.raises(InputError, match=sentence):
        point_series(data, where, **options)


@pytest.mark.parametrize(("interpolation", "operator"), [("nearest", "remapnn"), ("bilinear", "remapbil")])
def test_agrees_with_cdo(tool, agrees, tmp_path, interpolation, operator):
    data = world()
    source, target = tmp_path / "a.nc", tmp_path / "b.nc"
    data.to_netcdf(source)
    for lon, lat in [(12, 7), (-3, 41), (177.5, -60), (358, 0.1)]:
        tool("cdo", "-s", "-O", "-b", "F64", f"{operator},lon={lon}/lat={lat}", source, target)
        with xr.open_dataset(target) as result:
            expected = result.t.to_numpy().reshape(-1)
        series = point_series(data, points((lon, lat)), interpolation).series
        agrees("point-series", "cdo remapnn and remapbil", series[0], expected, within=1e-8)


def test_sea_surface_temperature_at_an_island_agrees_with_cdo(tool, agrees, tmp_path, shared_data):
    with xr.open_dataset(shared_data / "coads_sst.nc") as file:
        data = file.SST.load()
    data.encoding = {}
    source, target = tmp_path / "a.nc", tmp_path / "b.nc"
    data.to_netcdf(source)
    tool("cdo", "-s", "-O", "remapnn,lon=-159.4/lat=22.3", source, target)
    with xr.open_dataset(target) as result:
        expected = result.SST.to_numpy().reshape(-1)
    series = point_series(data, points((-159.4, 22.3))).series[0]
    agrees("point-series", "cdo remapnn, COADS temperature", series, expected, within=0.0, unit="degC")
