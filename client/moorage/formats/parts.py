"""Variables that need not fit into memory, written to a NetCDF file part by part."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import netCDF4
import numpy as np
from xarray.backends.locks import HDF5_LOCK, NETCDFC_LOCK, combine_locks

from moorage.ahead import ahead

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import xarray as xr

LARGE = 32 * 2**20
"""Bytes of a variable beyond which it is written in parts."""
PART = 4 * 2**20
"""Bytes of a part."""
LIBRARY = combine_locks([NETCDFC_LOCK, HDF5_LOCK])
"""Held by xarray too while it reads NetCDF: the libraries take one caller at a time."""


def too_large(grid: xr.Dataset) -> list[str]:
    """The variables to be written in parts; those of dask have parts of their own."""
    large = [name for name, array in grid.data_vars.items() if array.nbytes > LARGE and array.chunks is None]
    return [str(name) for name in large if grid[name].dtype.kind in "iuf"]


def append(grid: xr.Dataset, names: list[str], path: Path) -> None:
    """Write variables of *grid*, of numbers, to the file that holds all the rest of it."""
    if not names:
        return
    with netCDF4.Dataset(path, "a") as file:
        # every cell is written below, once
        file.set_fill_off()
        for name, size in grid.sizes.items():
            if name not in file.dimensions:
                file.createDimension(str(name), size)
        for name in names:
            _append_one(grid, name, file)
        if "coordinates" in file.ncattrs():
            # what xarray writes where no variable has them; these have them now
            file.delncattr("coordinates")


def _append_one(grid: xr.Dataset, name: str, file: netCDF4.Dataset) -> None:
    variable = grid.variables[name]
    attributes = dict(variable.attrs)
    mark = attributes.pop("_FillValue", np.nan if variable.dtype.kind == "f" else None)
    dtype = variable.dtype.newbyteorder("=")
    target = file.createVariable(name, dtype, [str(each) for each in variable.dims], fill_value=mark)
    target.setncatts(attributes | _references(grid, name))
    target.set_auto_maskandscale(False)
    parts = list(_parts(variable))
    with closing(ahead(lambda part: variable[part].to_numpy(), parts)) as computed:
        for part, values in zip(parts, computed, strict=True):
            with LIBRARY:
                target[part] = values


def _references(grid: xr.Dataset, name: str) -> dict[str, str]:
    """The attributes by which a variable names others, as xarray writes them."""
    variable = grid.variables[name]
    mapping = variable.encoding.get("grid_mapping")
    others = sorted(
        str(other)
        for other, coordinate in grid.coords.items()
        if other not in grid.dims and other != mapping and set(coordinate.dims) <= set(variable.dims)
    )
    references = {"grid_mapping": mapping, "coordinates": " ".join(others)}
    return {key: text for key, text in references.items() if text}


def _parts(variable: xr.Variable) -> Iterator[tuple[Any, ...]]:
    """Slices that make up the whole, each of about as many bytes, in the order in which they lie in the file."""
    along = next((number for number, size in enumerate(variable.shape) if size > 1), 0)
    steps = max(1, variable.shape[along] * PART // variable.nbytes)
    for start in range(0, variable.shape[along], steps):
        yield (*[slice(None)] * along, slice(start, start + steps))
