"""Correlation maps: by hand, by property, against scipy and against cdo."""

import numpy as np
import pytest
import scipy.stats
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from moorage_processes import InputError
from moorage_processes.methods import correlation_map as module
from moorage_processes.methods.correlation_map import correlation_map
from moorage_processes.methods.streaming import blocks

BOTH = ["pearson", "spearman"]


def series(values, start="2000-01-01", calendar="standard", freq="MS"):
    values = np.asarray(values)
    time = xr.date_range(start, periods=len(values), freq=freq, calendar=calendar, use_cftime=calendar != "standard")
    return xr.DataArray(values, {"time": time}, ("time", "lat", "lon")[: values.ndim], "t", {"units": "K"})


def rough(times=30, rows=2, columns=3, seed=3, gaps=0.1):
    random = np.random.default_rng(seed)
    values = 280 + random.normal(size=(times, rows, columns)).cumsum(axis=0)
    values[random.random(values.shape) < gaps] = np.nan
    latitude = xr.Variable("lat", 10.0 * np.arange(rows), {"units": "degrees_north"})
    longitude = xr.Variable("lon", 10.0 * np.arange(columns), {"units": "degrees_east"})
    return series(values).assign_coords(lat=latitude, lon=longitude)


def index(times=30, seed=5):
    return series(np.random.default_rng(seed).normal(size=times))


def with_scipy(one, two, coefficient):
    """Of each cell by itself."""
    function = scipy.stats.pearsonr if coefficient == "pearson" else scipy.stats.spearmanr
    r, p = np.empty(one.shape[1:]), np.empty(one.shape[1:])
    two = np.broadcast_to(two.reshape(two.shape + (1,) * (one.ndim - two.ndim)), one.shape)
    for cell in np.ndindex(one.shape[1:]):
        x, y = one[:, *cell], two[:, *cell]
        there = ~np.isnan(x) & ~np.isnan(y)
        r[cell], p[cell] = function(x[there], y[there])
    return r, p


def test_what_goes_with_the_index_and_what_goes_against_it():
    field = series(np.array([1.0, 2.0, 3.0, 4.0])[:, None, None] * np.array([[2.0, -1.0, 0.0]]))
    result = correlation_map(field, series([10.0, 20.0, 30.0, 40.0]))
    np.testing.assert_array_equal(result.correlation, [[1.0, -1.0, np.nan]])
    np.testing.assert_array_equal(result.p_value, [[0.0, 0.0, np.nan]])
    assert result.pairs.to_numpy().tolist() == [[4, 4, 4]]


def test_a_correlation_by_hand():
    result = correlation_map(series([1.0, 2.0, 3.0]), series([1.0, 3.0, 2.0]))
    assert result.correlation == 0.5
    np.testing.assert_allclose(result.p_value, 2 / 3)


@pytest.mark.parametrize("coefficient", BOTH)
@pytest.mark.parametrize("other", [index(), rough(seed=8)], ids=["index", "field"])
def test_coefficients_and_p_values_are_those_of_scipy(agrees, coefficient, other):
    data = rough()
    r, p = with_scipy(data.to_numpy(), other.to_numpy(), coefficient)
    result = correlation_map(data, other, coefficient)
    agrees("correlation-map", "scipy pearsonr and spearmanr, coefficient", result.correlation, r, within=1e-13)
    agrees("correlation-map", "scipy pearsonr and spearmanr, p-value", result.p_value, p, within=1e-10)


def test_equal_ranks_are_shared():
    one, two = series([1.0, 1.0, 2.0, 3.0, 3.0]), series([2.0, 1.0, 1.0, 5.0, 4.0])
    expected = scipy.stats.spearmanr(one, two)
    np.testing.assert_allclose(correlation_map(one, two, "spearman").correlation, expected.statistic)


