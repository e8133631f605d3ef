"""Cells of one class that lie together, as polygons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Literal

import geopandas
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import rasterio.features
import shapely
import xarray as xr  # noqa: TC002 - the signature is read when the process is described
from pydantic import Field

from moorage_processes import InputError, Unit, process, progress
from moorage_processes.cf.provenance import MethodReference
from moorage_processes.grids.ellipsoid import area_from_equator
from moorage_processes.grids.horizontal import FULL_CIRCLE, HorizontalGrid, Numbers, flat, horizontal_grid
from moorage_processes.methods.streaming.blocks import Floats, numbers

METHOD = MethodReference("polygonize", "GDAL: gdal_polygonize, https://gdal.org/programs/gdal_polygonize.html")
CELLS = 100_000_000
"""Cells of a grid at most."""
POLYGONS = 200_000
"""Polygons of a result at most."""
Codes = npt.NDArray[np.int32]
Shapes = npt.NDArray[np.object_]


@dataclass(frozen=True)
class _Classes:
    """What the cells belong to."""

    codes: Codes
    """Number of the class of each cell, -1 where it is of none; dimensions (y, x)."""
    columns: pd.DataFrame
    """What is known of each class."""


@process(example={"breaks": ...})
def polygonize(
    data: xr.DataArray,
    breaks: list[float] | None = None,
    connectivity: Literal[4, 8] = 4,
    minimum_area: Annotated[float, Field(ge=0), Unit("m2")] = 0.0,
    crs: str | None = None,
) -> geopandas.GeoDataFrame:
    """Polygons around cells of the same class.

    Parameters
    ----------
    data : classes as whole numbers, or any values where *breaks* are given, on evenly spaced rows and columns, without
        a time axis.
    breaks : bounds of ranges of values, each one a class, in the unit of *data*: from the first up to but not
        including the second, and so on, the last included.
    connectivity : whether cells that touch at a corner only are apart (4) or together (8).
    minimum_area : smallest area of a polygon; smaller ones are left out.
    crs : CRS of the grid, as EPSG:25832, where it does not state one; longitude and latitude in the units of CF are
        taken on WGS 84.

    Returns
    -------
    One row for each polygon, in the CRS of *data*: value, or lower and upper of its range, cells (how many), area on
    the ellipsoid [m2], and the outline along the sides of the cells, with its holes.

    Raises
    ------
    InputError
        where there are no whole numbers, no class, over 100 million cells or 200,000 polygons, the CRS is unknown, or
        the grid uneven, curvilinear or with a time axis.

    Notes
    -----
    Cells of a class that are joined by their sides, or with connectivity 8 by their corners, make one polygon; a cell
    reaches half a spacing around its centre. Missing cells, and those outside of all *breaks*, are in none. With
    connectivity 8 polygons may touch themselves at corners and are cut there into the parts of a multipolygon.

    The area along longitude and latitude is exact, that between the parallels and meridians of the outline: the sum
    over its sides of ``q(lat) dlon`` (Snyder 1987, equation 3-12). In a projected CRS it is that of the geodesic
    polygon (Karney 2013) through the corners of all cells along the outline. On a grid that goes round the Earth the
    first and the last column are not joined, so no polygon crosses the seam.

    References
    ----------
    .. [1] Karney, C. F. F. (2013): Algorithms for geodesics. Journal of Geodesy 87, 43-55,
       doi:10.1007/s00190-012-0578-z.
    .. [2] Snyder, J. P. (1987): Map projections: a working manual. USGS Professional Paper 1395.
    """
    grid = horizontal_grid(data, "data", crs)
    field = flat(data, grid, "data")
    if field.size > CELLS:
        raise InputError(f"data has {field.size:,} cells; up to {CELLS:,} are taken", input="data")
    once = round(FULL_CIRCLE / abs(grid.dx)) if grid.goes_round else grid.columns.size
    values = numbers(field[:, :once])
    classes = _of_values(values) if breaks is None else _of_ranges(values, breaks)
    if not (classes.codes >= 0).any():
        raise InputError("data has no cell of any class; all are missing or outside of breaks", input="data")
    shapes, codes = _outlines(classes.codes, grid, connectivity)
    area = _areas(shapes, grid)
    table = classes.columns.iloc[codes].reset_index(drop=True)
    table["cells"] = np.rint(shapely.area(shapes) / abs(grid.dx * grid.dy)).astype(np.int64)
    table["area"] = area
    result = geopandas.GeoDataFrame(table, geometry=shapes, crs=grid.crs)[area >= minimum_area]
    if result.empty:
        message = f"no polygon is of {minimum_area:g} m2; the largest has {area.max():g} m2"
        raise InputError(message, input="minimum_area")
    options = f"breaks={breaks}, connectivity={connectivity}, minimum_area={minimum_area:g}"
    return METHOD.of_features(result.reset_index(drop=True), data, options)


def _of_values(values: Floats) -> _Classes:
    there = np.isfinite(values)
    if (values[there] != np.rint(values[there])).any():
        raise InputError("data are no whole numbers; give breaks between classes of values", input="breaks")
    classes, codes = np.unique(values[there], return_inverse=True)
    placed: Codes = np.full(values.shape, -1, dtype=np.int32)
    placed[there] = codes
    return _Classes(placed, pd.DataFrame({"value": classes.astype(np.int64)}))


def _of_ranges(values: Floats, breaks: list[float]) -> _Classes:
    edges = np.array(breaks, dtype=np.float64)
    if edges.size < 2 or not (np.diff(edges) > 0).all():  # noqa: PLR2004 - a range has two ends
        raise InputError(f"breaks {breaks} make no ranges; give two or more that rise", input="breaks")
    codes: Codes = (np.searchsorted(edges, values, side="right") - 1).astype(np.int32)
    codes[values == edges[-1]] = edges.size - 2
    codes[~((values >= edges[0]) & (values <= edges[-1]))] = -1
    return _Classes(codes, pd.DataFrame({"lower": edges[:-1], "upper": edges[1:]}))


def _outlines(codes: Codes, grid: HorizontalGrid, connectivity: int) -> tuple[Shapes, npt.NDArray[np.int64]]:
    """Polygons in the CRS of the grid, and the class of each."""
    corner, cell = np.array([grid.columns[0] - grid.dx / 2, grid.rows[0] - grid.dy / 2]), np.array([grid.dx, grid.dy])
    # in cells, whole numbers, so that areas in cells are exact; then where they lie
    found = rasterio.features.shapes(codes, mask=codes >= 0, connectivity=connectivity)
    shapes, numbers_ = [], []
    for shape, code in _told(found):
        shapes.append(shapely.geometry.shape(shape))
        numbers_.append(int(code))
        if len(shapes) > POLYGONS:
            message = f"data fall into more than {POLYGONS:,} polygons; smooth them, take fewer classes or a part"
            raise InputError(message, input="data")
    outlines: Shapes = np.array(shapes, dtype=object)
    torn = ~shapely.is_valid(outlines)
    outlines[torn] = shapely.make_valid(outlines[torn], method="structure")
    moved: Any = shapely.transform(outlines, lambda points: corner + cell * points)
    return moved, np.array(numbers_, dtype=np.int64)


def _told(shapes: Iterator[Any]) -> Iterator[Any]:
    """Collect all of them and report progress now and then; their number is not known before."""
    many = 1000
    for step in range(POLYGONS // many + 1):
        progress(step / (POLYGONS // many + 1), "polygons")
        yield from islice(shapes, many)


def _areas(shapes: Shapes, grid: HorizontalGrid) -> Numbers:
    """Area of each on the ellipsoid [m2]."""
    return _between_parallels(shapes, grid) if grid.crs.is_geographic else _geodesic(shapes, grid)


def _between_parallels(shapes: Shapes, grid: HorizontalGrid) -> Numbers:
    """Of outlines along parallels and meridians: what lies between them and the equator, round each ring."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    rings, part = shapely.get_rings(shapely.orient_polygons(parts), return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    below = area_from_equator(np.clip(points[:, 1], -90, 90), grid.ellipsoid)
    sides = -np.diff(np.radians(points[:, 0])) * (below[1:] + below[:-1]) / 2
    sides[np.diff(ring) > 0] = 0.0
    return np.bincount(owner[part[ring[1:]]], weights=sides, minlength=shapes.size).astype(np.float64)


def _geodesic(shapes: Shapes, grid: HorizontalGrid) -> Numbers:
    geod = grid.crs.get_geod()
    if geod is None:
        raise InputError(f"the CRS {grid.crs.name!r} states no ellipsoid; give one that does", input="crs")
    to = pyproj.Transformer.from_crs(grid.crs, grid.crs.geodetic_crs, always_xy=True)
    fine = shapely.segmentize(shapes, max(abs(grid.dx), abs(grid.dy)) * 1.001)
    degrees: Any = shapely.transform(fine, lambda points: np.column_stack(to.transform(*points.T)))
    oriented = shapely.orient_polygons(degrees)
    return np.array([geod.geometry_area_perimeter(shape)[0] for shape in oriented])
