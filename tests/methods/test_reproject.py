"""Grids in another CRS: by hand, by property, and against gdalwarp without its approximation."""

import numpy as np
import pytest
import rioxarray
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.cbook import get_sample_data
from moorage.formats.axes import Axis, dimension
from moorage_processes import BBox, InputError
from moorage_processes.authoring.result_size import room
from moorage_processes.commands.demo.jacksboro import elevation_model
from moorage_processes.grids.uneven import uneven_positions
from moorage_processes.methods import reproject as module
from moorage_processes.methods.reproject import reproject
from moorage_processes.methods.streaming import blocks
from pyproj import Transformer
from scipy.interpolate import RegularGridInterpolator

POINTS = ["nearest", "bilinear", "cubic"]
EVERY = [*POINTS, "average", "mode"]
FOUR = xr.DataArray([[1.0, 2.0], [3.0, 4.0]], {"y": [15.0, 5.0], "x": [5.0, 15.0]}, ("y", "x"), "field").rio.write_crs(
    "EPSG:25832"
)
"""Four cells of 10 m: 1 2 above 3 4, corners at 0 and 20."""


def box(*sides, crs="EPSG:25832"):
    return BBox(*sides, crs=crs)


def test_values_between_four_centres_by_hand():
    result = reproject(FOUR, resolution=10.0, bounds=box(5, 5, 15, 15))
    assert result.to_numpy().tolist() == [[2.5]]
    quarter = reproject(FOUR, resolution=5.0, bounds=box(5, 5, 15, 15))
    assert quarter.to_numpy().tolist() == [[1.75, 2.25], [2.75, 3.25]]
    assert quarter.y.to_numpy().tolist() == [12.5, 7.5]
    assert quarter.x.to_numpy().tolist() == [7.5, 12.5]


def test_within_half_a_cell_of_the_edge_the_value_is_that_of_the_edge_and_beyond_there_is_none():
    result = reproject(FOUR, resolution=5.0, bounds=box(-5, 0, 25, 20))
    assert result[0].to_numpy() == pytest.approx([np.nan, 1, 1.25, 1.75, 2, np.nan], nan_ok=True)


def test_average_and_mode_count_each_cell_by_the_part_of_it_inside():
    assert reproject(FOUR, resolution=20.0, resampling="average").item() == 2.5
    off_centre = reproject(FOUR, resolution=12.0, bounds=box(6, 6, 18, 18), resampling="average").item()
    assert off_centre == pytest.approx((4 * 4 * 3 + 4 * 8 * 1 + 8 * 4 * 4 + 8 * 8 * 2 - 4 * 4 * 3 + 4 * 4 * 3) / 144)
    classes = xr.DataArray([[7, 7], [9, 8]], FOUR.coords, FOUR.dims)
    assert reproject(classes, resolution=20.0, resampling="mode").item() == 7
    assert reproject(classes, resolution=20.0, resampling="mode", bounds=box(0, -10, 20, 10)).item() == 8


def test_the_missing_share_their_weight_out_and_the_cell_under_the_point_must_be_there():
    gap = FOUR.where(FOUR != 2)
    result = reproject(gap, resolution=5.0, bounds=box(5, 5, 15, 15)).to_numpy()
    assert np.isnan(result[0, 1])
    assert result[0, 0] == pytest.approx((1 * 0.5625 + 3 * 0.1875 + 4 * 0.0625) / 0.8125)
    strict = reproject(gap, resolution=5.0, bounds=box(5, 5, 15, 15), minimum_valid=0.9).to_numpy()
    assert np.isnan(strict).tolist() == [[True, True], [False, True]]
    assert reproject(gap, resolution=20.0, resampling="average").item() == pytest.approx(8 / 3)
    assert np.isnan(reproject(gap, resolution=20.0, resampling="average", minimum_valid=0.8).item())


@pytest.fixture(scope="module")
def dem():
    return elevation_model().astype("float32")


@pytest.fixture(scope="module")
def gaps(dem):
    return dem.where(np.random.default_rng(0).random(dem.shape) > 0.05).rio.write_nodata(np.nan)


def as_gdal_does(tool, folder, field, result, method):
    """The same target from gdalwarp, without its approximation and with kernels as wide as a cell."""
    field.rio.to_raster(folder / "in.tif")
    x, y = dimension(result, Axis.X), dimension(result, Axis.Y)
    arguments = ["-q", "-et", 0, "-wo", "XSCALE=1", "-wo", "YSCALE=1", "-dstnodata", "nan", "-ot", "Float64"]
    arguments += ["-t_srs", result.rio.crs.to_wkt(), "-te", *map(repr, map(float, result.rio.bounds()))]
    arguments += ["-ts", result.sizes[x], result.sizes[y], "-r", {"nearest": "near"}.get(method, method)]
    tool("gdalwarp", *arguments, folder / "in.tif", folder / "out.tif")
    return rioxarray.open_rasterio(folder / "out.tif", masked=True)[0].to_numpy()


