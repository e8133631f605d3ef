"""Slope, aspect and hillshade: by hand, by property, and against gdaldem and GRASS."""

import numpy as np
import pytest
import rasterio
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from moorage_processes import InputError
from moorage_processes.grids.horizontal import Ellipsoid
from moorage_processes.methods import terrain as module
from moorage_processes.methods.terrain import metres_per_degree, terrain
from pyproj import Geod

WGS84 = Ellipsoid(6_378_137.0, 0.006694379990141)
EAST = np.tile(np.arange(5) * 10.0, (5, 1))
"""Rises eastwards by one metre per metre on cells of 10 m."""


def relief(shape=(40, 50)):
    """A rough surface with whole metres."""
    noise = np.random.default_rng(1).normal(0, 40, shape)
    return np.round(noise.cumsum(0).cumsum(1) / 20 + 800)


def same_terrain(one, other):
    for name in one._fields:
        xr.testing.assert_equal(
            getattr(one, name).drop_vars("spatial_ref"), getattr(other, name).drop_vars("spatial_ref")
        )


def test_a_plane_rising_eastwards_is_steep_by_45_degrees_and_faces_west(utm_grid):
    result = terrain(utm_grid(EAST))
    assert result.slope[1:-1, 1:-1].to_numpy() == pytest.approx(45.0)
    assert result.aspect[1:-1, 1:-1].to_numpy() == pytest.approx(270.0)


@pytest.mark.parametrize(
    ("values", "faces"),
    [
        (EAST, 270),
        (EAST[:, ::-1], 90),
        (EAST.T, 0),
        (EAST.T[::-1], 180),
        (EAST + EAST.T, 315),
        (EAST[:, ::-1] + EAST.T, 45),
    ],
)
def test_aspect_is_clockwise_from_north_where_the_slope_faces(utm_grid, values, faces):
    assert float(terrain(utm_grid(values)).aspect[2, 2]) == pytest.approx(faces)


def test_level_ground_has_no_slope_and_no_aspect(utm_grid):
    result = terrain(utm_grid(np.full((3, 3), 7.0)))
    assert float(result.slope[1, 1]) == 0.0
    assert np.isnan(result.aspect).all()
    assert float(result.hillshade[1, 1]) == round(1 + 254 * np.sin(np.radians(45)))


def test_a_slope_facing_the_sun_is_brightest_and_one_turned_away_in_shade(utm_grid):
    assert float(terrain(utm_grid(EAST), azimuth=270, altitude=45).hillshade[2, 2]) == 255
    assert float(terrain(utm_grid(EAST), azimuth=90, altitude=45).hillshade[2, 2]) == 1


def test_the_outer_edge_is_missing(utm_grid):
    for layer in terrain(utm_grid(relief((4, 5)))):
        inner = np.zeros((4, 5), bool)
        inner[1:-1, 1:-1] = True
        assert (np.isfinite(layer.to_numpy()) == inner).all()


@pytest.mark.parametrize("missing", [np.nan, -9999.0])
def test_a_missing_cell_takes_its_eight_neighbours_with_it(utm_grid, missing):
    values = relief((9, 9))
    values[4, 4] = missing
    slope = terrain(utm_grid(values, _FillValue=-9999.0)).slope
    assert np.isnan(slope[3:6, 3:6]).all()
    assert int(np.isnan(slope[1:-1, 1:-1]).sum()) == 9


def test_whole_numbers_with_a_fill_value_are_understood(utm_grid):
    values = relief((5, 5)).astype("int16")
    values[2, 2] = -32768
    assert np.isnan(terrain(utm_grid(values, _FillValue=np.int16(-32768))).slope).all()


def test_names_order_and_direction_of_the_axes_do_not_matter(utm_grid):
    dem = utm_grid(relief())
    expected = terrain(dem)
    same_terrain(expected, terrain(dem[::-1]).__class__(*(layer[::-1] for layer in terrain(dem[::-1]))))
    same_terrain(expected, type(expected)(*(layer[:, ::-1] for layer in terrain(dem[:, ::-1]))))
    same_terrain(expected, type(expected)(*(layer.T for layer in terrain(dem.T))))
    renamed = terrain(dem.rename(y="northing", x="easting"))
    assert renamed.slope.dims == ("northing", "easting")
    same_terrain(expected, type(expected)(*(layer.rename(northing="y", easting="x") for layer in renamed)))


