"""Grids whose rows and columns need not be evenly spaced, such as a Mercator map in degrees."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from moorage.formats.axes import Axis, dimension

from moorage_processes.errors import InputError
from moorage_processes.grids.horizontal import HorizontalGrid, Numbers, horizontal_grid

if TYPE_CHECKING:
    import xarray as xr

ROUNDING = 2e-3
"""How far coordinates may lie from an even spacing, in cells, and be taken for rounded ones."""


def uneven_grid(field: xr.DataArray, name: str, crs: str | None = None) -> HorizontalGrid:
    """The horizontal grid of *field*, whose rows and columns may be of different sizes.

    Parameters
    ----------
    field : values with one-dimensional coordinates along both horizontal axes, which rise or fall.
    name : of the input that *field* came as, for messages.
    crs : its CRS where the field does not state one.

    Raises
    ------
    InputError
        where the axes are unknown, curvilinear or not monotonic, or the CRS is unknown.
    """
    along = [axis for axis in (dimension(field, Axis.X), dimension(field, Axis.Y)) if axis is not None]
    found = {axis: _rising_or_falling(field, axis, name) for axis in along if axis in field.coords}
    evened = {
        axis: (axis, np.linspace(centres[0], centres[-1], centres.size), field[axis].attrs)
        for axis, centres in found.items()
    }
    grid = horizontal_grid(field.assign_coords(evened), name, crs)
    return replace(grid, columns=_unless_even(found[grid.x], grid.columns), rows=_unless_even(found[grid.y], grid.rows))


def uneven_positions(centres: Numbers, values: Numbers) -> Numbers:
    """Where *values* lie among cell centres, in cells: 0 at the first centre, -0.5 at its outer edge."""
    steps = np.diff(centres)
    if np.ptp(steps) <= ROUNDING**2 * abs(steps[0]):
        even: Numbers = (values - centres[0]) * ((centres.size - 1) / (centres[-1] - centres[0]))
        return even
    sign = np.sign(steps[0])
    place: Numbers = np.interp(sign * values, sign * centres, np.arange(centres.size, dtype=np.float64))
    before, behind = (values - centres[0]) / steps[0], (values - centres[-1]) / steps[-1]
    place = np.where(before < 0, before, place)
    return np.where(behind > 0, centres.size - 1 + behind, place)


def outer_edges(centres: Numbers) -> tuple[float, float]:
    """Outer edges of the first and of the last cell."""
    first, last = (3 * centres[0] - centres[1]) / 2, (3 * centres[-1] - centres[-2]) / 2
    return float(first), float(last)


def _rising_or_falling(field: xr.DataArray, axis: Hashable, name: str) -> Numbers:
    centres: Numbers = field[axis].to_numpy().astype(np.float64)
    steps = np.diff(centres)
    if not np.isfinite(centres).all() or not ((steps > 0).all() or (steps < 0).all()):
        raise InputError(f"{name} neither rises nor falls along {axis}; sort it first", input=name)
    return centres


def _unless_even(centres: Numbers, even: Numbers) -> Numbers:
    step = abs(even[1] - even[0])
    return even if np.abs(centres - even).max() <= ROUNDING * step else centres
