"""Where the cells of one grid lie on another, exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pyproj

from moorage_processes.errors import InputError
from moorage_processes.grids.horizontal import FULL_CIRCLE, HorizontalGrid, Numbers
from moorage_processes.grids.uneven import outer_edges, uneven_positions

if TYPE_CHECKING:
    from moorage_processes.grids.projected_target import ProjectedTarget

KEPT = 2**23
"""Target cells up to which it is kept where they lie on the data, for the next time step."""
HAIR = 1e-9
Place = tuple[Numbers, Numbers]
Sides = tuple[Numbers, ...]


class ProjectionMap:
    """Where the cells of the target lie on the data.

    Parameters
    ----------
    source : the grid of the data.
    aim : the target.
    keep : whether it will be asked for again, for the next time step.
    """

    def __init__(self, source: HorizontalGrid, aim: ProjectedTarget, *, keep: bool) -> None:
        self.source = source
        self.aim = aim
        self._to: pyproj.Transformer | None = None
        if not source.crs.equals(aim.crs, ignore_axis_order=True):
            self._to = pyproj.Transformer.from_crs(aim.crs, source.crs, always_xy=True)
        self._kept: dict[tuple[str, int, int], Sides] | None = None
        if keep and aim.rows.size * aim.columns.size <= KEPT:
            self._kept = {}

    @property
    def closed(self) -> bool:
        """Whether the last column of the data is beside the first."""
        return self.source.goes_round

    def centres(self, rows: slice) -> Sides:
        """Row and column on the data of the centres of target cells; NaN where there are none."""
        return self._once("centres", rows, self._centres)

    def sides(self, rows: slice) -> Sides:
        """Top, bottom, left and right of the box around each target cell, as rows and columns of the data."""
        return self._once("sides", rows, self._sides)

    def _once(self, what: str, rows: slice, found: Callable[[slice], Sides]) -> Sides:
        key = (what, rows.start, rows.stop)
        if self._kept is None:
            return found(rows)
        if key not in self._kept:
            self._kept[key] = found(rows)
        return self._kept[key]

    def _centres(self, rows: slice) -> Sides:
        x, y = self._places(self.aim.columns, self.aim.rows[rows])
        return uneven_positions(self.source.rows, y), uneven_positions(self.source.columns, self._home(x))

    def _sides(self, rows: slice) -> Sides:
        centre = self._home(self._places(self.aim.columns, self.aim.rows[rows])[0])
        across = np.append(self.aim.columns - self.aim.dx / 2, self.aim.columns[-1] + self.aim.dx / 2)
        along = np.append(self.aim.rows[rows] - self.aim.dy / 2, self.aim.rows[rows][-1] + self.aim.dy / 2)
        if self.aim.crs.is_geographic:
            along = np.clip(along, -90, 90)
        x, y = self._places(across, along)
        eastings, northings = _corners(x), _corners(y)
        if self.source.crs.is_geographic:  # corners on the other side of the antimeridian stay beside the centre
            eastings = centre + (eastings - centre + FULL_CIRCLE / 2) % FULL_CIRCLE - FULL_CIRCLE / 2
        row, column = uneven_positions(self.source.rows, northings), uneven_positions(self.source.columns, eastings)
        return row.min(axis=0), row.max(axis=0), column.min(axis=0), column.max(axis=0)

    def check(self, name: str) -> None:
        """Refuse a target that does not meet the data, as far as some of its cells tell."""
        rows, columns = (np.unique(np.linspace(0, size - 1, 128).astype(int)) for size in self._shape)
        x, y = self._places(self.aim.columns[columns], self.aim.rows[rows])
        row, column = uneven_positions(self.source.rows, y), uneven_positions(self.source.columns, self._home(x))
        met = (np.abs(row - (self.source.rows.size - 1) / 2) <= self.source.rows.size / 2) & np.isfinite(column)
        if not self.closed:
            met &= np.abs(column - (self.source.columns.size - 1) / 2) <= self.source.columns.size / 2
        if not met.any() and not self._holds_data():
            west, south, east, north = self.source.bounds
            extent = f"x {west:g} to {east:g}, y {south:g} to {north:g} in {self.source.crs.name}"
            raise InputError(f"the target does not meet data, which covers {extent}", input=name)

    def _holds_data(self) -> bool:
        """Whether some of the data lie within a target that may be much larger."""
        x, y = np.meshgrid(self.source.columns[:: max(1, self.source.columns.size // 64)],
                           self.source.rows[:: max(1, self.source.rows.size // 64)])  # fmt: skip
        if self._to is not None:
            x, y = self._to.transform(x, y, direction="INVERSE")
        half_x, half_y = abs(self.aim.dx) / 2, abs(self.aim.dy) / 2
        within = (x >= self.aim.columns.min() - half_x) & (x <= self.aim.columns.max() + half_x)
        return bool((within & (y >= self.aim.rows.min() - half_y) & (y <= self.aim.rows.max() + half_y)).any())

    @property
    def _shape(self) -> tuple[int, int]:
        return self.aim.rows.size, self.aim.columns.size

    def _places(self, columns: Numbers, rows: Numbers) -> Place:
        """Places in the CRS of the data; NaN where it has none."""
        x, y = np.meshgrid(columns, rows)
        if self._to is None:
            return x, y
        x, y = (np.asarray(each) for each in self._to.transform(x, y))
        there = np.isfinite(x) & np.isfinite(y)
        return np.where(there, x, np.nan), np.where(there, y, np.nan)

    def _home(self, x: Numbers) -> Numbers:
        """Longitudes within half a circle of the middle of the data."""
        if not self.source.crs.is_geographic:
            return x
        west = sum(outer_edges(self.source.columns)) / 2 - FULL_CIRCLE / 2
        return west + (x - west + HAIR) % FULL_CIRCLE - HAIR


def _corners(edges: Numbers) -> Numbers:
    return np.stack([edges[:-1, :-1], edges[:-1, 1:], edges[1:, :-1], edges[1:, 1:]])
