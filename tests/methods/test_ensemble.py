"""Ensemble statistics: by hand, by property, against numpy and against cdo."""

import numpy as np
import pytest
import xarray as xr
from moorage_processes import InputError
from moorage_processes.catalogue.catalogue import Catalogue, Entry
from moorage_processes.catalogue.discovery import describe
from moorage_processes.data.datasets import Datasets, from_config
from moorage_processes.execution.executor import Executor
from moorage_processes.execution.request import Request
from moorage_processes.methods.ensemble import ensemble_statistics
from moorage_processes.methods.streaming import blocks

EVERY = ["mean", "stdev", "minimum", "maximum", "agreement", "members", "p10", "p50", "p90"]


def field(values, start="2000-01-01", calendar="standard", **attributes):
    """Monthly values (time, lat, lon)."""
    values = np.asarray(values)
    time = xr.date_range(start, periods=len(values), freq="MS", calendar=calendar, use_cftime=calendar != "standard")
    latitude = xr.Variable("lat", 10.0 * np.arange(values.shape[1]), {"units": "degrees_north"})
    longitude = xr.Variable("lon", 10.0 * np.arange(values.shape[2]), {"units": "degrees_east"})
    coordinates = {"time": time, "lat": latitude, "lon": longitude}
    return xr.DataArray(values, coordinates, ("time", "lat", "lon"), "t", {"units": "K", **attributes})


def constant(value, **attributes):
    return field(np.full((1, 1, 1), value), **attributes)


def rough(count=7, gaps=0.2, dtype="float64"):
    random = np.random.default_rng(6)
    values = random.normal(280, 5, (count, 4, 3, 5)).astype(dtype)
    values[random.random(values.shape) < gaps] = np.nan
    return [field(each) for each in values]


def test_three_members_by_hand():
    result = ensemble_statistics([constant(1.0), constant(4.0), constant(-2.0)]).squeeze(drop=True)
    assert result["mean"] == 1.0
    assert result.stdev == 3.0
    assert (result.minimum, result.maximum) == (-2.0, 4.0)
    assert result.agreement == pytest.approx(2 / 3)
    assert result.members == 3
    assert (result.p10, result.p50, result.p90) == pytest.approx((-1.4, 1.0, 3.4))
    assert ensemble_statistics([constant(1.0), constant(3.0)], ddof=0).stdev == 1.0


def test_statistics_are_those_of_numpy():
    members = rough()
    values = np.stack(members)
    result = ensemble_statistics(members, [0.0, 12.5, 100.0])
    np.testing.assert_allclose(result["mean"], np.nanmean(values, axis=0), rtol=1e-14)
    np.testing.assert_allclose(result.stdev, np.nanstd(values, axis=0, ddof=1), rtol=1e-12)
    np.testing.assert_array_equal(result.minimum, np.nanmin(values, axis=0))
    np.testing.assert_array_equal(result.maximum, np.nanmax(values, axis=0))
    np.testing.assert_allclose(result.p12_5, np.nanquantile(values, 0.125, axis=0), rtol=1e-14)
    np.testing.assert_array_equal(result.p0, result.minimum)
    np.testing.assert_array_equal(result.p100, result.maximum)
    np.testing.assert_array_equal(result.members, (~np.isnan(values)).sum(axis=0))


@pytest.mark.parametrize("definition", ["linear", "hazen", "weibull", "median_unbiased"])
def test_definitions_of_percentiles_are_those_of_numpy(definition):
    members = rough(10, gaps=0)
    result = ensemble_statistics(members, [15.0], definition).p15
    expected = np.quantile(np.stack(members), 0.15, axis=0, method=definition)
    np.testing.assert_allclose(result, expected, rtol=1e-13)


@pytest.mark.parametrize("percent", [0.0, 10.0, 30.0, 50.0, 100.0])
def test_the_nearest_rank_is_a_member(percent):
    members = rough(10, gaps=0)
    result = ensemble_statistics(members, [percent], "inverted_cdf")[f"p{percent:g}"]
    np.testing.assert_array_equal(result, np.quantile(np.stack(members), percent / 100, axis=0, method="inverted_cdf"))


def test_the_order_of_members_does_not_matter():
    members = rough()
    xr.testing.assert_allclose(ensemble_statistics(members[::-1]), ensemble_statistics(members), rtol=1e-14)