def test_a_single_band_of_a_raster_is_an_elevation_model(utm_grid):
    dem = utm_grid(relief())
    same_terrain(terrain(dem), terrain(dem.expand_dims(band=[1])))


def test_numbers_do_not_depend_on_the_size_of_blocks(utm_grid, monkeypatch):
    dem = utm_grid(relief())
    expected = terrain(dem)
    monkeypatch.setattr(module, "BLOCK", 3 * dem.shape[1])
    same_terrain(expected, terrain(dem))


heights = arrays(np.int16, (5, 6), elements=st.integers(-400, 8000))


@given(heights, st.integers(-1000, 1000))
def test_raising_the_land_changes_nothing(values, rise):
    dem = xr.DataArray(values.astype(float), {"y": np.arange(5) * -30.0, "x": np.arange(6) * 30.0}, ("y", "x"))
    same_terrain(terrain(dem, crs="EPSG:25832"), terrain(dem + rise, crs="EPSG:25832"))


@given(heights)
def test_turning_the_land_upside_down_turns_aspect_by_half_a_circle(values):
    dem = xr.DataArray(values.astype(float), {"y": np.arange(5) * -30.0, "x": np.arange(6) * 30.0}, ("y", "x"))
    up, down = terrain(dem, crs="EPSG:25832"), terrain(-dem, crs="EPSG:25832")
    np.testing.assert_array_equal(up.slope, down.slope)
    turned = (down.aspect - up.aspect).to_numpy() % 360
    assert turned[np.isfinite(turned)] == pytest.approx(180, abs=1e-4)


def test_slope_follows_the_tangent_of_the_z_factor(utm_grid):
    one, three = terrain(utm_grid(relief())).slope, terrain(utm_grid(relief()), z_factor=3).slope
    np.testing.assert_allclose(np.tan(np.radians(three)), 3 * np.tan(np.radians(one)), rtol=1e-5)


def test_feet_and_kilometres_are_turned_into_metres(utm_grid):
    metres = terrain(utm_grid(relief())).slope
    np.testing.assert_allclose(terrain(utm_grid(relief() / 0.3048, units="ft")).slope, metres, atol=1e-5)
    np.testing.assert_allclose(terrain(utm_grid(relief() / 1000, units="km")).slope, metres, atol=1e-5)


def test_a_grid_in_feet_is_turned_into_metres(utm_grid):
    metres, foot = utm_grid(relief()), 1200 / 3937
    feet = metres.assign_coords(x=metres.x / foot, y=metres.y / foot).drop_vars("spatial_ref")
    np.testing.assert_allclose(terrain(feet, crs="EPSG:2240").slope, terrain(metres).slope, atol=1e-5)


@pytest.mark.parametrize("latitude", [-80.0, -36.5, 0.0, 45.0, 89.0])
def test_a_degree_is_as_long_as_geodesics_measure_it(latitude):
    geod, small = Geod(ellps="WGS84"), 1e-3
    along_parallel, along_meridian = metres_per_degree(np.array([latitude]), WGS84)
    _, _, eastwards = geod.inv(0, latitude, small, latitude)
    _, _, northwards = geod.inv(0, latitude - small / 2, 0, latitude + small / 2)
    assert along_parallel[0] * small == pytest.approx(eastwards, rel=1e-8)
    assert along_meridian[0] * small == pytest.approx(northwards, rel=1e-8)


def test_cells_of_longitude_are_narrow_by_the_pole(lonlat_grid):
    latitudes, longitudes = [60.001, 60.0, 59.999], [9.999, 10.0, 10.001]
    rising_east = np.tile([0.0, 50.0, 100.0], (3, 1))
    width, height = (float(size[0]) for size in metres_per_degree(np.array([60.0]), WGS84))
    slope = terrain(lonlat_grid(rising_east, latitudes, longitudes)).slope
    assert float(slope[1, 1]) == pytest.approx(np.degrees(np.arctan(50 / (width * 0.001))), abs=1e-5)
    slope = terrain(lonlat_grid(rising_east.T, latitudes, longitudes)).slope
    assert float(slope[1, 1]) == pytest.approx(np.degrees(np.arctan(50 / (height * 0.001))), abs=1e-5)


