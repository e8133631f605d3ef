"""Fields on other grids: by hand, by property, and against cdo."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from moorage_processes import InputError
from moorage_processes.authoring.result_size import room
from moorage_processes.methods.area_mean import area_mean
from moorage_processes.methods.interpolation import remapping
from moorage_processes.methods.regrid import regrid
from moorage_processes.methods.streaming import blocks

METHODS = ["bilinear", "conservative"]


def gaussian_latitudes(number):
    return np.degrees(np.arcsin(np.polynomial.legendre.leggauss(2 * number)[0]))


def rough(latitudes=None, longitudes=None, gaps=0.0, steps=3, dtype="float64", seed=0):
    """Some steps of noise on a gaussian grid around the Earth, or on other rows and columns."""
    latitudes = gaussian_latitudes(8) if latitudes is None else np.asarray(latitudes)
    longitudes = np.arange(32) * 11.25 if longitudes is None else np.asarray(longitudes)
    random = np.random.default_rng(seed)
    values = random.normal(280, 8, (steps, latitudes.size, longitudes.size)).astype(dtype)
    values[random.random(values.shape) < gaps] = np.nan
    coordinates = {
        "time": xr.date_range("2000-01-01", periods=steps),
        "lat": ("lat", latitudes, {"units": "degrees_north", "standard_name": "latitude"}),
        "lon": ("lon", longitudes, {"units": "degrees_east", "standard_name": "longitude"}),
    }
    return xr.DataArray(values, coordinates, ("time", "lat", "lon"), "t", {"units": "K"})


def test_a_place_between_four_centres_has_a_share_of_each(lonlat_grid):
    field = lonlat_grid([[0.0, 4.0], [8.0, 12.0]], [0, 10], [0, 10])
    assert regrid(field, longitudes=[2.5, 5], latitudes=[0, 5]).to_numpy().tolist() == [[1, 2], [5, 6]]


def test_a_cell_has_what_its_parts_have_by_area(lonlat_grid):
    field = lonlat_grid([[1.0, 2.0, 3.0, 4.0]] * 2, [-1, 1], [0, 1, 2, 3])
    result = regrid(field, longitudes=[0.5, 2.5], latitudes=[-1, 1], method="conservative")
    np.testing.assert_allclose(result, [[1.5, 3.5]] * 2, rtol=1e-14)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("gaps", [0, 0.3])
def test_the_same_grid_changes_nothing(method, gaps):
    data = rough(gaps=gaps)
    np.testing.assert_allclose(regrid(data, like=data, method=method), data, rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("poles", ["mean", "nearest"])
@given(size=st.integers(2, 40), start=st.floats(-360, 360))
@settings(max_examples=15, deadline=None)
def test_a_constant_stays_what_it_is_through_gaps(method, poles, size, start):
    data = rough(gaps=0.1, steps=1) * 0 + 3.25
    target = {
        "longitudes": (start + np.arange(size) * 360 / size).tolist(),
        "latitudes": np.linspace(-90, 90, size).tolist(),
    }
    result = regrid(data, **target, method=method, poles=poles, minimum_valid=0)
    np.testing.assert_allclose(result.to_numpy()[result.notnull()], 3.25, rtol=1e-13)
    full = regrid(data.fillna(3.25), **target, method=method, poles=poles)
    np.testing.assert_allclose(full, 3.25, rtol=1e-13)


def test_bilinear_reproduces_what_is_linear_in_latitude():
    data = rough()
    data = data * 0 + data.lat
    latitudes = np.linspace(data.lat.min().item(), data.lat.max().item(), 57)
    result = regrid(data, longitudes=[3.0, 100.0, 359.0], latitudes=latitudes.tolist())
    np.testing.assert_allclose(result, np.broadcast_to(latitudes[:, None], (3, 57, 3)), atol=1e-12)


@pytest.mark.parametrize("target", [{"resolution": 10}, {"resolution": 2.5}, {"gaussian": 6}, {"gaussian": 31}])
def test_conservative_keeps_the_integral_over_the_earth(target):
    data = rough()
    result = regrid(data, **target, method="conservative")
    np.testing.assert_allclose(
        area_mean(result, statistic="integral"), area_mean(data, statistic="integral"), rtol=1e-12
    )


def test_destarea_keeps_the_integral_where_values_are_missing_and_fracarea_the_range():
    data = rough(gaps=0.3)
    by_cell = regrid(data, gaussian=5, method="conservative", normalisation="destarea", minimum_valid=0)
    np.testing.assert_allclose(
        area_mean(by_cell, statistic="integral"), area_mean(data, statistic="integral"), rtol=1e-12
    )
    by_part = regrid(data, gaussian=5, method="conservative", minimum_valid=0)
    assert by_part.min() >= data.min()
    assert by_cell.min() < data.min()


@pytest.mark.parametrize("method", METHODS)
def test_falling_axes_their_order_and_where_longitudes_begin_do_not_matter(method):
    data = rough(gaps=0.1)
    target = {"longitudes": [-170.0, -3.0, 0.0, 44.0, 179.0], "latitudes": [-88.0, -20.0, 5.0, 89.0], "method": method}
    plain = regrid(data, **target)
    rolled = data.roll(lon=16, roll_coords=True)
    rolled = rolled.assign_coords(lon=("lon", (rolled.lon.to_numpy() + 180) % 360 - 180, data.lon.attrs))
    for other in (data[:, ::-1], data[:, :, ::-1], rolled):
        np.testing.assert_allclose(regrid(other, **target), plain, rtol=1e-13)
    turned = regrid(data.transpose("lon", "time", "lat"), **target)
    assert turned.dims == ("lon", "time", "lat")
    np.testing.assert_allclose(turned.transpose("time", "lat", "lon"), plain, rtol=1e-13)
    falling = regrid(data, **{**target, "latitudes": target["latitudes"][::-1]})
    np.testing.assert_allclose(falling[:, ::-1], plain, rtol=1e-13)


def test_a_longitude_repeated_counts_once():
    data = rough()
    again = data.isel(lon=[0]).assign_coords(lon=("lon", [360.0], data.lon.attrs))
    for method in METHODS:
        one, other = (regrid(field, gaussian=4, method=method) for field in (data, xr.concat([data, again], "lon")))
        np.testing.assert_allclose(one, other, rtol=1e-14)


def test_poleward_of_the_last_row_its_mean_stands_for_the_pole_or_it_goes_on_or_nothing(lonlat_grid):
    field = lonlat_grid([[0.0, 4.0, 8.0, 12.0], [2.0] * 4], [-80, 80], [0, 90, 180, 270])
    field[0, 0] = np.nan
    target = {"longitudes": [90.0, 180.0], "latitudes": [-90.0, -85.0, -80.0]}
    assert regrid(field, **target).to_numpy().tolist() == [[8, 8], [6, 8], [4, 8]]
    assert regrid(field, **target, poles="nearest").to_numpy().tolist() == [[4, 8], [4, 8], [4, 8]]
    missing = regrid(field, **target, poles="missing")
    assert missing.isnull().to_numpy().tolist() == [[True] * 2, [True] * 2, [False] * 2]
    fallen = regrid(field[::-1], **target)
    np.testing.assert_array_equal(fallen, regrid(field, **target))


def test_beyond_the_centres_of_a_region_there_is_nothing(lonlat_grid):
    field = lonlat_grid(np.ones((3, 3)), [50, 51, 52], [8, 9, 10])
    result = regrid(field, longitudes=[7.9, 8.0, 10.0, 10.1], latitudes=[49.0, 50.0, 52.0])
    assert result.notnull().to_numpy().tolist() == [[False] * 4] + [[False, True, True, False]] * 2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("minimum_valid", "there"), [(0.0, True), (0.49, True), (0.5, True), (0.51, False)])
def test_a_value_needs_its_share(lonlat_grid, method, minimum_valid, there):
    field = lonlat_grid([[1.0, np.nan]] * 3, [-1, 0, 1], [0, 1])
    target = lonlat_grid(np.zeros((3, 3)), [-1, 0, 1], [-0.5, 0.5, 1.5])
    result = regrid(field, like=target, method=method, minimum_valid=minimum_valid)
    assert result.notnull()[1, 1] == there
    if there:
        assert result[1, 1] == pytest.approx(1.0)


@pytest.mark.parametrize("method", METHODS)
def test_numbers_do_not_depend_on_blocks_nor_on_how_weights_are_kept(monkeypatch, method):
    data = rough(gaps=0.1, steps=6)
    data[3] = data[2]
    whole = regrid(data, gaussian=5, method=method)
    monkeypatch.setattr(blocks, "BUDGET", 100)
    xr.testing.assert_identical(regrid(data, gaussian=5, method=method), whole)
    monkeypatch.setattr(blocks, "EAGER", 0)
    late = regrid(data, gaussian=5, method=method)
    xr.testing.assert_identical(late[1:5, ::-1, 3], whole[1:5, ::-1, 3])
    monkeypatch.setattr(remapping, "JOINT", 0)
    np.testing.assert_allclose(regrid(data, gaussian=5, method=method), whole, rtol=1e-13)


def test_what_is_in_memory_is_left_as_it_was():
    data = rough(gaps=0.2)
    for field in (data, data[0], data.transpose("lat", "lon", "time")):
        before = field.copy(deep=True)
        regrid(field, gaussian=4)
        xr.testing.assert_identical(field, before)


@pytest.mark.parametrize(
    ("dtype", "given"), [("float32", "float32"), (">f4", "float32"), ("float64", "float64"), ("int16", "float64")]
)
def test_the_result_has_the_precision_of_the_data(dtype, given):
    data = rough().astype(dtype)
    result = regrid(data, gaussian=5)
    assert result.dtype == given
    np.testing.assert_allclose(result, regrid(data.astype("float64"), gaussian=5), rtol=6e-8)


def test_results_say_what_they_are_and_where():
    data = rough().assign_coords(height=2.0, orography=(("lat", "lon"), np.ones((16, 32))))
    data.attrs["cell_methods"] = "time: mean"
    result = regrid(data, resolution=30)
    assert result.lon.to_numpy().tolist() == (np.arange(15.0, 375, 30) - 5.625).tolist()
    assert result.lat.to_numpy().tolist() == [-75, -45, -15, 15, 45, 75]
    assert result.lat.attrs == data.lat.attrs
    assert set(result.coords) == {"time", "height", "lat", "lon"}
    assert result.attrs["units"] == "K"
    assert result.attrs["cell_methods"] == "time: mean"
    assert "method=bilinear, 6 rows -90 to 90 x 12 columns" in result.attrs["history"]


def test_a_projected_grid_keeps_its_crs(utm_grid):
    data = utm_grid(np.arange(64.0).reshape(8, 8))
    result = regrid(data, resolution=20, method="conservative")
    assert result.rio.crs == data.rio.crs
    np.testing.assert_allclose(result[::-1], data.to_numpy().reshape(4, 2, 4, 2).mean((1, 3)))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "give one of like, resolution, gaussian or longitudes and latitudes; none was given"),
        ({"resolution": 5, "gaussian": 5}, "resolution and gaussian was given"),
        ({"longitudes": [1.0, 2.0]}, "come together; latitudes has none"),
        ({"longitudes": [1.0, 2.0], "latitudes": [10.0, 100.0]}, "latitudes beyond the poles"),
        ({"longitudes": [1.0, 2.0, 1.5], "latitudes": [10.0, 20.0]}, "neither rise nor fall"),
        ({"resolution": 7}, r"does not divide 360 degrees; 7.0588235 or 6.9230769 does"),
        ({"resolution": 400}, "wider than the data"),
        ({"like": rough().drop_vars("lon")}, "like has no coordinates along lon"),
    ],
)
def test_a_new_grid_that_is_none_is_refused(options, sentence):
    with pytest.raises(InputError, match=sentence):
        regrid(rough(), **options)


@pytest.mark.parametrize(
    ("cells", "off", "divides"),
    [(3, 4.8e-4, True), (3, -1.1e-3, True), (3, -1.5e-3, False), (720, -3.6e-6, True), (720, -8e-6, False)],
)
def test_a_resolution_divides_the_circle_to_a_hundred_thousandth_of_a_cell(cells, off, divides):
    resolution = (360 + off) / cells
    if divides:
        assert regrid(rough(steps=1), resolution=resolution).lon.size == cells
    else:
        with pytest.raises(InputError, match="does not divide 360 degrees"):
            regrid(rough(steps=1), resolution=resolution)


@pytest.mark.parametrize("method", METHODS)
def test_grids_that_do_not_meet_are_refused(lonlat_grid, method):
    field = lonlat_grid(np.ones((3, 3)), [50, 51, 52], [8, 9, 10])
    with pytest.raises(InputError, match="does not meet the data"):
        regrid(field, longitudes=[20.0, 21.0], latitudes=[50.0, 51.0], method=method)


def test_a_grid_in_another_crs_is_refused(utm_grid):
    with pytest.raises(InputError, match="like is in WGS 84, the data in ETRS89 / UTM zone 32N; reproject one"):
        regrid(utm_grid(np.ones((3, 3))), like=rough())
    with pytest.raises(InputError, match="gaussian takes longitude and latitude"):
        regrid(utm_grid(np.ones((3, 3))), gaussian=8)


def test_a_result_without_room_is_refused_before_any_work():
    with room(10**9), pytest.raises(InputError, match="would need .* TB; this service gives up to 1 GB"):
        regrid(rough(), resolution=0.001)


def with_cdo(tool, folder, data, operator, target):
    grid = folder / "target.txt"
    longitudes, latitudes = (" ".join(map(repr, target[name].to_numpy().tolist())) for name in ("lon", "lat"))
    sizes = [f"xsize = {target.lon.size}", f"ysize = {target.lat.size}"]
    lines = ["gridtype = lonlat", *sizes, f"xvals = {longitudes}", f"yvals = {latitudes}"]
    grid.write_text("\n".join(lines) + "\n")
    data.to_netcdf(folder / "data.nc")
    tool("cdo", "-s", "-O", "-b", "F64", f"{operator},{grid}", folder / "data.nc", folder / "other.nc")
    return xr.open_dataset(folder / "other.nc", decode_times=False)[data.name].to_numpy()


TARGETS = {
    "5 degrees": rough(np.arange(-87.5, 90, 5), np.arange(0.3, 360, 5)),
    "falling, from -180": rough(np.arange(60, -61, -7.5), np.arange(-179.7, 180, 9.0)),
    "gaussian": rough(gaussian_latitudes(12), np.arange(48) * 7.5 + 0.3),
    "region": rough(np.arange(30.3, 60, 1.5), np.arange(-11.3, 40, 1.0)),
}
"""None of their centres lies on a row or column of the data: cdo then wants the next one, too, of weight 0."""
EVEN = np.arange(-84.375, 90, 11.25)


@pytest.mark.parametrize("gaps", [0, 0.1])
@pytest.mark.parametrize("target", TARGETS)
def test_bilinear_agrees_with_cdo_between_the_outermost_rows(tool, agrees, tmp_path, target, gaps):
    data, like = rough(gaps=gaps), TARGETS[target]
    theirs = with_cdo(tool, tmp_path, data, "remapbil", like)
    ours = regrid(data, like=like, minimum_valid=1)
    between = (abs(like.lat) <= abs(data.lat).max()).to_numpy()
    agrees("regrid", "cdo remapbil", ours[:, between], theirs[:, between], within=1e-11)


@pytest.mark.parametrize("normalisation", ["fracarea", "destarea"])
@pytest.mark.parametrize("gaps", [0, 0.1])
@pytest.mark.parametrize("target", TARGETS)
def test_conservative_agrees_with_cdo(tool, agrees, tmp_path, monkeypatch, target, gaps, normalisation):
    monkeypatch.setenv("CDO_REMAP_NORM", normalisation)
    data, like = rough(EVEN, gaps=gaps, steps=2), TARGETS[target]
    theirs = with_cdo(tool, tmp_path, data, "remapcon", like)
    ours = regrid(data, like=like, method="conservative", normalisation=normalisation, minimum_valid=0)
    # gaussian rows given one by one do not reach the poles in cdo
    rows = slice(1, -1) if target == "gaussian" else slice(None)
    agrees("regrid", "cdo remapcon", ours[:, rows], theirs[:, rows], within=1e-10)


@pytest.mark.parametrize(("method", "operator"), [("bilinear", "remapbil"), ("conservative", "remapcon")])
def test_sea_surface_temperature_agrees_with_cdo(tool, agrees, tmp_path, shared_data, method, operator):
    data = xr.open_dataset(shared_data / "coads_sst.nc").SST[:2].load().astype("float64")
    data = data.rename({data.dims[-1]: "lon", data.dims[-2]: "lat", data.dims[0]: "time"})
    data.encoding = {}
    like = TARGETS["5 degrees"]
    theirs = with_cdo(tool, tmp_path, data, operator, like)
    ours = regrid(data, like=like, method=method, minimum_valid=0 if method == "conservative" else 1)
    between = (abs(like.lat) <= abs(data.lat).max()).to_numpy()
    agrees("regrid", "cdo, COADS temperature", ours[:, between], theirs[:, between], within=1e-10, unit="degC")
