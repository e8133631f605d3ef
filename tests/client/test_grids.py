"""Grids in files: NetCDF and GeoTIFF."""

from __future__ import annotations

from pathlib import Path

import cftime
import h5py
import netCDF4
import numpy as np
import pandas as pd
import pytest
import rasterio
import rioxarray  # noqa: F401 - gives grids their .rio
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from moorage.formats import FormatError, Kind, find, read, write

NETCDF, GEOTIFF = find(Kind.GRID, "netcdf"), find(Kind.GRID, "geotiff")
ARRAY, DATASET = "xarray.DataArray", "xarray.Dataset"
CALENDARS = ["noleap", "360_day", "all_leap", "julian", "standard", "proleptic_gregorian"]


def there_and_back(grid, path, fmt=NETCDF, kind=None):
    path.unlink(missing_ok=True)
    write(grid, path, fmt)
    return read(path, fmt, kind or (ARRAY if isinstance(grid, xr.DataArray) else DATASET))


def land(dtype="float32", **attrs) -> xr.DataArray:
    """Four by five cells south to north, with degrees as coordinates."""
    lat = xr.Variable("lat", [40.0, 41, 42, 43], {"units": "degrees_north"})
    lon = xr.Variable("lon", [10.0, 11, 12, 13, 14], {"units": "degrees_east"})
    values = np.arange(20).reshape(4, 5).astype(dtype)
    return xr.DataArray(values, {"lat": lat, "lon": lon}, name="height", attrs={"units": "m", **attrs})


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("grids") / "grid"


# NetCDF

names = st.text("abcXYZ_0189 -°µ", min_size=1).map("v{}".format).map(str.strip)
attributes = st.dictionaries(
    names,
    st.one_of(
        st.text(st.characters(codec="utf-8", exclude_characters="\0")),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(),
        st.lists(st.integers(-9, 9), min_size=2, max_size=3),
        st.lists(st.text("abc", min_size=1), min_size=2, max_size=3),
    ),
    max_size=3,
)
numbers = st.one_of(
    arrays.integer_dtypes(endianness="="), arrays.unsigned_integer_dtypes(endianness="="), st.just(np.dtype("bool")),
    arrays.floating_dtypes(sizes=(32, 64), endianness="="),
)  # fmt: skip


@st.composite
def grids(draw):
    values = draw(arrays.arrays(draw(numbers), arrays.array_shapes(min_dims=0, max_dims=3, max_side=4)))
    dims = ["time", "y", "x"][: values.ndim]
    coords = {
        dim: np.sort(draw(st.lists(st.floats(-1e9, 1e9), min_size=n, max_size=n, unique=True)))
        for dim, n in zip(dims, values.shape, strict=True)
    }
    return xr.DataArray(values, coords, dims, name=draw(st.none() | names), attrs=draw(attributes))


@settings(deadline=None)
@given(grid=grids())
def test_an_array_comes_back_as_it_was(path, grid):
    back = there_and_back(grid, path)
    xr.testing.assert_identical(back, grid)
    assert back.dtype == grid.dtype
    assert back.name == grid.name


@settings(deadline=None)
@given(
    moments=st.lists(st.integers(-60_000_000_000, 250_000_000_000), min_size=1, max_size=5),
    unit=st.sampled_from(["s", "ms", "us", "ns"]),
    stale=st.sampled_from(
        [
            None,
            "days since 1900-01-01",
            "hours since 2000-01-01 12:00",
            "months since 1990-1-1",
            "fortnights since 1",
            "seconds since 1970-01-01",
        ]
    ),
)
def test_times_come_back_to_the_last_digit(path, moments, unit, stale):
    grid = xr.DataArray(np.array(moments, dtype=f"datetime64[{unit}]"), dims="n", name="t")
    grid.encoding = {"units": stale, "calendar": "standard", "dtype": "float32", "_FillValue": -9.0} if stale else {}
    back = there_and_back(grid, path)
    assert (back.to_numpy() == grid.to_numpy()).all()


