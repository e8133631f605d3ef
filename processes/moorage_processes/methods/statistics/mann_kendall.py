"""The trend of ranks: whether later values tend to be larger than earlier ones, and the median of all slopes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

BAND = 16 * 2**20
"""Bytes of the slopes between all pairs of steps that are held at a time, of one cell at least."""


class PairStatistics(NamedTuple):
    """What the pairs of the values of each cell tell, one row of values being a cell."""

    slope: Doubles
    """Median of the slopes between all pairs (Theil, Sen); NaN where there is none."""
    at_zero: Doubles
    """Median of the values less the slope times the median abscissa."""
    valid: npt.NDArray[np.int64]
    """Numbers of values."""
    score: Doubles
    """Standard normal score of Mann and Kendall, corrected for ties and for continuity."""


def pairs_of(steps: int) -> int:
    """How many pairs that many steps make."""
    return steps * (steps - 1) // 2


def ranks(x: Doubles, values: npt.NDArray[np.floating]) -> PairStatistics:
    """The trend of ranks of each row of *values* over abscissae that grow."""
    parts = [_ranks(x, np.asarray(values[band], dtype=np.float64)) for band in _bands(len(values), len(x))]
    return PairStatistics._make(np.concatenate(each) for each in zip(*parts, strict=True))


def _bands(cells: int, steps: int) -> Iterator[slice]:
    height = max(1, BAND // max(1, 8 * pairs_of(steps)))
    for start in range(0, max(1, cells), height):
        yield slice(start, start + height)


def _ranks(x: Doubles, y: Doubles) -> PairStatistics:
    valid = (~np.isnan(y)).sum(axis=1)
    slopes = _slopes(x, y)
    s = (slopes > 0).sum(axis=1) - (slopes < 0).sum(axis=1)
    slope = _median(slopes, pairs_of_each(valid))
    there = np.where(np.isnan(y), np.nan, x)
    at_zero = _median(y, valid) - slope * _median(there, valid)
    deviation = np.sqrt(_variance(y, valid))
    score = np.divide(s - np.sign(s), deviation, out=np.zeros(len(y)), where=s != 0)
    return PairStatistics(slope, at_zero, valid, score)


def pairs_of_each(valid: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many pairs the values of each cell make."""
    return valid * (valid - 1) // 2


def _slopes(x: Doubles, y: Doubles) -> Doubles:
    """Slopes between all pairs of steps, for each cell."""
    steps = len(x)
    slopes = np.empty((len(y), pairs_of(steps)))
    begin = 0
    for step in range(steps - 1):
        part = slopes[:, begin : begin + steps - 1 - step]
        np.subtract(y[:, step + 1 :], y[:, step, None], out=part)
        part /= x[step + 1 :] - x[step]
        begin += part.shape[1]
    return slopes


def _median(values: Doubles, valid: npt.NDArray[np.int64]) -> Doubles:
    """Median of each row, of which *valid* are there; *values* are sorted."""
    if not values.shape[1]:
        return np.full(len(values), np.nan)
    values.sort(axis=1)  # NaN last
    rows = np.arange(len(values))
    low, high = np.maximum(valid - 1, 0) // 2, np.minimum(valid // 2, values.shape[1] - 1)
    return np.asarray((values[rows, low] + values[rows, high]) / 2)


def _variance(y: Doubles, valid: npt.NDArray[np.int64]) -> Doubles:
    """Variance of the score where nothing changes with time, of rows that are sorted."""
    begins = np.ones(y.shape, dtype=np.bool_)
    begins[:, 1:] = y[:, 1:] != y[:, :-1]  # NaN is a run of its own
    (starts,) = begins.ravel().nonzero()
    length = np.diff(starts, append=y.size).astype(np.float64)
    ties = np.bincount(starts // max(1, y.shape[1]), length * (length - 1) * (2 * length + 5), minlength=len(y))
    n = valid.astype(np.float64)
    return np.asarray((n * (n - 1) * (2 * n + 5) - ties) / 18)
