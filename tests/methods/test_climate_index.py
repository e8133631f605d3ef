"""Indices of climate extremes: by hand, by property, and against cdo."""

from typing import get_args

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from moorage_processes import InputError
from moorage_processes.methods.climate_index import INDICES, IndexName, climate_index
from moorage_processes.methods.streaming import blocks

EVERY = list(get_args(IndexName))
HOT = ["summer-days", "tropical-nights", "frost-days", "ice-days", "consecutive-summer-days", "consecutive-frost-days",
       "heat-wave-days", "heat-waves", "cold-spell-days"]  # fmt: skip
OPERATORS = {
    "summer-days": "eca_su", "tropical-nights": "eca_tr", "frost-days": "eca_fd", "ice-days": "eca_id",
    "consecutive-summer-days": "eca_csu", "consecutive-frost-days": "eca_cfd", "wet-days": "eca_rr1",
    "heavy-precipitation-days": "eca_r10mm", "very-heavy-precipitation-days": "eca_r20mm",
    "consecutive-dry-days": "eca_cdd", "consecutive-wet-days": "eca_cwd", "simple-intensity": "eca_sdii",
    "max-1-day-precipitation": "eca_rx1day", "max-5-day-precipitation": "eca_rx5day",
}  # fmt: skip


def daily(values, units="mm", start="2001-01-01", calendar="standard"):
    """Values of one day after the other."""
    values = np.asarray(values, dtype=float)
    time = xr.date_range(start, periods=len(values), freq="D", calendar=calendar, use_cftime=calendar != "standard")
    return xr.DataArray(values, {"time": time}, ("time", "lat", "lon")[: values.ndim], "v", {"units": units})


def weather(index, missing=0.0, calendar="standard", years=2):
    """Some years of rough daily values on 3 x 2 cells, of what the index takes."""
    random = np.random.default_rng(8)
    steps = 365 * years + 10
    if index in HOT:
        values, units = random.normal(286, 12, (steps, 3, 2)), "K"
    else:
        values, units = random.gamma(0.4, 9, (steps, 3, 2)), "mm"
    values[random.random(values.shape) < missing] = np.nan
    field = daily(values, units, calendar=calendar)
    latitude = xr.Variable("lat", [10.0, 20.0, 30.0], {"units": "degrees_north"})
    return field.assign_coords(lat=latitude, lon=xr.Variable("lon", [0.0, 10.0], {"units": "degrees_east"}))


def of(values, index, units="mm", **options):
    """The index of a few days as one."""
    return climate_index(daily(values, units), index, "whole", minimum_valid=0.0, **options).item()


@pytest.mark.parametrize(
    ("index", "days", "expected"),
    [
        ("summer-days", [24, 25, 26, 30], 2),
        ("tropical-nights", [19, 20, 21], 1),
        ("frost-days", [-1, 0, 1], 1),
        ("ice-days", [-1, -2, 0], 2),
        ("consecutive-summer-days", [26, 26, 20, 26, 26, 26, 25], 3),
        ("consecutive-frost-days", [-1, 0, -1, -1, 3], 2),
        ("heat-wave-days", [31, 31, 31, 20, 31, 31, 20, 31, 31, 31, 31], 7),
        ("heat-waves", [31, 31, 31, 20, 31, 31, 20, 31, 31, 31, 31], 2),
        ("cold-spell-days", [-11, -11, -11, -10, -12, -12], 3),
        ("wet-days", [0.9, 1, 2, 0], 2),
        ("heavy-precipitation-days", [9.9, 10, 20], 2),
        ("very-heavy-precipitation-days", [9.9, 10, 20], 1),
        ("consecutive-dry-days", [0, 0, 1, 0, 0, 0.9, 5], 3),
        ("consecutive-wet-days", [1, 2, 0, 1], 2),
        ("total-wet-precipitation", [0.5, 1, 4], 5),
        ("simple-intensity", [0.5, 1, 4], 2.5),
        ("max-1-day-precipitation", [0.5, 7, 4], 7),
        ("max-5-day-precipitation", [1, 1, 1, 1, 1, 2, 0], 6),
    ],
)
def test_a_few_days_by_hand(index, days, expected):
    assert of(days, index, "degC" if index in HOT else "mm") == expected


