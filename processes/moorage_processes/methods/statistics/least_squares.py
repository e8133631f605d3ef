"""A straight line through the values of each cell, by sums that are gathered in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from moorage_processes.data.missing_values import zero_where_nan

Doubles = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]

STEPS = 16
"""Steps that are taken together, wherever blocks begin and end: so the sums do not depend on those."""
TILE = 2**13
"""Cells that are taken together: STEPS of them stay near the processor."""
HELD = 16 * 2**20
"""Bytes of the steps that are held until there are STEPS of them; of large maps fewer are taken together."""
ONE_LINE = 2
"""Numbers that make a straight line."""


class Fit(NamedTuple):
    """The lines and how well they fit, one for each cell; NaN where there is none."""

    slope: Doubles
    """Per unit of the abscissa."""
    at_zero: Doubles
    """Where the abscissa is 0."""
    valid: npt.NDArray[np.int64]
    """Numbers of values."""
    residual: Doubles
    """Sum of the squared distances from the line."""
    spread: Doubles
    """Sum of the squared distances of the abscissae from their mean."""


class FitSums:
    """The sums that the line of least squares takes, of the values that are there.

    From each value the first of its cell is subtracted, so that squares do not swallow the digits of what varies.

    Parameters
    ----------
    abscissa : one number for each step.
    shape : of one step.
    """

    def __init__(self, abscissa: Doubles, shape: Sequence[int]) -> None:
        self._middle = float(abscissa.mean())
        self._x = abscissa - self._middle
        self._shape = tuple(shape)
        cells = prod(shape)
        self._first = np.full(cells, np.nan)
        self._y, self._xy, self._yy = np.zeros((3, cells))
        self._n, self._sum_x, self._sum_xx = np.zeros((3, cells))
        self._steps = max(1, min(STEPS, HELD // max(1, 8 * cells)))
        self._held: Floats | None = None
        self._begun = self._filled = 0
        self._work = np.empty(self._steps * min(TILE, cells))

    def add(self, values: Floats) -> None:
        """Add the steps that come next."""
        rows = values.reshape(len(values), prod(self._shape))
        if self._held is None:
            self._held = np.empty((self._steps, rows.shape[1]), dtype=rows.dtype)
        taken = 0
        while taken < len(rows):
            count = min(len(rows) - taken, self._steps - self._filled)
            self._held[self._filled : self._filled + count] = rows[taken : taken + count]
            taken, self._filled = taken + count, self._filled + count
            if self._filled == self._steps:
                self._gather()

    def line(self) -> Fit:
        """The lines of all that was added."""
        self._gather()
        n, sum_x, sum_xx = self._n, self._sum_x, self._sum_xx
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.where(n < ONE_LINE, 0.0, sum_xx - sum_x**2 / n)
            # equal dates differ by rounding only
            spread[spread <= 1e-12 * np.maximum(sum_xx, sum_x**2 / n)] = 0.0
            together = self._xy - sum_x * self._y / n
            slope = np.where(spread > 0, together / spread, np.nan)
            residual = np.maximum(self._yy - self._y**2 / n - slope * together, 0.0)
            at_zero = self._first + self._y / n - slope * (sum_x / n + self._middle)
        valid = n.astype(np.int64)
        return Fit._make(each.reshape(self._shape) for each in (slope, at_zero, valid, residual, spread))

    def _gather(self) -> None:
        """Add what is held to the sums, tile by tile."""
        if self._held is None or not self._filled:
            return
        x = self._x[self._begun : self._begun + self._filled]
        for tile in _tiles(self._first.size):
            self._gather_tile(tile, x, self._held[: self._filled, tile])
        self._begun, self._filled = self._begun + self._filled, 0

    def _gather_tile(self, tile: slice, x: Doubles, values: Floats) -> None:
        first = self._first[tile]
        _set_first(first, values)
        y = self._work[: values.size].reshape(values.shape)
        np.subtract(values, first, out=y)
        there = zero_where_nan(y)
        self._y[tile] += np.add.reduce(y, axis=0)
        self._xy[tile] += np.einsum("i,ij->j", x, y)
        self._yy[tile] += np.einsum("ij,ij->j", y, y)
        if there is None:
            self._n[tile] += len(x)
            self._sum_x[tile] += x.sum()
            self._sum_xx[tile] += np.dot(x, x)
        else:
            weight = there.astype(np.float64)
            self._n[tile] += np.add.reduce(weight, axis=0)
            self._sum_x[tile] += np.einsum("i,ij->j", x, weight)
            self._sum_xx[tile] += np.einsum("i,ij->j", x * x, weight)


def _set_first(first: Doubles, values: Floats) -> None:
    """Put the first value that is there where there was none before."""
    (empty,) = np.isnan(first).nonzero()
    if empty.size:
        new = values[:, empty]
        first[empty] = new[np.isfinite(new).argmax(axis=0), np.arange(empty.size)]


def _tiles(size: int) -> Iterator[slice]:
    for start in range(0, size, TILE):
        yield slice(start, min(start + TILE, size))