@settings(deadline=None, max_examples=25)
@given(factor=st.floats(0.1, 100), offset=st.floats(-1e4, 1e4))
def test_units_do_not_matter_and_neither_does_which_of_both_comes_first(factor, offset):
    data, other = rough(gaps=0), rough(seed=8, gaps=0)
    one = correlation_map(data, other).correlation
    np.testing.assert_allclose(correlation_map(data * factor + offset, other).correlation, one, atol=1e-9)
    np.testing.assert_allclose(correlation_map(-factor * data, other).correlation, -one, atol=1e-9)
    np.testing.assert_allclose(correlation_map(other, data).correlation, one, atol=1e-12)


def test_ranks_do_not_mind_a_curve():
    data = rough()
    result = correlation_map(np.exp(data / 100), index(), "spearman").correlation
    np.testing.assert_allclose(result, correlation_map(data, index(), "spearman").correlation, atol=1e-12)


@pytest.mark.parametrize("lag", [-2, -1, 0, 1, 2])
def test_with_a_positive_lag_the_data_comes_later(lag):
    other = index()
    data = other.copy(data=np.roll(other, lag))
    if lag:
        data[slice(None, lag) if lag > 0 else slice(lag, None)] = np.nan
    assert correlation_map(data, other, lag=lag).correlation == pytest.approx(1.0)
    assert correlation_map(data, other, lag=lag).pairs == 30 - abs(lag)
    assert correlation_map(data, other, lag=lag + 3).correlation < 0.9


def test_dates_are_matched_whatever_their_order_and_whatever_else_there_is():
    data, other = rough(gaps=0), index()
    expected = correlation_map(data[5:20], other[5:20])
    result = correlation_map(data[5:][::-1], other[:20].isel(time=np.random.default_rng(0).permutation(20)))
    xr.testing.assert_allclose(result.correlation, expected.correlation)
    assert (result.pairs == 15).all()


def test_calendars_with_the_same_dates_may_have_other_names():
    data = rough(gaps=0)
    other = index().convert_calendar("gregorian", use_cftime=True)
    np.testing.assert_array_equal(correlation_map(data, other).correlation, correlation_map(data, index()).correlation)


def test_a_field_may_have_other_names_order_and_direction():
    data, other = rough(), rough(seed=8)
    turned = other[:, ::-1].rename(lat="latitude", lon="longitude").transpose("longitude", "time", "latitude")
    for coefficient in BOTH:
        one, two = correlation_map(data, other, coefficient), correlation_map(data, turned, coefficient)
        np.testing.assert_array_equal(two.correlation, one.correlation)


def test_the_missing_are_left_out_in_pairs_and_a_share_must_be_there():
    data, other = series([1.0, 2.0, np.nan, 4.0, 0.0]), series([1.0, np.nan, 3.0, 4.0, 0.0])
    result = correlation_map(data, other, minimum_valid=0.6)
    assert result.pairs == 3
    assert result.correlation == pytest.approx(1.0)
    assert np.isnan(correlation_map(data, other, minimum_valid=0.61).correlation)
    assert np.isnan(correlation_map(data, other.where([True, False, True, True, False])).correlation)


def test_large_numbers_lose_no_digits():
    data, other = rough(gaps=0), index()
    np.testing.assert_allclose(
        correlation_map(data + 1e8, other + 1e8).correlation, correlation_map(data, other).correlation, atol=1e-7
    )


def test_what_persists_tells_less():
    walk = np.random.default_rng(1).normal(size=(2, 200)).cumsum(axis=1)
    one, two = map(series, walk)
    r1, r2 = (_autocorrelation(each) for each in walk)
    n = 200 * (1 - r1 * r2) / (1 + r1 * r2)
    result = correlation_map(one, two, allow_for_persistence=True)
    r = float(result.correlation)
    np.testing.assert_allclose(result.p_value, 2 * scipy.stats.t.sf(abs(r) * np.sqrt((n - 2) / (1 - r * r)), n - 2))
    assert result.p_value > correlation_map(one, two).p_value
    assert result.pairs == 200