def test_every_index_is_listed_once():
    assert list(INDICES) == EVERY


@pytest.mark.parametrize(("units", "factor"), [("mm d-1", 1), ("kg m-2 s-1", 1 / 86400), ("m", 1e-3), ("kg m-2", 1)])
@pytest.mark.parametrize("index", ["max-1-day-precipitation", "total-wet-precipitation", "wet-days"])
def test_rain_may_be_a_rate_or_an_amount_in_any_unit(units, factor, index):
    rain = np.array([0.5, 1.5, 12.0, 3.0])
    assert of(rain * factor, index, units) == pytest.approx(of(rain, index), rel=1e-6)


def test_thresholds_are_converted_to_the_unit_of_the_data():
    celsius = np.array([10.0, 24.9, 25.1, 31.0])
    assert of(celsius + 273.15, "summer-days", "K") == of(celsius * 1.8 + 32, "summer-days", "degF") == 2
    assert of(celsius + 273.15, "summer-days", "K", threshold=30.0) == 1
    assert of(celsius, "summer-days", "degC", threshold=86.0, threshold_unit="degF") == 1
    assert of([1.0, 30.0], "wet-days", threshold=1.0, threshold_unit="inch") == 1


def test_a_spell_is_cut_where_its_year_ends_and_whole_without_years():
    days = np.ones(730)
    days[355:375] = 0.0  # ten days on both sides of New Year
    data = daily(days)
    assert climate_index(data, "consecutive-dry-days").to_numpy().tolist() == [10, 10]
    assert climate_index(data, "consecutive-dry-days", "whole") == 20
    assert climate_index(data, "consecutive-wet-days").to_numpy().tolist() == [355, 355]


def test_five_days_may_begin_in_the_year_before():
    rain = np.zeros(730)
    rain[361:366] = 1.0
    assert climate_index(daily(rain), "max-5-day-precipitation").to_numpy().tolist() == [4, 5]


def test_missing_days_end_a_spell_whether_value_or_date_is_missing():
    value = [0.0, 0, 0, np.nan, 0, 0]
    assert of(value, "consecutive-dry-days") == 3
    data = daily(value).isel(time=[0, 1, 2, 4, 5])
    assert climate_index(data, "consecutive-dry-days", "whole", minimum_valid=0.0) == 3
    rain = daily([1.0] * 9)
    assert climate_index(rain, "max-5-day-precipitation", "whole") == 5
    assert np.isnan(climate_index(rain.isel(time=[0, 1, 2, 3, 5, 6, 7, 8]), "max-5-day-precipitation", "whole", minimum_valid=0.0))  # fmt: skip  # noqa: E501


@pytest.mark.parametrize(("minimum_valid", "there"), [(0.0, True), (0.9, True), (0.91, False), (1.0, False)])
def test_a_month_needs_its_share_of_days_of_the_calendar(minimum_valid, there):
    june = daily(np.ones(30), start="2001-06-01")
    june[[3, 7]] = np.nan
    data = june.isel(time=slice(29))
    result = climate_index(data, "wet-days", "month", minimum_valid=minimum_valid)
    np.testing.assert_array_equal(result, [27.0 if there else np.nan])


@pytest.mark.parametrize("index", EVERY)
def test_where_there_are_no_values_there_is_no_index(index):
    data = weather(index)
    data[:, 1, 1] = np.nan
    result = climate_index(data, index, minimum_valid=0.0)
    assert np.isnan(result[:, 1, 1]).all()
    assert result[:2].notnull().sum() == 10


def test_no_wet_day_has_no_intensity_and_no_total():
    assert np.isnan(of([0.0, 0.5], "simple-intensity"))
    assert of([0.0, 0.5], "total-wet-precipitation") == 0


@pytest.mark.parametrize(
    ("frequency", "starts"),
    [
        ("year", ["2001-01-01", "2002-01-01"]),
        ("season", ["2000-12-01", "2001-03-01", "2001-06-01", "2001-09-01", "2001-12-01", "2002-03-01"]),
        ("month", ["2001-01-01", "2001-02-01"]),
    ],
)
@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day"])
def test_periods_are_dated_by_their_first_days(frequency, starts, calendar):
    data = daily(np.ones(470 if frequency != "month" else 40), calendar=calendar)
    result = climate_index(data, "wet-days", frequency, minimum_valid=0.0)
    assert [str(each)[:10] for each in result.time.to_numpy()] == starts
    assert result.sum() == data.size


