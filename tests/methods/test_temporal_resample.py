"""Means, sums and extremes of periods: by hand, by property, and against cdo."""

from functools import partial

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from moorage.formats.grids import read_netcdf, write_netcdf
from moorage_processes import InputError
from moorage_processes.methods import temporal_resample as module
from moorage_processes.methods.streaming import blocks
from moorage_processes.methods.temporal_resample import temporal_resample

EVERY = ["day", "month", "season", "year"]
OF_CDO = {"day": "day", "month": "mon", "season": "seas", "year": "year"}
STATISTICS = {"mean": "mean", "sum": "sum", "minimum": "min", "maximum": "max"}


def series(values, start="2000-01-01", freq="D", calendar="standard", **attributes):
    """Values, one step after the other, from a given day on."""
    values = np.asarray(values)
    is_plain = calendar == "standard"
    time = xr.date_range(start, periods=len(values), freq=freq, calendar=calendar, use_cftime=not is_plain)
    return xr.DataArray(values, {"time": time}, ("time", "lat", "lon")[: values.ndim], "t", attributes)


def rough(calendar="standard", freq="6h", steps=4 * 420, gaps=0.1, dtype="float64"):
    """Values on 2 x 3 cells, a share of them missing."""
    random = np.random.default_rng(4)
    values = (280 + random.normal(0, 8, (steps, 2, 3))).astype(dtype)
    values[random.random(values.shape) < gaps] = np.nan
    latitude = xr.Variable("lat", [10.0, 20.0], {"units": "degrees_north"})
    longitude = xr.Variable("lon", [0.0, 10.0, 20.0], {"units": "degrees_east"})
    field = series(values, "1999-11-03", freq, calendar, units="K")
    return field.assign_coords(lat=latitude, lon=longitude)


def dates(result):
    return [str(each)[:10] for each in result.time.to_numpy()]


def test_a_month_is_the_mean_of_its_days():
    result = temporal_resample(series(np.arange(60.0)))
    assert result.to_numpy().tolist() == [15.0, 45.0]
    assert dates(result) == ["2000-01-01", "2000-02-01"]
    assert [str(each)[:10] for each in result.period_end.to_numpy()] == ["2000-02-01", "2000-03-01"]


@pytest.mark.parametrize(
    ("statistic", "values"), [("sum", [6.0, 12.0]), ("minimum", [1, 3]), ("maximum", [3, 5]), ("count", [3, 3])]
)
def test_statistics_by_hand(statistic, values):
    field = series([1.0, 2.0, np.nan, 3.0, 3.0, 4.0, 5.0, np.nan], freq="6h")
    result = temporal_resample(field, "day", statistic)
    assert result.to_numpy().tolist() == values
    assert dates(result) == ["2000-01-01", "2000-01-02"]


def test_december_is_with_the_winter_that_follows():
    result = temporal_resample(series(np.arange(1.0, 15.0), "2000-11-01", "MS"), "season")
    assert result.to_numpy().tolist() == [1.0, 3.0, 6.0, 9.0, 12.0, 14.0]
    assert dates(result) == ["2000-09-01", "2000-12-01", "2001-03-01", "2001-06-01", "2001-09-01", "2001-12-01"]


def test_a_hydrological_year_begins_with_its_month():
    result = temporal_resample(series(np.ones(24), "2000-10-01", "MS"), "year", "sum", first_month=10)
    assert result.to_numpy().tolist() == [12.0, 12.0]
    assert dates(result) == ["2000-10-01", "2001-10-01"]
    assert str(result.period_end.to_numpy()[-1])[:10] == "2002-10-01"


def test_midnight_belongs_to_the_day_that_it_begins():
    result = temporal_resample(series([1.0, 2.0, 4.0], freq="12h"), "day")
    assert result.to_numpy().tolist() == [1.5, 4.0]


@pytest.mark.parametrize(("share_of", "has"), [("data", [1, 1, 1]), ("calendar", [0, 1, 0])])
def test_a_month_that_the_data_cuts_has_all_of_its_own_steps_and_few_of_the_calendar(share_of, has):
    result = temporal_resample(series(np.ones(60), "2001-01-20"), minimum_valid=0.8, share_of=share_of)
    assert np.isfinite(result).to_numpy().tolist() == has


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day"])
@pytest.mark.parametrize("frequency", ["season", "year"])
def test_months_make_whole_seasons_and_years_by_the_calendar(calendar, frequency):
    months = series(np.ones(36), "2000-12-01", "MS", calendar)
    result = temporal_resample(months, frequency, "sum", minimum_valid=1, share_of="calendar")
    whole = 3.0 if frequency == "season" else 12.0
    assert set(result.dropna("time").to_numpy()) == {whole}
    assert result.dropna("time").sizes["time"] == (12 if frequency == "season" else 2)