@pytest.mark.parametrize("calendar", CALENDARS)
@settings(deadline=None, max_examples=20)
@given(seconds=st.lists(st.integers(0, 2**36), min_size=1, max_size=4, unique=True))
def test_model_calendars_come_back(path, calendar, seconds):
    moments = cftime.num2date(sorted(seconds), "seconds since 1700-01-01", calendar, only_use_cftime_datetimes=True)
    grid = xr.DataArray(np.arange(len(moments)), {"time": moments}, ["time"], name="v")
    back = there_and_back(grid, path)
    if calendar in ("standard", "proleptic_gregorian"):
        back = back.convert_calendar(calendar, use_cftime=True)
    assert [str(moment) for moment in back.time.to_numpy()] == [str(moment) for moment in moments]
    assert back.time.to_numpy()[0].calendar == calendar


def test_units_of_times_are_kept_where_they_are_exact(path):
    grid = xr.DataArray([1.0, 2], {"time": [cftime.DatetimeNoLeap(2000, 2, day) for day in (1, 2)]}, ["time"], name="v")
    grid.time.encoding = {"units": "days since 1850-01-01", "calendar": "365_day"}
    there_and_back(grid, path)
    with netCDF4.Dataset(path) as file:
        assert file["time"].units == "days since 1850-01-01"
        assert file["time"][0] == 150 * 365 + 31


def test_days_are_a_unit_and_no_duration(path):
    flood = xr.DataArray([3.0, 4.0], dims="x", name="flood_days", attrs={"units": "days"})
    assert there_and_back(flood, path).dtype == "float64"
    gap = xr.DataArray(np.array([1, 2], "timedelta64[h]").astype("timedelta64[s]"), dims="x", name="gap")
    xr.testing.assert_identical(there_and_back(gap, path), gap)


def test_values_unpacked_from_a_file_are_written_whole(path, tmp_path):
    source = xr.Dataset({"v": (("y", "x"), np.array([[0.5, np.nan], [1.5, -3276.7]]))})
    packing = {
        "dtype": "int16",
        "scale_factor": 0.1,
        "_FillValue": -32767,
        "zlib": True,
        "chunksizes": (1, 2),
        "shuffle": True,
    }
    source.to_netcdf(tmp_path / "packed.nc", encoding={"v": packing}, unlimited_dims=["y"])
    unpacked = read(tmp_path / "packed.nc", NETCDF, ARRAY)
    changed = unpacked.isel(y=[0]) / 3  # no longer a multiple of the packing, nor of the chunks' size
    changed.encoding = dict(unpacked.encoding)
    assert "scale_factor" in changed.encoding
    xr.testing.assert_identical(there_and_back(changed, path), changed)


def test_the_file_is_plain_and_opens_with_either_library(path):
    grid = land()
    write(grid, path, NETCDF)
    with h5py.File(path) as file:
        assert file["height"].chunks is None
        assert file["height"].compression is None
    for engine in ("netcdf4", "h5netcdf"):
        with xr.open_dataarray(path, engine=engine) as opened:
            xr.testing.assert_equal(opened, grid)


def test_reading_lets_go_of_the_file(path):
    write(land(), path, NETCDF)
    back = read(path, NETCDF, ARRAY)
    descriptors = Path("/proc/self/fd").iterdir()
    assert str(path) not in [str(link.readlink()) for link in descriptors if link.is_symlink()]
    path.unlink()
    assert back.mean() == 9.5
    assert "source" not in back.encoding


def test_the_crs_stays_with_what_is_calculated(path):
    grid = land().rename(lat="y", lon="x").rio.write_crs("EPSG:32633")
    assert there_and_back(grid, path).rio.crs == "EPSG:32633"
    doubled = grid * 2  # xarray drops the reference to the CRS here, but keeps the CRS
    assert "grid_mapping" not in doubled.encoding
    there_and_back(doubled, path)
    with netCDF4.Dataset(path) as file:
        assert file["height"].grid_mapping == "spatial_ref"


