"""A field that need not fit into memory, taken some cells at a time with all of their steps."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import pairwise, product
from math import prod
from tempfile import TemporaryFile
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from moorage_processes.authoring.progress import progress
from moorage_processes.methods.streaming.blocks import Floats, blocks, in_turn, numbers

Tile = dict[Hashable, slice]

BUDGET = 48 * 2**20
"""Bytes of the steps of the cells that are taken at once; of a file the next are in memory too."""
PIECE = 2**22
"""Bytes that are read and turned round at once, few enough to stay in the caches of a processor."""
READING = 0.3
"""How much of the work it is to unpack a field first."""


class Series(NamedTuple):
    """All steps of some cells."""

    place: tuple[slice, ...]
    """Where the cells lie along the other dimensions, in the order of the field."""
    values: Floats
    """(cell, step), cells in the order of the field; NaN where missing. The caller may overwrite them."""


def series(field: xr.DataArray, along: Hashable, message: str) -> Iterator[Series]:
    """Yield the values of *field* by groups of cells, all steps of each, and report progress.

    A field that lies packed in pieces which hold more cells than are taken at once is unpacked into a file of its own
    first, so that no piece is unpacked twice. From a file the next cells are read while the caller is at work on some.

    Parameters
    ----------
    field : numbers, in memory, opened lazily, or of dask.
    along : the dimension of the steps.
    message : what is being done.
    """
    tiles = _tiles(field, along)
    is_packed = len(tiles) > 1 and _is_packed(field, tiles[0])
    source = _unpacked(field, along, message) if is_packed else nullcontext(field)
    with source as plain, progress.part(READING if is_packed else 0.0, 1.0):

        def read(tile: Tile) -> Series:
            return Series(tuple(tile.values()), _steps(plain, along, tile))

        yield from progress.track(in_turn(plain, read, tiles), message, len(tiles))


def _tiles(field: xr.DataArray, along: Hashable) -> list[Tile]:
    """The parts of the other dimensions, so that all steps of each fit the budget."""
    room = max(1, BUDGET // max(1, field.sizes[along] * max(field.dtype.itemsize, 4)))
    others = [name for name in field.dims if name != along]
    parts: list[list[slice]] = []
    for name in reversed(others):
        size = field.sizes[name]
        step = max(1, min(size, room))
        parts.insert(0, [slice(begin, end) for begin, end in pairwise([*range(0, size, step), size])])
        room //= max(1, size)  # those further out are taken one by one once one is taken in parts
    return [dict(zip(others, each, strict=True)) for each in product(*parts)]


def _is_packed(field: xr.DataArray, tile: Tile) -> bool:
    """Whether pieces of the file, or of dask, hold more cells than a tile."""
    if field.variable._in_memory:  # noqa: SLF001 - no public attribute says so without reading
        return False
    pieces = field.chunksizes or field.encoding.get("preferred_chunks") or {}
    largest = {name: np.max(pieces[name]) for name in tile if name in pieces}
    return any(largest[name] > tile[name].stop - tile[name].start for name in largest)


@contextmanager
def _unpacked(field: xr.DataArray, along: Hashable, message: str) -> Iterator[xr.DataArray]:
    """The field in one temporary file, time first, which is deleted once it is not needed."""
    with TemporaryFile() as file:
        dtype = np.dtype(np.float32)
        with progress.part(0.0, READING):
            for block in blocks(field, along, message):
                dtype = block.values.dtype
                file.write(np.ascontiguousarray(block.values).data)
        file.flush()
        dims = (along, *(name for name in field.dims if name != along))
        seen: Any = np.memmap(file, dtype, "r", shape=tuple(field.sizes[name] for name in dims))
        yield xr.DataArray(xr.Variable(dims, seen))


def _steps(field: xr.DataArray, along: Hashable, tile: Tile) -> Floats:
    """(cell, step), turned round piece by piece: it is read as it lies, and needs to lie otherwise."""
    cells, size = prod(place.stop - place.start for place in tile.values()), field.sizes[along]
    steps = max(1, PIECE // max(1, cells * max(field.dtype.itemsize, 4)))
    values: Floats | None = None
    for begin, end in pairwise([*range(0, size, steps), size]):
        piece = numbers(field, {along: slice(begin, end), **tile}, first=along).reshape(end - begin, cells)
        if values is None:
            values = np.empty((cells, size), piece.dtype)
        values[:, begin:end] = piece.T
    return np.empty((cells, 0), np.float32) if values is None else values
