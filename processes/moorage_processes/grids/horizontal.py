"""Where the cells of a field lie: its two horizontal axes, evenly spaced, in a known CRS."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyproj
import rioxarray  # noqa: F401 - gives fields their .rio
from moorage.formats.axes import DEGREES, Axis, axis_of, dimension

from moorage_processes.errors import InputError
from moorage_processes.grids.crs import given_crs

if TYPE_CHECKING:
    import xarray as xr

Numbers = npt.NDArray[np.float64]

UNEVENNESS = 0.05
"""How far a cell may lie from an even spacing, in cells; coordinates in single precision need some."""
FULL_CIRCLE = 360.0


class Ellipsoid(NamedTuple):
    """A figure of the Earth."""

    a: float
    """Half of its longest axis [m]."""
    e2: float
    """Eccentricity squared, 0 for a sphere."""


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
        if not self.crs.is_geographic:
            return False
        around = round(FULL_CIRCLE / abs(self.dx))
        closes = abs(around * abs(self.dx) - FULL_CIRCLE) < UNEVENNESS * abs(self.dx)
        return closes and self.columns.size in (around, around + 1)

    @property
    def ellipsoid(self) -> Ellipsoid:
        """The figure of the Earth beneath longitude and latitude."""
        geod = self.crs.get_geod()
        if geod is None:
            raise InputError(f"the CRS {self.crs.name!r} states no ellipsoid; give one that does", input="crs")
        return Ellipsoid(geod.a, geod.es)


def horizontal_grid(field: xr.DataArray, name: str, crs: str | None = None) -> HorizontalGrid:
    """The horizontal grid of *field*.

    Parameters
    ----------
    field : values with one-dimensional coordinates along both horizontal axes.
    name : of the input that *field* came as, for messages.
    crs : its CRS, as ``EPSG:25832``, where the field does not state one; without either, longitude and latitude in
        the units of CF are taken on WGS 84.

    Raises
    ------
    InputError
        where the axes are unknown, curvilinear or unevenly spaced, or the CRS is unknown.
    """
    x, y = horizontal_axes(field, name)
    return HorizontalGrid(x, y, _centres(field, x, name), _centres(field, y, name), known_crs(field, x, y, name, crs))


def horizontal_axes(field: xr.DataArray | xr.Dataset, name: str) -> tuple[Hashable, Hashable]:
    """The dimensions x and y of *field*, the input *name*.

    Raises
    ------
    InputError
        where they are unknown, as on a curvilinear grid.
    """
    x, y = dimension(field, Axis.X), dimension(field, Axis.Y)
    if x is None or y is None:
        raise InputError(_no_axes(field, name), input=name)
    return x, y


def flat(field: xr.DataArray, grid: HorizontalGrid, name: str) -> xr.DataArray:
    """The field as numbers on (y, x) alone; other dimensions must have length one.

    Raises
    ------
    InputError
        naming the dimensions that are too many, or values that are no numbers.
    """
    others = [other for other in field.dims if other not in (grid.x, grid.y)]
    if many := [other for other in others if field.sizes[other] > 1]:
        listed = ", ".join(f"{other} ({field.sizes[other]})" for other in many)
        raise InputError(f"{name} has further dimensions: {listed}; pick one step of each", input=name)
    if field.dtype.kind not in "iuf":
        raise InputError(f"{name} holds {field.dtype}; it takes numbers", input=name)
    return field.squeeze(others, drop=True).transpose(grid.y, grid.x)


def _no_axes(field: xr.DataArray | xr.Dataset, name: str) -> str:
    if any(coordinate.ndim == 2 and axis_of(coordinate) in DEGREES for coordinate in field.coords.values()):  # noqa: PLR2004 - rows and columns
        return f"{name} is on a curvilinear grid; regrid it to evenly spaced rows and columns first"
    return (
        f"{name} has the dimensions {[str(name) for name in field.dims]}, which do not tell its horizontal axes; "
        "give them coordinates named x and y, or with units degrees_east and degrees_north"
    )


def _centres(field: xr.DataArray, along: Hashable, name: str) -> Numbers:
    if along not in field.coords:
        raise InputError(f"{name} has no coordinates along {along}; give each cell's centre", input=name)
    centres = field[along].to_numpy().astype(np.float64)
    if centres.size < 2:  # noqa: PLR2004 - one cell does not tell its size
        raise InputError(f"{name} has {centres.size} cell along {along}; it takes two or more", input=name)
    even: Numbers = np.linspace(centres[0], centres[-1], centres.size)
    step = abs(even[1] - even[0])
    if not np.isfinite(centres).all() or step == 0 or np.abs(centres - even).max() > UNEVENNESS * step:
        raise InputError(f"{name} is not evenly spaced along {along}; regrid it first", input=name)
    return even


def known_crs(field: xr.DataArray | xr.Dataset, x: Hashable, y: Hashable, name: str, given: str | None) -> pyproj.CRS:
    """The CRS that *field*, the input *name*, states, that is given, or that its axes imply.

    Raises
    ------
    InputError
        where there is none, the two differ, or it is neither projected nor longitude and latitude.
    """
    stated = None if field.rio.crs is None else pyproj.CRS.from_wkt(field.rio.crs.to_wkt())
    override = None if given is None else given_crs(given, "crs")
    if stated is not None and override is not None and not stated.equals(override, ignore_axis_order=True):
        raise InputError(f"{name} states the CRS {stated.name!r}, which is not {given}; leave crs out", input="crs")
    crs = stated or override or _implied_crs(field, x, y)
    if crs is None:
        remedy = f"give it as crs='EPSG:25832', say, or write it into the data with {name}.rio.write_crs"
        raise InputError(f"{name} does not state its CRS; {remedy}", input=name)
    if not (crs.is_projected or _is_plain_geographic(crs)):
        takes = "a projected CRS, or longitude and latitude in degrees"
        raise InputError(f"{name} is in {crs.name!r}; it takes {takes}", input=name)
    return crs


def _is_plain_geographic(crs: pyproj.CRS) -> bool:
    """Whether a CRS is longitude and latitude in degrees about the true poles."""
    return crs.is_geographic and not crs.is_derived and crs.axis_info[0].unit_name == "degree"


def _implied_crs(field: xr.DataArray | xr.Dataset, x: Hashable, y: Hashable) -> pyproj.CRS | None:
    """WGS 84 where the units of CF tell longitude and latitude, which they do without a datum."""
    units = {axis: str(field[name].attrs.get("units", "")).lower() for axis, name in ((Axis.X, x), (Axis.Y, y))}
    return pyproj.CRS("EPSG:4326") if all(unit in DEGREES[axis] for axis, unit in units.items()) else None