def _autocorrelation(values):
    departures = values - values.mean()
    return (departures[1:] * departures[:-1]).mean() / (departures**2).mean()


@pytest.mark.parametrize("coefficient", BOTH)
@pytest.mark.parametrize("allow", [True, False])
def test_numbers_do_not_depend_on_the_size_of_blocks(monkeypatch, coefficient, allow):
    data, other = rough(), rough(seed=8)
    whole = correlation_map(data, other, coefficient, allow_for_persistence=allow)
    monkeypatch.setattr(blocks, "BUDGET", 100)
    monkeypatch.setattr(module, "BUDGET", 100)
    parts = correlation_map(data, other, coefficient, allow_for_persistence=allow)
    for one, two in zip(whole, parts, strict=True):
        xr.testing.assert_identical(one, two)


def test_results_keep_order_coordinates_and_precision_and_say_what_they_are():
    data = rough().astype("float32").transpose("lon", "time", "lat").assign_coords(height=2.0)
    result = correlation_map(data.assign_attrs(history="measured"), index().rename("nao"))
    assert result.correlation.dims == ("lon", "lat")
    assert set(result.correlation.coords) == {"lat", "lon", "height"}
    assert result.correlation.dtype == result.p_value.dtype == "float32"
    assert result.correlation.attrs["long_name"] == "correlation of t and nao"
    assert result.correlation.attrs["history"].startswith("measured\ncorrelation-map, Moorage ")


@pytest.mark.parametrize(
    ("data", "other", "options", "sentence"),
    [
        (rough(), index().drop_vars("time"), {}, "other has no time axis of dates"),
        (
            rough(),
            series(np.arange(30.0), start="1990-01-01"),
            {},
            "no date is common to all: data has 30 from 2000-01",
        ),
        (rough(), series(np.arange(30.0), calendar="noleap"), {}, "other has noleap; convert them"),
        (rough(), index()[:2], {}, "2 dates in common, of which a lag of 0 leaves 2; it takes 3 or more"),
        (rough(), index(), {"lag": 28}, "30 dates in common, of which a lag of 28 leaves 2"),
        (rough(), rough(columns=4), {}, "other has 4 cells along lon, and data has 3; regrid"),
        (
            rough(),
            rough().assign_coords(lat=rough().lat + 1),
            {},
            "other lies from 1.0 to 11.0 along lat, and data from 0",
        ),
        (rough(), rough().rename(lon="depth").drop_vars("depth"), {}, "other has the dimensions time, lat, depth, and"),
        (rough(), xr.concat([index(), index()], "time"), {}, "other has dates that occur more than once"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(data, other, options, sentence):
    with pytest.raises(InputError, match=sentence):
        correlation_map(data, other, **options)


def test_sea_surface_temperature_agrees_with_cdo(tool, agrees, tmp_path, shared_data):
    data = xr.open_dataset(shared_data / "coads_sst.nc").SST.load().astype("float64")
    data.encoding = {}
    data = data.rename(TIME="time", COADSY="lat", COADSX="lon").rename("t")
    other = data.roll(lon=40).assign_coords(lon=data.lon)
    for name, each in (("one", data), ("two", other)):
        each.to_netcdf(tmp_path / f"{name}.nc")
    tool("cdo", "-s", "-O", "-b", "F64", "timcor", tmp_path / "one.nc", tmp_path / "two.nc", tmp_path / "cor.nc")
    expected = xr.open_dataset(tmp_path / "cor.nc", decode_times=False).t.squeeze("time", drop=True)
    result = correlation_map(data, other).correlation
    both = expected.notnull() & result.notnull()
    assert both.sum() > 4000
    agrees("correlation-map", "cdo timcor, COADS temperature", result.where(both), expected.where(both), within=1e-9)
    assert not (expected.notnull() & result.isnull() & (correlation_map(data, other).pairs >= 3)).any()
