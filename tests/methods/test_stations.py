"""Stations onto a grid: by hand, by property, and against gdal_grid, PyKrige and a linear solution of its own."""

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st
from moorage_processes import InputError
from moorage_processes.methods import stations as module
from moorage_processes.methods.stations import interpolate_stations
from pykrige.ok import OrdinaryKriging
from pyproj import Geod

UTM = "EPSG:25832"
MODELS = ["linear", "spherical", "exponential", "gaussian"]
BOUNDED = {"sill": 2.0, "variogram_range": 40_000.0, "nugget": 0.1}
PARAMETERS = {
    "linear": {"slope": 2e-4, "nugget": 0.1},
    "spherical": BOUNDED,
    "exponential": BOUNDED,
    "gaussian": BOUNDED,
}


def stations(x, y, values, crs=UTM, **columns):
    return geopandas.GeoDataFrame({"rain": values, **columns}, geometry=geopandas.points_from_xy(x, y), crs=crs)


def network(count=60, seed=0):
    """Stations over 100 km of UTM zone 32, with a smooth field and some noise."""
    random = np.random.default_rng(seed)
    x, y = 500_000 + random.uniform(0, 1e5, count), 5_000_000 + random.uniform(0, 1e5, count)
    return stations(x, y, 3 * np.sin(x / 3e4) + np.cos(y / 2e4) + random.normal(0, 0.1, count))


def places(table):
    return np.stack([table.geometry.x, table.geometry.y], axis=1)


def cells(result):
    x, y = np.meshgrid(result.estimate.x, result.estimate.y)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def test_between_two_stations_the_nearer_one_counts_more():
    result = interpolate_stations(stations([0, 40], [5, 5], [0.0, 10.0]), 10, bounds=[0, 0, 40, 10]).estimate
    weights = [(1 / 5**2, 1 / 35**2), (1 / 15**2, 1 / 25**2)]
    expected = [10 * far / (near + far) for near, far in weights]
    assert result.to_numpy()[0] == pytest.approx([*expected, 10 - expected[1], 10 - expected[0]])


def test_the_grid_lies_around_the_stations_on_whole_cells_with_the_north_first():
    result = interpolate_stations(stations([12, 38], [7, 21], [1.0, 2.0]), 10).estimate
    assert result.x.to_numpy().tolist() == [15, 25, 35]
    assert result.y.to_numpy().tolist() == [25, 15, 5]
    assert result.rio.crs == UTM


def exact_at(table, **options):
    """Estimates and variances in cells whose centres are the stations."""
    found = []
    for x, y in places(table):
        result = interpolate_stations(table, 2.0, bounds=[x - 1, y - 1, x + 1, y + 1], **options)
        found.append((result.estimate.item(), result.variance.item()))
    return np.array(found).T