@pytest.mark.parametrize("method", POINTS)
@pytest.mark.parametrize("crs", ["EPSG:32616", "EPSG:3857", "EPSG:3413", "EPSG:5070"])
def test_values_at_points_are_those_of_gdalwarp(tool, agrees, tmp_path, dem, method, crs):
    result = reproject(dem, crs, resampling=method)
    expected = as_gdal_does(tool, tmp_path, dem, result, method)
    assert np.isfinite(expected).sum() > 0.4 * result.size
    agrees("reproject", "gdalwarp -et 0", result, expected, within=8.4e-4, unit="m")  # a millionth of the range


@pytest.mark.parametrize("method", POINTS)
def test_missing_cells_weigh_what_they_do_in_gdalwarp(tool, agrees, tmp_path, gaps, method):
    result = reproject(gaps, "EPSG:32616", resampling=method)
    expected = as_gdal_does(tool, tmp_path, gaps, result, method)
    agrees("reproject", "gdalwarp -et 0, with gaps", result, expected, within=8.4e-4, unit="m")


def test_averages_of_whole_cells_are_those_of_gdalwarp(tool, agrees, tmp_path, gaps):
    result = reproject(gaps, resolution=0.0025, resampling="average")
    expected = as_gdal_does(tool, tmp_path, gaps, result, "average")
    agrees("reproject", "gdalwarp -r average", result[:-1, :-1], expected[:-1, :-1], within=1e-3, unit="m")


def test_the_globe_is_as_gdalwarp_has_it_away_from_the_seam(tool, tmp_path, shared_data):
    with xr.open_dataset(shared_data / "eraint_uvz.nc") as opened:
        wind = opened["u"][0, 0].astype("f8").load().rio.write_crs("EPSG:4326")
    result = reproject(wind, "EPSG:3857", bounds=BBox(-170, -80, 170, 80))
    expected = as_gdal_does(tool, tmp_path, wind, result, "bilinear")
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-6 * float(wind.max() - wind.min()))


def test_time_steps_and_land_are_carried_along(shared_data):
    with xr.open_dataset(shared_data / "coads_sst.nc", decode_times=False) as opened:
        sst = opened["SST"].load()
    result = reproject(sst, "EPSG:3413", resolution=100_000.0, source_crs="EPSG:4326")
    assert result.dims == ("TIME", "y", "x")
    assert result.attrs["units"] == sst.attrs["units"]
    x, y = np.meshgrid(result.x, result.y)
    longitude, latitude = Transformer.from_crs("EPSG:3413", "EPSG:4326", always_xy=True).transform(x, y)
    under = sst.sel(COADSX=xr.DataArray(longitude, dims=("y", "x")), method="nearest").sel(
        COADSY=xr.DataArray(latitude, dims=("y", "x")), method="nearest"
    )  # fmt: skip
    assert (np.isfinite(result) == (np.isfinite(under.to_numpy()))).mean() > 0.99
    one = reproject(sst[3], "EPSG:3413", resolution=100_000.0, source_crs="EPSG:4326")
    np.testing.assert_array_equal(one, result[3])


def test_rows_of_a_mercator_map_in_degrees_are_taken_as_they_are():
    with np.load(get_sample_data("topobathy.npz", asfileobj=False)) as sample:
        coordinates = {
            "lat": ("lat", sample["latitude"].astype("f8"), {"units": "degrees_north"}),
            "lon": ("lon", sample["longitude"].astype("f8"), {"units": "degrees_east"}),
        }
        topography = xr.DataArray(sample["topo"].astype("f8"), coordinates, ("lat", "lon"))
    result = reproject(topography, "EPSG:32610", resolution=1500.0)
    x, y = np.meshgrid(result.x, result.y)
    longitude, latitude = Transformer.from_crs("EPSG:32610", "EPSG:4326", always_xy=True).transform(x, y)
    between = RegularGridInterpolator(
        (topography.lat.to_numpy(), topography.lon.to_numpy()), topography.to_numpy(), bounds_error=False
    )
    expected = between((latitude, longitude % 360))
    inner = np.isfinite(expected)
    assert inner.sum() > 0.8 * result.size
    np.testing.assert_allclose(result.to_numpy()[inner], expected[inner], atol=1e-4)