@pytest.mark.parametrize(("share", "mean"), [(0.0, 5.0), (0.75, 5.0), (0.76, np.nan), (1.0, np.nan)])
@pytest.mark.parametrize("statistic", ["mean", "minimum", "maximum", "sum"])
def test_a_result_needs_its_share_of_values(statistic, share, mean):
    result = temporal_resample(series([5.0, 5.0, np.nan, 5.0], freq="6h"), "day", statistic, minimum_valid=share)
    assert np.isnan(result.item()) == np.isnan(mean)


def test_where_nothing_is_valid_there_is_no_result_and_the_count_is_zero():
    nothing = series(np.full((4, 2), np.nan), freq="6h")
    for statistic in STATISTICS:
        assert np.isnan(temporal_resample(nothing, "day", statistic)).all()
    count = temporal_resample(nothing, "day", "count")
    assert count.dtype == np.int32
    assert (count == 0).all()


@settings(deadline=None, max_examples=15)
@given(offset=st.floats(-1e3, 1e3), factor=st.floats(0, 10))
def test_means_and_extremes_go_with_the_unit(offset, factor):
    data = rough(steps=300)
    for statistic in ("mean", "minimum", "maximum"):
        one, other = (temporal_resample(each, "day", statistic) for each in (data, factor * data + offset))
        np.testing.assert_allclose(other, factor * one + offset, atol=1e-8)


@pytest.mark.parametrize("frequency", EVERY)
def test_sums_of_all_periods_are_the_sum_of_all_and_means_are_between_the_extremes(frequency):
    data = rough()
    low, mean, high, total, count = (
        temporal_resample(data, frequency, each) for each in ("minimum", "mean", "maximum", "sum", "count")
    )
    np.testing.assert_allclose(total.sum("time"), data.sum("time"), rtol=1e-12)
    np.testing.assert_array_equal(count.sum("time"), data.count("time"))
    assert ((low <= mean) & (mean <= high) | (count == 0)).all()
    np.testing.assert_allclose(total / count.where(count > 0), mean, rtol=1e-12)


def test_days_of_daily_values_are_those_values():
    data = rough(freq="D", steps=40)
    np.testing.assert_array_equal(temporal_resample(data, "day"), data)


@pytest.mark.parametrize("statistic", [*STATISTICS, "count"])
def test_numbers_do_not_depend_on_the_size_of_blocks(monkeypatch, statistic):
    data = rough(steps=400, dtype="float32")
    whole = temporal_resample(data, "month", statistic)
    monkeypatch.setattr(blocks, "BUDGET", 100)
    monkeypatch.setattr(module, "HELD", 1)
    xr.testing.assert_identical(temporal_resample(data, "month", statistic), whole)
    monkeypatch.setattr(blocks, "EAGER", 0)
    late = temporal_resample(data, "month", statistic)
    xr.testing.assert_identical(late[1:3], whole[1:3])
    xr.testing.assert_identical(late, whole)


def test_steps_may_be_shuffled_and_dimensions_stand_in_any_order():
    data = rough(steps=300)
    plain = temporal_resample(data)
    more = data.assign_coords(height=2.0, orography=(("lat", "lon"), np.ones((2, 3))), day=("time", np.arange(300)))
    result = temporal_resample(more.transpose("lat", "time", "lon"))
    assert result.dims == ("lat", "time", "lon")
    assert set(result.coords) == {"time", "lat", "lon", "height", "orography", "period_end"}
    np.testing.assert_array_equal(result.transpose("time", "lat", "lon"), plain)
    shuffled = data.isel(time=np.random.default_rng(0).permutation(300))
    np.testing.assert_allclose(temporal_resample(shuffled), plain, rtol=1e-12)
    np.testing.assert_allclose(temporal_resample(data.chunk(time=7)), plain, rtol=1e-12)


def test_periods_without_a_step_are_left_out():
    data = series(np.arange(100.0)).isel(time=[*range(20), *range(90, 100)])
    assert dates(temporal_resample(data)) == ["2000-01-01", "2000-03-01", "2000-04-01"]


@pytest.mark.parametrize(
    ("dtype", "given"), [("float32", "float32"), ("float64", "float64"), (">f4", "float32"), ("int16", "float64")]
)
def test_the_result_has_the_precision_of_the_data(dtype, given):
    assert temporal_resample(series(np.arange(40).astype(dtype))).dtype == given


def test_single_precision_is_summed_in_double():
    many = series(
        np.full(366 * 24, 16_777_217.0, dtype="float32") + np.tile([0, 2], 183 * 24).astype("float32"), freq="h"
    )
    exact = temporal_resample(many.astype("float64"), "year")
    np.testing.assert_array_equal(temporal_resample(many, "year"), exact.astype("float32"))


