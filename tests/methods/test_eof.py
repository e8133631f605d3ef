"""Empirical orthogonal functions: by hand, by property, against numpy and against cdo."""

import numpy as np
import pytest
import xarray as xr
from moorage_processes import InputError
from moorage_processes.methods import eof as module
from moorage_processes.methods.eof import eof
from moorage_processes.methods.streaming import blocks

SCALINGS = ["standard-deviation", "unit", "correlation"]


def field(values, **attributes):
    """Values (time, lat, lon), monthly, about the equator."""
    values = np.asarray(values)
    latitude = xr.Variable("lat", 20.0 * np.arange(values.shape[1]) - 10, {"units": "degrees_north"})
    longitude = xr.Variable("lon", 10.0 * np.arange(values.shape[2]), {"units": "degrees_east"})
    time = xr.date_range("2000-01-01", periods=len(values), freq="MS", use_cftime=False)
    coordinates = {"time": time, "lat": latitude, "lon": longitude}
    return xr.DataArray(values, coordinates, ("time", "lat", "lon"), "t", {"units": "K", **attributes})


def rough(times=12, rows=4, columns=5, seed=1):
    """Some modes of very different strength, and an offset."""
    random = np.random.default_rng(seed)
    strength = 3.0 ** -np.arange(rows * columns)
    values = random.normal(size=(times, rows * columns)) * strength @ random.normal(size=(rows * columns,) * 2)
    return field(280 + values.reshape(times, rows, columns))


def by_svd(data, *, weighted=True):
    """Shares of variance, unit patterns and components by the singular values of the whole."""
    values = data.to_numpy().astype(float)
    weight = np.sqrt(np.cos(np.radians(data.lat.to_numpy())))[:, np.newaxis] if weighted else 1.0
    anomalies = ((values - values.mean(axis=0)) * weight).reshape(len(values), -1)
    u, s, v = np.linalg.svd(anomalies, full_matrices=False)
    signs = np.sign(v[np.arange(len(v)), np.abs(v).argmax(axis=1)])
    return s**2 / (s**2).sum(), (v * signs[:, None]).reshape(-1, *values.shape[1:]), (u * s * signs).T


def test_a_seesaw_is_one_mode_that_explains_everything():
    seesaw = np.array([1.0, -1.0, 3.0, -3.0])[:, None, None] * np.array([[2.0, -1.0]])
    result = eof(field(seesaw), modes=1, weights="none")
    spread = np.std([1, -1, 3, -3], ddof=1)
    np.testing.assert_allclose(result.patterns[0], [[2 * spread, -spread]])
    np.testing.assert_allclose(result.components[0], np.array([1, -1, 3, -3]) / spread)
    np.testing.assert_allclose(result.variance_fraction, [1.0])
    np.testing.assert_allclose(result.variance_error, [np.sqrt(2 / 4)])


@pytest.mark.parametrize("shape", [(12, 4, 5), (60, 3, 4)])
@pytest.mark.parametrize("weighted", [True, False])
def test_modes_are_the_singular_vectors_of_the_whole_with_fewer_times_and_with_fewer_cells(agrees, shape, weighted):
    data = rough(*shape)
    share, patterns, components = by_svd(data, weighted=weighted)
    result = eof(data, modes=4, weights="cos-latitude" if weighted else "none", scaling="unit")
    agrees("eof", "numpy.linalg.svd, shares of variance", result.variance_fraction, share[:4], within=1e-14)
    agrees("eof", "numpy.linalg.svd, patterns", result.patterns, patterns[:4], within=1e-10)
    agrees("eof", "numpy.linalg.svd, components", result.components, components[:4], within=1e-9)


@pytest.mark.parametrize("shape", [(12, 4, 5), (60, 3, 4)])
@pytest.mark.parametrize("cycle", ["none", "season"])
def test_all_modes_together_are_the_anomalies(shape, cycle):
    data = rough(*shape)
    usual = data.mean("time") if cycle == "none" else data.groupby("time.season").mean("time")
    anomalies = data - usual if cycle == "none" else data.groupby("time.season") - usual
    rank = min(shape[0] - 1, 12) if cycle == "none" else min(shape[0] - 4, 12)
    data.data[:] = data + np.random.default_rng(0).normal(size=data.shape)
    usual = data.mean("time") if cycle == "none" else data.groupby("time.season").mean("time")
    anomalies = data - usual if cycle == "none" else data.groupby("time.season") - usual
    result = eof(data, modes=rank, seasonal_cycle=cycle)
    again = (result.patterns * result.components).sum("mode").transpose(*data.dims)
    np.testing.assert_allclose(again, anomalies, rtol=0, atol=1e-10)
    np.testing.assert_allclose(result.variance_fraction.sum(), 1.0)


