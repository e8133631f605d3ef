"""Weights from one rectilinear grid to another, kept axis by axis, and their use on fields with gaps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import numpy.typing as npt
from scipy import sparse

from moorage_processes.cf.missing import ROUNDING
from moorage_processes.grids.horizontal import FULL_CIRCLE, Numbers
from moorage_processes.grids.rectilinear import NEAR, POLE, RectilinearGrid
from moorage_processes.methods.streaming.steps import steps

if TYPE_CHECKING:
    from moorage_processes.methods.streaming.blocks import Floats

Places = npt.NDArray[np.intp]
Poles = Literal["mean", "nearest", "missing"]
Normalisation = Literal["fracarea", "destarea"]

JOINT = 4_000_000
"""Number of weights up to which those of both axes are multiplied out: 48 MB, and a quarter of the time."""


@dataclass(frozen=True, eq=False)
class Weights:
    """From a source to a target grid: what each target row takes of each source row, and the same for columns."""

    rows: sparse.csr_array
    """(target rows, source rows and the two poles), the south pole first."""
    columns: sparse.csr_array
    """(target columns, source columns)."""
    keeps_area: bool = False
    """Whether a value counts by the share of the target cell that it covers, so that missing ones count as 0."""

    @property
    def meets(self) -> bool:
        """Whether any target cell takes anything."""
        return bool(self.rows.nnz and self.columns.nnz)

    @cached_property
    def joint(self) -> sparse.csr_array | None:
        """Of cells for cells; None where these would be too many."""
        is_small = self.rows.nnz * self.columns.nnz <= JOINT
        return _csr(sparse.kron(self.rows, self.columns, format="csr")) if is_small else None

    @cached_property
    def takes_poles(self) -> bool:
        """Whether any row takes of a pole."""
        return bool(np.isin(self.rows.indices, (0, _size(self.rows)[1] - 1)).any())

    @cached_property
    def full(self) -> Numbers:
        """Sum of the weights of each target cell."""
        by_row = np.asarray(self.rows.sum(axis=1))
        return np.outer(by_row, np.asarray(self.columns.sum(axis=1)))

    def remapped(self, block: Floats, minimum_valid: float) -> Floats:
        """A block of (steps, rows, columns) on the target grid, in its precision; it is overwritten."""
        target = _Remapper(self)
        result = np.empty((len(block), *target.shape), block.dtype)
        least = max(minimum_valid, ROUNDING) * (1 - ROUNDING)
        shares = self.full
        for step in steps(block):
            if step.there is None:
                shares = self.full
            elif not step.same_gaps:
                shares = target.taken(step.there, step.there)
            values = target.taken(step.values, step.there)
            if not self.keeps_area:
                values /= np.where(shares > 0, shares, 1.0)
            values[shares < least] = np.nan
            result[step.number] = values
        return result


class _Remapper:
    """What target cells take of a step; it keeps the room in which the poles are added to it."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        (to_rows, from_rows), (to_columns, from_columns) = _size(weights.rows), _size(weights.columns)
        self.shape = to_rows, to_columns
        self._with_poles = np.zeros((from_rows, from_columns))

    def taken(self, values: Numbers, there: Numbers | None) -> Numbers:
        """Sum of weights times *values*, which are 0 where *there* is 0; a pole has the mean of the row beside it."""
        self._with_poles[1:-1] = values
        if self._weights.takes_poles:
            for pole, row in ((0, 0), (-1, -1)):
                count = values.shape[1] if there is None else there[row].sum()
                # where values is what is there, a pole is there as soon as one cell beside it is
                self._with_poles[pole] = values[row].sum() / max(count, 1)
        joint = self._weights.joint
        if joint is not None:
            return np.asarray(joint @ self._with_poles.reshape(-1)).reshape(self.shape)
        between = self._weights.rows @ self._with_poles
        return np.asarray((self._weights.columns @ np.ascontiguousarray(between.T)).T)


def bilinear(source: RectilinearGrid, target: RectilinearGrid, poles: Poles) -> Weights:
    """Linear between the centres of neighbouring columns and rows."""
    known, labels = _ordered(source.columns[: source.once])
    wanted = target.columns
    if source.is_geographic:
        near = NEAR * np.abs(np.diff(known)).min(initial=1.0)
        wanted = known[0] + (wanted - known[0] + near) % FULL_CIRCLE - near
    if source.goes_round:
        known, labels = np.append(known, known[0] + FULL_CIRCLE), np.append(labels, labels[0])
    columns = _linear(wanted, known, labels, source.columns.size)
    rows = _linear(target.rows, *_with_poles(source, poles), source.rows.size + 2)
    return Weights(rows, columns)


