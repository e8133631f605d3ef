"""Cells between rows and columns that need not be evenly spaced: their edges, their areas, and what they share."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from moorage_processes.errors import InputError
from moorage_processes.grids.horizontal import FULL_CIRCLE, Numbers, horizontal_axes, known_crs

if TYPE_CHECKING:
    import pyproj
    import xarray as xr

RADIUS = 6_371_000.0
"""Of the sphere on which cells of longitude and latitude have their area [m]."""
POLE = 90.0
SEAM = 1.05
"""How much wider than the widest of its steps the gap may be across which columns close the circle."""
NEAR = 1e-5
"""How far centres or edges that mean the same place may lie apart, in cells; single precision needs some."""


@dataclass(frozen=True, eq=False)
class RectilinearGrid:
    """The horizontal grid of a field: rows and columns in their order, spaced at will."""

    x: Hashable
    y: Hashable
    columns: Numbers
    """Cell centres along x, in the unit of the CRS; longitudes go on beyond 360 or below 0 rather than leap."""
    rows: Numbers
    """Cell centres along y, in the unit of the CRS."""
    column_bounds: Numbers
    """West and east edge of each column, (columns, 2)."""
    row_bounds: Numbers
    """South and north edge of each row, (rows, 2)."""
    crs: pyproj.CRS

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and of columns."""
        return self.rows.size, self.columns.size

    @property
    def is_geographic(self) -> bool:
        """Whether the axes are longitude and latitude."""
        return bool(self.crs.is_geographic)

    @property
    def once(self) -> int:
        """How many columns there are before the first one is repeated a circle further on."""
        return _once(self.columns) if self.is_geographic else self.columns.size

    @property
    def goes_round(self) -> bool:
        """Whether the columns close the circle of longitudes."""
        if not self.is_geographic:
            return False
        widths = np.diff(self.column_bounds[: self.once])
        return bool(widths.sum() > FULL_CIRCLE - NEAR * widths.min())

    @cached_property
    def column_sizes(self) -> Numbers:
        """What each column adds to the area of its cells: its width [rad or m]; 0 for one that is repeated."""
        widths = np.diff(self.column_bounds)[:, 0]
        widths[self.once :] = 0.0
        return np.radians(widths) if self.is_geographic else widths * self._metres

    @cached_property
    def row_sizes(self) -> Numbers:
        """Area of a cell of each row per size of its column: exact on the sphere, between its parallels."""
        if self.is_geographic:
            return np.asarray(RADIUS**2 * np.diff(np.sin(np.radians(self.row_bounds)))[:, 0])
        return np.diff(self.row_bounds)[:, 0] * self._metres

    @property
    def areas(self) -> Numbers:
        """Area of each cell [m2], (rows, columns)."""
        return np.outer(self.row_sizes, self.column_sizes)

    @property
    def _metres(self) -> float:
        return float(self.crs.axis_info[0].unit_conversion_factor)


def rectilinear_grid(field: xr.DataArray, name: str, crs: str | None = None) -> RectilinearGrid:
    """The horizontal grid of *field*.

    Parameters
    ----------
    field : values with one-dimensional coordinates along both horizontal axes; edges of cells lie halfway between
        them, for an array of xarray cannot carry the bounds that a file may have.
    name : of the input that *field* came as, for messages.
    crs : its CRS, as ``EPSG:25832``, where the field does not state one; without either, longitude and latitude in
        the units of CF are taken.

    Raises
    ------
    InputError
        where the axes are unknown, curvilinear or not monotonic, or the CRS is unknown.
    """
    x, y = horizontal_axes(field, name)
    columns, rows = _centres(field, x, name), _centres(field, y, name)
    return spaced_grid(columns, rows, known_crs(field, x, y, name, crs), name, x=x, y=y)