def test_a_dataset_keeps_its_variables_coordinates_and_bounds(path):
    time = xr.Variable("time", pd.date_range("2000", periods=2), {"bounds": "time_bnds"})
    bounds = (("time", "side"), pd.date_range("2000", periods=4).to_numpy().reshape(2, 2))
    grid = xr.Dataset(
        {"a": ("time", [1, 2]), "b": (("time", "n"), [["x", "ä"], ["", "zz"]]), "time_bnds": bounds},
        {"time": time, "station": ("n", ["p", "q"])},
        {"title": "all of it"},
    )
    xr.testing.assert_identical(there_and_back(grid, path), grid)


def test_an_array_of_a_file_is_its_only_map(path):
    grid = xr.Dataset({"height": land(), "count": ((), 3), "lat_bnds": (("lat", "side"), np.zeros((4, 2)))})
    write(grid, path, NETCDF)
    xr.testing.assert_equal(read(path, NETCDF, ARRAY), land())
    write(grid.assign(depth=-land()), path, NETCDF)
    with pytest.raises(FormatError, match="height.*depth"):
        read(path, NETCDF, ARRAY)


@pytest.mark.parametrize(
    ("given_", "stored"),
    [
        (True, 1), (None, None), ({"a": [1]}, '{"a": [1]}'), ([1, "a"], '[1, "a"]'), (2**70, str(2**70)),
        (pd.Timestamp("2000-01-02"), "2000-01-02T00:00:00"), (np.datetime64("2000-01-02"), "2000-01-02T00:00:00"),
        (b"text", "text"), (np.eye(2), "[[1.0, 0.0], [0.0, 1.0]]"),
    ],
)  # fmt: skip
def test_an_attribute_that_netcdf_does_not_know_is_written_as_text(given_, stored, path):
    back = there_and_back(land(note=given_, coordinates="stale", grid_mapping="gone"), path)
    assert back.attrs.get("note") == stored


@pytest.mark.parametrize(
    ("grid", "sentence"),
    [
        (land("complex64"), "complex"),
        (land().rename("a/b"), "without a slash"),
        (xr.DataArray(np.array([1, "a"], object), dims="x", name="mixed"), "mixed"),
        ("text", "DataArray or Dataset"),
    ],
)
def test_what_netcdf_cannot_hold_is_said(grid, sentence, path):
    with pytest.raises(FormatError, match=sentence):
        write(grid, path, NETCDF)


def test_bins_and_periods_are_written_in_words(path):
    binned = xr.DataArray(np.arange(10.0), {"x": np.arange(10)}, ["x"], name="v").groupby_bins("x", [0, 5, 10]).mean()
    assert list(there_and_back(binned, path).x_bins) == ["(0, 5]", "(5, 10]"]


def test_a_stack_of_two_dimensions_keeps_both_coordinates(path):
    stacked = land().stack(cell=("lat", "lon"))  # noqa: PD013 - of xarray
    assert (there_and_back(stacked, path).lon == stacked.lon.to_numpy()).all()


@pytest.mark.parametrize("cut", [0.001, 0.05, 0.5, 0.9, 0.9999])
@pytest.mark.parametrize("form", ["NETCDF4", "NETCDF3_CLASSIC", "NETCDF3_64BIT", "records", "zlib"])
def test_a_file_cut_short_is_refused(form, cut, path, tmp_path):
    grid = xr.Dataset(
        {"v": (("t", "x"), np.ones((20, 333), "float32")), "w": ("t", np.ones(20, "int16")), "s": ("x", np.ones(333))},
        attrs={"title": "x"},
    )
    options = {
        "records": {"format": "NETCDF3_CLASSIC", "unlimited_dims": ["t"]},
        "zlib": {"encoding": {"v": {"zlib": True}}},
    }
    grid.to_netcdf(tmp_path / "whole.nc", **options.get(form, {"format": form}))
    whole = (tmp_path / "whole.nc").read_bytes()
    xr.testing.assert_equal(read(tmp_path / "whole.nc", NETCDF, DATASET), grid)
    path.write_bytes(whole[: int(len(whole) * cut)])
    with pytest.raises(FormatError, match="broken|cut short"):
        read(path, NETCDF, DATASET)