def test_the_poles_themselves_are_missing(lonlat_grid):
    field = lonlat_grid(relief((7, 8)), [91.0, 90.0, 89.0, 88.0, 87.0, 86.0, 85.0], np.arange(8.0))
    slope = terrain(field).slope
    assert np.isnan(slope[1]).all()
    assert np.isfinite(slope[2, 1:-1]).all()


def test_results_say_what_they_are_and_where_they_lie(utm_grid):
    dem = utm_grid(relief(), units="m", history="measured", source="a survey")
    result = terrain(dem)
    assert [layer.attrs["units"] for layer in result] == ["degree", "degree", "1"]
    for layer in result:
        assert layer.rio.crs == "EPSG:25832"
        assert layer.dtype == np.float32
        assert layer.attrs["source"] == "a survey"
        assert layer.attrs["history"].splitlines()[0] == "measured"
        np.testing.assert_array_equal(layer.x, dem.x)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda dem: dem.drop_vars("spatial_ref"), "does not state its CRS; give it as crs='EPSG:25832'"),
        (lambda dem: dem.assign_attrs(units="K"), "dem is in 'K'; it takes elevations in m, km or ft"),
        (lambda dem: dem.isel(y=[0, 1, 2, 5, 6]), "not evenly spaced along y"),
        (lambda dem: dem.expand_dims(time=3), r"further dimensions: time \(3\)"),
        (lambda dem: dem.drop_vars("x"), "no coordinates along x"),
        (lambda dem: dem.rename(y="a", x="b"), "do not tell its horizontal axes"),
        (lambda dem: dem.astype(str), "it takes numbers"),
        (lambda dem: dem[:1], "1 cell along y"),
        (
            lambda dem: dem.rename(y="j", x="i").drop_vars(["j", "i"]).assign_coords(lat=(("j", "i"), dem.to_numpy())),
            "curvilinear",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(utm_grid, spoil, sentence):
    with pytest.raises(InputError, match=sentence) as refused:
        terrain(spoil(utm_grid(relief((8, 8)))))
    assert refused.value.input == "dem"


def test_a_crs_that_is_unknown_or_contradicts_is_refused(utm_grid):
    with pytest.raises(InputError, match="'EPSG:nonsense' is not known"):
        terrain(utm_grid(relief()).drop_vars("spatial_ref"), crs="EPSG:nonsense")
    with pytest.raises(InputError, match="which is not EPSG:4326; leave crs out"):
        terrain(utm_grid(relief()), crs="EPSG:4326")
    with pytest.raises(InputError, match="takes a projected CRS, or longitude and latitude in degrees"):
        terrain(utm_grid(relief()).drop_vars("spatial_ref"), crs="EPSG:4978")


def test_a_crs_that_is_told_twice_is_taken(utm_grid, lonlat_grid):
    same_terrain(terrain(utm_grid(relief()), crs="EPSG:25832"), terrain(utm_grid(relief())))
    told = terrain(lonlat_grid(relief((5, 5)), np.arange(5.0), np.arange(5.0)), crs="EPSG:4258")
    assert told.slope.rio.crs == "EPSG:4258"


def gdaldem(tool, folder, dem, mode, *options):
    source, target = folder / "dem.tif", folder / f"{mode}.tif"
    dem.rio.to_raster(source)
    tool("gdaldem", mode, source, target, *options)
    with rasterio.open(target) as raster:
        return raster.read(1, masked=True).astype(float).filled(np.nan)


@pytest.fixture
def real_relief(utm_grid):
    """The elevations of the Jacksboro fault on square cells of 90 m, with a hole."""
    from moorage_processes.commands.demo.jacksboro import elevation_model

    values = elevation_model().to_numpy().astype("float32")
    values[100:104, 200:203] = values[50, 50] = -9999
    return utm_grid(values, cell=90.0, _FillValue=np.float32(-9999))


def test_slope_agrees_with_gdaldem(real_relief, tool, agrees, tmp_path):
    expected, slope = gdaldem(tool, tmp_path, real_relief, "slope"), terrain(real_relief).slope
    agrees("terrain", "gdaldem slope", slope, expected, within=2.8e-5, unit="degree")


def test_aspect_agrees_with_gdaldem(real_relief, tool, agrees, tmp_path):
    expected, aspect = gdaldem(tool, tmp_path, real_relief, "aspect"), terrain(real_relief).aspect
    near = expected + 360 * np.round((aspect.to_numpy() - expected) / 360)
    agrees("terrain", "gdaldem aspect", aspect, near, within=1e-3, unit="degree")


@pytest.mark.parametrize(("azimuth", "altitude", "z_factor"), [(315, 45, 1), (100, 20, 2.5), (0, 90, 1)])
def test_hillshade_agrees_with_gdaldem(real_relief, tool, agrees, tmp_path, azimuth, altitude, z_factor):
    options = ("-az", azimuth, "-alt", altitude, "-z", z_factor)
    expected = gdaldem(tool, tmp_path, real_relief, "hillshade", *options)
    hillshade = terrain(real_relief, z_factor=z_factor, azimuth=azimuth, altitude=altitude).hillshade
    agrees("terrain", "gdaldem hillshade", hillshade, expected, within=0)


def test_the_gradient_of_zevenbergen_and_thorne_is_of_the_own_row_and_column_alone(utm_grid):
    values = np.zeros((3, 3))
    values[0] = 0.0, 0.0, 100.0
    values[1, 2] = 20.0
    slope = terrain(utm_grid(values), gradient="zevenbergen-thorne").slope
    assert float(slope[1, 1]) == pytest.approx(45.0)


@pytest.mark.parametrize("mode", ["slope", "aspect", "hillshade"])
def test_zevenbergen_and_thorne_agree_with_gdaldem(real_relief, tool, tmp_path, mode):
    # a cell whose neighbours at the corners are missing counts as missing here and there
    expected = gdaldem(tool, tmp_path, real_relief, mode, "-alg", "ZevenbergenThorne")
    if mode == "hillshade":
        expected[expected == 0] = np.nan
    ours = getattr(terrain(real_relief, gradient="zevenbergen-thorne"), mode).to_numpy()
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(expected))
    apart = np.abs(ours - expected)
    apart = np.minimum(apart, 360 - apart) if mode == "aspect" else apart
    assert np.nanmax(apart) <= {"slope": 2.8e-5, "aspect": 1e-3, "hillshade": 0}[mode]


