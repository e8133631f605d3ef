"""Values in one piece are read straight from the file, and are what the library reads."""

from __future__ import annotations

import copy
import pickle

import netCDF4
import numpy as np
import pytest
import xarray as xr
from moorage_processes.data import contiguous
from moorage_processes.data.contiguous import straightened
from moorage_processes.data.datasets import from_config
from moorage_processes.data.opening import open_grid

SHAPE = (40, 30, 300)
"""Large enough to be worth it, in single precision."""
KEYS = [
    {},
    {"time": 3},
    {"time": slice(5, 9)},
    {"time": slice(5, 5)},
    {"time": slice(None, None, 3)},
    {"time": slice(20, 3, -2)},
    {"time": -1, "lat": -1, "lon": -1},
    {"lat": 4},
    {"lon": slice(7, 90, 4)},
    {"time": [7, 2, 2]},
    {"time": [1, 2], "lat": [3, 0], "lon": slice(4)},
    {"lat": []},
    {"time": slice(2, 30), "lat": slice(3, 9)},
    {"time": slice(1, None, 2), "lat": slice(4, 5), "lon": slice(7, 20)},
    {"time": slice(2, 9), "lat": slice(3, 9), "lon": slice(2, 5)},
    {"time": slice(30, 2, -1), "lat": slice(3, 9)},
    {"time": slice(2, 9), "lat": slice(9, 3, -1)},
    {"time": slice(2, 9), "lat": slice(3, 3)},
    {"time": slice(5, 5), "lat": slice(3, 4)},
    {"time": xr.DataArray([0, 39, 5], dims="p"), "lon": xr.DataArray([1, 299, 3], dims="p")},
]


@pytest.fixture
def values():
    return np.random.default_rng(3).normal(size=SHAPE)


def stored(path, values, kind="f4", attributes=None, **options):
    """A NetCDF-4 file with one variable."""
    with netCDF4.Dataset(path, "w") as file:
        for name, size in zip(("time", "lat", "lon"), values.shape, strict=True):
            file.createDimension(name, size)
        variable = file.createVariable("a", kind, ("time", "lat", "lon"), **{"contiguous": True, **options})
        variable.set_auto_maskandscale(False)
        variable.setncatts(attributes or {})
        variable[:] = values
    return path


def pair(path):
    """The file as it is read straight, and as the library does."""
    one = xr.open_dataset(path, engine="netcdf4")
    return straightened(one, path), xr.open_dataset(path, engine="netcdf4")


def is_straight(grid):
    """Whether the variable is read straight from the file."""
    return "_Contiguous" in repr(grid.a.variable._data)


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", ">f8"])
@pytest.mark.parametrize("key", KEYS, ids=str)
def test_any_part_is_what_the_library_reads(tmp_path, values, kind, key):
    path = stored(tmp_path / "a.nc", values, kind, endian="big" if kind[0] == ">" else "little")
    straight, usual = pair(path)
    with straight, usual:
        assert is_straight(straight)
        part = straight.a.isel(key).load()
        xr.testing.assert_identical(part, usual.a.isel(key).load())
        assert part.dtype.isnative


@pytest.mark.parametrize(
    "key", [{}, {"time": slice(3, 8)}, {"lat": 2, "lon": slice(9)}, {"time": 0, "lat": 0, "lon": 0}]
)
@pytest.mark.parametrize("mark", ["fill", "missing", "both", "nan"])
def test_missing_values_are_nan(tmp_path, values, mark, key):
    number = np.float32(np.nan if mark == "nan" else -9.99e8)
    values[values < -1] = number
    values[0, 0, 0] = number
    attributes = {"missing_value": number} if mark in ("missing", "both") else {}
    options = {"fill_value": number} if mark in ("fill", "both", "nan") else {}
    straight, usual = pair(stored(tmp_path / "a.nc", values, "f4", attributes, **options))
    with straight, usual:
        assert is_straight(straight)
        np.testing.assert_array_equal(straight.a.isel(key), usual.a.isel(key))
        assert np.isnan(straight.a[0, 0, 0])
        assert repr(straight.a.encoding) == repr(usual.a.encoding)


