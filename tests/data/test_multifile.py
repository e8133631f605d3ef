"""Many files are one grid: joined by their times, opened when they are read, refused with a sentence."""

from __future__ import annotations

import os
import re
from collections import Counter

import numpy as np
import pytest
import rioxarray  # noqa: F401 - gives grids their .rio
import xarray as xr
from moorage.formats.grids import read_netcdf, write_netcdf
from moorage_processes.data import multifile, opening
from moorage_processes.data.datasets import DatasetUnavailableError, from_config
from moorage_processes.data.opening import open_grid
from moorage_processes.data.selection import subset
from moorage_processes.ogc.collections.cache import coverage_of
from support.samples import sea_surface


def entry(folder, path="parts/*.nc", **values):
    return from_config({"sea": {"path": path, **values}}, folder)["sea"]


@pytest.fixture
def quarters(tmp_path):
    """Twelve months in four files, named against the order of their times."""
    (tmp_path / "parts").mkdir()
    for number in range(4):
        part = sea_surface().isel(time=slice(3 * number, 3 * number + 3)).assign(depth=("lat", [1.0, 2, 3, 4]))
        part.time.encoding["units"] = f"hours since {2000 - number}-01-01"
        part.to_netcdf(tmp_path / "parts" / f"part_{9 - number}.nc")
    return tmp_path


@pytest.fixture
def counted(monkeypatch):
    """How often each file was opened."""
    opened = Counter()
    known = opening._file

    def counting(entry, path):
        opened[None if path is None else path.name] += 1
        return known(entry, path)

    monkeypatch.setattr(opening, "_file", counting)
    return opened


@pytest.mark.parametrize("path", ["parts", "parts/", "parts/*.nc", "**/part_*.nc"])
def test_files_are_one_grid_in_the_order_of_their_times(quarters, path):
    with open_grid(entry(quarters, path)) as grid:
        xr.testing.assert_equal(grid.drop_vars("depth").load(), sea_surface())
        assert list(grid.data_vars) == ["sst", "wind", "depth"]
        assert grid.depth.dims == ("lat",)


@pytest.mark.parametrize(
    "key",
    [
        {"time": 5},
        {"time": slice(2, 7), "lat": 1},
        {"time": slice(None, None, -2)},
        {"time": [11, 0, 4, 4], "lon": [3, 1]},
        {"time": [], "lat": slice(1, 3)},
        {"lat": 1, "lon": 2},
        {"time": slice(5, 5)},
        {"time": xr.DataArray([1, 8, 3], dims="point"), "lat": xr.DataArray([0, 1, 2], dims="point")},
    ],
)
def test_any_part_of_it_is_what_it_is_in_memory(quarters, key):
    with open_grid(entry(quarters)) as grid:
        xr.testing.assert_equal(grid.sst.isel(key).load(), sea_surface().sst.isel(key))


def test_only_the_files_are_opened_in_which_a_part_lies(quarters, counted):
    with open_grid(entry(quarters)) as grid:
        pass
    counted.clear()
    with open_grid(entry(quarters)) as grid:
        assert counted == {"part_9.nc": 1}, "what the others hold is remembered"
        part = subset(grid, {"datetime": "2000-04/2000-06"}, "grid").sst.load()
    assert part.sizes["time"] == 3
    assert counted == {"part_9.nc": 1, "part_8.nc": 1}


def test_a_file_that_appears_is_there_at_the_next_opening_and_in_the_collection(quarters):
    last = quarters / "parts" / "part_6.nc"
    aside = quarters / "aside"
    last.rename(aside)
    months = entry(quarters)
    with open_grid(months) as grid:
        assert grid.sizes["time"] == 9
    assert coverage_of(months).get().sizes["time"] == 9
    aside.rename(last)
    with open_grid(months) as grid:
        assert grid.sizes["time"] == 12
    assert coverage_of(months).get().sizes["time"] == 12


def test_a_file_that_is_written_anew_is_looked_at_anew(quarters):
    months = entry(quarters)
    with open_grid(months) as grid:
        assert grid.sizes["time"] == 12
    last = quarters / "parts" / "part_6.nc"
    sea_surface().isel(time=slice(9, 10)).assign(depth=("lat", [1.0, 2, 3, 4])).to_netcdf(last)
    with open_grid(months) as grid:
        assert grid.sizes["time"] == 10


def reasons(folder, **values):
    with pytest.raises(DatasetUnavailableError) as refused, open_grid(entry(folder, **values)):
        pass
    assert str(folder) not in refused.value.detail
    assert "part_" not in refused.value.detail
    return refused.value.reason


def test_one_broken_file_makes_it_unavailable_without_a_word_of_its_path(quarters):
    (quarters / "parts" / "part_7.nc").write_bytes(b"\x89HDF\r\n\x1a\nnot much")
    assert reasons(quarters) == "its file is broken, or holds no grid"
    assert coverage_of(entry(quarters)).trouble is not None


