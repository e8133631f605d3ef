"""Variables that lie in one piece in a NetCDF-4 file, read straight from it.

The libraries copy such values twice and mark missing ones cell by cell: four times the time of reading the file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from moorage_processes.data.missing_values import nan_where

SIGN = b"\x89HDF\r\n\x1a\n"
PACKED = frozenset({"scale_factor", "add_offset", "_Unsigned", "valid_min", "valid_max", "valid_range"})
"""Attributes by which the libraries decode more than missing values."""
MARKS = ("_FillValue", "missing_value")
SMALLEST = 1 << 20
"""Bytes of a variable below which nothing is gained."""


def straightened(grid: xr.Dataset, path: Path) -> xr.Dataset:
    """*grid*, opened lazily from *path*, with its plain variables read straight from the file; the others as they were.

    A variable is plain where its values are floats in one piece, not packed, and the file is NetCDF-4.
    """
    large = [name for name, variable in grid.data_vars.items() if variable.nbytes >= SMALLEST]
    if not large or not _is_hdf5(path):
        return grid
    with h5py.File(path) as file:
        found = {name: _Contiguous.of(path, file.get(str(name)), grid[name]) for name in large}
    plain = {name: _variable(grid[name], array) for name, array in found.items() if array is not None}
    return grid.assign(plain) if plain else grid


def _is_hdf5(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(SIGN)) == SIGN


def _variable(old: xr.DataArray, array: _Contiguous) -> xr.Variable:
    # as xarray wraps what it opens itself: read once where it is read whole, and never written back
    lazy: Any = indexing.LazilyIndexedArray(array)
    data = indexing.MemoryCachedArray(indexing.CopyOnWriteArray(lazy))  # type: ignore[no-untyped-call] # upstream
    return xr.Variable(old.dims, data, old.attrs, old.encoding)


class _Contiguous(BackendArray):
    """Values in one piece of a file."""

    is_fresh = True  # read anew each time, and nobody else's

    def __init__(self, path: Path, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any], marks: Any) -> None:
        self.shape = shape
        self.dtype = dtype.newbyteorder("=")
        self._path = path
        self._offset = offset
        self._stored = dtype
        self._marks = marks

    @classmethod
    def of(cls, path: Path, stored: Any, decoded: xr.DataArray) -> _Contiguous | None:
        """What *decoded* holds, if it lies so in the file that this is the whole of it; else None."""
        if not isinstance(stored, h5py.Dataset) or stored.chunks is not None or stored.shape != decoded.shape:
            return None
        offset = stored.id.get_offset()  # None where nothing was written yet, or in other files
        is_plain = stored.dtype.kind == "f" and stored.dtype.newbyteorder("=") == decoded.dtype
        if offset is None or not is_plain or PACKED & set(stored.attrs) or stored.external or stored.is_virtual:
            return None
        marks = np.concatenate([np.ravel(stored.attrs.get(key, [])) for key in MARKS])
        marks = np.unique(marks[~np.isnan(marks)])
        return cls(path, offset, stored.shape, stored.dtype, marks) if len(marks) <= 1 else None

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """The values at *key*, as xarray asks for them."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        values = self._in_runs(key)
        values = self._pieces(key) if values is None else values
        for mark in self._marks:
            nan_where(values, values.dtype.type(mark))
        return values

    def _in_runs(self, key: tuple[Any, ...]) -> Any:
        """What lies in one run of the file, or in one of each step of the first axis; None for any other part.

        It is read and not seen through pages of memory: those would be mapped anew for each part.
        """
        if not all(isinstance(each, slice) for each in key):
            return None
        taken = [range(size)[each] for each, size in zip(key, self.shape, strict=True)]
        begins = _runs(taken, self.shape)
        if begins is None:
            return None
        values = np.empty([len(each) for each in taken], self._stored)
        if values.size:
            self._fill(values.reshape(len(begins), -1), begins)
        return values.astype(self.dtype, copy=False)

    def _fill(self, values: Any, begins: list[int]) -> None:
        """Read values (run, cell), of which each run begins at a cell of the variable."""
        room, size = memoryview(values.view(np.uint8).reshape(-1)), values[0].nbytes
        with self._path.open("rb", buffering=0) as file:
            for number, begin in enumerate(begins):
                place, run = self._offset + begin * self._stored.itemsize, room[number * size : (number + 1) * size]
                while run:
                    read = os.preadv(file.fileno(), (run,), place)
                    if not read:
                        raise OSError(f"{self._path.name} ends before its values do")
                    place, run = place + read, run[read:]

    def _pieces(self, key: tuple[Any, ...]) -> Any:
        """Any part, by way of the pages of memory that the file is seen through."""
        try:
            whole = np.memmap(self._path, self._stored, "r", self._offset, self.shape)
        except ValueError as error:
            raise OSError(f"{self._path.name} ends before its values do") from error
        return np.array(whole[key], self.dtype)


def _runs(taken: Sequence[range], shape: Sequence[int]) -> list[int] | None:
    """The cells at which runs begin: that of all that is taken, or those of each step of the first axis; else None."""
    whole, each = _begin(taken, shape), _begin(taken[1:], shape[1:])
    if whole is not None:
        return [whole]
    return None if each is None else [step * prod(shape[1:]) + each for step in taken[0]]


def _begin(taken: Sequence[range], shape: Sequence[int]) -> int | None:
    """The first cell that is taken of an array of this shape, where all that are follow each other; else None."""
    begin, count = 0, 1
    for each, size in zip(taken, shape, strict=True):
        if each.step != 1 or (count > 1 and len(each) < size):
            return None
        begin, count = begin * size + each.start, count * len(each)
    return begin
