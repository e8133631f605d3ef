"""Where the cells of a result shall lie: evenly spaced rows and columns in a CRS that is asked for."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyproj
import rioxarray  # noqa: F401 - gives fields their .rio
import xarray as xr

from moorage_processes.errors import InputError
from moorage_processes.grids.crs import given_crs
from moorage_processes.grids.horizontal import FULL_CIRCLE, HorizontalGrid, Numbers, horizontal_grid
from moorage_processes.grids.uneven import outer_edges

if TYPE_CHECKING:
    from moorage.values import BBox

Bounds = tuple[float, float, float, float]

SAMPLES = 129
"""Places along each side at which the outline of a grid is looked at in another CRS."""
WIDE = 90.0
"""Degrees beyond which a grid is taken to be of the Earth, of which a CRS shows a part."""
GAP = 4.0
"""Smallest gap between longitudes, in average gaps, that is outside of a grid and not between two samples."""
POLE = 90.0


@dataclass(frozen=True)
class ProjectedTarget:
    """Rows and columns in a CRS."""

    crs: pyproj.CRS
    x: Hashable
    y: Hashable
    columns: Numbers
    """Cell centres."""
    rows: Numbers
    dx: float
    """From one column to the next."""
    dy: float

    @property
    def coordinates(self) -> dict[Hashable, xr.Variable]:
        """Its axes, as CF describes them."""
        axes = {str(axis["axis"]): axis for axis in self.crs.cs_to_cf()}
        return {
            self.y: xr.Variable((self.y,), self.rows, axes.get("Y", {})),
            self.x: xr.Variable((self.x,), self.columns, axes.get("X", {})),
        }


def as_crs(given: str) -> pyproj.CRS:
    """A CRS that a grid can be in.

    Raises
    ------
    InputError
        where it is not known, or neither projected nor plain longitude and latitude.
    """
    crs = given_crs(given, "crs")
    if not (crs.is_projected or (crs.is_geographic and not crs.is_derived)):
        message = f"crs {given!r} is {crs.type_name}; it takes a projected CRS, or longitude and latitude"
        raise InputError(message, input="crs")
    return crs


def target_like(like: xr.DataArray) -> ProjectedTarget:
    """The rows and columns of another grid."""
    grid = horizontal_grid(like, "like")
    return ProjectedTarget(grid.crs, grid.x, grid.y, grid.columns, grid.rows, grid.dx, grid.dy)


def target(source: HorizontalGrid, crs: pyproj.CRS, resolution: float | None, bounds: BBox | None) -> ProjectedTarget:
    """North first, within *bounds* or around the *source*, square cells as many along the diagonal."""
    around = _around(source, crs) if bounds is None or resolution is None else None
    cell = resolution
    if cell is None:
        assert around is not None  # noqa: S101 - for the types: given wherever the resolution is not
        cell = float(np.hypot(around[2] - around[0], around[3] - around[1])) / float(
            np.hypot(source.rows.size, source.columns.size)
        )
    west, south, east, north = _within(bounds, crs) if bounds is not None else _checked(around, crs)
    if crs.is_geographic:
        south, north = max(south, -POLE), min(north, POLE)
    width, height = (max(1, round((end - start) / cell)) for start, end in ((west, east), (south, north)))
    names = ("lon", "lat") if crs.is_geographic else ("x", "y")
    columns: Numbers = west + cell * (np.arange(width, dtype=np.float64) + 0.5)
    rows: Numbers = north - cell * (np.arange(height, dtype=np.float64) + 0.5)
    return ProjectedTarget(crs, *names, columns, rows, cell, -cell)


def _checked(around: Bounds | None, crs: pyproj.CRS) -> Bounds:
    assert around is not None  # noqa: S101 - the same
    if not (np.isfinite(around).all() and around[0] < around[2] and around[1] < around[3]):
        raise InputError(f"no part of data can be shown in {crs.name!r}; give another crs", input="crs")
    return around


def _within(box: BBox, crs: pyproj.CRS) -> Bounds:
    """A box in a CRS; one in longitude and latitude may cross the antimeridian."""
    home = given_crs(box.crs, "bounds", about="the crs of bounds")
    west, south, east, north = box.west, box.south, box.east, box.north
    if not home.equals(crs, ignore_axis_order=True) and not (home.is_geographic and crs.is_geographic):
        to = pyproj.Transformer.from_crs(home, crs, always_xy=True)
        west, south, east, north = to.transform_bounds(west, south, east, north, densify_pts=SAMPLES)
    if crs.is_geographic and east < west:
        east += FULL_CIRCLE
    if not (np.isfinite((west, south, east, north)).all() and west < east and south < north):
        raise InputError(f"bounds enclose nothing in {crs.name!r}; give a box with an area in it", input="bounds")
    return west, south, east, north


def _around(source: HorizontalGrid, crs: pyproj.CRS) -> Bounds | None:
    """The box around a grid in another CRS; of a grid of the Earth the part in that CRS's area of use."""
    (left, right), (first, last) = outer_edges(source.columns), outer_edges(source.rows)
    if source.crs.equals(crs, ignore_axis_order=True):
        return min(left, right), min(first, last), max(left, right), max(first, last)
    x, y = np.meshgrid(np.linspace(left, right, SAMPLES), np.linspace(first, last, SAMPLES))
    degrees = pyproj.Transformer.from_crs(source.crs, crs.geodetic_crs or "EPSG:4326", always_xy=True)
    longitude, latitude = (np.asarray(each) for each in degrees.transform(x.ravel(), y.ravel()))
    seen = np.isfinite(longitude) & (np.abs(latitude) <= POLE)
    longitude, latitude = longitude[seen], latitude[seen]
    if latitude.size == 0:
        return None
    if crs.is_geographic:
        return _around_degrees(source, crs, longitude, latitude)
    if np.ptp(latitude) > WIDE or np.ptp(longitude) > WIDE:
        longitude, latitude = _used(crs, longitude, latitude)
    there = pyproj.Transformer.from_crs(crs.geodetic_crs or "EPSG:4326", crs, always_xy=True)
    eastings, northings = (np.asarray(each) for each in there.transform(longitude, latitude))
    seen = np.isfinite(eastings) & np.isfinite(northings)
    if not seen.any():
        return None
    eastings, northings = eastings[seen], northings[seen]
    return float(eastings.min()), float(northings.min()), float(eastings.max()), float(northings.max())