def test_equal_members_do_not_spread():
    one = rough(1, gaps=0)[0]
    result = ensemble_statistics([one] * 3)
    np.testing.assert_allclose(result.stdev, 0, atol=1e-12)
    for name in ("mean", "minimum", "maximum", "p50"):
        np.testing.assert_allclose(result[name], one, rtol=1e-15)


@pytest.mark.parametrize(("name", "attributes"), [
    ("member", {}), ("Realization", {}), ("m", {"standard_name": "realization"}),
])  # fmt: skip
def test_one_field_may_have_all_members(name, attributes):
    members = rough()
    together = xr.concat(members, name).assign_coords({name: (name, np.arange(7), attributes)})
    for order in ((name, "time", "lat", "lon"), ("time", "lat", name, "lon")):
        xr.testing.assert_identical(
            ensemble_statistics([together.transpose(*order)]).drop_attrs(), ensemble_statistics(members).drop_attrs()
        )


def test_a_dimension_of_members_may_be_named():
    together = xr.concat(rough(), "run")
    xr.testing.assert_equal(ensemble_statistics([together], member_dimension="run"), ensemble_statistics(rough()))


def test_units_become_those_of_the_first():
    result = ensemble_statistics([constant(280.0), constant(8.85, units="degC")])
    np.testing.assert_allclose(result["mean"], 281.0)
    assert result["mean"].attrs["units"] == result.p90.attrs["units"] == "K"


def test_members_are_taken_at_the_dates_that_all_have():
    one, two = field(np.arange(6.0)[:, None, None]), field(np.arange(6.0)[:, None, None], start="2000-03-01")
    result = ensemble_statistics([one, two[::-1]])
    assert result["mean"].squeeze().to_numpy().tolist() == [1.0, 2.0, 3.0, 4.0]
    assert str(result.time[0].dt.strftime("%Y-%m").item()) == "2000-03"


def test_members_may_have_other_names_order_and_direction():
    members = rough()
    turned = members[1][:, ::-1].rename(lat="latitude", lon="longitude").transpose("longitude", "time", "latitude")
    xr.testing.assert_identical(ensemble_statistics([members[0], turned, *members[2:]]), ensemble_statistics(members))


def test_fields_without_times_are_taken_too():
    result = ensemble_statistics([each.isel(time=0, drop=True) for each in rough()])
    xr.testing.assert_allclose(result, ensemble_statistics(rough()).isel(time=0, drop=True))


def test_a_single_number_for_each_member_is_taken_too():
    result = ensemble_statistics([xr.DataArray(1.0), xr.DataArray(3.0)])
    assert (result["mean"], result.maximum) == (2.0, 3.0)


def test_a_share_of_members_must_be_there():
    members = [constant(1.0), constant(np.nan), constant(3.0)]
    assert ensemble_statistics(members, minimum_valid=0.6)["mean"] == 2.0
    strict = ensemble_statistics(members, minimum_valid=0.7)
    assert all(np.isnan(strict[name]).all() for name in EVERY if name != "members")
    assert strict.members == 2
    alone = ensemble_statistics([constant(1.0), constant(np.nan)])
    assert alone["mean"] == alone.p90 == 1.0
    assert np.isnan(alone.stdev)
    assert np.isnan(ensemble_statistics([constant(np.nan)] * 2)["mean"])


def test_numbers_do_not_depend_on_the_size_of_blocks_and_large_results_are_computed_as_they_are_read(monkeypatch):
    whole = ensemble_statistics(rough())
    monkeypatch.setattr(blocks, "BUDGET", 100)
    xr.testing.assert_identical(ensemble_statistics(rough()), whole)
    monkeypatch.setattr(blocks, "EAGER", 100)
    late = ensemble_statistics(rough())
    assert not late["mean"].variable._in_memory
    np.testing.assert_array_equal(late.p10[1, ::-1, 2], whole.p10[1, ::-1, 2])
    xr.testing.assert_identical(late, whole)


@pytest.mark.parametrize(("dtype", "given"), [("float32", "float32"), ("float64", "float64"), ("int16", "float64")])
def test_the_result_has_the_precision_of_the_members(dtype, given):
    members = [each.astype(dtype) for each in rough(3, gaps=0)]
    assert {str(each.dtype) for each in ensemble_statistics(members).values()} == {given}


