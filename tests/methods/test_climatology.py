"""Climatologies and anomalies: by hand, by property, and against cdo."""

from functools import partial

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from moorage_processes import InputError
from moorage_processes.methods.climatology import climatology
from moorage_processes.methods.streaming import blocks

EVERY = ["month", "season", "dayofyear"]
MEAN = {"month": "ymonmean", "season": "yseasmean", "dayofyear": "ydaymean"}
SUBTRACT = {"month": "ymonsub", "dayofyear": "ydaysub"}


def series(values, start="2000-01-01", freq="MS", calendar="standard", **attributes):
    """Values, one step after the other, from a given day on."""
    values = np.asarray(values)
    time = xr.date_range(
        start, periods=values.shape[0], freq=freq, calendar=calendar, use_cftime=calendar != "standard"
    )
    return xr.DataArray(values, {"time": time}, ("time", "lat", "lon")[: values.ndim], "t", attributes)


def daily(calendar, years=5, dtype="float64"):
    """Some years of rough daily values on 2 x 3 cells, a tenth of them missing."""
    random = np.random.default_rng(4)
    steps = 365 * years + 17
    values = (280 + random.normal(0, 8, (steps, 2, 3))).astype(dtype)
    values[random.random(values.shape) < 0.1] = np.nan
    field = series(values, start="1999-03-01", freq="D", calendar=calendar, units="K")
    latitude = xr.Variable("lat", [10.0, 20.0], {"units": "degrees_north"})
    longitude = xr.Variable("lon", [0.0, 10.0, 20.0], {"units": "degrees_east"})
    return field.assign_coords(lat=latitude, lon=longitude)


def test_the_mean_of_each_month_is_over_the_years():
    result = climatology(series([1.0] * 12 + [3.0] * 12 + [8.0]))
    assert result.climatology.sel(month=1) == 4.0
    assert result.climatology.sel(month=2) == 2.0
    assert result.anomaly.to_numpy().tolist() == [-3.0] + [-1.0] * 11 + [-1.0] + [1.0] * 11 + [4.0]


def test_seasons_stand_in_the_order_of_the_year_and_december_is_winter():
    result = climatology(series(np.arange(1.0, 13.0)), "season").climatology
    assert result.season.to_numpy().tolist() == ["DJF", "MAM", "JJA", "SON"]
    assert result.to_numpy().tolist() == [(12 + 1 + 2) / 3, 4.0, 7.0, 10.0]


def test_the_first_of_march_is_day_61_with_and_without_a_leap_day():
    days = series(np.arange(365.0 + 366.0), start="2003-01-01", freq="D")
    result = climatology(days, "dayofyear").climatology
    assert result.sel(dayofyear=60) == 365 + 59
    assert result.sel(dayofyear=61) == (59 + 365 + 60) / 2
    assert result.sizes["dayofyear"] == 366


@pytest.mark.parametrize(("calendar", "days"), [("noleap", 365), ("360_day", 360), ("all_leap", 366), ("julian", 366)])
def test_a_year_has_as_many_days_as_its_calendar(calendar, days):
    assert climatology(daily(calendar), "dayofyear").climatology.sizes["dayofyear"] == days


def test_only_months_that_occur_are_in_the_result():
    january_and_july = series(np.arange(24.0)).isel(time=[0, 6, 12, 18])
    result = climatology(january_and_july).climatology
    assert result.month.to_numpy().tolist() == [1, 7]
    assert result.to_numpy().tolist() == [6.0, 12.0]


def test_missing_values_are_passed_over_and_stay_missing_in_the_anomaly():
    result = climatology(series([1.0] * 12 + [np.nan] * 12 + [3.0] * 12))
    assert (result.climatology == 2.0).all()
    assert np.isnan(result.anomaly[12:24]).all()
    assert (result.anomaly[:12] == -1.0).all()


@pytest.mark.parametrize(
    ("minimum_valid", "mean"), [(0.0, 5.0), (0.5, 5.0), (0.75, 5.0), (0.76, np.nan), (1.0, np.nan)]
)
def test_a_mean_needs_its_share_of_valid_values(minimum_valid, mean):
    one_of_four_missing = series(np.repeat([4.0, 5.0, np.nan, 6.0], 12))
    result = climatology(one_of_four_missing, minimum_valid=minimum_valid)
    np.testing.assert_array_equal(result.climatology, np.full(12, mean))
    assert np.isnan(result.anomaly).all() == np.isnan(mean)


def test_where_nothing_is_valid_there_is_no_mean():
    assert np.isnan(climatology(series(np.full(12, np.nan))).climatology).all()


def test_the_reference_period_makes_the_mean_and_all_years_have_anomalies():
    result = climatology(series(np.repeat([1.0, 2.0, 3.0, 10.0], 12)), first_year=2001, last_year=2002)
    assert (result.climatology == 2.5).all()
    assert result.anomaly.to_numpy()[::12].tolist() == [-1.5, -0.5, 0.5, 7.5]
    assert "years 2001 to 2002" in result.climatology.attrs["history"]


