"""Trends: by hand, by property, and against cdo, scipy and pymannkendall."""

import warnings
from functools import partial

import numpy as np
import pymannkendall
import pytest
import scipy.stats
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from moorage_processes import InputError
from moorage_processes.methods import trend as module
from moorage_processes.methods.statistics import least_squares, mann_kendall
from moorage_processes.methods.streaming import blocks
from moorage_processes.methods.trend import trend

WAYS = ["least-squares", "theil-sen"]


def yearly(values, calendar="noleap", **attributes):
    """One value a year, of years that are all equally long."""
    values = np.asarray(values)
    time = xr.date_range("1990-07-01", periods=len(values), freq="YS-JUL", calendar=calendar, use_cftime=True)
    return xr.DataArray(values, {"time": time}, ("time", "lat", "lon")[: values.ndim], "t", attributes)


def rough(steps=40, dtype="float64", gaps=0.1, freq="YS", calendar="standard", seed=0):
    """Values that rise and scatter on 3 x 4 cells, a share of them missing."""
    random = np.random.default_rng(seed)
    values = 280 + 0.03 * np.arange(steps)[:, None, None] + random.normal(0, 1, (steps, 3, 4))
    values[random.random(values.shape) < gaps] = np.nan
    time = xr.date_range("1960-01-01", periods=steps, freq=freq, calendar=calendar, use_cftime=calendar != "standard")
    latitude = xr.Variable("lat", [10.0, 20.0, 30.0], {"units": "degrees_north"})
    longitude = xr.Variable("lon", [0.0, 10.0, 20.0, 30.0], {"units": "degrees_east"})
    coordinates = {"time": time, "lat": latitude, "lon": longitude}
    return xr.DataArray(values.astype(dtype), coordinates, ("time", "lat", "lon"), "t", {"units": "K"})


def years_of(data):
    """Years of 365.2425 days since the first date."""
    return (data.time - data.time[0]).to_numpy() / np.timedelta64(1, "D") / 365.2425


@pytest.mark.parametrize("way", WAYS)
def test_half_a_kelvin_a_year_is_five_a_decade(way):
    rising = yearly(3 + 0.5 * np.arange(10), units="K")
    result = trend(rising, way)
    assert result.slope == pytest.approx(5)
    assert result.intercept == pytest.approx(3)
    assert result.p_value < 1e-3
    assert trend(rising, way, per="year").slope == pytest.approx(0.5)


def test_least_squares_by_hand():
    # over 0, 1, 2, 3 years: b = (-1.5*1 - 0.5*3 + 0.5*2 + 1.5*4) / 5 = 0.8, residuals -0.3, 0.9, -0.9, 0.3
    result = trend(yearly([1.0, 3.0, 2.0, 4.0]), per="year")
    assert result.slope == pytest.approx(0.8)
    assert result.intercept == pytest.approx(1.3)
    assert result.p_value == pytest.approx(2 * scipy.stats.t.sf(0.8 / np.sqrt(1.8 / 2 / 5), 2))


def test_theil_sen_by_hand():
    # slopes of pairs: 2, 0.5, 1, -1, 0.5, 2: their median is 0.75; S = 5 - 1 = 4, variance 4 * 3 * 13 / 18
    result = trend(yearly([1.0, 3.0, 2.0, 4.0]), "theil-sen", per="year")
    assert result.slope == pytest.approx(0.75)
    assert result.intercept == pytest.approx(2.5 - 0.75 * 1.5)
    assert result.p_value == pytest.approx(2 * scipy.stats.norm.sf(3 / np.sqrt(4 * 3 * 13 / 18)))


def test_one_outlier_moves_the_median_slope_little():
    values = 0.5 * np.arange(20)
    values[10] = 500
    assert trend(yearly(values), "theil-sen", per="year").slope == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("way", WAYS)
@settings(deadline=None, max_examples=20)
@given(offset=st.floats(-1e3, 1e3), factor=st.floats(0.1, 10), added=st.floats(-1, 1))
def test_a_line_added_is_added_to_the_slope(way, offset, factor, added):
    data = rough(12)
    one = trend(data, way, per="year")
    other = trend(factor * data + offset + added * xr.DataArray(years_of(data), dims="time"), way, per="year")
    np.testing.assert_allclose(other.slope, factor * one.slope + added, atol=1e-9)
    if added == 0:
        np.testing.assert_allclose(other.p_value, one.p_value, atol=1e-7)


