"""Means over areas: by hand, by property, and against cdo."""

import numpy as np
import pytest
import xarray as xr
from moorage_processes import InputError
from moorage_processes.grids.rectilinear import RADIUS, rectilinear_grid
from moorage_processes.methods.area_mean import area_mean
from moorage_processes.methods.streaming import blocks

LATITUDES = np.degrees(np.arcsin(np.polynomial.legendre.leggauss(16)[0]))


def rough(steps=7, gaps=0.1, dtype="float64", seed=0):
    """A few steps on a gaussian grid, a tenth of the cells missing."""
    random = np.random.default_rng(seed)
    values = random.normal(280, 8, (steps, 16, 32)).astype(dtype)
    values[random.random(values.shape) < gaps] = np.nan
    coordinates = {
        "time": xr.date_range("2000-01-01", periods=steps),
        "lat": ("lat", LATITUDES, {"units": "degrees_north", "standard_name": "latitude"}),
        "lon": ("lon", np.arange(32) * 11.25, {"units": "degrees_east", "standard_name": "longitude"}),
    }
    return xr.DataArray(values, coordinates, ("time", "lat", "lon"), "t", {"units": "K"})


def by_xarray(data, dimensions):
    """The mean with the areas as weights, as xarray has it."""
    areas = xr.DataArray(rectilinear_grid(data, "data").areas, dims=("lat", "lon"))
    return data.astype(float).weighted(areas).mean(dimensions)


def test_rows_count_by_the_sine_between_their_edges(lonlat_grid):
    # rows from -90 to -30, to 30, and to 90 degrees: a quarter, a half and a quarter of the sphere
    field = lonlat_grid([[1.0, 1.0], [4.0, 4.0], [3.0, 3.0]], [-60, 0, 60], [10, 20])
    assert area_mean(field) == pytest.approx(3.0, abs=1e-15)
    np.testing.assert_allclose(area_mean(field, "longitude"), [1.0, 4.0, 3.0], atol=1e-15)
    np.testing.assert_allclose(area_mean(field, "latitude"), [3.0, 3.0], atol=1e-15)


def test_the_integral_of_one_over_the_earth_is_its_area():
    one = xr.ones_like(rough(gaps=0))
    result = area_mean(one, statistic="integral")
    np.testing.assert_allclose(result, 4 * np.pi * RADIUS**2, rtol=1e-14)
    assert result.attrs["units"] == "K m2"
    assert "standard_name" not in result.attrs
    for along, left in (("longitude", "lat"), ("latitude", "lon")):
        np.testing.assert_allclose(area_mean(one, along, "integral").sum(left), result, rtol=1e-14)


@pytest.mark.parametrize("along", ["both", "longitude", "latitude"])
def test_a_constant_stays_what_it_is_through_gaps(along):
    data = rough() * 0 + 3.25
    np.testing.assert_allclose(area_mean(data, along), 3.25, rtol=1e-15)


@pytest.mark.parametrize(("along", "gone"), [("both", ["lat", "lon"]), ("longitude", "lon"), ("latitude", "lat")])
@pytest.mark.parametrize("gaps", [0, 0.1, 0.9])
def test_means_are_weighted_by_area_over_what_is_there(along, gone, gaps):
    data = rough(gaps=gaps)
    np.testing.assert_allclose(area_mean(data, along), by_xarray(data, gone), rtol=1e-14)


@pytest.mark.parametrize(("minimum_valid", "there"), [(0.0, True), (0.74, True), (0.75, True), (0.76, False)])
def test_a_mean_needs_its_share_of_the_area(lonlat_grid, minimum_valid, there):
    field = lonlat_grid([[1.0, 2.0, 3.0, np.nan]] * 2, [-10, 10], [0, 10, 20, 30])
    assert area_mean(field, minimum_valid=minimum_valid).notnull() == there
    assert area_mean(field, "longitude", minimum_valid=minimum_valid).notnull().all() == there


def test_where_nothing_is_there_the_mean_is_missing(lonlat_grid):
    field = lonlat_grid([[np.nan, np.nan], [1.0, 2.0]], [-10, 10], [0, 10])
    assert area_mean(field, "longitude").isnull().to_numpy().tolist() == [True, False]
    assert area_mean(field * np.nan, statistic="integral").isnull()


def test_a_longitude_repeated_counts_once():
    data = rough(gaps=0)
    again = data.isel(lon=[0]).assign_coords(lon=[360.0])
    again.lon.attrs = data.lon.attrs
    np.testing.assert_allclose(area_mean(xr.concat([data, again], "lon")), area_mean(data), rtol=1e-15)


