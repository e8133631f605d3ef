"""Shares and numbers of times over thresholds: by hand, by property, and against cdo."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from moorage_processes import InputError
from moorage_processes.methods.exceedance import threshold_exceedance
from moorage_processes.methods.percentile import percentile
from moorage_processes.methods.streaming import blocks

OPERATORS = {"above": "gtc", "at least": "gec", "below": "ltc", "at most": "lec"}


def daily(values, start="2001-01-01", calendar="standard", **attributes):
    """Values of one day after the other."""
    values = np.asarray(values, dtype=float)
    time = xr.date_range(start, periods=len(values), freq="D", calendar=calendar, use_cftime=calendar != "standard")
    return xr.DataArray(values, {"time": time}, ("time", "lat", "lon")[: values.ndim], "v", attributes)


def rough(missing=0.1, calendar="standard"):
    random = np.random.default_rng(3)
    values = np.round(random.normal(10, 5, (730, 3, 2)))
    values[random.random(values.shape) < missing] = np.nan
    values[:, 2, 1] = np.nan
    latitude = xr.Variable("lat", [10.0, 20.0, 30.0], {"units": "degrees_north"})
    longitude = xr.Variable("lon", [0.0, 10.0], {"units": "degrees_east"})
    return daily(values, calendar=calendar, units="degC").assign_coords(lat=latitude, lon=longitude)


@pytest.mark.parametrize(("comparison", "count"), [("above", 1), ("at least", 2), ("below", 1), ("at most", 2)])
def test_the_threshold_itself_counts_where_it_is_said_to(comparison, count):
    data = daily([1.0, 2.0, 3.0, np.nan])
    assert threshold_exceedance(data, 2.0, comparison=comparison, measure="count") == count
    assert threshold_exceedance(data, 2.0, comparison=comparison) == pytest.approx(count / 3)


def test_the_threshold_is_converted_to_the_unit_of_the_data():
    data = rough() + 273.15
    data.attrs["units"] = "K"
    for threshold, unit in ((10.5, "degC"), (283.65, "K"), (283.65, None), (50.9, "degF")):
        xr.testing.assert_equal(threshold_exceedance(data, threshold, unit), threshold_exceedance(rough(), 10.5))


@settings(deadline=None, max_examples=30)
@given(threshold=st.floats(-10, 30))
def test_what_is_not_above_is_at_most(threshold):
    above = threshold_exceedance(rough(), threshold)
    rest = threshold_exceedance(rough(), threshold, comparison="at most")
    np.testing.assert_allclose((above + rest)[:2], 1, rtol=1e-6)


@pytest.mark.parametrize("share", [10.0, 50.0, 90.0])
def test_a_percentile_is_exceeded_by_the_rest(share):
    data = daily(np.random.default_rng(0).permutation(100.0 + np.arange(200)))
    limit = percentile(data, [share], definition="inverted_cdf").item()
    assert threshold_exceedance(data, limit, comparison="at most").item() == pytest.approx(share / 100)


@pytest.mark.parametrize("frequency", ["year", "season", "month"])
def test_periods_add_up_to_the_whole(frequency):
    parts = threshold_exceedance(rough(), 12.0, frequency=frequency, measure="count")
    whole = threshold_exceedance(rough(), 12.0, measure="count")
    np.testing.assert_array_equal(parts.sum("time", skipna=False), whole)
    assert parts.dims == ("time", "lat", "lon")


@pytest.mark.parametrize(("minimum_valid", "there"), [(0.0, True), (0.75, True), (0.76, False)])
def test_it_needs_its_share_of_valid_values(minimum_valid, there):
    result = threshold_exceedance(daily([1.0, np.nan, 3.0, 2.0]), 1.5, minimum_valid=minimum_valid)
    assert bool(result.notnull()) == there


def test_numbers_do_not_depend_on_the_size_of_blocks_nor_on_the_order_of_axes(monkeypatch):
    whole = threshold_exceedance(rough(), 12.0, frequency="month")
    monkeypatch.setattr(blocks, "BUDGET", 500)
    xr.testing.assert_identical(whole, threshold_exceedance(rough(), 12.0, frequency="month"))
    turned = threshold_exceedance(rough().transpose("lon", "time", "lat"), 12.0, frequency="month")
    assert turned.dims == ("lon", "time", "lat")
    np.testing.assert_array_equal(turned.transpose(*whole.dims), whole)


def test_results_say_what_they_are():
    result = threshold_exceedance(rough(), 86.0, "degF")
    assert result.attrs["units"] == "1"
    assert result.attrs["long_name"] == "share of times above 86 degF"
    assert "threshold=86 degF, comparison=above, frequency=whole" in result.attrs["history"]


@pytest.mark.parametrize(
    ("data", "options", "sentence"),
    [
        (daily(np.ones(9)).drop_vars("time"), {}, "no time axis of dates"),
        (rough().isel(time=slice(None, None, -1)), {}, "dates that go back; sort it"),
        (rough(), {"threshold_unit": "mm"}, "threshold_unit is in mm, which cannot be converted to"),
        (daily(np.ones(9)), {"threshold_unit": "mm"}, "data states no units"),
        (rough(), {"threshold_unit": "xyz"}, "'xyz' is not known"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(data, options, sentence):
    with pytest.raises(InputError, match=sentence):
        threshold_exceedance(data, 1.0, **options)


@pytest.mark.parametrize("calendar", ["standard", "360_day"])
@pytest.mark.parametrize(("comparison", "operator"), OPERATORS.items())
def test_agrees_with_cdo(tool, agrees, tmp_path, comparison, operator, calendar):
    data = rough(calendar=calendar)
    source, target = tmp_path / "a.nc", tmp_path / "b.nc"
    data.to_netcdf(source)
    for frequency, mean in (("whole", "timmean"), ("month", "monmean")):
        tool("cdo", "-s", "-O", "-b", "F64", mean, f"-{operator},12", source, target)
        with xr.open_dataset(target) as result:
            expected = result.v.load()
        share = threshold_exceedance(data, 12.0, comparison=comparison, frequency=frequency)
        expected = expected.to_numpy().reshape(share.shape)
        agrees("threshold-exceedance", "cdo gtc to lec, timmean and monmean", share, expected, within=1e-6)