def _used(crs: pyproj.CRS, longitude: Numbers, latitude: Numbers) -> tuple[Numbers, Numbers]:
    """Places in the area of use of a CRS, and along its edges."""
    area = crs.area_of_use
    if area is None:
        return longitude, latitude
    west, east = area.west, area.east + (FULL_CIRCLE if area.east < area.west else 0.0)
    # what lies beyond is moved to the edge, so that the box reaches up to it
    around = west + (longitude - west) % FULL_CIRCLE
    inside = around <= east
    south, north = np.clip(latitude.min(), area.south, area.north), np.clip(latitude.max(), area.south, area.north)
    edge = np.linspace(west, east, SAMPLES)
    return (
        np.concatenate([around[inside], edge, edge]),
        np.concatenate([np.clip(latitude[inside], area.south, area.north), edge * 0 + south, edge * 0 + north]),
    )


def _around_degrees(source: HorizontalGrid, crs: pyproj.CRS, longitude: Numbers, latitude: Numbers) -> Bounds:
    south, north = float(latitude.min()), float(latitude.max())
    there = pyproj.Transformer.from_crs(crs, source.crs, always_xy=True)
    for pole in (-POLE, POLE):
        x, y = there.transform(0.0, pole)
        west, low, east, high = source.bounds
        if source.crs.is_projected and west <= x <= east and low <= y <= high:
            south, north = min(south, pole), max(north, pole)
            return -FULL_CIRCLE / 2, south, FULL_CIRCLE / 2, north
    if source.goes_round:
        return -FULL_CIRCLE / 2, south, FULL_CIRCLE / 2, north
    # a place has many longitudes: the grid begins behind the widest gap between those it has
    sorted_ = np.unique(longitude % FULL_CIRCLE)
    gaps = np.diff(np.append(sorted_, sorted_[0] + FULL_CIRCLE))
    widest = int(gaps.argmax())
    if gaps[widest] < GAP * FULL_CIRCLE / SAMPLES:
        return -FULL_CIRCLE / 2, south, FULL_CIRCLE / 2, north
    west = float(sorted_[(widest + 1) % sorted_.size])
    east = west + FULL_CIRCLE - float(gaps[widest])
    turn = FULL_CIRCLE if west >= FULL_CIRCLE / 2 else 0.0
    return west - turn, south, east - turn, north
