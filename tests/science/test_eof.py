"""Empirical orthogonal functions: by hand, by property, and against numpy and cdo."""

import os

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from mooring_processes import InputError
from mooring_processes.methods import eof as module
from mooring_processes.methods import series as tiles
from mooring_processes.methods.climatology import climatology
from mooring_processes.methods.eof import eof
from mooring_processes.methods.rectilinear import rectilinear_grid


def field(values, start="2000-01-01", calendar="standard", **attributes):
    """Monthly values (time, lat, lon) on cells of some degrees."""
    values = np.asarray(values)
    time = xr.date_range(
        start, periods=values.shape[0], freq="MS", calendar=calendar, use_cftime=calendar != "standard"
    )
    latitude = xr.Variable("lat", 40.0 + 10 * np.arange(values.shape[1]), {"units": "degrees_north"})
    longitude = xr.Variable("lon", 5.0 * np.arange(values.shape[2]), {"units": "degrees_east"})
    coords = {"time": time, "lat": latitude, "lon": longitude}
    return xr.DataArray(values, coords, ("time", "lat", "lon"), "z", attributes)


def rough(steps=30, seed=0, **attributes):
    """Noise with some patterns of clearly different strength."""
    random = np.random.default_rng(seed)
    shapes = random.normal(size=(5, 4, 6))
    strengths = random.normal(size=(steps, 5)) * [16, 8, 4, 2, 1]
    noise = random.normal(0, 0.1, (steps, 4, 6))
    return field(500 + np.tensordot(strengths, shapes, 1) + noise, **attributes)


def shares_of_area(data):
    areas = rectilinear_grid(data, "data").areas
    return areas / areas.sum()


def same_up_to_sign(one, other):
    """*other* with the sign of each of its modes as in *one*."""
    axes = tuple(range(1, one.ndim))
    return other * np.sign(np.nansum(one * other, axis=axes)).reshape(-1, *[1] * len(axes))


def test_two_cells_in_step_and_two_modes_by_hand():
    together, apart = np.array([2.0, -2, 2, -2]), np.array([1.0, 1, -1, -1])
    result = eof(field(np.stack([together + apart, together - apart], axis=1)[:, None]), weights="none")
    np.testing.assert_allclose(result.variance_fraction, [0.8, 0.2], atol=1e-14)
    np.testing.assert_allclose(result.patterns, [[[1, 1]], [[1, -1]]], atol=1e-14)
    np.testing.assert_allclose(result.components, [together, apart], atol=1e-14)
    np.testing.assert_allclose(result.north_error, np.array([0.8, 0.2]) * np.sqrt(2 / 4), atol=1e-14)


def test_a_field_of_one_wave_has_one_mode_with_all_of_the_variance():
    t, x = np.arange(24), np.arange(12)
    wave = np.cos(2 * np.pi * t / 8)[:, None, None] * np.sin(2 * np.pi * x / 12)[None, None] * np.ones((1, 3, 1))
    result = eof(field(wave))
    assert result.patterns.sizes["mode"] == 1
    np.testing.assert_allclose(result.variance_fraction, 1, atol=1e-12)


@pytest.mark.parametrize("weights", ["area", "none"])
def test_patterns_are_orthonormal_and_components_uncorrelated(weights):
    data = rough()
    result = eof(data, weights=weights)
    share = shares_of_area(data) if weights == "area" else np.full((4, 6), 1 / 24)
    products = np.einsum("kyx,lyx,yx->kl", result.patterns, result.patterns, share)
    np.testing.assert_allclose(products, np.eye(4), atol=1e-12)
    covariance = result.components.to_numpy() @ result.components.to_numpy().T
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-9 * covariance.max())
    assert 0.9 < result.variance_fraction.sum() <= 1
    assert (result.variance_fraction.diff("mode") < 0).all()


@pytest.mark.parametrize("scaling", ["unit", "standard-deviation"])
def test_all_modes_together_are_the_field(scaling):
    data = rough()
    result = eof(data, modes=50, scaling=scaling)
    rebuilt = (result.patterns * result.components).sum("mode").transpose(*data.dims)
    np.testing.assert_allclose(rebuilt, data - data.mean("time"), atol=1e-9)
    np.testing.assert_allclose(result.variance_fraction.sum(), 1, atol=1e-12)