def test_a_time_of_year_outside_the_reference_has_no_anomaly():
    result = climatology(series(np.arange(18.0), start="2000-07-01"), first_year=2000, last_year=2000)
    assert result.climatology.month.to_numpy().tolist() == [7, 8, 9, 10, 11, 12]
    assert np.isnan(result.anomaly[6:12]).all()


@pytest.mark.parametrize("frequency", EVERY)
@given(offset=st.floats(-1e3, 1e3))
def test_an_offset_moves_the_climatology_and_not_the_anomaly(frequency, offset):
    data = daily("noleap", years=2)
    one, other = climatology(data, frequency), climatology(data + offset, frequency)
    np.testing.assert_allclose(other.climatology, one.climatology + offset, atol=1e-9)
    np.testing.assert_allclose(other.anomaly, one.anomaly, atol=1e-9)


def test_what_repeats_each_year_has_no_anomaly():
    year = np.random.default_rng(0).normal(size=(360, 2, 2))
    result = climatology(series(np.tile(year, (4, 1, 1)), freq="D", calendar="360_day"), "dayofyear")
    np.testing.assert_allclose(result.anomaly, 0, atol=1e-15)
    np.testing.assert_array_equal(result.climatology, year)


@pytest.mark.parametrize("frequency", EVERY)
def test_anomalies_have_no_climatology_of_their_own(frequency):
    again = climatology(climatology(daily("standard"), frequency).anomaly, frequency)
    np.testing.assert_allclose(again.climatology, 0, atol=1e-12)


def test_numbers_do_not_depend_on_the_size_of_blocks(monkeypatch):
    whole = climatology(daily("noleap"))
    monkeypatch.setattr(blocks, "BUDGET", 100)
    for one, other in zip(whole, climatology(daily("noleap")), strict=True):
        xr.testing.assert_identical(one, other)


def test_dimensions_keep_their_order_and_coordinates_and_steps_may_be_shuffled():
    data = daily("standard").transpose("lat", "time", "lon").assign_coords(
        height=2.0, orography=(("lat", "lon"), np.ones((2, 3))), day=("time", np.arange(365 * 5 + 17))
    )  # fmt: skip
    result = climatology(data)
    assert result.climatology.dims == ("lat", "month", "lon")
    assert set(result.climatology.coords) == {"month", "lat", "lon", "height", "orography"}
    assert result.anomaly.dims == data.dims
    assert set(result.anomaly.coords) == set(data.coords)
    shuffled = climatology(data.isel(time=np.random.default_rng(0).permutation(data.sizes["time"])))
    np.testing.assert_allclose(shuffled.climatology, result.climatology, rtol=1e-12)


@pytest.mark.parametrize(
    ("dtype", "given"), [("float32", "float32"), ("float64", "float64"), (">f4", "float32"), ("int16", "float64")]
)
def test_the_result_has_the_precision_of_the_data(dtype, given):
    result = climatology(series(np.arange(24).astype(dtype)))
    assert result.climatology.dtype == result.anomaly.dtype == given


def test_single_precision_is_summed_in_double():
    million = series(
        (np.full(12 * 3000, 16_777_217.0) + np.tile([0, 2], 18_000)).astype("float32"),
        start="0001-01-01",
        calendar="noleap",
    )
    np.testing.assert_array_equal(climatology(million).climatology, climatology(million.astype("float64")).climatology)


def test_results_say_what_they_are():
    data = series(np.arange(24.0), units="K", standard_name="air_temperature", long_name="temperature", valid_max=400.0)
    data.attrs |= {"cell_methods": "time: mean within days", "history": "measured"}
    data.encoding = {"dtype": "int16", "scale_factor": 0.01, "add_offset": 280.0}
    usual, departure = climatology(data)
    assert usual.attrs["cell_methods"] == "time: mean within days time: mean within years time: mean over years"
    assert usual.attrs["standard_name"] == "air_temperature"
    assert usual.attrs["history"].startswith("measured\nclimatology, Moorage ")
    assert departure.name == "t_anomaly"
    assert departure.attrs["long_name"] == "temperature anomaly"
    assert departure.attrs["units"] == "K"
    assert {"standard_name", "valid_max"}.isdisjoint(departure.attrs)
    assert usual.encoding == departure.encoding == {}