@pytest.mark.parametrize(
    ("kind", "attributes", "options"),
    [
        ("i2", {"scale_factor": 0.5, "add_offset": 1.0}, {}),
        ("f4", {"scale_factor": np.float32(2)}, {}),
        ("f4", {"valid_min": np.float32(-1)}, {}),
        ("f4", {"valid_range": np.float32([-1, 1])}, {}),
        ("f4", {"missing_value": np.float32(1)}, {"fill_value": np.float32(2)}),
        ("i4", {}, {}),
        ("f4", {}, {"contiguous": False, "chunksizes": (5, 30, 300)}),
        ("f4", {}, {"contiguous": False, "zlib": True}),
    ],
)
def test_what_is_packed_compressed_or_in_chunks_is_left_to_the_library(tmp_path, values, kind, attributes, options):
    path = stored(tmp_path / "a.nc", np.round(values * 3), kind, attributes, **options)
    straight, usual = pair(path)
    with straight, usual:
        assert not is_straight(straight)
        xr.testing.assert_identical(straight.load(), usual.load())


def test_small_variables_and_other_files_are_left_to_the_library(tmp_path, values):
    small = stored(tmp_path / "small.nc", values[:2])
    classic = tmp_path / "classic.nc"
    xr.Dataset({"a": (("time", "lat", "lon"), values)}).to_netcdf(classic, format="NETCDF3_64BIT")
    for path in (small, classic):
        straight, usual = pair(path)
        with straight, usual:
            assert not is_straight(straight)
            xr.testing.assert_identical(straight.load(), usual.load())


def test_what_was_never_written_is_left_to_the_library(tmp_path, values):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        for name, size in zip(("time", "lat", "lon"), SHAPE, strict=True):
            file.createDimension(name, size)
        file.createVariable("a", "f4", ("time", "lat", "lon"), contiguous=True)
    straight, usual = pair(tmp_path / "a.nc")
    with straight, usual:
        xr.testing.assert_identical(straight.load(), usual.load())


def test_nothing_is_read_before_it_is_asked_for_and_then_only_that(tmp_path, values, monkeypatch):
    read = []
    known = contiguous._Contiguous._read
    monkeypatch.setattr(contiguous._Contiguous, "_read", lambda self, key: (read.append(key), known(self, key))[1])
    straight, usual = pair(stored(tmp_path / "a.nc", values))
    with straight, usual:
        part = straight.a[2:4]
        assert not read
        part.load()
        assert read == [(slice(2, 4, 1), slice(None), slice(None))]


def test_what_a_caller_does_to_a_part_leaves_the_file_and_the_next_part_alone(tmp_path, values):
    path = stored(tmp_path / "a.nc", values)
    before = path.read_bytes()
    straight, usual = pair(path)
    with straight, usual:
        for part in (straight.a[:2].to_numpy(), straight.a[:, 1].to_numpy()):
            part[...] = 0
        xr.testing.assert_identical(straight.a.load(), usual.a.load())
    assert path.read_bytes() == before


@pytest.mark.parametrize("key", [{}, {"time": slice(30, 40)}, {"lat": 29}, {"time": -1, "lat": -1, "lon": -1}])
def test_a_file_that_is_cut_short_while_it_is_open_is_told_and_never_zeros(tmp_path, values, key):
    path = stored(tmp_path / "a.nc", values)
    straight, usual = pair(path)
    with usual:
        pass
    with straight, path.open("r+b") as file:
        file.truncate(path.stat().st_size - 500_000)
        with pytest.raises(OSError, match="ends before its values do"):
            straight.a.isel(key).load()


def test_a_file_that_was_cut_short_does_not_open(tmp_path, values):
    path = stored(tmp_path / "a.nc", values)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 500_000)
    entry = from_config({"a": "a.nc"}, tmp_path)["a"]
    with pytest.raises(Exception, match="'a' of this service cannot be opened") as refused, open_grid(entry):
        pass
    assert str(tmp_path) not in str(refused.value)


def test_it_may_travel_to_where_a_part_is_computed(tmp_path, values):
    straight, usual = pair(stored(tmp_path / "a.nc", values))
    with straight, usual:
        expected = usual.a.load().to_numpy()
        for twin in (pickle.loads(pickle.dumps(straight.a.variable)), copy.deepcopy(straight.a.variable)):  # noqa: S301 - our own
            np.testing.assert_array_equal(twin, expected)