def spaced_grid(
    columns: Numbers,
    rows: Numbers,
    crs: pyproj.CRS,
    name: str,
    *,
    x: Hashable = "lon",
    y: Hashable = "lat",
    bounds: tuple[Numbers | None, Numbers | None] = (None, None),
) -> RectilinearGrid:
    """A grid of given cell centres, and edges where they are known; *name* is the input they come from."""
    if crs.is_geographic:
        if np.abs(rows).max(initial=0.0) > POLE + NEAR:
            raise InputError(f"{name} has latitudes beyond the poles; they go from -90 to 90", input=name)
        # 0, 90, 180, -90 goes on eastwards
        columns = columns if _is_ordered(columns) else np.unwrap(columns, period=FULL_CIRCLE)
    _check_order(columns, x, name)
    _check_order(rows, y, name)
    column_bounds = _column_bounds(columns, bounds[0], crs, f"{name} along {x}", name)
    row_bounds = _edges(rows, bounds[1], f"{name} along {y}", name)
    if crs.is_geographic:
        row_bounds = _up_to_the_poles(row_bounds, column_bounds)
    return RectilinearGrid(x, y, columns, rows, column_bounds, row_bounds, crs)


def _centres(field: xr.DataArray, along: Hashable, name: str) -> Numbers:
    if along not in field.coords:
        raise InputError(f"{name} has no coordinates along {along}; give each cell's centre", input=name)
    centres = field[along].to_numpy()
    if centres.dtype.kind not in "iuf" or not centres.size or not np.isfinite(centres).all():
        raise InputError(f"{name} has coordinates along {along} that are no finite numbers", input=name)
    return centres.astype(np.float64)


def _is_ordered(centres: Numbers) -> bool:
    steps = np.diff(centres)
    return bool((steps > 0).all() or (steps < 0).all())


def _check_order(centres: Numbers, along: Hashable, name: str) -> None:
    if not _is_ordered(centres):
        raise InputError(f"{name} has coordinates along {along} that neither rise nor fall throughout", input=name)


def _once(columns: Numbers) -> int:
    steps = np.abs(np.diff(columns))
    return int((np.abs(columns - columns[0]) < FULL_CIRCLE - NEAR * steps.min(initial=1.0)).sum())


def _column_bounds(columns: Numbers, stated: Numbers | None, crs: pyproj.CRS, place: str, name: str) -> Numbers:
    once = _once(columns) if crs.is_geographic else columns.size
    if stated is not None or not crs.is_geographic or once < 2:  # noqa: PLR2004 - one column does not tell its width
        return _edges(columns, stated, place, name)
    turn = FULL_CIRCLE if columns[1] > columns[0] else -FULL_CIRCLE
    seam = abs(columns[0] + turn - columns[once - 1])
    if seam > SEAM * np.abs(np.diff(columns[:once])).max():
        return _edges(columns, None, place, name)
    # across the seam, too, edges lie halfway between centres
    around = np.concatenate([[columns[once - 1] - turn], columns[:once], [columns[0] + turn]])
    between = (around[1:] + around[:-1]) / 2
    bounds = np.sort(np.stack([between[:-1], between[1:]], axis=1))
    return np.concatenate([bounds, bounds[: columns.size - once] + turn])


def _edges(centres: Numbers, stated: Numbers | None, place: str, name: str) -> Numbers:
    """Low and high edge of each cell: as stated, else halfway between centres and mirrored at the outermost."""
    if stated is not None:
        return stated
    if centres.size < 2:  # noqa: PLR2004 - one cell does not tell its size
        raise InputError(f"{place} has one cell only, of unknown size; give two or more", input=name)
    between = (centres[1:] + centres[:-1]) / 2
    edges = np.concatenate([[2 * centres[0] - between[0]], between, [2 * centres[-1] - between[-1]]])
    return np.sort(np.stack([edges[:-1], edges[1:]], axis=1))


def _up_to_the_poles(row_bounds: Numbers, column_bounds: Numbers) -> Numbers:
    """No cell reaches over a pole, and around the Earth no gap is left there into which no row would fit.

    The outermost gaussian latitudes lie a little more than half a step away from the poles.
    """
    clipped = np.clip(row_bounds, -POLE, POLE)
    if (column_bounds.max() - column_bounds.min()) < FULL_CIRCLE * (1 - NEAR):
        return clipped
    south, north = clipped[:, 0].argmin(), clipped[:, 1].argmax()
    if clipped[south, 0] + POLE < np.diff(clipped[south])[0] / 2:
        clipped[south, 0] = -POLE
    if POLE - clipped[north, 1] < np.diff(clipped[north])[0] / 2:
        clipped[north, 1] = POLE
    return clipped
