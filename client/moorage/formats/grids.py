"""Grids as NetCDF: everything xarray holds, written plain and read back the same."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

import xarray as xr

from moorage.formats import FormatError, classic
from moorage.formats.axes import is_horizontal
from moorage.formats.cf import GREGORIAN, storable
from moorage.formats.crs import settle
from moorage.formats.parts import append, too_large
from moorage.formats.unpacked import check_unpacked

if TYPE_CHECKING:
    from pathlib import Path

# xarray's own way with arrays that have no name, or a coordinate's: xarray.open_dataarray undoes it
UNNAMED = "__xarray_dataarray_variable__"
NAME = "__xarray_dataarray_name__"


def write_netcdf(value: object, path: Path) -> None:
    """Write a DataArray or Dataset as NetCDF-4, contiguous and not compressed.

    Values are written as they are in memory: how they were packed, chunked and compressed in the file they
    came from is forgotten, units and calendar of times are kept. A large variable is read and written part by part, so
    it need not fit into memory.
    """
    grid = storable(_as_dataset(value))
    large = too_large(grid)
    try:
        grid.drop_vars(large).to_netcdf(path, engine="netcdf4", format="NETCDF4")
        append(grid, large, path)
    except (TypeError, ValueError, NotImplementedError, AttributeError) as error:
        kinds = ", ".join(f"{name} ({variable.dtype})" for name, variable in grid.variables.items())
        raise FormatError(f"NetCDF cannot hold one of these as it is: {kinds}") from error


def read_netcdf(path: Path, type_name: str) -> xr.DataArray | xr.Dataset:
    """The DataArray or Dataset in a NetCDF file of any version, in memory.

    A DataArray is the only variable of the file, or the only one with both horizontal axes.
    """
    _check_contents(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xr.SerializationWarning)  # times out of reach of nanoseconds: answered below
        return _decoded(path, is_array=type_name == "xarray.DataArray", unit="ns")


def only_variable(grid: xr.Dataset) -> xr.DataArray:
    """The variable that a whole dataset stands for where one array is asked for."""
    names = list(grid.data_vars)
    if len(names) > 1:
        names = [name for name in names if is_horizontal(grid[name])]
    if len(names) == 1:
        return grid[names[0]]
    known = ", ".join(map(str, list(grid.data_vars)[:10])) or "no variable at all"
    raise FormatError(f"one variable is wanted and the data holds {known}; give one of them")


def _as_dataset(value: object) -> xr.Dataset:
    if isinstance(value, xr.Dataset):
        return value
    if not isinstance(value, xr.DataArray):
        raise FormatError(f"a grid is an xarray DataArray or Dataset, not a {type(value).__name__}")
    if value.name is not None and value.name not in value.coords and value.name not in value.dims:
        return value.to_dataset()
    grid = value.to_dataset(name=UNNAMED)
    return grid if value.name is None else grid.assign_attrs({NAME: value.name})


def _decoded(path: Path, *, is_array: bool, unit: Literal["ns", "us"] | None) -> xr.DataArray | xr.Dataset:
    """The content, its times in *unit*, or in one that holds them; times that cannot be decoded stay numbers."""
    try:
        grid = _loaded(path, is_array=is_array, unit=unit)
    except FormatError:
        raise
    except ValueError:
        if unit is None:
            raise
        return _decoded(path, is_array=is_array, unit=None)
    variables = [*grid.coords.values(), *([grid] if isinstance(grid, xr.DataArray) else grid.data_vars.values())]
    is_beyond = any(array.dtype == object and array.encoding.get("calendar") in GREGORIAN for array in variables)
    return _decoded(path, is_array=is_array, unit="us") if is_beyond and unit == "ns" else grid


def _loaded(path: Path, *, is_array: bool, unit: Literal["ns", "us"] | None) -> xr.DataArray | xr.Dataset:
    with xr.open_dataset(
        path,
        engine="netcdf4",
        decode_coords="all" if is_array else "coordinates",  # cell bounds and the like are no candidates for the array
        decode_times=xr.coders.CFDatetimeCoder(time_unit=unit) if unit else False,
        # "days" is a unit of results, such as days of flood; only what was a timedelta becomes one again
        decode_timedelta=xr.coders.CFTimedeltaCoder(decode_via_units=False),
    ) as grid:
        whole = settled(grid)
        if not is_array:
            check_unpacked(whole.nbytes)
            return whole.load()
        array = only_variable(whole)
        check_unpacked(array.nbytes + sum(coordinate.nbytes for coordinate in array.coords.values()))
        array = array.load()
        return array.rename(grid.attrs.get(NAME)) if array.name == UNNAMED else array


def _check_contents(path: Path) -> None:
    """Refuse what the NetCDF library reads without a word, or does not survive."""
    with path.open("rb") as file:
        head = file.read(4)
    if head in classic.SIGNS:
        if not classic.is_whole(path):
            raise FormatError("the NetCDF file is cut short")
        return
    import h5py  # noqa: PLC0415 - only where it is HDF5

    with h5py.File(path) as file:
        _check_links(file, h5py)
        _check_group(file, h5py)


def _check_links(file: Any, h5py: Any) -> None:
    """Refuse links to other files before any link is followed: a soft link may lead through one of them."""
    inside = h5py.h5l.TYPE_HARD, h5py.h5l.TYPE_SOFT
    elsewhere = file.id.links.visit(lambda name, link: None if link.type in inside else name, info=True)
    if elsewhere is not None:
        raise _lies_elsewhere(elsewhere.decode(errors="replace").rpartition("/")[2])


def _check_group(group: Any, h5py: Any) -> None:
    """Refuse data in other files, which would be of the reader's own disk, and links that go round in a circle."""
    for name in group:
        member: Any = group.get(name)
        if isinstance(member, h5py.Dataset) and (member.external or member.is_virtual):
            raise _lies_elsewhere(name)
        if isinstance(member, h5py.Group):
            if isinstance(group.get(name, getlink=True), h5py.SoftLink):
                raise FormatError(f"{name} is a link to another group; send a file without such links")
            _check_group(member, h5py)


def _lies_elsewhere(name: str) -> FormatError:
    return FormatError(f"{name} lies in another file; send a file that holds everything itself")


def settled(grid: xr.Dataset) -> xr.Dataset:
    """The CRS as a coordinate rather than a variable, known from text; and no word of the file, which may soon be gone.

    Raises
    ------
    CrsError
        where it is not known, or its definition names a file.
    """
    settle(grid)
    for variable in grid.variables.values():
        if "grid_mapping" in variable.attrs:
            variable.encoding["grid_mapping"] = variable.attrs.pop("grid_mapping")
        variable.encoding.pop("source", None)
    grid.encoding.pop("source", None)
    mappings = {variable.encoding.get("grid_mapping") for variable in grid.variables.values()}
    return grid.set_coords([name for name in grid.data_vars if name in mappings])
