"""Values of a grid between and over its cells, where a position is counted in cells: 0 at the first centre."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from moorage_processes.errors import InputError

if TYPE_CHECKING:
    from moorage_processes.grids.horizontal import Numbers
    from moorage_processes.methods.streaming.blocks import Floats

Resampling = Literal["nearest", "bilinear", "cubic", "average", "mode"]
AREAL: frozenset[Resampling] = frozenset({"average", "mode"})
"""The ways that take all cells a target cell lies on."""
REACH = 2
"""Cells beside a position that its value may depend on."""
LEAST = 1e-5
"""Smallest weight that still makes a value."""
CLASSES = 256
"""Different values of which the most frequent one is looked for."""
HAIR = 1e-9

Indices = npt.NDArray[np.int64]
Cells = tuple[Indices, Indices, npt.NDArray[np.bool_]]


def at_points(
    values: Floats, row: Numbers, column: Numbers, resampling: Resampling, minimum_valid: float, *, closed: bool
) -> Numbers:
    """Values at positions, NaN outside of the grid and where too little is there.

    Parameters
    ----------
    values : of the cells, dimensions (..., row, column), NaN where missing.
    row, column : positions of one shape, NaN where there is none.
    resampling : nearest, bilinear or cubic.
    minimum_valid : share of the weight that valid cells must have.
    closed : whether the last column is beside the first.
    """
    rows, columns = values.shape[-2:]
    inside = (row >= -0.5 - HAIR) & (row <= rows - 0.5 + HAIR)
    inside &= np.isfinite(column) if closed else (column >= -0.5 - HAIR) & (column <= columns - 0.5 + HAIR)
    row, column = np.where(inside, row, 0.0), np.where(inside, column, 0.0)
    under = _nearest(values, row, column, closed=closed)
    if resampling == "nearest":
        return np.where(inside, under, np.nan)
    found = _bilinear(values, row, column, minimum_valid, closed=closed)
    if resampling == "cubic":
        smooth = _cubic(values, row, column, closed=closed)
        found = np.where(np.isnan(smooth), found, smooth)
    return np.where(inside & ~np.isnan(under), found, np.nan)


def _cells(row: Indices, column: Indices, shape: tuple[int, ...], *, closed: bool) -> Cells:
    """Cells by their numbers, moved onto the grid, and whether they lie on it."""
    rows, columns = shape[-2:]
    there = (row >= 0) & (row < rows)
    if closed:
        return np.clip(row, 0, rows - 1), column % columns, there
    there &= (column >= 0) & (column < columns)
    return np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1), there


def _nearest(values: Floats, row: Numbers, column: Numbers, *, closed: bool) -> Numbers:
    whole = [np.floor(position + 0.5 + HAIR).astype(np.int64) for position in (row, column)]
    i, j, _ = _cells(whole[0], whole[1], values.shape, closed=closed)
    return values[..., i, j].astype(np.float64)


def _bilinear(values: Floats, row: Numbers, column: Numbers, minimum_valid: float, *, closed: bool) -> Numbers:
    """Weighted mean of the four cells around, of those that are there."""
    top, left = np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
    down, right = row - top, column - left
    total = np.zeros((*values.shape[:-2], *row.shape))
    weight = np.zeros_like(total)
    for below, height in enumerate((1 - down, down)):
        for beside, width in enumerate((1 - right, right)):
            i, j, there = _cells(top + below, left + beside, values.shape, closed=closed)
            value = values[..., i, j].astype(np.float64)
            share = np.where(there & ~np.isnan(value), height * width, 0.0)
            total += np.where(share > 0, share * value, 0.0)
            weight += share
    enough = weight >= max(LEAST, minimum_valid - HAIR)
    return np.where(enough, total / np.where(enough, weight, 1.0), np.nan)


def _cubic(values: Floats, row: Numbers, column: Numbers, *, closed: bool) -> Numbers:
    """Cubic convolution over 16 cells; NaN where one of them is missing or beyond the edge."""
    top, left = np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
    total = np.zeros((*values.shape[:-2], *row.shape))
    for below, height in enumerate(_convolution(row - top), start=-1):
        for beside, width in enumerate(_convolution(column - left), start=-1):
            i, j, there = _cells(top + below, left + beside, values.shape, closed=closed)
            total += np.where(there, height * width, np.nan) * values[..., i, j]
    return total


def _convolution(t: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Weights of the four cells around a position *t* (0 to 1) past the second (Keys 1981, a = -1/2)."""
    return (
        ((-t + 2) * t - 1) * t / 2,
        ((3 * t - 5) * t * t + 2) / 2,
        ((-3 * t + 4) * t + 1) * t / 2,
        (t - 1) * t * t / 2,
    )