def test_results_say_what_they_are_and_are_the_same_when_read_back(tmp_path):
    data = series(np.arange(60.0), calendar="noleap", units="K", standard_name="air_temperature", valid_max=400.0)
    data.time.attrs = {"standard_name": "time", "bounds": "time_bnds"}
    result = temporal_resample(data, statistic="maximum", minimum_valid=0.5)
    assert result.attrs["cell_methods"] == "time: maximum"
    assert result.attrs["standard_name"] == "air_temperature"
    assert result.attrs["history"].endswith("frequency=month, statistic=maximum, minimum_valid=0.5 of the data")
    assert result.time.attrs == {"standard_name": "time"}
    assert "valid_max" not in temporal_resample(data, statistic="sum").attrs
    count = temporal_resample(data, statistic="count")
    assert count.attrs["units"] == "1"
    assert "standard_name" not in count.attrs
    for each in (result, temporal_resample(series(np.arange(60.0)), "season"), count):
        write_netcdf(each, tmp_path / "result.nc")
        back = read_netcdf(tmp_path / "result.nc", "xarray.DataArray")
        np.testing.assert_array_equal(back, each)
        assert (back.time == each.time).all()
        assert (back.period_end == each.period_end).all()


@pytest.mark.parametrize(
    ("data", "options", "sentence"),
    [
        (series(np.arange(12.0)).drop_vars("time"), {}, "no time axis of dates"),
        (series(np.array(["a"] * 12)), {}, "it takes numbers"),
        (series(np.arange(12.0)), {"first_month": 10}, "that of years, and frequency is month; leave it out"),
        (
            series(np.arange(12.0), freq="MS"),
            {"frequency": "day"},
            "a day is shorter than the steps of the data, 31",
        ),
        (series(np.arange(12.0), freq="YS"), {"frequency": "season"}, "a season is shorter than the steps"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(data, options, sentence):
    with pytest.raises(InputError, match=sentence):
        temporal_resample(data, **options)


def with_cdo(tool, folder, data, operator):
    """What cdo gives, in double precision."""
    source, target = folder / "data.nc", folder / "result.nc"
    data.to_netcdf(source)
    partial(tool, "cdo", "-s", "-O", "-b", "F64")(operator, source, target)
    with xr.open_dataset(target, decode_times=False) as opened:
        return opened[data.name].load()


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day"])
@pytest.mark.parametrize("frequency", EVERY)
def test_values_of_every_six_hours_agree_with_cdo(tool, agrees, tmp_path, calendar, frequency):
    data = rough(calendar)
    for ours, theirs in STATISTICS.items():
        reference = with_cdo(tool, tmp_path, data, OF_CDO[frequency] + theirs)
        result = temporal_resample(data, frequency, ours)
        agrees("temporal-resample", "cdo daymean to yearmax", result, reference, within=1e-12, unit="K")


@pytest.mark.parametrize("calendar", ["noleap", "standard"])
def test_hydrological_years_agree_with_cdo(tool, agrees, tmp_path, calendar):
    data = rough(calendar, freq="D", steps=900)
    ours = temporal_resample(data, "year", first_month=10)
    shifted = data.assign_coords(time=data.time + np.timedelta64(92, "D")) if calendar == "standard" else None
    reference = [
        data.isel(time=np.asarray([_hydrological(each) == year for each in data.time.to_index()])).mean("time")
        for year in sorted({_hydrological(each) for each in data.time.to_index()})
    ]
    np.testing.assert_allclose(ours, np.stack(reference), rtol=1e-13)
    if shifted is not None:  # October to December have 92 days, so these are calendar years of cdo
        reference = with_cdo(tool, tmp_path, shifted, "yearmean")
        agrees("temporal-resample", "cdo yearmean of shifted dates", ours, reference, within=1e-12, unit="K")


def _hydrological(date):
    return date.year + (date.month >= 10)


def test_annual_precipitation_of_a_365_day_calendar_agrees_with_cdo(tool, agrees, tmp_path, shared_data):
    data = xr.open_dataset(shared_data / "cmip5_rcp85_precipitation_p25.nc").pr.load()
    data = data.astype("float64").assign_attrs(data.attrs)
    data.encoding = {}
    reference = with_cdo(tool, tmp_path, data, "yearmean")
    result = temporal_resample(data, "year")
    agrees("temporal-resample", "cdo yearmean, CMIP5 precipitation", result, reference, within=1e-15)


@pytest.mark.parametrize("frequency", ["month", "season", "year"])
def test_daily_temperature_at_stations_agrees_with_cdo(tool, agrees, tmp_path, shared_data, frequency):
    stations = xr.open_dataset(shared_data / "era5_cities_daily.nc").tas.load().astype("float64")
    data = stations.transpose("time", "location").drop_vars(["location", "lat", "lon"])
    for ours, theirs in STATISTICS.items():
        reference = with_cdo(tool, tmp_path, data, OF_CDO[frequency] + theirs)
        result = temporal_resample(stations, frequency, ours).transpose("time", "location")
        agrees("temporal-resample", "cdo, ERA5 at stations", result, reference, within=1e-9, unit="K")


def test_sea_surface_temperature_agrees_with_cdo(tool, agrees, tmp_path, shared_data):
    data = xr.open_dataset(shared_data / "coads_sst.nc").SST.load().astype("float64")
    data.encoding = {}
    reference = with_cdo(tool, tmp_path, data, "seasmean")
    agrees(
        "temporal-resample", "cdo seasmean, COADS", temporal_resample(data, "season"), reference, within=1e-12, unit="K"
    )