def test_components_are_uncorrelated_with_variance_one_and_patterns_of_unit_scaling_are_orthonormal():
    data = rough()
    components = eof(data).components
    np.testing.assert_allclose(np.cov(components), np.eye(4), atol=1e-10)
    patterns = eof(data, scaling="unit").patterns.to_numpy().reshape(4, -1)
    np.testing.assert_allclose(patterns @ patterns.T, np.eye(4), atol=1e-10)


def test_patterns_as_correlation_are_the_correlation_with_the_component():
    data = rough()
    result = eof(data, scaling="correlation")
    for pattern, component in zip(result.patterns, result.components, strict=True):
        np.testing.assert_allclose(pattern, xr.corr(data, component, "time"), atol=1e-12)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_the_largest_value_of_a_pattern_is_positive_and_the_sign_of_the_data_does_not_matter(scaling):
    data = rough()
    one, other = eof(data, scaling=scaling), eof(-data, scaling=scaling)
    for pattern in one.patterns:
        assert pattern.max() == abs(pattern).max()
    np.testing.assert_allclose(other.patterns, one.patterns, atol=1e-9)
    np.testing.assert_allclose(other.components, -one.components, atol=1e-9)


def test_an_offset_changes_nothing_and_a_factor_goes_into_the_pattern():
    data = rough()
    one, other = eof(data), eof(5 * data + xr.DataArray(np.arange(4.0), dims="lat"))
    np.testing.assert_allclose(other.patterns, 5 * one.patterns, atol=1e-9)
    np.testing.assert_allclose(other.components, one.components, atol=1e-9)


def test_a_pole_has_no_weight_and_yet_a_pattern():
    data = rough(rows=3).assign_coords(lat=("lat", [-90.0, 0.0, 90.0], {"units": "degrees_north"}))
    without = eof(data.isel(lat=[1]), modes=2)
    result = eof(data, modes=2)
    np.testing.assert_allclose(abs(result.components), abs(without.components), atol=1e-6)
    assert np.isfinite(result.patterns).all()


def test_cells_with_gaps_are_left_out_or_filled_by_their_mean():
    data = rough()
    data[3, 1, 2] = np.nan
    strict = eof(data, modes=2)
    assert np.isnan(strict.patterns).sum() == 2
    assert np.isnan(strict.patterns[:, 1, 2]).all()
    lenient = eof(data, modes=2, minimum_valid=0.9)
    filled = eof(data.fillna(data.mean("time")), modes=2)
    np.testing.assert_allclose(lenient.patterns, filled.patterns, atol=1e-10)
    np.testing.assert_allclose(lenient.components, filled.components, atol=1e-10)


@pytest.mark.parametrize("shape", [(12, 4, 5), (60, 3, 4)])
def test_gaps_are_treated_alike_with_fewer_times_and_with_fewer_cells(shape):
    data = rough(*shape)
    data[3, 1, 2] = np.nan
    share, _, _ = by_svd(data.fillna(data.mean("time")))
    np.testing.assert_allclose(eof(data, minimum_valid=0.5).variance_fraction, share[:4], atol=1e-12)
    share, _, _ = by_svd(data.where(data.notnull().all("time"), 0.0))
    np.testing.assert_allclose(eof(data).variance_fraction, share[:4], atol=1e-12)


@pytest.mark.parametrize("shape", [(12, 4, 5), (60, 3, 4)])
def test_numbers_do_not_depend_on_the_size_of_blocks(monkeypatch, shape):
    whole = eof(rough(*shape))
    monkeypatch.setattr(module, "BUDGET", 100)
    monkeypatch.setattr(blocks, "BUDGET", 100)
    for one, other in zip(whole, eof(rough(*shape)), strict=True):
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-10)