@settings(deadline=None)
@given(days=st.lists(st.floats(0, 5), min_size=2, max_size=60))
def test_spells_and_days_keep_within_one_another(days):
    wet, dry = of(days, "wet-days"), len(days) - of(days, "wet-days")
    assert of(days, "consecutive-wet-days") <= wet
    assert of(days, "consecutive-dry-days") <= dry
    total, largest = of(days, "total-wet-precipitation"), of(days, "max-1-day-precipitation")
    assert total <= sum(days) * (1 + 1e-6)
    assert wet == 0 or largest <= total * (1 + 1e-6)


@pytest.mark.parametrize("index", EVERY)
def test_months_add_up_to_years(index):
    data = weather(index)
    months, years = (climate_index(data, index, each, minimum_valid=0.0) for each in ("month", "year"))
    by_year = months.groupby("time.year")
    if index.startswith("max"):
        np.testing.assert_array_equal(by_year.max(), years)
    elif index == "simple-intensity" or index.startswith("consecutive"):
        assert (by_year.min() <= years.to_numpy()).all()
    else:
        np.testing.assert_allclose(by_year.sum(), years, rtol=1e-6)


@pytest.mark.parametrize("index", EVERY)
def test_numbers_do_not_depend_on_the_size_of_blocks(monkeypatch, index):
    data = weather(index, missing=0.03)
    whole = climate_index(data, index, "month")
    monkeypatch.setattr(blocks, "BUDGET", 500)
    xr.testing.assert_identical(whole, climate_index(data, index, "month"))


def test_dimensions_keep_their_order_and_coordinates():
    data = weather("wet-days").transpose("lat", "time", "lon").assign_coords(height=2.0, day=("time", np.arange(740)))
    result = climate_index(data, "wet-days", minimum_valid=0.0)
    assert result.dims == ("lat", "time", "lon")
    assert set(result.coords) == {"lat", "time", "lon", "height", "threshold"}
    straight = climate_index(weather("wet-days"), "wet-days", minimum_valid=0.0)
    np.testing.assert_array_equal(result.transpose(*straight.dims), straight)


def test_results_say_what_they_are():
    data = weather("summer-days").assign_attrs(history="measured", standard_name="air_temperature")
    result = climate_index(data, "summer-days", threshold=86.0, threshold_unit="degF")
    assert result.attrs["units"] == "d"
    assert result.attrs["standard_name"] == "number_of_days_with_air_temperature_above_threshold"
    assert result.attrs["long_name"] == "days with a temperature above 30 degC"
    assert result.threshold.attrs["units"] == "degC"
    assert "index=summer-days, frequency=year, threshold=86 degF" in result.attrs["history"]
    assert "10.1002/wcc.147" in result.attrs["references"]