@pytest.mark.parametrize(
    ("data", "options", "sentence"),
    [
        (series(np.arange(12.0)).drop_vars("time"), {}, r"no time axis of dates; its dimensions are time \(12\)"),
        (series(np.arange(12.0)).assign_coords(time=np.arange(12)), {}, "no time axis of dates"),
        (series(np.arange(12.0)).isel(time=0), {}, "no time axis of dates; it has no dimensions"),
        (series(np.array(["a"] * 12)), {}, "it takes numbers"),
        (series(np.arange(12.0)).isel(time=slice(0)), {}, "no steps"),
        (series(np.zeros((12, 2))).rename(lat="month"), {}, "has a dimension month already"),
        (series(np.arange(12.0)), {"first_year": 2001}, "2001 to the end, holds no data; the data has 2000 to 2000"),
        (series(np.arange(24.0)), {"first_year": 2001, "last_year": 2000}, "2001 to 2000, holds no data"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(data, options, sentence):
    with pytest.raises(InputError, match=sentence):
        climatology(data, **options)


def with_cdo(tool, folder, data, frequency):
    """Climatology and anomaly as cdo gives them, in double precision."""
    cdo = partial(tool, "cdo", "-s", "-O", "-b", "F64")
    source, usual, departure = folder / "data.nc", folder / "mean.nc", folder / "anomaly.nc"
    data.to_netcdf(source)
    cdo(MEAN[frequency], source, usual)
    if frequency == "season":
        # yseassub of cdo 2.1 cannot read the dates that its own yseasmean writes
        parts = [folder / f"{season}.nc" for season in ("DJF", "MAM", "JJA", "SON")]
        for part in parts:
            chosen = (f"-selseason,{part.stem}", source)
            cdo("sub", *chosen, "-timmean", *chosen, part)
        cdo("mergetime", *parts, departure)
    else:
        cdo(SUBTRACT[frequency], source, usual, departure)
    return tuple(xr.open_dataset(path, decode_times=False)[data.name].load() for path in (usual, departure))


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day"])
@pytest.mark.parametrize("frequency", EVERY)
def test_daily_values_agree_with_cdo(tool, agrees, tmp_path, calendar, frequency):
    data = daily(calendar)
    usual, departure = with_cdo(tool, tmp_path, data, frequency)
    result = climatology(data, frequency)
    agrees("climatology", "cdo ymonmean, yseasmean, ydaymean", result.climatology, usual, within=1e-12, unit="K")
    agrees("climatology", "cdo ymonsub, ydaysub", result.anomaly, departure, within=1e-12, unit="K")


def test_sea_surface_temperature_agrees_with_cdo(tool, tmp_path, shared_data):
    data = xr.open_dataset(shared_data / "coads_sst.nc").SST.load()
    data.encoding = {}
    usual, departure = with_cdo(tool, tmp_path, data, "month")
    result = climatology(data)
    np.testing.assert_array_equal(result.climatology, usual)
    np.testing.assert_array_equal(result.anomaly, departure)


def test_annual_precipitation_of_a_365_day_calendar_agrees_with_cdo(tool, tmp_path, shared_data):
    data = xr.open_dataset(shared_data / "cmip5_rcp85_precipitation_p25.nc").pr.load()
    usual, departure = with_cdo(tool, tmp_path, data, "month")
    result = climatology(data)
    assert result.climatology.month.to_numpy().tolist() == [7]
    np.testing.assert_allclose(result.climatology, usual, rtol=1e-7)
    np.testing.assert_allclose(result.anomaly, departure, rtol=0, atol=1e-6)


@pytest.mark.parametrize("frequency", EVERY)
def test_daily_temperature_at_stations_agrees_with_cdo(tool, tmp_path, shared_data, frequency):
    stations = xr.open_dataset(shared_data / "era5_cities_daily.nc").tas.load()
    data = stations.transpose("time", "location").drop_vars(["location", "lat", "lon"])
    usual, departure = with_cdo(tool, tmp_path, data, frequency)
    result = climatology(stations, frequency)
    np.testing.assert_allclose(result.climatology.transpose(frequency, "location"), usual, rtol=1e-7)
    np.testing.assert_allclose(result.anomaly.transpose("time", "location"), departure, rtol=0, atol=2e-6)


@pytest.mark.filterwarnings("ignore:variable .* has non-conforming '_FillValue'")
def test_packed_january_and_july_without_dates_are_refused_and_with_dates_taken(shared_data):
    wind = xr.open_dataset(shared_data / "eraint_uvz.nc").u.isel(level=0)
    with pytest.raises(
        InputError, match=r"dimensions are month \(2\), latitude \(241\), longitude \(480\); give it a time"
    ):
        climatology(wind)
    dates = xr.date_range("1990-01-16", periods=2, freq="181D")
    dated = wind.rename(month="time").assign_coords(time=dates)
    both = xr.concat([dated, (dated + 2).assign_coords(time=dates + np.timedelta64(365, "D"))], "time")
    result = climatology(both)
    assert result.climatology.month.to_numpy().tolist() == [1, 7]
    np.testing.assert_allclose(result.climatology, dated + 1, atol=1e-9)
    np.testing.assert_allclose(abs(result.anomaly), 1, atol=1e-9)