@pytest.mark.parametrize("way", WAYS)
def test_what_never_changes_has_no_trend_and_p_is_one(way):
    result = trend(yearly(np.full((6, 2), 283.15, dtype="float32")), way)
    assert (result.slope == 0).all()
    assert (result.p_value == 1).all()
    np.testing.assert_allclose(result.intercept, np.float32(283.15))


@pytest.mark.parametrize("way", WAYS)
def test_missing_values_are_passed_over_as_if_their_steps_were_left_out(way):
    data = yearly([[1.0, 5.0], [2.0, np.nan], [4.0, 7.0], [3.0, np.nan], [5.0, 11.0], [7.0, 8.0]])
    result = trend(data, way)
    alone = trend(data[:, 1].dropna("time"), way)
    for one, other in zip(result, alone, strict=True):
        np.testing.assert_allclose(one[1], other, rtol=1e-12)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("valid", "share", "has"), [(0, 0, 0), (1, 0, 0), (2, 0, 1), (3, 0.5, 0), (4, 0.5, 1)])
def test_a_slope_needs_two_values_and_its_share(way, valid, share, has):
    values = np.arange(8.0)
    values[valid:] = np.nan
    result = trend(yearly(values), way, minimum_valid=share)
    assert np.isfinite(result.slope) == np.isfinite(result.intercept) == has


@pytest.mark.parametrize("way", WAYS)
def test_numbers_do_not_depend_on_the_size_of_blocks(monkeypatch, way):
    data = rough(75, "float32")
    whole = trend(data, way)
    for budget in (1, 200, 3000):
        monkeypatch.setattr(blocks, "BUDGET", budget)
        for one, other in zip(whole, trend(data, way), strict=True):
            xr.testing.assert_identical(one, other)


