"""Percentiles along time: by hand, by property, and against numpy, scipy and cdo."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from moorage_processes import InputError
from moorage_processes.methods.percentile import percentile
from moorage_processes.methods.streaming import time_series as taking
from scipy.stats.mstats import mquantiles

DEFINITIONS = ["linear", "inverted_cdf", "hazen", "weibull", "median_unbiased"]
CONSTANTS = {"linear": 1, "hazen": 0.5, "weibull": 0, "median_unbiased": 1 / 3}
WANTED = [0.0, 1.0, 12.5, 50.0, 90.0, 99.5, 100.0]


def daily(values, start="2000-01-01", calendar="standard", **attributes):
    """Values of one day after the other."""
    values = np.asarray(values)
    time = xr.date_range(start, periods=len(values), freq="D", calendar=calendar, use_cftime=calendar != "standard")
    return xr.DataArray(values, {"time": time}, ("time", "lat", "lon")[: values.ndim], "t", attributes)


def rough(missing=0.1, dtype="float64", steps=800):
    """Values with gaps, on 4 x 3 cells, one of them empty."""
    random = np.random.default_rng(5)
    values = random.gamma(2, 5, (steps, 4, 3)).astype(dtype)
    values[random.random(values.shape) < missing] = np.nan
    values[:, 3, 2] = np.nan
    return daily(values, calendar="noleap", units="mm", long_name="rain").assign_coords(
        lat=("lat", [30.0, 20.0, 10.0, 0.0], {"units": "degrees_north"}), lon=("lon", [0.0, 1.0, 2.0])
    )


def of_each_cell(data, quantile):
    """An independent function of the values of each cell that are there; (percentile, cell)."""
    cells = data.transpose("time", ...).to_numpy().reshape(data.sizes["time"], -1).T
    there = [cell[~np.isnan(cell)] for cell in cells]
    return np.array([quantile(cell) if cell.size else np.full(len(WANTED), np.nan) for cell in there]).T


def test_ten_values_by_hand():
    data = daily([5.0, 1.0, 3.0, 2.0, 4.0, 10.0, 9.0, 8.0, 7.0, 6.0])
    values = {name: percentile(data, [25.0], definition=name).item() for name in DEFINITIONS}
    assert values["linear"] == 1 + 9 / 4
    assert values["inverted_cdf"] == 3
    assert values["hazen"] == 3
    assert values["weibull"] == 11 / 4
    assert values["median_unbiased"] == pytest.approx(1 / 3 + (11 - 2 / 3) / 4)


def test_the_ends_are_the_smallest_and_the_largest():
    data = rough()
    for definition in DEFINITIONS:
        ends = percentile(data, [0.0, 100.0], definition=definition)
        np.testing.assert_array_equal(ends[0], data.min("time"))
        np.testing.assert_array_equal(ends[1], data.max("time"))


def test_a_share_that_comes_out_even_is_no_more_than_it_says():
    hundred = daily(np.arange(1.0, 101.0))
    result = percentile(hundred, [7.0, 29.0, 57.0], definition="inverted_cdf")
    assert result.to_numpy().tolist() == [7, 29, 57]


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_agrees_with_numpy(agrees, definition):
    data = rough()
    expected = of_each_cell(data, lambda cell: np.percentile(cell, WANTED, method=definition))
    result = percentile(data, WANTED, definition=definition)
    agrees("percentile", "numpy.percentile", result.to_numpy().reshape(len(WANTED), -1), expected, within=1e-12)


@pytest.mark.parametrize("missing", [0.0, 0.1, 0.99])
@pytest.mark.parametrize("share", WANTED)
def test_one_alone_is_what_it_is_among_others(share, missing):
    """Where only a few places are needed not all values are sorted."""
    data = rough(missing)
    data[::7, 1, 1] = np.inf
    alone, among = percentile(data, [share]), percentile(data, [0.0, share, 100.0])
    np.testing.assert_array_equal(alone[0], among[1])


@pytest.mark.parametrize(("definition", "constant"), CONSTANTS.items())
def test_agrees_with_scipy(agrees, definition, constant):
    data = rough()
    shares = np.array(WANTED) / 100
    expected = of_each_cell(data, lambda cell: np.asarray(mquantiles(cell, shares, constant, constant)))
    result = percentile(data, WANTED, definition=definition)
    ours = result.to_numpy().reshape(len(WANTED), -1)
    agrees("percentile", "scipy.stats.mstats.mquantiles", ours, expected, within=1e-11)


@settings(deadline=None)
@given(values=arrays(float, st.integers(1, 12), elements=st.floats(-100, 100)), share=st.floats(0, 100))
def test_it_lies_between_the_values_grows_with_the_share_and_turns_with_the_sign(values, share):
    for definition in ("linear", "hazen", "weibull", "median_unbiased"):
        low, high = percentile(daily(values), [share, min(100.0, share + 5)], definition=definition).to_numpy()
        assert values.min() - 1e-9 <= low <= high + 1e-9 <= values.max() + 2e-9
        turned = percentile(daily(-values), [100 - share], definition=definition).item()
        assert turned == pytest.approx(-low, abs=1e-6)


@settings(deadline=None)
@given(scale=st.floats(0.01, 100), offset=st.floats(-100, 100))
def test_it_follows_a_change_of_units(scale, offset):
    data = rough(steps=50)
    one, other = percentile(data, WANTED), percentile(data * scale + offset, WANTED)
    np.testing.assert_allclose(other, one * scale + offset, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("frequency", ["month", "season"])
def test_months_and_seasons_are_those_of_their_values(frequency):
    data = rough()
    result = percentile(data, [10.0, 90.0], frequency)
    assert result.dims == ("percentile", frequency, "lat", "lon")
    for label in result[frequency].to_numpy():
        own = data.isel(time=(data.time.dt.month == label if frequency == "month" else data.time.dt.season == label))
        xr.testing.assert_allclose(result.sel({frequency: label}, drop=True), percentile(own, [10.0, 90.0]), rtol=1e-14)


def test_only_months_that_occur_are_in_the_result():
    result = percentile(daily(np.arange(59.0), start="2001-01-15"), [50.0], "month")
    assert result.month.to_numpy().tolist() == [1, 2, 3]
    assert result.to_numpy().tolist() == [[8.0, 30.5, 51.5]]


@pytest.mark.parametrize(("minimum_valid", "middle"), [(0, 2), (0.75, 2), (0.76, np.nan), (1, np.nan)])
def test_it_needs_its_share_of_valid_values(minimum_valid, middle):
    result = percentile(daily([1.0, np.nan, 3.0, 2.0]), [50.0], minimum_valid=minimum_valid)
    np.testing.assert_array_equal(result, [middle])


def test_infinite_values_are_values():
    result = percentile(daily([-np.inf, 1.0, 2.0, np.inf]), [0.0, 50.0, 100.0])
    assert result.to_numpy().tolist() == [-np.inf, 1.5, np.inf]


@pytest.mark.parametrize("budget", [1, 20_000, 50_000])
def test_numbers_do_not_depend_on_how_much_is_taken_at_once(monkeypatch, budget):
    whole = percentile(rough(), WANTED, "month")
    monkeypatch.setattr(taking, "BUDGET", budget)
    monkeypatch.setattr(taking, "PIECE", 7000)
    xr.testing.assert_identical(whole, percentile(rough(), WANTED, "month"))


@pytest.mark.parametrize("chunks", [(1, 4, 3), (100, 2, 3), (800, 1, 1), None])
def test_packed_files_are_unpacked_once_and_give_the_same(monkeypatch, tmp_path, chunks):
    data = rough(dtype="float32")
    data.to_netcdf(tmp_path / "a.nc", encoding={"t": {"chunksizes": chunks, "zlib": chunks is not None}})
    monkeypatch.setattr(taking, "BUDGET", 800 * 4 * 2)
    with xr.open_dataset(tmp_path / "a.nc") as file:
        np.testing.assert_array_equal(percentile(file.t, WANTED), percentile(data, WANTED))


def test_parts_of_dask_are_computed_and_give_the_same(monkeypatch):
    pytest.importorskip("dask")
    monkeypatch.setattr(taking, "BUDGET", 800 * 8 * 2)
    data = rough()
    xr.testing.assert_identical(percentile(data.chunk(time=100), WANTED), percentile(data, WANTED))


def test_dimensions_may_stand_in_any_order():
    data = rough().assign_coords(height=2.0, orography=(("lat", "lon"), np.ones((4, 3))), day=("time", np.arange(800)))
    expected = percentile(data, WANTED, "season")
    result = percentile(data.transpose("lon", "time", "lat"), WANTED, "season")
    assert result.dims == ("percentile", "lon", "season", "lat")
    assert set(result.coords) == {"percentile", "season", "lat", "lon", "height", "orography"}
    np.testing.assert_array_equal(result.transpose(*expected.dims), expected)


@pytest.mark.parametrize(
    ("dtype", "given"), [("float32", "float32"), (">f4", "float32"), ("float64", "float64"), ("int16", "float64")]
)
def test_the_result_has_the_precision_of_the_data(dtype, given):
    result = percentile(daily(np.array([1, 2, 3, 5]).astype(dtype)), [50.0])
    assert result.dtype == given
    assert result.item() == 2.5


def test_the_data_are_left_as_they_were():
    data = rough()
    before = data.copy(deep=True)
    percentile(data, WANTED)
    xr.testing.assert_identical(data, before)


def test_results_say_what_they_are():
    result = percentile(rough(), [90.0, 99.9], definition="hazen")
    assert result.attrs["units"] == "mm"
    assert result.attrs["long_name"] == "percentiles of rain"
    assert "percentiles=90, 99.9, frequency=None, definition=hazen" in result.attrs["history"]
    assert "Hyndman" in result.attrs["references"]
    assert result.percentile.attrs["units"] == "%"


@pytest.mark.parametrize(
    ("data", "frequency", "sentence"),
    [
        (daily(np.arange(12.0)).drop_vars("time"), None, r"no time axis of dates; its dimensions are time \(12\)"),
        (daily(np.array(["a"] * 12)), None, "it takes numbers"),
        (daily(np.arange(12.0)).isel(time=slice(0)), None, "no steps"),
        (daily(np.zeros((12, 2))).rename(lat="percentile"), None, "has a dimension percentile already"),
        (daily(np.zeros((12, 2))).rename(lat="month"), "month", "has a dimension month already"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(data, frequency, sentence):
    with pytest.raises(InputError, match=sentence):
        percentile(data, [50.0], frequency)


def test_sea_surface_temperature_agrees_with_numpy(shared_data):
    data = xr.open_dataset(shared_data / "coads_sst.nc").SST
    values = data.load().to_numpy().astype("float64")
    land = np.isnan(values).all(axis=0)
    expected = np.full(land.shape, np.nan)
    expected[~land] = np.nanpercentile(values[:, ~land], 90, axis=0)
    np.testing.assert_allclose(percentile(data, [90.0])[0], expected, rtol=1e-7)


@pytest.mark.parametrize("share", [10, 50, 90, 95])
def test_values_that_occurred_agree_with_cdo(tool, agrees, tmp_path, monkeypatch, share):
    monkeypatch.setenv("CDO_PCTL_NBINS", "1001")
    steps = np.random.default_rng(2).permuted(np.tile(np.arange(301.0), (12, 1)), axis=1).T.reshape(301, 4, 3)
    data = daily(steps).assign_coords(rough().coords.to_dataset().drop_vars("time").coords)
    source, target = tmp_path / "a.nc", tmp_path / "b.nc"
    data.to_netcdf(source)
    tool("cdo", "-s", "-O", f"timpctl,{share}", source, "-timmin", source, "-timmax", source, target)
    expected = xr.open_dataset(target, decode_times=False).t.isel(time=0)
    ours = percentile(data, [share], definition="inverted_cdf")[0]
    agrees("percentile", "cdo timpctl, 1001 bins", ours, expected, within=0.0)


@pytest.mark.parametrize("share", [10, 90])
def test_precipitation_agrees_with_cdo_as_far_as_its_bins(tool, tmp_path, monkeypatch, shared_data, share):
    monkeypatch.setenv("CDO_PCTL_NBINS", "1001")
    data = xr.open_dataset(shared_data / "cmip5_rcp85_precipitation_p25.nc").pr.load()
    source, target = tmp_path / "a.nc", tmp_path / "b.nc"
    data.to_netcdf(source)
    tool("cdo", "-s", "-O", f"timpctl,{share}", source, "-timmin", source, "-timmax", source, target)
    expected = xr.open_dataset(target, decode_times=False).pr.isel(time=0)
    result = percentile(data, [share], definition="inverted_cdf")[0]
    bins = (data.max("time") - data.min("time")) / 1000
    assert (abs(result - expected.to_numpy()) <= bins * 1.001).all()
