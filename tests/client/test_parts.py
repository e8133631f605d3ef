"""Variables that need not fit into memory, written part by part."""

import numpy as np
import pytest
import rioxarray  # noqa: F401 - gives grids their .rio
import xarray as xr
from moorage.formats import Kind, find, parts, read, write
from xarray.backends import BackendArray
from xarray.core import indexing

NETCDF = find(Kind.GRID, "netcdf")


class Counted(BackendArray):
    """Numbers that count how many of them are asked for at once."""

    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.asked = []

    def __getitem__(self, key):
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key):
        part = self.values[key]
        self.asked.append(part.size)
        return part


def field(data, dims=("time", "lat", "lon")):
    values = {"time": xr.date_range("2001-01-01", periods=6, calendar="noleap", use_cftime=True)}
    values |= {"lat": ("lat", [10.0, 20, 30], {"units": "degrees_north"}), "lon": ("lon", [0.0, 1, 2, 3])}
    coords = {**values, "height": 2.0, "orography": (("lat", "lon"), np.ones((3, 4))), "number": ("time", np.arange(6))}
    array = xr.DataArray(xr.Variable(dims, data), coords, name="t", attrs={"units": "K", "history": "made"})
    return array.rio.write_crs("EPSG:4326", inplace=True)  # a copy would count by itself


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(parts, "LARGE", 1)
    monkeypatch.setattr(parts, "PART", 100)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", ">f4"])
def test_a_file_written_in_parts_is_the_file_written_at_once(tmp_path, monkeypatch, dtype):
    values = np.arange(72).reshape(6, 3, 4).astype(dtype)
    if values.dtype.kind == "f":
        values[2, 1, 1] = np.nan
    grid = xr.Dataset({"t": field(values), "mask": (("lat", "lon"), np.eye(3, 4, dtype="int8"))})
    write(grid, tmp_path / "whole.nc", NETCDF)
    monkeypatch.setattr(parts, "LARGE", 1)
    monkeypatch.setattr(parts, "PART", 100)
    write(grid, tmp_path / "parts.nc", NETCDF)
    one, two = (xr.load_dataset(tmp_path / name, decode_cf=False) for name in ("whole.nc", "parts.nc"))
    xr.testing.assert_identical(one, two[list(one.variables)])
    for name in one.variables:
        assert {key: str(item) for key, item in one[name].attrs.items()} == {
            key: str(item) for key, item in two[name].attrs.items()
        }


@pytest.mark.usefixtures("small_parts")
def test_only_a_part_is_asked_for_at_a_time(tmp_path):
    counted = Counted(np.arange(72.0).reshape(6, 3, 4))
    write(field(indexing.LazilyIndexedArray(counted)), tmp_path / "t.nc", NETCDF)
    assert counted.asked == [12] * 6
    np.testing.assert_array_equal(read(tmp_path / "t.nc", NETCDF, "xarray.DataArray"), counted.values)


@pytest.mark.usefixtures("small_parts")
def test_a_first_axis_of_one_cell_is_passed_over(tmp_path):
    counted = Counted(np.arange(72.0).reshape(1, 72))
    write(xr.DataArray(xr.Variable(("one", "many"), indexing.LazilyIndexedArray(counted))), tmp_path / "t.nc", NETCDF)
    assert max(counted.asked) == 12


@pytest.mark.usefixtures("small_parts")
def test_what_is_stated_as_missing_keeps_its_mark(tmp_path):
    write(field(np.full((6, 3, 4), -9, "int16")).assign_attrs(_FillValue=-9), tmp_path / "t.nc", NETCDF)
    assert np.isnan(read(tmp_path / "t.nc", NETCDF, "xarray.DataArray")).all()


@pytest.mark.usefixtures("small_parts")
def test_a_part_that_cannot_be_computed_is_told_and_none_is_asked_for_after_it(tmp_path):
    class Ending(Counted):
        def _read(self, key):
            if len(self.asked) == 3:
                raise OSError("the file ends before its values do")
            return super()._read(key)

    ending = Ending(np.arange(72.0).reshape(6, 3, 4))
    with pytest.raises(OSError, match="ends before"):
        write(field(indexing.LazilyIndexedArray(ending)), tmp_path / "t.nc", NETCDF)
    assert ending.asked == [12] * 3


@pytest.mark.usefixtures("small_parts")
def test_a_part_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    class Full:
        def __enter__(self):
            raise OSError("no space left on device")

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(parts, "LIBRARY", Full())
    with pytest.raises(OSError, match="no space left"):
        write(field(np.arange(72.0).reshape(6, 3, 4)), tmp_path / "t.nc", NETCDF)