def test_results_say_what_they_are():
    members = rough()
    members[0].attrs |= {"history": "measured", "standard_name": "air_temperature", "cell_methods": "time: mean"}
    result = ensemble_statistics(members)
    assert list(result) == EVERY
    assert result["mean"].attrs["cell_methods"] == "time: mean realization: mean"
    assert result["mean"].attrs["standard_name"] == "air_temperature"
    assert "standard_name" not in result.stdev.attrs
    assert result.agreement.attrs["units"] == "1"
    assert result.attrs["history"].startswith("measured\nensemble-statistics, Moorage ")


@pytest.mark.parametrize(
    ("members", "options", "sentence"),
    [
        ([constant(1.0)], {}, "without a dimension of members; it has time, lat, lon; give several"),
        ([constant(1.0).expand_dims("member")], {}, "members has 1 member; it takes two or more"),
        ([constant(1.0)], {"member_dimension": "run"}, "no dimension run; it has time, lat, lon"),
        (rough(), {"member_dimension": "time"}, "is for one field"),
        ([], {}, "members has 0 member"),
        ([constant(1.0), constant(1.0, units="m")], {}, "member 2 is in m, which cannot be converted to K"),
        ([constant(1.0), constant(1.0, start="1990-01-01")], {}, "no date is common to all: member 1 has 1 from 2000"),
        ([constant(1.0), constant(1.0, calendar="noleap")], {}, "different calendars .* member 2 has noleap"),
        ([rough()[0], rough()[1][:, :2]], {}, "member 2 has 2 cells along lat, and member 1 has 3; regrid one"),
        ([constant(1.0), constant("a")], {}, "it takes numbers"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_a_sentence(members, options, sentence):
    with pytest.raises(InputError, match=sentence) as refused:
        ensemble_statistics(members, **options)
    assert refused.value.input in ("members", "member_dimension")


def test_a_service_takes_the_names_of_several_datasets_or_of_one(tmp_path):
    members = rough()
    for number, each in enumerate(members):
        each.to_netcdf(tmp_path / f"m{number}.nc")
    xr.concat(members, "member").to_netcdf(tmp_path / "all.nc")
    datasets = from_config({path.stem: path.name for path in sorted(tmp_path.glob("*.nc"))}, tmp_path)
    catalogue = Catalogue(map(Entry.of, describe(["moorage_processes.methods.ensemble"])))
    executor = Executor({"catalogue": catalogue.to_json(), "datasets": Datasets(datasets).to_json()})
    for names in ([f"m{number}" for number in range(7)], "all"):
        request = Request("ensemble-statistics", {"members": names}, {"result": "application/x-netcdf"})
        (artefact,) = executor.execute(request, tmp_path, lambda *_: None)
        with xr.open_dataset(tmp_path / artefact.file) as result:
            xr.testing.assert_allclose(result, ensemble_statistics(members))


@pytest.fixture(scope="module")
def surface(shared_data):
    """Members made of sea surface temperature, with the gaps that it has."""
    data = xr.open_dataset(shared_data / "coads_sst.nc").SST.load().astype("float64")
    data.encoding = {}
    data = data.rename(TIME="time", COADSY="lat", COADSX="lon").rename("t").drop_attrs(deep=False)
    return [data.roll(lon=10 * shift).assign_coords(lon=data.lon) for shift in range(5)]


@pytest.mark.parametrize(
    ("operator", "name"),
    [("ensmean", "mean"), ("ensstd1", "stdev"), ("ensmin", "minimum"), ("ensmax", "maximum"), ("enspctl,30", "p30")],
)
def test_sea_surface_temperature_agrees_with_cdo(tool, agrees, tmp_path, surface, operator, name):
    paths = [tmp_path / f"{number}.nc" for number in range(len(surface))]
    for member, path in zip(surface, paths, strict=True):
        member.to_netcdf(path)
    tool("cdo", "-s", "-O", "-b", "F64", operator, *paths, tmp_path / "out.nc")
    expected = xr.open_dataset(tmp_path / "out.nc", decode_times=False).t.to_numpy()
    result = ensemble_statistics(surface, [30.0], "inverted_cdf")[name]
    # where one member only is there, cdo has no spread either
    agrees("ensemble-statistics", "cdo ensmean, ensstd1, ensmin, ensmax, enspctl", result, expected, within=1e-13)