def test_no_file_is_told(tmp_path):
    assert reasons(tmp_path) == "no file is there"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda part: part.drop_vars("wind"), "hold different variables: wind"),
        (lambda part: part.isel(lat=slice(2)), "lie on different grids: lat"),
        (lambda part: part.assign_coords(lat=part.lat + 1), "lie on different grids: lat"),
        (lambda part: part.assign_coords(time=part.time - np.timedelta64(40, "D")), "overlap, at 2000-02-21"),
        (lambda part: part.isel(time=slice(None, None, -1)), "do not increase"),
        (lambda part: part.transpose("lat", "time", "lon"), "come in another order"),
        (lambda part: part.isel(time=0, drop=True), "no time axis"),
        (lambda part: part.convert_calendar("360_day", align_on="date"), "different calendars: 360_day and "),
        (lambda part: part.assign(sst=part.sst.assign_attrs(units="K")), "sst is in 'degC' .* and in 'K'"),
    ],
)
def test_files_that_are_no_steps_of_one_grid_are_told(tmp_path, change, words):
    (tmp_path / "parts").mkdir()
    sea = sea_surface()
    sea.isel(time=slice(3)).to_netcdf(tmp_path / "parts" / "part_1.nc")
    change(sea.isel(time=slice(3, 6))).to_netcdf(tmp_path / "parts" / "part_2.nc")
    assert re.search(words, reasons(tmp_path))


def test_times_that_stay_numbers_are_joined_where_they_count_alike(tmp_path):
    (tmp_path / "parts").mkdir()
    for number, units in enumerate(["months since 1900-01-01"] * 2):
        times = ("time", [0.5 + number, 0.75 + number], {"units": units})
        xr.Dataset({"a": ("time", [1.0, 2.0])}, {"time": times}).to_netcdf(tmp_path / "parts" / f"{number}.nc")
    with open_grid(entry(tmp_path)) as grid:
        assert grid.time.values.tolist() == [0.5, 0.75, 1.5, 1.75]
    times = ("time", [9.0, 10.0], {"units": "months since 1901-01-01"})
    xr.Dataset({"a": ("time", [1.0, 2.0])}, {"time": times}).to_netcdf(tmp_path / "parts" / "9.nc")
    assert reasons(tmp_path).startswith("its files count time differently: 'months since 190")


def test_packed_values_are_unpacked_file_by_file(tmp_path):
    (tmp_path / "parts").mkdir()
    sea = sea_surface()[["sst"]].where(sea_surface().sst != 40)
    for number in range(2):
        packing = {"dtype": "int16", "scale_factor": 0.5 + number, "add_offset": 3.0, "_FillValue": -1}
        part = sea.isel(time=slice(6 * number, 6 * number + 6))
        part.to_netcdf(tmp_path / "parts" / f"{number}.nc", encoding={"sst": packing})
    with open_grid(entry(tmp_path)) as grid:
        expected = xr.concat([xr.open_dataset(tmp_path / "parts" / f"{n}.nc") for n in range(2)], "time")
        np.testing.assert_array_equal(grid.sst, expected.sst)
        np.testing.assert_allclose(grid.sst, sea.sst, atol=0.76)
        assert not {"scale_factor", "add_offset", "dtype"} & set(grid.sst.encoding)


def test_what_was_joined_is_written_and_read_back_the_same(quarters, tmp_path):
    with open_grid(entry(quarters)) as grid:
        write_netcdf(grid, tmp_path / "whole.nc")
    back = read_netcdf(tmp_path / "whole.nc", "xarray.Dataset")
    xr.testing.assert_equal(back.drop_vars("depth"), sea_surface())


def test_maps_with_a_date_in_their_names_are_steps_of_time(tmp_path):
    (tmp_path / "maps").mkdir()
    field = sea_surface().sst.rename(lat="y", lon="x").rio.write_crs("EPSG:4326")
    for number in (2, 0, 1):
        field.isel(time=number, drop=True).rio.to_raster(tmp_path / "maps" / f"sst_2000-0{number + 1}-15.tif")
    with open_grid(entry(tmp_path, "maps")) as grid:
        assert grid.time.dt.strftime("%Y%m%d").values.tolist() == ["20000115", "20000215", "20000315"]
        np.testing.assert_array_equal(grid.band_data.squeeze("band"), field[:3])
        assert grid.rio.crs.to_epsg() == 4326


def test_stores_of_zarr_are_parts_too(tmp_path):
    (tmp_path / "parts").mkdir()
    for number in range(2):
        sea_surface().isel(time=slice(6 * number, 6 * number + 6)).to_zarr(tmp_path / "parts" / f"{number}.zarr")
    with open_grid(entry(tmp_path, "parts/*.zarr")) as grid:
        xr.testing.assert_equal(grid.load(), sea_surface())


def test_dask_takes_it_in_chunks(quarters):
    with open_grid(entry(quarters, chunks={"time": 4})) as grid:
        assert grid.sst.chunks[0] == (4, 4, 4)
        xr.testing.assert_equal(grid.drop_vars("depth").compute(scheduler="threads"), sea_surface())


def test_only_grids_are_patterns(tmp_path):
    with pytest.raises(ValueError, match=r"datasets\.towns\.path: .*only grids take"):
        from_config({"towns": "towns_*.geojson"}, tmp_path)


def test_a_folder_is_remembered_only_while_its_files_are_as_they_were(quarters):
    """A file of the same size, written at another time."""
    months = entry(quarters)
    with open_grid(months) as grid:
        first = float(grid.sst[0, 0, 0])
    path = quarters / "parts" / "part_9.nc"
    with xr.open_dataset(path) as old:
        new = (old + 1).load()
    new.to_netcdf(path)
    os.utime(path, ns=(1, 1))
    with open_grid(months) as grid:
        assert float(grid.sst[0, 0, 0]) == first + 1
    assert multifile.is_series(months.path)
