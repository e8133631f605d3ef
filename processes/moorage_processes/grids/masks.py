"""Which cells of a grid lie in a polygon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from moorage_processes.errors import InputError
from moorage_processes.grids.crs import given_crs

Numbers = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

CellsThat = Literal["centre", "touched"]
TURN = 360.0


@dataclass(frozen=True)
class Cells:
    """Cells in rows and columns, which need not be evenly spaced."""

    columns: Numbers
    rows: Numbers
    crs: pyproj.CRS


def meeting(cells: Cells, polygon: shapely.Geometry, polygon_crs: str, which: CellsThat) -> Mask:
    """Whether each cell (y, x) has its centre in a polygon, or is touched by it.

    Raises
    ------
    InputError
        where the polygon or its CRS cannot be used.
    """
    home = given_crs(polygon_crs, "polygon_crs")
    if not shapely.is_valid(polygon) or shapely.is_empty(polygon):
        reason = "is empty" if shapely.is_empty(polygon) else f"is not valid: {shapely.is_valid_reason(polygon)}"
        raise InputError(f"polygon {reason}", input="polygon")
    circles = (-TURN, 0.0, TURN) if home.is_geographic else (0.0,)  # one place has many longitudes
    shape = shapely.union_all([_turned(polygon, each) for each in circles])
    shapely.prepare(shape)
    if which == "centre":
        x, y = _moved(cells.columns, cells.rows, cells.crs, home)
        return np.asarray(shapely.intersects_xy(shape, x, y))
    return _touched(*_moved(_edges(cells.columns), _edges(cells.rows), cells.crs, home), shape, home)


def _turned(polygon: shapely.Geometry, by: float) -> shapely.Geometry:
    return shapely.transform(polygon, lambda points: points + np.array([by, 0.0]))


def _moved(columns: Numbers, rows: Numbers, source: pyproj.CRS, target: pyproj.CRS) -> tuple[Numbers, Numbers]:
    """Points (y, x) of a mesh in another CRS."""
    x, y = np.meshgrid(columns, rows)
    if source.equals(target, ignore_axis_order=True):
        return x, y
    x, y = pyproj.Transformer.from_crs(source, target, always_xy=True).transform(x, y)
    return np.where(np.isfinite(x), x, np.nan), np.where(np.isfinite(y), y, np.nan)


def _edges(centres: Numbers) -> Numbers:
    """Half way between neighbours, and as far beyond the outermost."""
    if centres.size == 1:
        raise InputError("data has a single row or column of cells, whose size is not known", input="cells")
    between = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - between[0]], between, [2 * centres[-1] - between[-1]]])


def _touched(x: Numbers, y: Numbers, shape: shapely.Geometry, crs: pyproj.CRS) -> Mask:
    """Whether each cell, given by the corners of all of them, meets a shape."""
    corners = [(slice(0, -1), slice(0, -1)), (slice(0, -1), slice(1, None))]
    corners += [(slice(1, None), slice(1, None)), (slice(1, None), slice(0, -1))]
    around = np.stack([np.stack([x[each], y[each]], axis=-1) for each in corners], axis=-2)
    if crs.is_geographic:  # a cell over 180 degrees is not one around the Earth
        around[..., 0] = around[..., :1, 0] + (around[..., 0] - around[..., :1, 0] + TURN / 2) % TURN - TURN / 2
    west, south, east, north = shapely.bounds(shape)
    lowest, highest = around.min(axis=-2), around.max(axis=-2)
    near: Any = (lowest[..., 0] <= east) & (highest[..., 0] >= west)
    near &= (lowest[..., 1] <= north) & (highest[..., 1] >= south)
    touched = np.zeros(near.shape, dtype=bool)
    touched[near] = shapely.intersects(shape, shapely.polygons(around[near]))
    return touched
