"""Where the cells of a field lie: its two horizontal axes, evenly spaced, in a known CRS."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import pyproj
import rioxarray  # noqa: F401 - gives fields their .rio
import xarray as xr
from pyproj.crs import Ellipsoid

from mooring_processes.axes import UNITS, Axis, axis_of, dimension
from mooring_processes.errors import InputError

Numbers = npt.NDArray[np.float64]

UNEVENNESS = 0.05
"""How far a cell may lie from an even spacing, in cells; coordinates in single precision need some."""
FULL_CIRCLE = 360.0


@dataclass(frozen=True)
class HorizontalGrid:
    """The horizontal grid of a field: evenly spaced, with axes of any name, order and direction."""

    x: Hashable
    y: Hashable
    columns: Numbers
    """Cell centres along x, in the unit of the CRS."""
    rows: Numbers
    """Cell centres along y, in the unit of the CRS."""
    crs: pyproj.CRS

    @property
    def dx(self) -> float:
        """From one column to the next; negative where x falls."""
        return float(self.columns[-1] - self.columns[0]) / (self.columns.size - 1)

    @property
    def dy(self) -> float:
        """From one row to the next; negative where y falls, as in most pictures."""
        return float(self.rows[-1] - self.rows[0]) / (self.rows.size - 1)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north: the outer edges of the outermost cells."""
        half_x, half_y = abs(self.dx) / 2, abs(self.dy) / 2
        west, east = min(self.columns[0], self.columns[-1]) - half_x, max(self.columns[0], self.columns[-1]) + half_x
        south, north = min(self.rows[0], self.rows[-1]) - half_y, max(self.rows[0], self.rows[-1]) + half_y
        return (float(west), float(south), float(east), float(north))

    @property
    def goes_round(self) -> bool:
        """Whether the columns close the circle of longitudes, with or without the first one repeated."""
        around = round(FULL_CIRCLE / abs(self.dx))
        closes = abs(around * abs(self.dx) - FULL_CIRCLE) < UNEVENNESS * abs(self.dx)
        return self.crs.is_geographic and closes and self.columns.size in (around, around + 1)

    @property
    def ellipsoid(self) -> Ellipsoid:
        """The figure of the Earth beneath longitude and latitude."""
        return cast("Ellipsoid", self.crs.ellipsoid)


def horizontal_grid(field: xr.DataArray, input: str, crs: str | None = None) -> HorizontalGrid:  # noqa: A002 - the standard's word
    """The horizontal grid of *field*.

    Parameters
    ----------
    field : values with one-dimensional coordinates along both horizontal axes.
    input : the input that *field* came as, for messages.
    crs : its CRS, as ``EPSG:25832``, where the field does not state one.

    Raises
    ------
    InputError
        where the axes cannot be told, are curvilinear or unevenly spaced, or the CRS is unknown.
    """
    x, y = dimension(field, Axis.X), dimension(field, Axis.Y)
    if x is None or y is None:
        raise InputError(_no_axes(field, input), input=input)
    return HorizontalGrid(x, y, _centres(field, x, input), _centres(field, y, input), _crs(field, x, y, input, crs))


def flat(field: xr.DataArray, grid: HorizontalGrid, input: str) -> xr.DataArray:  # noqa: A002 - the standard's word
    """The field as numbers on (y, x) alone; other dimensions must have length one.

    Raises
    ------
    InputError
        naming the dimensions that are too many, or values that are no numbers.
    """
    others = {str(name): size for name, size in field.sizes.items() if name not in (grid.x, grid.y)}
    if many := {name: size for name, size in others.items() if size > 1}:
        listed = ", ".join(f"{name} ({size})" for name, size in many.items())
        raise InputError(f"{input} has further dimensions: {listed}; pick one step of each", input=input)
    if field.dtype.kind not in "iuf":
        raise InputError(f"{input} holds {field.dtype}; it takes numbers", input=input)
    return field.squeeze(list(others), drop=True).transpose(grid.y, grid.x)


def numbers(field: xr.DataArray) -> npt.NDArray[np.floating]:
    """The values in memory as float64, or float32 where they are; NaN where missing, also by a stated fill value."""
    values = field.to_numpy()
    missing = field.rio.nodata
    precision = np.float32 if values.dtype.kind == "f" and values.dtype.itemsize <= np.dtype("f4").itemsize else np.float64
    plain = values.astype(precision)
    if missing is not None and not np.isnan(missing):
        plain[values == missing] = np.nan
    return plain


def _no_axes(field: xr.DataArray, input: str) -> str:  # noqa: A002 - the standard's word
    if any(coordinate.ndim == 2 and axis_of(coordinate) for coordinate in field.coords.values()):  # noqa: PLR2004 - rows and columns
        return f"{input} is on a curvilinear grid; regrid it to evenly spaced rows and columns first"
    return (
        f"{input} has the dimensions {[str(name) for name in field.dims]}, which do not tell its horizontal axes; "
        "give them coordinates named x and y, or with units degrees_east and degrees_north"
    )


def _centres(field: xr.DataArray, name: Hashable, input: str) -> Numbers:  # noqa: A002 - the standard's word
    if name not in field.coords:
        raise InputError(f"{input} has no coordinates along {name}; give each cell's centre", input=input)
    centres = field[name].to_numpy().astype(np.float64)
    if centres.size < 2:  # noqa: PLR2004 - one cell does not tell its size
        raise InputError(f"{input} has {centres.size} cell along {name}; it takes two or more", input=input)
    even: Numbers = np.linspace(centres[0], centres[-1], centres.size)
    step = abs(even[1] - even[0])
    if not np.isfinite(centres).all() or step == 0 or np.abs(centres - even).max() > UNEVENNESS * step:
        raise InputError(f"{input} is not evenly spaced along {name}; regrid it first", input=input)
    return even


def _crs(field: xr.DataArray, x: Hashable, y: Hashable, input: str, given: str | None) -> pyproj.CRS:  # noqa: A002 - the standard's word
    stated = _stated_crs(field, x, y)
    crs = stated or _given_crs(given)
    if crs is None:
        remedy = f"give it as crs='EPSG:25832', say, or write it into the data with {input}.rio.write_crs"
        raise InputError(f"{input} does not state its CRS; {remedy}", input=input)
    if given is not None and _given_crs(given) != crs:
        raise InputError(f"{input} states the CRS {crs.name!r}, which is not {given}; leave crs out", input="crs")
    if not (crs.is_projected or crs.is_geographic) or (crs.is_geographic and crs.is_derived):
        raise InputError(f"{input} is in {crs.name!r}; it takes a projected CRS, or longitude and latitude", input=input)
    return crs


def _stated_crs(field: xr.DataArray, x: Hashable, y: Hashable) -> pyproj.CRS | None:
    if field.rio.crs is not None:
        return pyproj.CRS.from_wkt(field.rio.crs.to_wkt())
    # CF units name longitude and latitude but no datum; WGS 84 is what such data mean
    units = {axis: str(field[name].attrs.get("units", "")).lower() for axis, name in ((Axis.X, x), (Axis.Y, y))}
    return pyproj.CRS("EPSG:4326") if all(unit in UNITS[axis] for axis, unit in units.items()) else None


def _given_crs(given: str | None) -> pyproj.CRS | None:
    if given is None:
        return None
    try:
        return pyproj.CRS.from_user_input(given)
    except pyproj.exceptions.CRSError as error:
        raise InputError(f"crs {given!r} is not known; write it as EPSG:25832, say", input="crs") from error