def test_slope_and_aspect_agree_with_grass(real_relief, tool, agrees, tmp_path):
    source, slope, aspect = (tmp_path / f"{name}.tif" for name in ("dem", "slope", "aspect"))
    real_relief.rio.to_raster(source)
    commands = tmp_path / "commands.sh"
    commands.write_text(
        f"r.in.gdal -o input={source} output=dem && g.region raster=dem\n"
        "r.slope.aspect -n elevation=dem slope=slope aspect=aspect precision=DCELL min_slope=0\n"
        f"r.out.gdal -f -c input=slope output={slope} type=Float64 nodata=-9999\n"
        f"r.out.gdal -f -c input=aspect output={aspect} type=Float64 nodata=-9999\n"
    )
    tool("grass", "--tmp-location", "EPSG:25832", "--exec", "sh", "-e", commands)
    ours = terrain(real_relief)
    for name, path, tolerance in (("slope", slope, 2.8e-5), ("aspect", aspect, 0.046)):
        with rasterio.open(path) as raster:
            expected = raster.read(1, masked=True).filled(np.nan)
        expected = np.where(expected == -9999, np.nan, expected)
        apart = np.abs(getattr(ours, name).to_numpy() - expected)
        apart = np.minimum(apart, 360 - apart)
        assert np.isfinite(apart).sum() > 0.9 * apart.size
        agrees("terrain", "GRASS r.slope.aspect", apart, 0 * apart, within=tolerance, unit="degree")