def test_scaled_to_the_standard_deviation_components_have_none_but_that_and_patterns_the_unit():
    plain, scaled = eof(rough(units="m")), eof(rough(units="m"), scaling="standard-deviation")
    np.testing.assert_allclose(scaled.components.std("time"), 1, atol=1e-12)
    np.testing.assert_allclose(scaled.patterns, plain.patterns * plain.components.std("time"), atol=1e-9)
    assert [each.attrs["units"] for each in plain] == ["1", "m", "1", "1"]
    assert [each.attrs["units"] for each in scaled] == ["m", "1", "1", "1"]


@settings(deadline=None, max_examples=20)
@given(offset=st.floats(-1e3, 1e3))
def test_a_constant_added_changes_nothing(offset):
    for one, other in zip(eof(rough()), eof(rough() + offset), strict=True):
        np.testing.assert_allclose(other, one, atol=1e-8)


def test_without_its_seasonal_cycle_a_field_is_its_monthly_anomaly():
    data = rough(48) + 30 * np.cos(2 * np.pi * xr.DataArray(np.arange(48), dims="time") / 12)
    for one, other in zip(eof(data, remove="seasonal-cycle"), eof(climatology(data).anomaly), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


def test_cells_with_a_gap_are_left_out_and_missing_in_the_patterns():
    data = rough()
    gappy = data.copy()
    gappy[3, :, 0] = np.nan
    result, without = eof(gappy), eof(data.isel(lon=slice(1, None)))
    assert np.isnan(result.patterns[:, :, 0]).all()
    np.testing.assert_allclose(result.patterns[:, :, 1:], without.patterns, atol=1e-10)
    np.testing.assert_allclose(result.variance_fraction, without.variance_fraction, atol=1e-12)


def test_a_component_is_positive_where_it_is_first_the_largest_in_size():
    for data in (rough(), -rough(), rough()[::-1], rough().isel(time=np.random.default_rng(1).permutation(30))):
        components = eof(data).components.sortby("time").to_numpy()
        assert all(each[np.abs(each).argmax()] > 0 for each in components)


@pytest.mark.parametrize("budget", [1, 1000, 2**25])
def test_numbers_do_not_depend_on_how_many_cells_are_taken_at_once(monkeypatch, budget):
    whole = eof(rough())
    monkeypatch.setattr(tiles, "BUDGET", budget)
    for one, other in zip(whole, eof(rough()), strict=True):
        np.testing.assert_allclose(other, one, atol=1e-10)


def test_dimensions_keep_their_order_and_levels_count_the_same():
    data = xr.concat([rough(seed=1), rough(seed=2)], "lev").transpose("lon", "time", "lev", "lat")
    data = data.assign_coords(height=2.0, orography=(("lat", "lon"), np.ones((4, 6))))
    result = eof(data, modes=2)
    assert result.patterns.dims == ("mode", "lon", "lev", "lat")
    assert result.components.dims == ("mode", "time")
    assert {"height", "orography"} < set(result.patterns.coords)
    other = eof(data.transpose("time", "lev", "lat", "lon"), modes=2)
    np.testing.assert_allclose(other.patterns.transpose(*result.patterns.dims), result.patterns, atol=1e-10)


def test_stations_count_the_same():
    data = rough().stack(station=("lat", "lon")).reset_index("station", drop=True)
    np.testing.assert_allclose(
        eof(data, weights="none").variance_fraction, eof(rough(), weights="none").variance_fraction, atol=1e-12
    )


@pytest.mark.parametrize(("dtype", "given"), [("float32", "float32"), (">f4", "float32"), ("int16", "float64")])
def test_patterns_and_components_have_the_precision_of_the_data(dtype, given):
    result = eof(rough().astype(dtype))
    assert result.patterns.dtype == result.components.dtype == given
    assert result.variance_fraction.dtype == "float64"


def test_results_say_what_they_are():
    data = rough(units="m", long_name="height", source="a model", history="made")
    for each in eof(data):
        assert each.attrs["history"].startswith("made\neof, Mooring ")
        assert each.attrs["source"] == "a model"
        assert "10.1002/joc.1499" in each.attrs["references"]
        assert each.attrs["long_name"].endswith(" of height")


@pytest.mark.parametrize(
    ("data", "options", "sentence"),
    [
        (rough().drop_vars("time"), {}, "no time axis of dates"),
        (rough().rename(lat="mode"), {}, "has a dimension mode already"),
        (rough() * np.nan, {}, "a gap in each cell"),
        (rough() * 0, {}, "does not vary"),
        (rough().isel(time=[0]), {}, "does not vary"),
        (rough(12), {"remove": "seasonal-cycle"}, "does not vary"),
        (rough().isel(lat=0), {}, "choose weights='none'"),
        (rough().isel(lat=[0]), {}, "one cell only"),
    ],
)
def test_what_cannot_be_done_is_refused(data, options, sentence):
    with pytest.raises(InputError, match=sentence):
        eof(data, **options)


def test_too_many_steps_are_refused(monkeypatch):
    monkeypatch.setattr(module, "LONGEST", 29)
    with pytest.raises(InputError, match="data has 30 steps; eof takes up to 29; form longer means"):
        eof(rough())


def by_svd(data, share):
    """Shares of the variance, patterns and components by a singular value decomposition of the whole."""
    values = (data - data.mean("time")).to_numpy().astype(float).reshape(data.sizes["time"], -1)
    used = np.isfinite(values).all(axis=0)
    share = np.where(used, share.ravel(), 0)
    share /= share.sum()
    left, sizes, right = np.linalg.svd(values[:, used] * np.sqrt(share[used]), full_matrices=False)
    patterns = np.full((4, used.size), np.nan)
    patterns[:, used] = right[:4] / np.sqrt(share[used])
    return (sizes**2 / (sizes**2).sum())[:4], patterns.reshape(4, *data.shape[1:]), (left * sizes).T[:4]


def sea_surface(shared_data):
    return xr.open_dataset(shared_data / "coads_sst.nc").SST.load().rename(TIME="time")


@pytest.mark.parametrize("weights", ["area", "none"])
def test_modes_agree_with_a_singular_value_decomposition(agrees, weights):
    data = rough()
    shares, patterns, components = by_svd(data, shares_of_area(data) if weights == "area" else np.ones((4, 6)))
    result = eof(data, weights=weights)
    agrees("eof", "numpy.linalg.svd, shares", result.variance_fraction, shares, within=1e-12)
    agrees("eof", "numpy.linalg.svd, patterns", *_signed(result.patterns, patterns), within=1e-10)
    agrees("eof", "numpy.linalg.svd, components", *_signed(result.components, components), within=1e-9)


def _signed(one, other):
    one = np.asarray(one, dtype=float)
    return one, same_up_to_sign(one, other)


def test_modes_of_sea_surface_temperature_agree_with_a_singular_value_decomposition(shared_data):
    data = sea_surface(shared_data).astype("float64")
    shares, patterns, _ = by_svd(data, shares_of_area(data))
    result = eof(data)
    np.testing.assert_allclose(result.variance_fraction, shares, atol=1e-12)
    np.testing.assert_allclose(*_signed(result.patterns, patterns), atol=1e-9)


def with_cdo(tool, folder, data, monkeypatch, mode):
    """Shares of the variance and patterns of cdo, which are scaled to the mean square of *data*'s."""
    for name, value in {"CDO_WEIGHT_MODE": mode, "CDO_SVD_MODE": "jacobi"}.items():
        monkeypatch.setitem(os.environ, name, value)
    source, values, patterns = folder / "data.nc", folder / "values.nc", folder / "patterns.nc"
    (data - data.mean("time")).rename(data.name).to_netcdf(source)  # cdo takes departures from the mean
    tool("cdo", "-s", "-O", "-b", "F64", "eoftime,4", source, values, patterns)
    found = [xr.open_dataset(path, decode_times=False)[data.name].load() for path in (values, patterns)]
    return found[0].to_numpy().ravel()[:4], found[1].to_numpy()[:4]


@pytest.mark.parametrize(("weights", "mode"), [("none", "off"), ("area", "on")])
def test_modes_agree_with_cdo(tool, agrees, tmp_path, monkeypatch, weights, mode):
    data = rough(units="m")
    values, patterns = with_cdo(tool, tmp_path, data, monkeypatch, mode)
    result = eof(data, weights=weights)
    ratios = result.variance_fraction / result.variance_fraction[0]
    ours, theirs = _signed(result.patterns, patterns)
    theirs = theirs * np.sqrt((ours**2).mean(axis=(1, 2)) / (theirs**2).mean(axis=(1, 2)))[:, None, None]
    if weights == "none":
        agrees("eof", "cdo eoftime, ratios of eigenvalues", ratios, values / values[0], within=1e-10)
        agrees("eof", "cdo eoftime, patterns", ours, theirs, within=1e-8)
    else:  # areas of cdo are those between great circles
        agrees("eof", "cdo eoftime by area, ratios of eigenvalues", ratios, values / values[0], within=1e-2)
        agrees("eof", "cdo eoftime by area, patterns", ours, theirs, within=1e-2)