def globe(lonlat_grid, longitudes, latitudes=tuple(range(88, -89, -4))):
    """A smooth field on the sphere."""
    phi, theta = np.radians(latitudes)[:, np.newaxis], np.radians(longitudes)
    return lonlat_grid(np.sin(phi) + np.cos(phi) * np.cos(theta - 0.3), latitudes, longitudes)


@pytest.mark.parametrize("method", POINTS)
@pytest.mark.parametrize(
    "longitudes",
    [np.arange(0.0, 360, 4), np.arange(0.0, 361, 4), np.arange(356.0, -1, -4), np.arange(-540.0, -180, 4)],
)
def test_longitudes_may_be_counted_from_anywhere_and_the_circle_is_closed(lonlat_grid, longitudes, method):
    usual = globe(lonlat_grid, np.arange(-180.0, 180, 4))
    sides = {"bounds": BBox(170, -40, -170, 40), "resolution": 1.0, "resampling": method}
    one, other = (reproject(field, **sides) for field in (usual, globe(lonlat_grid, longitudes)))
    assert np.isfinite(one).all()
    np.testing.assert_allclose(other, one, atol=1e-12)
    exact = globe(lonlat_grid, one.lon.to_numpy(), one.lat.to_numpy())
    assert np.abs(one.to_numpy() - exact.to_numpy()).max() < (0.05 if method == "nearest" else 0.002)


def test_the_pole_is_no_hole(lonlat_grid):
    field = globe(lonlat_grid, np.arange(0.0, 360, 4), np.arange(90.0, -91, -4.0))
    arctic = reproject(field, "EPSG:3413", resolution=50_000.0, bounds=box(-1e6, -1e6, 1e6, 1e6, crs="EPSG:3413"))
    assert np.isfinite(arctic).all()
    assert np.abs(arctic - 1).max() < 0.25