def test_a_file_of_the_newest_classic_form_cut_short_is_refused(path):
    path.unlink(missing_ok=True)
    with netCDF4.Dataset(path, "w", format="NETCDF3_64BIT_DATA") as file:
        file.createDimension("t", None)
        file.createVariable("v", "i8", ("t",))[:] = np.arange(500)
    assert read(path, NETCDF, ARRAY).sum() == 500 * 499 / 2
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FormatError, match="cut short"):
        read(path, NETCDF, ARRAY)


def test_a_file_made_of_other_files_is_refused(path, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * 80)
    with h5py.File(path, "w") as file:
        file.create_dataset("v", shape=(10,), dtype="f8", external=[(str(secret), 0, 80)])
    with pytest.raises(FormatError, match="another file"):
        read(path, NETCDF, ARRAY)
    with h5py.File(path, "w") as file:
        file["v"] = h5py.ExternalLink(str(secret), "/v")
    with pytest.raises(FormatError, match="another file"):
        read(path, NETCDF, ARRAY)


@pytest.mark.parametrize("target", [h5py.SoftLink("/"), h5py.SoftLink("/group"), None], ids=["root", "group", "hard"])
def test_a_file_that_goes_round_in_a_circle_is_refused(target, path):
    with h5py.File(path, "w") as file:
        file["v"] = np.arange(3.0)
        file.create_group("group")["back"] = target or file
    with pytest.raises(FormatError):
        read(path, NETCDF, ARRAY)


@pytest.mark.parametrize(
    "name", ["coads_sst.nc", "eraint_uvz.nc", "era5_cities_daily.nc", "cmip5_rcp85_precipitation_p25.nc"]
)
def test_real_data_comes_back_as_it_was(name, shared_data, path):
    grid = read(shared_data / name, NETCDF, DATASET)
    xr.testing.assert_identical(there_and_back(grid, path), grid)


# GeoTIFF


@pytest.mark.parametrize(
    "dtype",
    ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "complex64"],
)
def test_a_map_comes_back_north_up(dtype, path):
    back = there_and_back(land(dtype, source="survey", code="007", year=2000), path, GEOTIFF)
    expected = land(dtype)[::-1]
    assert back.dtype == dtype
    assert (back.to_numpy() == expected.to_numpy()).all()
    np.testing.assert_allclose(back.y, expected.lat)
    np.testing.assert_allclose(back.x, expected.lon)
    assert (back.name, back.rio.crs) == ("height", "EPSG:4326")
    assert back.attrs == {"units": "m", "source": "survey", "code": "007", "year": 2000}


def test_a_map_has_tiles_overviews_and_the_cloud_layout(path):
    rng = np.random.default_rng(1)
    grid = xr.DataArray(rng.random((1100, 700)), {"y": np.arange(1100.0)[::-1], "x": np.arange(700.0)}, name="v")
    back = there_and_back(grid.rio.write_crs(3413), path, GEOTIFF)
    assert (back.to_numpy() == grid.to_numpy()).all()
    with rasterio.open(path) as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.profile["tiled"]
        assert file.overviews(1) == [2, 4]
        assert file.crs == "EPSG:3413"


def test_missing_cells_stay_missing(path):
    holes = land().where(land() > 3)
    assert np.isnan(there_and_back(holes, path, GEOTIFF)).sum() == 4
    marked = land("int16", _FillValue=np.int16(7))
    back = there_and_back(marked, path, GEOTIFF)
    assert np.isnan(back).sum() == 1
    assert back.dtype == "float32"
    with rasterio.open(path) as file:
        assert (file.nodata, file.dtypes) == (7, ("int16",))