def test_numbers_do_not_depend_on_tiles_and_bands_beyond_rounding(monkeypatch):
    data = rough(30)
    for way in WAYS:
        whole = trend(data, way)
        monkeypatch.setattr(least_squares, "TILE", 5)
        monkeypatch.setattr(least_squares, "STEPS", 7)
        monkeypatch.setattr(mann_kendall, "BAND", 30 * 29 // 2 * 8 * 2)
        for one, other in zip(whole, trend(data, way), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9)


@pytest.mark.parametrize("way", WAYS)
def test_dimensions_keep_their_order_and_coordinates_and_steps_may_be_shuffled(way):
    data = rough(20).assign_coords(height=2.0, orography=(("lat", "lon"), np.ones((3, 4))), day=("time", np.arange(20)))
    plain = trend(data, way)
    for dims in (("lon", "time", "lat"), ("lat", "lon", "time")):
        result = trend(data.transpose(*dims), way)
        for one, other in zip(result, plain, strict=True):
            assert one.dims == tuple(each for each in dims if each != "time")
            assert set(one.coords) == {"lat", "lon", "height", "orography"}
            np.testing.assert_allclose(one.transpose("lat", "lon"), other, rtol=1e-12)
    shuffled = trend(data.isel(time=np.random.default_rng(0).permutation(20)), way)
    for one, other in zip(shuffled, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


@pytest.mark.parametrize("way", WAYS)
def test_lazy_arrays_of_dask_give_the_same(way):
    data = rough(20)
    for one, other in zip(trend(data.chunk(time=3, lat=2), way), trend(data, way), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize(
    ("calendar", "length"), [("noleap", 365), ("360_day", 360), ("all_leap", 366), ("standard", 365.2425)]
)
def test_a_year_is_as_long_as_in_the_calendar(calendar, length):
    days = rough(800, freq="D", calendar=calendar, gaps=0)
    rising = xr.zeros_like(days) + xr.DataArray(np.arange(800.0), dims="time")
    result = trend(rising, per="year")
    np.testing.assert_allclose(result.slope, length, rtol=1e-12)
    assert f"year of {length:g} days" in result.slope.attrs["history"]


def test_whole_numbers_and_single_precision_are_summed_in_double():
    whole = yearly((10 * np.arange(50)).astype("int16"))
    assert trend(whole, per="year").slope == pytest.approx(10, rel=1e-14)
    assert trend(whole).slope.dtype == np.float64
    single = rough(500, "float32", freq="MS")
    for one, other in zip(trend(single), trend(single.astype("float64")), strict=True):
        np.testing.assert_array_equal(one, other)
    high = rough(500, freq="MS", gaps=0)
    np.testing.assert_allclose(trend(high + 1e9).slope, trend(high).slope, rtol=1e-5)  # digits the sum itself lost


def test_results_say_what_they_are():
    slope, intercept, p_value = trend(yearly(np.arange(9.0), units="K", standard_name="air_temperature", source="s"))
    assert slope.attrs["units"] == "K (10 year)-1"
    assert slope.attrs["long_name"] == "t, linear trend by least squares"
    assert intercept.attrs["units"] == "K"
    assert intercept.attrs["long_name"].endswith("at 1990-07-01")
    assert p_value.attrs["units"] == "1"
    assert "standard_name" not in slope.attrs
    assert slope.attrs["source"] == "s"
    assert "doi:10.1029/1999JD901105" in slope.attrs["references"]


@pytest.mark.parametrize(
    ("data", "options", "sentence"),
    [
        (yearly(np.arange(9.0)).drop_vars("time"), {}, "no time axis of dates"),
        (yearly(np.arange(9.0))[:1], {}, "one date only; a trend takes two at least"),
        (yearly(np.arange(9.0)), {"method": "theil-sen", "autocorrelation": "lag-1"}, "with least-squares only"),
        (yearly(np.arange(9.0))[[0, 0, 1]], {"method": "theil-sen"}, "date more than once"),
        (rough(5001, freq="D").isel(lat=0, lon=0), {"method": "theil-sen"}, "5001 steps; theil-sen takes up to 5000"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(data, options, sentence):
    with pytest.raises(InputError, match=sentence):
        trend(data, **options)


def test_too_many_pairs_are_refused_before_the_work(monkeypatch):
    monkeypatch.setattr(module, "MOST_PAIRS", 1000)
    with pytest.raises(InputError, match=r"compare 2\.3e\+03 pairs of steps, and takes up to 1e\+03; form means"):
        trend(rough(20), "theil-sen")


def cells(*fields):
    """The series of each cell, and what goes with them."""
    yield from zip(*(field.stack(cell=["lat", "lon"]).transpose("cell", ...) for field in fields), strict=True)


@pytest.mark.parametrize("gaps", [0, 0.3])
def test_least_squares_agree_with_scipy(agrees, gaps):
    data = rough(50, gaps=gaps)
    x, theirs = years_of(data), []
    for (series,) in cells(data):
        there = np.isfinite(series.to_numpy())
        found = scipy.stats.linregress(x[there], series.to_numpy()[there])
        theirs.append((found.slope, found.intercept, found.pvalue))
    slope, intercept, p_value = (each.to_numpy().ravel() for each in trend(data, per="year"))
    theirs = np.array(theirs).T
    agrees("trend", "scipy.stats.linregress, slope", slope, theirs[0], within=1e-12, unit="K year-1")
    agrees("trend", "scipy.stats.linregress, intercept", intercept, theirs[1], within=1e-10, unit="K")
    agrees("trend", "scipy.stats.linregress, p-value", p_value, theirs[2], within=1e-10)


@pytest.mark.parametrize("gaps", [0, 0.3])
@pytest.mark.parametrize("steps", [11, 50])
def test_ranks_agree_with_scipy_and_pymannkendall(agrees, gaps, steps):
    data = rough(steps, gaps=gaps).round(1)  # with ties
    x = years_of(data)
    slopes, intercepts, p_values, tested = [], [], [], []
    for (series,) in cells(data):
        y = series.to_numpy()
        there = np.isfinite(y)
        found = scipy.stats.theilslopes(y[there], x[there])
        slopes.append(found.slope)
        intercepts.append(found.intercept)
        p_values.append(pymannkendall.original_test(y[there]).p)
        tested.append(there.sum())
    slope, intercept, p_value = (each.to_numpy().ravel() for each in trend(data, "theil-sen", per="year"))
    agrees("trend", "scipy.stats.theilslopes, slope", slope, slopes, within=1e-14, unit="K year-1")
    agrees("trend", "scipy.stats.theilslopes, intercept", intercept, intercepts, within=1e-10, unit="K")
    agrees("trend", "pymannkendall.original_test, p-value", p_value, p_values, within=1e-12)


def by_santer(x, y):
    """The p-value with the effective sample size, word for word from the paper."""
    n = len(y)
    fit = scipy.stats.linregress(x, y)
    e = y - fit.intercept - fit.slope * x
    r = max(0.0, (e[:-1] * e[1:]).sum() / (e**2).sum())
    effective = n * (1 - r) / (1 + r)
    error = np.sqrt((e**2).sum() / (effective - 2) / ((x - x.mean()) ** 2).sum())
    return 2 * scipy.stats.t.sf(abs(fit.slope / error), effective - 2)


def test_values_that_resemble_the_one_before_count_less():
    random = np.random.default_rng(1)
    noise = random.normal(0, 1, (60, 3, 4))
    for step in range(1, 60):
        noise[step] += 0.7 * noise[step - 1]
    data = rough(60, gaps=0).copy(data=noise)
    result = trend(data, autocorrelation="lag-1")
    plain = trend(data)
    expected = [by_santer(years_of(data), series.to_numpy()) for (series,) in cells(data)]
    np.testing.assert_allclose(result.p_value.to_numpy().ravel(), expected, rtol=1e-8)
    assert (result.p_value >= plain.p_value).all()
    np.testing.assert_array_equal(result.slope, plain.slope)
    shuffled = data.isel(time=random.permutation(60))
    np.testing.assert_allclose(trend(shuffled, autocorrelation="lag-1").p_value, result.p_value, rtol=1e-8)


def test_residuals_beside_a_gap_make_no_pair():
    data = rough(30, gaps=0.2)
    result = trend(data, autocorrelation="lag-1")
    assert np.isfinite(result.p_value).all()
    assert (result.p_value >= trend(data).p_value - 1e-12).all()


def with_cdo(tool, folder, data):
    """Intercept and slope per step as cdo gives them, in double precision."""
    source, first, slope = folder / "data.nc", folder / "first.nc", folder / "slope.nc"
    data.to_netcdf(source)
    partial(tool, "cdo", "-s", "-O", "-b", "F64")("trend", source, first, slope)
    return tuple(xr.open_dataset(path, decode_times=False)[data.name].load().squeeze() for path in (first, slope))


@pytest.mark.parametrize("gaps", [0, 0.2])
@pytest.mark.parametrize("calendar", ["noleap", "360_day", "standard"])
def test_daily_values_agree_with_cdo(tool, agrees, tmp_path, calendar, gaps):
    data = rough(400, freq="D", calendar=calendar, gaps=gaps)
    first, slope = with_cdo(tool, tmp_path, data)
    days = {"noleap": 365, "360_day": 360, "standard": 365.2425}[calendar]
    result = trend(data, per="year")
    agrees("trend", "cdo trend, slope", result.slope / days, slope, within=1e-14, unit="K day-1")
    agrees("trend", "cdo trend, intercept", result.intercept, first, within=1e-10, unit="K")


def test_annual_precipitation_of_a_365_day_calendar_agrees_with_cdo(tool, agrees, tmp_path, shared_data):
    data = xr.open_dataset(shared_data / "cmip5_rcp85_precipitation_p25.nc").pr.load()
    data = data.astype("float64").assign_attrs(data.attrs)
    data.encoding = {}
    first, slope = with_cdo(tool, tmp_path, data)
    result = trend(data, per="year")
    scale = float(abs(slope).max())
    agrees(
        "trend", "cdo trend, precipitation", result.slope / scale, slope / scale, within=1e-12, unit="of the largest"
    )
    np.testing.assert_allclose(result.intercept, first, rtol=1e-10)


def test_daily_temperature_at_stations_agrees_with_scipy(agrees, shared_data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = xr.open_dataset(shared_data / "era5_cities_daily.nc").tas.load()
    result = trend(data, per="year")
    x = years_of(data)
    for place in range(data.sizes["location"]):
        y = data.isel(location=place).to_numpy().astype("float64")
        found = scipy.stats.linregress(x, y)
        slope = result.slope.isel(location=place)
        agrees("trend", "scipy.stats.linregress, ERA5", slope, found.slope, within=1e-12, unit="K year-1")
        assert result.p_value.isel(location=place) == pytest.approx(found.pvalue, rel=1e-9)
