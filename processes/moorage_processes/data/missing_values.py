"""Fill values to NaN and back, in place, a tile at a time that fits the caches of a processor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

TILE = 2**18
"""Values of a tile: with its masks it stays in the caches, and two threads that work on blocks seldom meet."""


def nan_where(values: npt.NDArray[np.floating], mark: Any) -> None:
    """Put NaN in place of the number *mark* in *values*, which are overwritten and lie in one piece."""
    cells = _in_line(values)
    # one look at the largest or smallest takes a third of the time of a comparison of each
    if not cells.size or (cells.max() < mark if mark > 0 else cells.min() > mark):
        return
    bits, mask = _bits(cells)
    flags = np.empty(TILE, dtype=np.bool_)
    for tile in _tiles(cells.size):
        part = cells[tile]
        missing = np.equal(part, mark, out=flags[: part.size])
        if missing.any():
            every = _every_bit(missing, mask)
            np.bitwise_or(bits[tile], every, out=bits[tile])


def zero_where_nan(values: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8] | None:
    """Put zero in place of each NaN in *values*, which are overwritten and lie in one piece.

    Returns
    -------
    1 where a value is there and 0 where none is; None where all are there.
    """
    cells = _in_line(values)
    if not cells.size or not np.isnan(cells.max()):
        return None
    bits, mask = _bits(cells)
    there = np.empty_like(values, dtype=np.bool_)
    flags = _in_line(there)
    for tile in _tiles(cells.size):
        part = cells[tile]
        valid = np.equal(part, part, out=flags[tile])  # NaN is not equal to itself
        if not valid.all():
            np.bitwise_and(bits[tile], _every_bit(valid, mask), out=bits[tile])
    return there.view(np.uint8)


def is_in_one_piece(values: npt.NDArray[Any]) -> bool:
    """Whether values fill a stretch of memory, in whatever order of their axes."""
    strides = sorted((stride, size) for stride, size in zip(values.strides, values.shape, strict=True) if size > 1)
    expected = values.itemsize
    for stride, size in strides:
        if stride != expected:
            return False
        expected *= size
    return True


def _in_line(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same memory as one row."""
    return values.ravel(order="K")


def _bits(cells: npt.NDArray[np.floating]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The values as whole numbers, and room for a tile of them."""
    bits = cells.view(f"i{cells.dtype.itemsize}")
    return bits, np.empty(min(TILE, cells.size), dtype=bits.dtype)


def _every_bit(flags: npt.NDArray[np.bool_], room: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """All bits set where a flag is; masking with them takes a fifth of the time of numpy.where."""
    return np.negative(flags.view(np.int8), out=room[: flags.size])


def _tiles(size: int) -> Iterator[slice]:
    for start in range(0, size, TILE):
        yield slice(start, min(start + TILE, size))