def test_bands_are_named_after_the_third_dimension(path):
    months = land().expand_dims(time=pd.date_range("2000-01-01", periods=3, freq="MS")).transpose("lat", "time", "lon")
    back = there_and_back(months, path, GEOTIFF)
    assert back.dims == ("band", "y", "x")
    assert list(back.description) == ["2000-01-01", "2000-02-01", "2000-03-01"]
    with rasterio.open(path) as file:
        assert file.units == ("m", "m", "m")


def test_a_dataset_of_maps_becomes_bands_and_variables_again(path):
    grid = xr.Dataset({"slope": land(), "aspect": land().assign_attrs(units="degrees") * 2}).rio.write_crs(4258)
    grid.aspect.attrs["units"] = "degrees"
    back = there_and_back(grid, path, GEOTIFF)
    assert list(back.data_vars) == ["slope", "aspect"]
    assert (back.slope.attrs["units"], back.aspect.attrs["units"]) == ("m", "degrees")
    assert (back.aspect.to_numpy() == grid.aspect.to_numpy()[::-1]).all()
    assert back.rio.crs == "EPSG:4258"


@pytest.mark.parametrize(
    ("grid", "sentence"),
    [
        (land().rename(lat="y", lon="x").drop_attrs(), "coordinate reference system"),
        (land().assign_coords(lat=("lat", [1.0, 2, 4, 8], {"units": "degrees_north"})), "evenly spaced"),
        (land().isel(lat=0), "no x and y"),
        (land().isel(lat=[0], lon=[0]), "single cell"),
        (land().expand_dims(time=2, level=3), "one dimension besides"),
        (land().astype("datetime64[s]"), "numbers"),
        (xr.Dataset({"a": land(), "b": land().expand_dims(time=2)}), "one grid"),
        (xr.Dataset(), "one grid"),
    ],
)
def test_what_geotiff_cannot_hold_is_said(grid, sentence, path):
    with pytest.raises(FormatError, match=sentence):
        write(grid, path, GEOTIFF)


def test_packed_values_of_a_geotiff_are_unpacked(path):
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=2,
        height=1,
        count=1,
        dtype="int16",
        nodata=-1,
        crs="EPSG:4326",
        transform=rasterio.transform.from_origin(0, 1, 1, 1),
    ) as file:
        file.write(np.array([[[10, -1]]], "int16"))
        file.scales, file.offsets = [0.5], [1.0]
    np.testing.assert_equal(read(path, GEOTIFF, ARRAY).to_numpy(), np.array([[6.0, np.nan]], "float32"))


@pytest.mark.parametrize("cut", [0.001, 0.1, 0.5, 0.9, 0.9999])
def test_a_geotiff_cut_short_is_refused(cut, path):
    noise = np.random.default_rng(1).random((600, 600))
    grid = xr.DataArray(noise, {"y": np.arange(600.0), "x": np.arange(600.0)}).rio.write_crs(3413)
    write(grid, path, GEOTIFF)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * cut)])
    with pytest.raises(FormatError, match="broken"):
        read(path, GEOTIFF, ARRAY)


def test_text_in_a_geotiffs_place_opens_nothing_else(path, tmp_path):
    write(land(), tmp_path / "other.tif", GEOTIFF)
    source = f"<SimpleSource><SourceFilename>{tmp_path / 'other.tif'}</SourceFilename></SimpleSource>"
    band = f'<VRTRasterBand dataType="Float32" band="1">{source}</VRTRasterBand>'
    path.write_text(f'<VRTDataset rasterXSize="5" rasterYSize="4">{band}</VRTDataset>')
    with rasterio.open(path) as file:
        assert file.width == 5  # what GDAL makes of it when left to itself
    with pytest.raises(FormatError):
        read(path, GEOTIFF, ARRAY)