def test_axes_may_stand_in_any_order_and_fall():
    data = rough()
    for other in (data.transpose("lon", "time", "lat"), data.transpose("lat", "lon", "time"), data[:, ::-1, ::-1]):
        np.testing.assert_allclose(area_mean(other), area_mean(data), rtol=1e-14)
    result = area_mean(data.transpose("lon", "time", "lat").assign_coords(height=2.0, cell=("lon", np.arange(32))))
    assert result.dims == ("time",)
    assert set(result.coords) == {"time", "height"}
    assert area_mean(data.transpose("lat", "lon", "time"), "longitude").dims == ("lat", "time")


@pytest.mark.parametrize("along", ["both", "longitude", "latitude"])
def test_numbers_do_not_depend_on_the_size_of_blocks(monkeypatch, along):
    data = rough()
    data[3] = data[2].where(data[2].notnull())
    whole = area_mean(data, along)
    monkeypatch.setattr(blocks, "BUDGET", 100)
    xr.testing.assert_identical(area_mean(data, along), whole)


def test_what_is_in_memory_is_left_as_it_was(lonlat_grid):
    for data in (rough(), lonlat_grid([[1.0, np.nan], [3.0, 4.0]], [0, 1], [0, 1])):
        before = data.copy(deep=True)
        area_mean(data)
        xr.testing.assert_identical(data, before)


@pytest.mark.parametrize(
    ("dtype", "given"), [("float32", "float32"), (">f4", "float32"), ("float64", "float64"), ("int16", "float64")]
)
def test_the_result_has_the_precision_of_the_data_and_double_sums(dtype, given):
    data = rough(gaps=0).astype(dtype)
    result = area_mean(data)
    assert result.dtype == given
    np.testing.assert_array_equal(result, by_xarray(data, ["lat", "lon"]).astype("float32").astype(given)
                                  if given == "float32" else result)  # fmt: skip
    np.testing.assert_allclose(result, by_xarray(data, ["lat", "lon"]), rtol=1e-7)


def test_dask_gives_the_same():
    data = rough()
    xr.testing.assert_identical(area_mean(data.chunk(time=2)), area_mean(data))


def test_results_say_what_they_are():
    data = rough()
    data.attrs |= {"standard_name": "air_temperature", "cell_methods": "time: mean"}
    data.encoding = {"dtype": "int16", "grid_mapping": "crs"}
    result = area_mean(data)
    assert result.attrs["cell_methods"] == "time: mean area: mean"
    assert result.attrs["standard_name"] == "air_temperature"
    assert result.encoding == {}
    assert area_mean(data, "longitude").attrs["cell_methods"] == "time: mean lon: mean"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (rough().drop_vars("lon"), "no coordinates along lon"),
        (rough().isel(lon=0), "do not tell its horizontal axes"),
        (rough().astype(str), "it takes numbers"),
        (rough().isel(lat=[0, 2, 1]), "neither rise nor fall"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(data, sentence):
    with pytest.raises(InputError, match=sentence):
        area_mean(data)


def with_cdo(tool, folder, data, operator):
    """As cdo gives it with our areas, its own being between great circles."""
    data.to_netcdf(folder / "data.nc")
    areas = xr.DataArray(rectilinear_grid(data, "data").areas, {"lat": data.lat, "lon": data.lon}, name="area")
    areas.to_netcdf(folder / "areas.nc")
    weighed = f"-setgridarea,{folder / 'areas.nc'}"
    tool("cdo", "-s", "-O", "-b", "F64", operator, weighed, folder / "data.nc", folder / "mean.nc")
    return xr.open_dataset(folder / "mean.nc", decode_times=False)[data.name].squeeze()


@pytest.mark.parametrize("gaps", [0, 0.1])
@pytest.mark.parametrize(("operator", "along"), [("fldmean", "both"), ("zonmean", "longitude")])
def test_means_agree_with_cdo(tool, agrees, tmp_path, gaps, operator, along):
    data = rough(gaps=gaps)
    expected = with_cdo(tool, tmp_path, data, operator)
    agrees("area-mean", "cdo fldmean and zonmean, with our areas", area_mean(data, along), expected, within=1e-11)


def test_sea_surface_temperature_agrees_with_cdo(tool, agrees, tmp_path, shared_data):
    data = xr.open_dataset(shared_data / "coads_sst.nc").SST.load().astype("float64")
    data.encoding = {}
    data = data.rename({data.dims[-1]: "lon", data.dims[-2]: "lat"})
    for operator, along in (("fldmean", "both"), ("zonmean", "longitude")):
        expected = with_cdo(tool, tmp_path, data, operator)
        agrees("area-mean", "cdo, COADS temperature", area_mean(data, along), expected, within=1e-11, unit="degC")