def _ordered(centres: Numbers) -> tuple[Numbers, Places]:
    """Centres from the lowest on, and which ones they are."""
    order = np.argsort(centres)
    return centres[order], order


def _with_poles(source: RectilinearGrid, poles: Poles) -> tuple[Numbers, Places]:
    """Rows from the south on, and which ones they are where poles are the first and the last."""
    known, labels = _ordered(source.rows)
    last = source.rows.size + 1
    south, north = (0, last) if labels[0] == 0 else (last, 0)
    labels = labels + 1
    if poles == "missing" or not source.goes_round:
        return known, labels
    if poles == "nearest":
        south, north = labels[0], labels[-1]
    if source.row_bounds.min() <= -POLE < known[0]:
        known, labels = np.append(-POLE, known), np.append(south, labels)
    if source.row_bounds.max() >= POLE > known[-1]:
        known, labels = np.append(known, POLE), np.append(labels, north)
    return known, labels


def conservative(source: RectilinearGrid, target: RectilinearGrid, normalisation: Normalisation) -> Weights:
    """The share of each target cell that each source cell covers."""
    low, high = source.row_bounds.T
    to_low, to_high = target.row_bounds.T
    if source.is_geographic:
        low, high, to_low, to_high = (np.sin(np.radians(edge)) for edge in (low, high, to_low, to_high))
    rows = _overlap(np.stack([to_low, to_high], axis=1), np.stack([low, high], axis=1))
    bounds, wanted = source.column_bounds[: source.once], target.column_bounds
    if source.is_geographic:
        west = bounds.min()
        start = west + (wanted[:, :1] - west + NEAR) % FULL_CIRCLE - NEAR
        wanted = np.concatenate([start, start + np.diff(wanted)], axis=1)
        both = _overlap(wanted, np.concatenate([bounds, bounds + FULL_CIRCLE]))
        columns = both[:, : len(bounds)] + both[:, len(bounds) :]
    else:
        columns = _overlap(wanted, bounds)
    padded = sparse.hstack([sparse.csr_array((len(to_low), 1)), rows, sparse.csr_array((len(to_low), 1))])
    return Weights(_csr(padded), _wide(columns, source.columns.size), keeps_area=normalisation == "destarea")


def _linear(wanted: Numbers, known: Numbers, labels: Places, size: int) -> sparse.csr_array:
    """Weights of the two known places around each wanted one, by their labels; none beyond the outermost."""
    if known.size == 1:
        known, labels = np.append(known, known[0] + NEAR), np.append(labels, labels[0])
    steps_between = np.diff(known)
    near = NEAR * steps_between.min()
    (place,) = ((wanted >= known[0] - near) & (wanted <= known[-1] + near)).nonzero()
    left = (np.searchsorted(known, wanted[place], "right") - 1).clip(0, known.size - 2)
    share = ((wanted[place] - known[left]) / steps_between[left]).clip(0, 1)
    # what lies on a centre but for rounding has no need of its neighbour
    share = np.where(share < NEAR, 0.0, np.where(share > 1 - NEAR, 1.0, share))
    entries = np.concatenate([1 - share, share])
    sources = np.concatenate([labels[left], labels[left + 1]])
    return _csr(sparse.coo_array((entries, (np.tile(place, 2), sources)), (wanted.size, size)))


def _overlap(wanted: Numbers, known: Numbers) -> sparse.csr_array:
    """The share of each wanted interval that each known one covers; the known ones do not overlap."""
    order = np.argsort(known[:, 0])
    low, high = known[order].T
    first = np.searchsorted(high, wanted[:, 0], "right")
    count = np.maximum(np.searchsorted(low, wanted[:, 1], "left") - first, 0)
    place = np.repeat(np.arange(len(wanted)), count)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    number = first[place] + within
    shared = np.minimum(high[number], wanted[place, 1]) - np.maximum(low[number], wanted[place, 0])
    width = (wanted[:, 1] - wanted[:, 0])[place]
    # slivers that are left of edges in single precision are none
    share = np.where(shared > NEAR * 0.1 * width, shared / width, 0.0)
    return _csr(sparse.coo_array((share, (place, order[number])), (len(wanted), len(known))))


def _wide(weights: sparse.csr_array, size: int) -> sparse.csr_array:
    """Weights with columns to their right that take nothing: those of longitudes repeated."""
    rows, columns = _size(weights)
    return _csr(sparse.hstack([weights, sparse.csr_array((rows, size - columns))]))


def _size(weights: sparse.csr_array) -> tuple[int, int]:
    return cast("tuple[int, int]", weights.shape)


def _csr(weights: object) -> sparse.csr_array:
    plain = sparse.csr_array(weights)
    plain.eliminate_zeros()
    return plain