def test_inverse_distances_are_exact_at_the_stations():
    table = network(8)
    np.testing.assert_allclose(exact_at(table)[0], table.rain, rtol=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_kriging_is_exact_at_the_stations_without_variance(model):
    table = network(8)
    options = {**PARAMETERS[model], "nugget": 0.0}
    estimate, variance = exact_at(table, method="ordinary-kriging", variogram=model, **options)
    np.testing.assert_allclose(estimate, table.rain, rtol=1e-9)
    np.testing.assert_allclose(variance, 0, atol=1e-9)


values_of_stations = st.lists(st.floats(-1e3, 1e3), min_size=5, max_size=5)


@given(values_of_stations, st.floats(0.5, 8))
def test_inverse_distances_stay_between_the_least_and_the_greatest_value(values, power):
    estimate = interpolate_stations(network(5).assign(rain=values), 2e4, power=power).estimate
    slack = 1e-9 * max(map(abs, values))
    assert min(values) - slack <= estimate.min()
    assert estimate.max() <= max(values) + slack


@pytest.mark.parametrize("method", ["inverse-distance", "ordinary-kriging"])
def test_a_constant_stays_constant(method):
    result = interpolate_stations(network().assign(rain=7.5), 1e4, method=method)
    np.testing.assert_allclose(result.estimate, 7.5, rtol=1e-12)
    if method == "ordinary-kriging":
        np.testing.assert_array_equal(result.variance, 0)


@pytest.mark.parametrize("options", [{}, {"method": "ordinary-kriging", **PARAMETERS["spherical"]}])
def test_values_and_places_may_be_shifted(options):
    table = network()
    expected = interpolate_stations(table, 1e4, bounds=[5e5, 5e6, 6e5, 5.1e6], **options).estimate
    raised = interpolate_stations(table.assign(rain=table.rain + 1000), 1e4, bounds=[5e5, 5e6, 6e5, 5.1e6], **options)
    np.testing.assert_allclose(raised.estimate - 1000, expected, atol=1e-9)
    moved = table.set_geometry(table.translate(1e5, -2e5))
    moved = interpolate_stations(moved, 1e4, bounds=[6e5, 4.8e6, 7e5, 4.9e6], **options)
    np.testing.assert_allclose(moved.estimate, expected, atol=1e-8)


@pytest.mark.parametrize("options", [{}, {"neighbours": 7}, {"method": "ordinary-kriging"}])
def test_numbers_do_not_depend_on_the_size_of_parts(options, monkeypatch):
    expected = interpolate_stations(network(), 1e4, **options)
    monkeypatch.setattr(module, "WORK", 8 * 60 * 3)
    for one, other in zip(interpolate_stations(network(), 1e4, **options), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def test_as_many_neighbours_as_stations_are_all_of_them():
    expected = interpolate_stations(network(), 1e4).estimate
    np.testing.assert_allclose(interpolate_stations(network(), 1e4, neighbours=60).estimate, expected)
    nearly = interpolate_stations(network(), 1e4, neighbours=59).estimate
    assert 0 < float(np.abs(nearly - expected).max()) < 0.2


def test_the_nearest_station_alone_gives_its_own_value():
    table = network()
    result = interpolate_stations(table, 1e4, neighbours=1)
    away = np.hypot(*(cells(result)[:, None] - places(table)[None]).transpose(2, 0, 1))
    np.testing.assert_allclose(result.estimate.to_numpy().ravel(), table.rain.to_numpy()[away.argmin(1)])


def test_cells_without_a_station_in_reach_are_missing():
    result = interpolate_stations(stations([0, 1000], [0, 0], [1.0, 2.0]), 100, bounds=[0, 0, 1000, 100], radius=200)
    assert np.isnan(result.estimate.to_numpy()[0]).tolist() == [False] * 2 + [True] * 6 + [False] * 2


def test_outside_the_hull_may_be_left_missing():
    triangle = stations([0, 100, 0], [0, 0, 100], [1.0, 2.0, 3.0])
    result = interpolate_stations(triangle, 10, outside="missing").estimate
    x, y = np.meshgrid(result.x, result.y)
    np.testing.assert_array_equal(np.isfinite(result), x + y <= 100)


def test_stations_at_one_place_count_as_their_mean_and_those_without_a_value_not_at_all():
    table = network()
    doubled = geopandas.pd.concat([table.assign(rain=table.rain - 1), table.assign(rain=table.rain + 1)])
    gaps = geopandas.pd.concat([doubled, network(20, seed=3).assign(rain=np.nan)])
    for options in ({}, {"method": "ordinary-kriging"}):
        one = interpolate_stations(table, 1e4, **options)
        other = interpolate_stations(gaps, 1e4, **options)
        np.testing.assert_allclose(one.estimate, other.estimate, atol=1e-6)


def test_longitudes_and_latitudes_near_each_other_are_taken_to_their_zone_of_utm():
    result = interpolate_stations(network().to_crs("EPSG:4326"), 1e4).estimate
    assert result.rio.crs == "EPSG:32632"
    expected = interpolate_stations(network().to_crs("EPSG:32632"), 1e4).estimate
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_distances_between_longitudes_are_along_great_circles():
    table = stations([0, 60], [60, 60], [0.0, 1.0], crs="EPSG:4326")
    result = interpolate_stations(table, 10.0, power=1, bounds=[5, 55, 15, 65]).estimate
    sphere = Geod(a=6_371_000, b=6_371_000)
    near, far = (sphere.inv(10, 60, longitude, 60)[2] for longitude in (0, 60))
    assert result.dims == ("lat", "lon")
    assert result.item() == pytest.approx((1 / far) / (1 / near + 1 / far))


@pytest.mark.parametrize("method", ["inverse-distance", "ordinary-kriging"])
def test_stations_on_both_sides_of_the_antimeridian_are_near_each_other(method):
    random = np.random.default_rng(1)
    longitude, latitude = random.uniform(-20, 20, 30), random.uniform(-20, 20, 30)
    values = longitude + latitude
    here = stations(longitude, latitude, values, crs="EPSG:4326")
    there = stations((longitude + 360) % 360 - 180, latitude, values, crs="EPSG:4326")
    one, other = (interpolate_stations(each, 5.0, method=method).estimate for each in (here, there))
    assert other.sizes == one.sizes
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_inverse_distances_agree_with_gdal_grid(tool, agrees, tmp_path):
    table = network()
    table.to_file(tmp_path / "stations.gpkg")
    for power, radius in ((2.0, None), (3.5, None), (2.0, 30_000.0)):
        target = tmp_path / "grid.tif"
        reach = 0 if radius is None else radius
        tool(
            "gdal_grid", "--config", "GDAL_USE_AVX", "NO", "--config", "GDAL_USE_SSE", "NO", "-ot", "Float64",
            "-a", f"invdist:power={power}:radius1={reach}:radius2={reach}:nodata=nan", "-zfield", "rain",
            "-txe", 5e5, 6e5, "-tye", 5.1e6, 5e6, "-outsize", 50, 50, tmp_path / "stations.gpkg", target,
        )  # fmt: skip
        with rasterio.open(target) as raster:
            expected = raster.read(1)
        ours = interpolate_stations(table, 2000, bounds=[5e5, 5e6, 6e5, 5.1e6], power=power, radius=radius).estimate
        agrees("interpolate-stations", "gdal_grid invdist", ours, expected, within=1e-9)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("is_fitted", [True, False])
def test_kriging_agrees_with_pykrige(agrees, model, is_fitted):
    table = network()
    given = {} if is_fitted else PARAMETERS[model]
    result = interpolate_stations(table, 5000, method="ordinary-kriging", variogram=model, **given)
    told = {key.removeprefix("variogram_"): number for key, number in given.items()} or None
    reference = OrdinaryKriging(*places(table).T, table.rain, variogram_model=model, variogram_parameters=told)
    estimate, variance = reference.execute("points", *cells(result).T)
    # a gaussian model that is fitted without a nugget gives equations of which few digits are left
    slack = 1e-6 if (model, is_fitted) == ("gaussian", True) else 9e-9
    ours = [field.to_numpy().ravel() for field in result]
    agrees("interpolate-stations", "pykrige OrdinaryKriging, estimate", ours[0], estimate, within=slack)
    agrees("interpolate-stations", "pykrige OrdinaryKriging, variance", ours[1], variance, within=slack)


def test_kriging_on_the_sphere_agrees_with_pykrige():
    random = np.random.default_rng(1)
    longitude, latitude = random.uniform(-20, 20, 30), random.uniform(30, 70, 30)
    table = stations(longitude, latitude, np.sin(longitude / 10) + latitude / 20, crs="EPSG:4326")
    result = interpolate_stations(table, 5.0, method="ordinary-kriging")
    reference = OrdinaryKriging(
        longitude, latitude, table.rain, variogram_model="spherical", coordinates_type="geographic"
    )
    estimate, variance = reference.execute("grid", result.estimate.lon.to_numpy(), result.estimate.lat.to_numpy())
    np.testing.assert_allclose(result.estimate, estimate, rtol=0, atol=1e-6)
    np.testing.assert_allclose(result.variance, variance, rtol=0, atol=1e-6)


def test_kriging_agrees_with_the_equations_solved_for_each_cell(agrees):
    table = network()
    result = interpolate_stations(table, 2e4, method="ordinary-kriging", **PARAMETERS["spherical"])

    def gamma(away):
        h = np.minimum(away / 40_000, 1)
        return np.where(away > 0, 0.1 + 1.9 * (1.5 * h - 0.5 * h**3), 0)

    between = np.hypot(*(places(table)[:, None] - places(table)[None]).transpose(2, 0, 1))
    matrix = np.pad(gamma(between), (0, 1), constant_values=1.0)
    matrix[-1, -1] = 0
    for cell, estimate, variance in zip(
        cells(result), result.estimate.to_numpy().ravel(), result.variance.to_numpy().ravel(), strict=True
    ):
        right = np.append(gamma(np.hypot(*(places(table) - cell).T)), 1)
        weights = np.linalg.solve(matrix, right)
        theirs = weights[:-1] @ table.rain
        agrees("interpolate-stations", "numpy.linalg.solve, estimate", estimate, theirs, within=4.7e-11)
        agrees("interpolate-stations", "numpy.linalg.solve, variance", variance, weights @ right, within=9e-9)


def test_results_say_what_they_are():
    result = interpolate_stations(network(), 1e4, method="ordinary-kriging", units="mm")
    assert result.estimate.attrs["units"] == "mm"
    assert result.variance.attrs["units"] == "(mm)2"
    assert result.estimate.attrs["long_name"] == "rain"
    assert "variogram=spherical, sill=" in result.estimate.attrs["history"]


@pytest.mark.parametrize(
    ("spoil", "options", "sentence", "at"),
    [
        (lambda t: t.set_crs(None, allow_override=True), {}, "do not state their CRS", "stations"),
        (lambda t: t.assign(snow=1.0), {}, "2 columns of numbers: rain, snow; name one", "column"),
        (lambda t: t[["geometry"]], {}, "no column of numbers", "column"),
        (lambda t: t, {"column": "hail"}, "no column of numbers 'hail'", "column"),
        (lambda t: t.assign(rain=np.nan), {}, "no station has a value in rain", "stations"),
        (lambda t: t.set_geometry(t.buffer(1)), {}, "some are Polygon; take their centroids", "stations"),
        (lambda t: t[:2], {"method": "ordinary-kriging"}, "2 places; it takes 3 to 5000", "stations"),
        (lambda t: t, {"sill": 1.0}, "sill belongs to the method ordinary-kriging", "sill"),
        (lambda t: t, {"method": "ordinary-kriging", "neighbours": 3}, "neighbours belongs to", "neighbours"),
        (lambda t: t, {"method": "ordinary-kriging", "sill": 1.0}, "go together", "sill"),
        (lambda t: t, {"method": "ordinary-kriging", "nugget": 1.0}, "goes with the other parameters", "nugget"),
        (lambda t: t, {"method": "ordinary-kriging", "slope": 1.0}, "the spherical model has no slope", "slope"),
        (lambda t: t, {"bounds": [1, 1, 0, 2]}, "are empty: west is below east", "bounds"),
        (lambda t: t, {"crs": "EPSG:nonsense"}, "is not known; write it as", "crs"),
        (
            lambda t: t,
            {"method": "ordinary-kriging", "variogram": "gaussian", "sill": 1.0, "variogram_range": 5e6},
            "singular with this variogram; give a nugget",
            "variogram",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(spoil, options, sentence, at):
    with pytest.raises(InputError, match=sentence) as refused:
        interpolate_stations(spoil(network()), 1e4, **options)
    assert refused.value.input == at


def test_a_grid_that_is_too_large_is_refused_before_the_work():
    from moorage_processes.authoring.result_size import room

    with room(10**6), pytest.raises(InputError, match="two grids of .* cells would need"):
        interpolate_stations(network(), 10.0)
    with pytest.raises(InputError, match="take a coarser resolution"):
        interpolate_stations(network(), 1e-3)


def test_the_hull_of_a_line_of_stations_is_that_line():
    line = stations([5, 15, 25], [5, 5, 5], [1.0, 2.0, 3.0])
    result = interpolate_stations(line, 10, bounds=[0, 0, 30, 20], outside="missing").estimate
    assert np.isfinite(result).to_numpy().tolist() == [[False] * 3, [True] * 3]
    assert shapely.MultiPoint(places(line)).convex_hull.geom_type == "LineString"