@pytest.mark.parametrize("order", [("lat", "time", "lon"), ("lon", "lat", "time"), ("time", "lon", "lat")])
def test_any_order_of_dimensions_gives_the_same(order):
    data = rough().assign_coords(height=2.0, orography=(("lat", "lon"), np.ones((4, 5))))
    one, other = eof(data), eof(data.transpose(*order))
    assert other.patterns.dims == ("mode", *(name for name in order if name != "time"))
    assert set(other.patterns.coords) == {"mode", "lat", "lon", "height", "orography"}
    np.testing.assert_allclose(other.patterns.transpose(*one.patterns.dims), one.patterns, atol=1e-10)
    np.testing.assert_allclose(other.components, one.components, atol=1e-10)


def test_further_dimensions_count_as_cells():
    data = rough()
    both = xr.concat([data, 2 * data], "level")
    result = eof(both.transpose("time", "level", "lat", "lon"))
    assert result.patterns.dims == ("mode", "level", "lat", "lon")
    np.testing.assert_allclose(result.patterns.sel(level=1), 2 * eof(data).patterns, atol=1e-10)


def test_results_say_what_they_are():
    result = eof(rough().astype("float32").assign_attrs(history="measured", long_name="temperature"))
    assert result.patterns.dtype == result.components.dtype == "float32"
    assert result.patterns.attrs["units"] == "K"
    assert result.components.attrs["units"] == "1"
    assert result.patterns.attrs["history"].startswith("measured\neof, Moorage ")
    assert eof(rough(), scaling="unit").components.attrs["units"] == "K"


@pytest.mark.parametrize(
    ("data", "options", "sentence"),
    [
        (rough().mean(("lat", "lon")), {}, "no cells beside time"),
        (rough().drop_vars("time"), {}, "no time axis of dates"),
        (
            rough().drop_vars("lat").rename(lat="row"),
            {},
            "no latitude to weight with; give it .* weights='none'",
        ),
        (rough().rename(lon="mode"), {}, "has a dimension mode already"),
        (rough(), {"modes": 12}, "12 times and 20 cells have 11 modes at most, not 12"),
        (xr.ones_like(rough()), {}, "no variance"),
        (rough().where(rough().lat.isnull()), {}, "no variance"),
        (field(np.arange(12.0)[:, None, None] * np.ones((1, 3, 3))), {"modes": 2}, "varies in 1 modes only"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(data, options, sentence):
    with pytest.raises(InputError, match=sentence):
        eof(data, **options)


def test_too_many_of_both_times_and_cells_are_refused(monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 10)
    with pytest.raises(InputError, match="12 times and 20 cells; one of both must be 10 or fewer"):
        eof(rough())


def test_sea_surface_temperature_agrees_with_cdo_and_numpy(tool, agrees, tmp_path, shared_data):
    data = xr.open_dataset(shared_data / "coads_sst.nc").SST.load().astype("float64")
    data.encoding = {}
    there = data.where(data.notnull().all("TIME"))
    anomalies = (there - there.mean("TIME")).rename(TIME="time", COADSY="lat", COADSX="lon").rename("t")
    anomalies.to_netcdf(tmp_path / "data.nc")
    tool("cdo", "-s", "-O", "-b", "F64", "eoftime,4", tmp_path / "data.nc", tmp_path / "values.nc", tmp_path / "eof.nc")
    values = xr.open_dataset(tmp_path / "values.nc", decode_times=False).t.to_numpy().ravel()
    patterns = xr.open_dataset(tmp_path / "eof.nc", decode_times=False).t.to_numpy()
    result = eof(data, weights="none", scaling="unit")
    share = result.variance_fraction.to_numpy()
    agrees("eof", "cdo eoftime, ratios of eigenvalues", share / share[0], values[:4] / values[0], within=1e-13)
    for one, other in zip(result.patterns.to_numpy(), patterns, strict=True):
        sign = np.sign(np.nansum(one * other))
        agrees("eof", "cdo eoftime, patterns", one, sign * other / np.sqrt(np.nansum(other**2)), within=1e-13)
    whole, _, _ = by_svd(there.fillna(0).rename(COADSY="lat"), weighted=False)
    np.testing.assert_allclose(share, whole[:4], rtol=0, atol=1e-14)