@pytest.mark.parametrize("method", EVERY)
def test_direction_and_order_of_the_axes_do_not_matter(dem, method):
    small = (dem[:40, :50] // 50).rio.write_crs("EPSG:4326")
    expected = reproject(small, "EPSG:32616", resolution=300.0, resampling=method)
    for other in (small[::-1], small[:, ::-1], small.rename(lat="northing", lon="easting")):
        np.testing.assert_allclose(
            reproject(other, "EPSG:32616", resolution=300.0, resampling=method), expected, atol=1e-4
        )
    turned = reproject(small.T.expand_dims(time=2), "EPSG:32616", resolution=300.0, resampling=method)
    assert turned.dims == ("time", "x", "y")
    np.testing.assert_allclose(turned[1].T, expected, atol=1e-4)


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("steps", [None, 5])
def test_numbers_do_not_depend_on_the_size_of_blocks(monkeypatch, gaps, method, steps):
    field = (gaps[:60, :70] // 50).rio.write_crs("EPSG:4326")
    if steps:
        field = field.expand_dims(time=steps) * xr.DataArray(np.arange(1.0, steps + 1), dims="time")
    whole = reproject(field, "EPSG:32616", resampling=method)
    monkeypatch.setattr(blocks, "BUDGET", 2000)
    monkeypatch.setattr(module, "WORKED", 300)
    np.testing.assert_allclose(reproject(field, "EPSG:32616", resampling=method), whole, rtol=1e-6)
    monkeypatch.setattr(blocks, "EAGER", 1000)
    later = reproject(field, "EPSG:32616", resampling=method)
    assert not later.variable._in_memory
    for part in (slice(10, 20), slice(10, 40), slice(12, 13)):
        np.testing.assert_allclose(later[..., part, 5], whole[..., part, 5], rtol=1e-6)


@settings(deadline=None, max_examples=25)
@given(st.floats(-1e6, 1e6), st.sampled_from(EVERY), st.sampled_from(["EPSG:32616", "EPSG:3035", "EPSG:3857"]))
def test_what_is_constant_stays_constant(constant, method, crs):
    coordinates = {
        "lat": ("lat", 36.0 - 0.01 * np.arange(12), {"units": "degrees_north"}),
        "lon": ("lon", -84.0 + 0.01 * np.arange(9), {"units": "degrees_east"}),
    }
    values = reproject(xr.DataArray(np.full((12, 9), constant), coordinates, ("lat", "lon")), crs, resampling=method)
    there = values.to_numpy()[np.isfinite(values)]
    assert there.size > 10
    np.testing.assert_allclose(there, constant, rtol=1e-12, atol=1e-12)


def test_the_grid_of_another_is_taken_as_it_is(dem):
    other = xr.DataArray(
        np.zeros((7, 9)), {"north": 4.04e6 + 500.0 * np.arange(7), "east": 745_000 + 500.0 * np.arange(9)},
        ("north", "east"),
    ).rio.write_crs("EPSG:32616")  # fmt: skip
    other.north.attrs["axis"], other.east.attrs["axis"] = "Y", "X"
    result = reproject(dem, like=other)
    assert result.dims == other.dims
    np.testing.assert_array_equal(result.north, other.north)
    assert result.rio.crs == other.rio.crs
    sides = box(744_750, 4.03975e6, 749_250, 4.04325e6, crs="EPSG:32616")
    again = reproject(dem, "EPSG:32616", resolution=500.0, bounds=sides)
    np.testing.assert_allclose(result[::-1], again)


def test_what_the_result_says_of_itself(dem):
    field = dem.assign_coords(height=2.0, mask=(("lat", "lon"), np.ones(dem.shape)))
    result = reproject(field, "EPSG:32616")
    assert set(result.coords) == {"x", "y", "height", "spatial_ref"}
    assert result.rio.crs.to_epsg() == 32616
    assert result.attrs["units"] == "m"
    assert result.x.attrs["standard_name"] == "projection_x_coordinate"
    assert "crs=EPSG:32616" in result.attrs["history"]
    assert result.dtype == dem.dtype
    assert reproject(dem.astype("int16"), "EPSG:32616").dtype == np.float32


def test_there_are_as_many_cells_along_the_diagonal_as_there_were(dem):
    result = reproject(dem, "EPSG:32616")
    assert np.hypot(*result.shape) == pytest.approx(np.hypot(*dem.shape), abs=2)


def test_a_grid_beyond_the_antimeridian_stays_in_one_piece():
    fiji = xr.DataArray(
        np.ones((40, 60)), {"y": 8e6 - 1e4 * np.arange(40), "x": 6e5 + 1e4 * np.arange(60)}, ("y", "x")
    ).rio.write_crs("EPSG:32760")  # fmt: skip
    result = reproject(fiji, "EPSG:4326")
    assert 170 < result.lon[0] < 180 < result.lon[-1] < 190
    assert np.isfinite(result).mean() > 0.9


def test_data_of_dask_are_taken(dem):
    pytest.importorskip("dask")
    np.testing.assert_array_equal(reproject(dem.chunk(lat=50), "EPSG:32616"), reproject(dem, "EPSG:32616"))


def test_positions_on_uneven_and_on_falling_axes_by_hand():
    assert uneven_positions(np.array([0.0, 1, 3]), np.array([-0.5, 0.5, 2, 4])).tolist() == [-0.5, 0.5, 1.5, 2.5]
    assert uneven_positions(np.array([3.0, 1, 0]), np.array([4, 2, 0.5, -0.5])).tolist() == [-0.5, 0.5, 1.5, 2.5]


@pytest.mark.parametrize(
    ("given", "sentence", "input_"),
    [
        ({"crs": "EPSG:1"}, "not known", "crs"),
        ({"crs": "EPSG:4978"}, "it takes a projected CRS", "crs"),
        ({"bounds": BBox(20, 40, 21, 41)}, "the target does not meet data, which covers x 0 to 20", "bounds"),
        ({"bounds": box(5, 5, 5, 15)}, "bounds enclose nothing", "bounds"),
        ({"like": FOUR, "crs": "EPSG:4326"}, "like is the target already", "like"),
        ({"source_crs": "EPSG:4326"}, "states the CRS", "crs"),
        ({"resolution": 1e-4}, "this service gives up to 1 MB", "resolution"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(given, sentence, input_):
    with room(1_000_000), pytest.raises(InputError, match=sentence) as refused:
        reproject(FOUR, **given)
    assert refused.value.input == input_


def test_grids_that_are_none_are_refused(lonlat_grid):
    with pytest.raises(InputError, match="does not state its CRS"):
        reproject(FOUR.drop_vars("spatial_ref"), "EPSG:4326")
    with pytest.raises(InputError, match="neither rises nor falls along y"):
        reproject(FOUR.isel(y=[0, 0]), "EPSG:4326")
    many = lonlat_grid(np.arange(400.0).reshape(20, 20), range(20), range(20))
    with pytest.raises(InputError, match="different values; the most frequent"):
        reproject(many, "EPSG:3857", resampling="mode")
