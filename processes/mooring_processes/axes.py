"""Which dimension of a grid is which: x, y and time, told by CF metadata first and by common names last."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    import xarray as xr


class Axis(StrEnum):
    """The axes of CF conventions that methods and selections ask for."""

    X = "X"
    Y = "Y"
    T = "T"


STANDARD_NAMES = {
    "longitude": Axis.X,
    "projection_x_coordinate": Axis.X,
    "latitude": Axis.Y,
    "projection_y_coordinate": Axis.Y,
    "time": Axis.T,
}
UNITS = {
    Axis.X: {"degrees_east", "degree_east", "degrees_e", "degreee", "degree_e", "degreese"},
    Axis.Y: {"degrees_north", "degree_north", "degrees_n", "degreen", "degree_n", "degreesn"},
}
NAMES = {
    "x": Axis.X, "lon": Axis.X, "longitude": Axis.X, "rlon": Axis.X, "easting": Axis.X,
    "y": Axis.Y, "lat": Axis.Y, "latitude": Axis.Y, "rlat": Axis.Y, "northing": Axis.Y,
    "time": Axis.T, "t": Axis.T, "valid_time": Axis.T,
}  # fmt: skip


def axis_of(coordinate: xr.DataArray) -> Axis | None:
    """The axis a one-dimensional coordinate stands for, or None."""
    stated = str(coordinate.attrs.get("axis", "")).upper()
    if stated in set(Axis):
        return Axis(stated)
    if known := STANDARD_NAMES.get(str(coordinate.attrs.get("standard_name", ""))):
        return known
    unit = str(coordinate.attrs.get("units", "")).lower()
    for axis, spellings in UNITS.items():
        if unit in spellings:
            return axis
    if coordinate.dtype.kind == "M" or hasattr(coordinate.dtype, "calendar"):
        return Axis.T
    return NAMES.get(str(coordinate.name).lower())


def dimension(grid: xr.DataArray | xr.Dataset, axis: Axis) -> Hashable | None:
    """The dimension of *grid* that stands for *axis*, or None."""
    for name in grid.dims:
        coordinate = grid.coords.get(name)
        known = NAMES.get(str(name).lower()) if coordinate is None else axis_of(coordinate)
        if known is axis:
            return name
    return None


def is_horizontal(grid: xr.DataArray) -> bool:
    """Whether a variable has both horizontal axes."""
    return dimension(grid, Axis.X) is not None and dimension(grid, Axis.Y) is not None