@pytest.mark.parametrize(
    ("data", "index", "options", "sentence"),
    [
        (daily(np.ones(9)).drop_vars("time"), "wet-days", {}, "no time axis of dates"),
        (daily(np.ones(9)).isel(time=slice(None, None, -1)), "wet-days", {}, "dates that go back; sort it"),
        (daily(np.ones(90)).isel(time=slice(None, None, 30)), "wet-days", {}, "no values of one day after the other"),
        (daily(np.ones(9)).isel(time=[0, 1, 1, 2]), "wet-days", {}, "more than one value a day"),
        (daily(np.ones(9)).isel(time=[0]), "wet-days", {}, "no values of one day after the other"),
        (daily(np.ones(9), ""), "wet-days", {}, "states no units"),
        (daily(np.ones(9), "K"), "wet-days", {}, "data is in K, which cannot be converted to mm"),
        (daily(np.ones(9), "mm"), "ice-days", {}, "data is in mm, which cannot be converted to degC"),
        (daily(np.ones(9), "mm"), "wet-days", {"threshold_unit": "mm"}, "without a threshold"),
        (daily(np.ones(9), "mm"), "wet-days", {"threshold": 1.0, "threshold_unit": "K"}, "threshold_unit is in K"),
        (daily(np.ones(9), "mm"), "wet-days", {"threshold": 1.0, "threshold_unit": "xyz"}, "'xyz' is not known"),
        (daily(np.ones(9), "mm"), "max-1-day-precipitation", {"threshold": 1.0}, "has no threshold; leave it out"),
        (daily(np.ones(9), "mm"), "wet-days", {"shortest_spell": 5}, "takes no shortest_spell"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(data, index, options, sentence):
    with pytest.raises(InputError, match=sentence):
        climate_index(data, index, **options)


def test_a_tool_that_fails_says_why(tool, tmp_path):
    with pytest.raises(AssertionError, match=r"(?s)cdo .* exited with \d+: .*missing\.nc"):
        tool("cdo", "-s", "-O", "timmean", tmp_path / "missing.nc", tmp_path / "target.nc")


def with_cdo(tool, folder, data, index):
    """The index of the whole as cdo gives it."""
    source, target = folder / "data.nc", folder / "index.nc"
    data.to_netcdf(source)
    totals = ["-runsum,5"] if index == "max-5-day-precipitation" else []  # which its operator takes
    tool("cdo", "-s", "-O", OPERATORS[index], *totals, source, target)
    result = xr.open_dataset(target, decode_times=False)
    name = next(name for name, variable in result.data_vars.items() if {"lat", "lon"} <= set(variable.dims))
    return result[name].isel(time=0).load()


@pytest.mark.parametrize("calendar", ["standard", "360_day"])
@pytest.mark.parametrize("index", OPERATORS)
def test_the_whole_agrees_with_cdo(tool, agrees, tmp_path, index, calendar):
    data = weather(index, calendar=calendar)
    expected = with_cdo(tool, tmp_path, data, index)
    result = climate_index(data, index, "whole")
    # days or millimetres, in single precision on both sides
    agrees(
        "climate-index", "cdo eca operators, relative", result / (1 + expected), expected / (1 + expected), within=1e-6
    )


@pytest.mark.parametrize("shortest", [2, 6])
def test_heat_waves_agree_with_cdo(tool, agrees, tmp_path, shortest):
    data = weather("heat-waves") + 20
    data.attrs["units"] = "K"
    usual, paths = xr.full_like(data, 273.15 + 20), [tmp_path / f"{name}.nc" for name in ("data", "usual", "index")]
    data.to_netcdf(paths[0])
    usual.to_netcdf(paths[1])
    # warmer than usual by a threshold is warmer than a threshold where it is usually as warm everywhere
    tool("cdo", "-s", "-O", f"eca_hwdi,{shortest},5", *paths)
    days, waves = (each.isel(time=0) for each in xr.open_dataset(paths[2], decode_times=False).data_vars.values())
    options = {"threshold": 25.0, "shortest_spell": shortest}
    ours = climate_index(data, "heat-wave-days", "whole", **options)
    agrees("climate-index", "cdo eca_hwdi, days", ours, days.fillna(0), within=0, unit="days")
    ours = climate_index(data, "heat-waves", "whole", **options)
    agrees("climate-index", "cdo eca_hwdi, heat waves", ours, waves.fillna(0), within=0)
    assert float(ours.max()) > 3


@pytest.mark.parametrize("index", OPERATORS)
def test_years_agree_with_cdo(tool, tmp_path, index):
    data = weather(index).isel(time=slice(730))
    result = climate_index(data, index)
    for number, year in enumerate((2001, 2002)):
        # the sums of five days that cdo makes of a year do not reach back into the one before
        own = data.sel(
            time=slice("2001-12-28" if index == "max-5-day-precipitation" and number else str(year), str(year))
        )
        np.testing.assert_allclose(result[number], with_cdo(tool, tmp_path, own, index), rtol=1e-6)


@pytest.mark.parametrize("index", OPERATORS)
def test_with_gaps_it_agrees_with_cdo(tool, tmp_path, index):
    data = weather(index, missing=0.05)
    data[:, 1, 1] = np.nan
    expected = with_cdo(tool, tmp_path, data, index)
    result = climate_index(data, index, "whole")
    np.testing.assert_allclose(result, expected, rtol=1e-6)