class Boxes:
    """Parts of a grid with sides along its rows and columns, one for each target cell.

    Parameters
    ----------
    top, bottom, left, right : positions of the sides, of one shape; NaN where there is none.
    shape : numbers of rows and columns of the grid.
    closed : whether the last column is beside the first.
    """

    def __init__(
        self, top: Numbers, bottom: Numbers, left: Numbers, right: Numbers, shape: tuple[int, int], *, closed: bool
    ) -> None:
        rows, columns = shape
        self.area = (bottom - top) * (right - left)
        # sides are counted from the outer edge of the first cell from here on
        self._rows = [np.clip(np.nan_to_num(side) + 0.5, 0, rows) for side in (top, bottom)]
        sides = [np.nan_to_num(side) + 0.5 for side in (left, right)]
        if not closed:
            sides = [np.clip(side, 0, columns) for side in sides]
        first = int(np.floor(sides[0].min()))
        last = max(int(np.ceil(sides[1].max())), first + 1)
        self._columns = [side - first for side in sides]
        self.taken = np.arange(first, last) % columns
        """Columns of the grid that the sides are counted among."""

    def total(self, values: Numbers) -> Numbers:
        """Integral of *values* (..., row, taken column), constant in each cell, over each box."""
        table = np.zeros((*values.shape[:-2], values.shape[-2] + 1, values.shape[-1] + 1))
        np.cumsum(values, axis=-2, out=table[..., 1:, 1:])
        np.cumsum(table[..., 1:, 1:], axis=-1, out=table[..., 1:, 1:])
        (top, bottom), (left, right) = self._rows, self._columns
        return _between(table, bottom, right) - _between(table, top, right) - (
            _between(table, bottom, left) - _between(table, top, left)
        )  # fmt: skip


def _between(table: Numbers, row: Numbers, column: Numbers) -> Numbers:
    """A table read between its lines; of an integral of cells that is exact."""
    i = np.minimum(row.astype(np.int64), table.shape[-2] - 2)
    j = np.minimum(column.astype(np.int64), table.shape[-1] - 2)
    down, right = row - i, column - j
    upper = table[..., i, j] * (1 - right) + table[..., i, j + 1] * right
    lower = table[..., i + 1, j] * (1 - right) + table[..., i + 1, j + 1] * right
    between: Numbers = upper * (1 - down) + lower * down
    return between


def over_boxes(values: Floats, boxes: Boxes, resampling: Resampling, minimum_valid: float) -> Numbers:
    """Mean or most frequent value of the cells in each box, each cell by the part of it inside."""
    cells = values[..., boxes.taken].astype(np.float64)
    there = ~np.isnan(cells)
    weight = boxes.total(there.astype(np.float64))
    enough = weight >= np.maximum(minimum_valid - HAIR, LEAST) * boxes.area
    if resampling == "mode":
        found = _most_frequent(cells, boxes)
    else:
        middle = float(cells[there].mean()) if there.any() else 0.0  # keeps digits where values are far from zero
        found = boxes.total(np.where(there, cells - middle, 0.0)) / np.where(enough, weight, 1.0) + middle
    return np.where(enough, found, np.nan)


def _most_frequent(cells: Numbers, boxes: Boxes) -> Numbers:
    """The value with the largest part of each box; of equals the smallest."""
    classes = np.unique(cells[~np.isnan(cells)])
    if classes.size > CLASSES:
        raise InputError(
            f"data has {classes.size} different values; the most frequent of up to {CLASSES} can be counted, "
            "so take average or round the values first",
            input="resampling",
        )
    found = np.full((*cells.shape[:-2], *boxes.area.shape), np.nan)
    most = np.full(found.shape, HAIR)
    for value in classes:
        share = boxes.total((cells == value).astype(np.float64))
        more = share > most + HAIR
        found, most = np.where(more, value, found), np.where(more, share, most)
    return found
