"""Lines of equal value through a grid, and the areas between them."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

import contourpy
import geopandas
import numpy as np
import shapely
import xarray as xr  # noqa: TC002 - the signature is read when the process is described
from contourpy import FillType, LineType
from pydantic import Field

from moorage_processes import InputError, process, progress
from moorage_processes.cf.provenance import MethodReference
from moorage_processes.grids.horizontal import FULL_CIRCLE, HorizontalGrid, Numbers, flat
from moorage_processes.grids.uneven import uneven_grid
from moorage_processes.methods.streaming.blocks import Floats, numbers

METHOD = MethodReference(
    "contours", "Lorensen and Cline (1987): Marching cubes. Comput. Graph. 21(4), 163-169, doi:10.1145/37402.37422"
)
LEVELS = 1000
"""Levels at most."""
CELLS = 100_000_000
"""Cells of a grid at most."""
ROUNDING = 1e-9


@process(example={"interval": ...})
def contours(
    data: xr.DataArray,
    levels: list[float] | None = None,
    interval: Annotated[float, Field(gt=0)] | None = None,
    base: float = 0.0,
    shapes: Literal["lines", "areas"] = "lines",
    crs: str | None = None,
) -> geopandas.GeoDataFrame:
    """Contour lines of a grid, or the areas between them.

    Parameters
    ----------
    data : values on rows and columns, evenly spaced or not, without a time axis.
    levels : values that lines are drawn at, in the unit of *data*.
    interval : distance from one level to the next, in place of *levels*.
    base : a value that would be a level, where an *interval* is given.
    shapes : lines along the levels, or areas between each level and the next.
    crs : CRS of the grid, as EPSG:25832, where it does not state one; longitude and latitude in the units of CF are
        taken on WGS 84.

    Returns
    -------
    In the CRS of *data*, from the lowest level that occurs: one row for each level with the column level and all its
    lines, or for each area between two with the columns lower and upper and all its parts.

    Raises
    ------
    InputError
        where neither or both of *levels* and *interval* are given, no level occurs, there are over 1000 levels or 100
        million cells, the CRS is unknown, or the grid curvilinear or with a time axis.

    Notes
    -----
    Values are taken to lie at the centres of cells, and to run straight between neighbours: a line crosses the side
    between two centres at ``(level - a) / (b - a)`` of the way from the one with *a* to that with *b* (marching
    squares; at saddles the mean of the four centres decides). So nothing is drawn within half a cell of the outer
    edge, where gdal_contour goes on with the values of the edge; nor at a level that is the highest value itself.
    Between four centres of which one is missing nothing is drawn: lines end there, and areas have gaps. Rings
    are closed.

    No line crosses the antimeridian or any other seam of the longitudes: on a grid that goes round the Earth lines
    reach up to the first column and, a circle further on, to the first column again, and end there at equal latitudes.

    References
    ----------
    .. [1] contourpy, https://contourpy.readthedocs.io
    """
    grid = uneven_grid(data, "data", crs)
    field = flat(data, grid, "data")
    _check(field, levels, interval)
    values, columns = _closed(numbers(field), grid)
    wanted = _levels(values, levels, interval, base, areas=shapes == "areas")
    generator = contourpy.contour_generator(
        columns, grid.rows, np.ma.masked_invalid(values), corner_mask=False,
        line_type=LineType.ChunkCombinedOffset, fill_type=FillType.ChunkCombinedOffsetOffset,
    )  # fmt: skip
    table = _lines(generator, wanted, grid) if shapes == "lines" else _areas(generator, wanted, grid)
    if table.empty:
        raise InputError(_none_occurs(values, wanted), input="levels" if levels else "interval")
    return METHOD.of_features(table, data, f"{len(wanted)} levels from {wanted[0]:g} to {wanted[-1]:g}, {shapes}")


def _check(field: xr.DataArray, levels: list[float] | None, interval: float | None) -> None:
    if bool(levels) == (interval is not None):
        raise InputError("give either levels or an interval", input="levels")
    if levels is not None and len(levels) > LEVELS:
        raise InputError(f"{len(levels)} levels are asked for; up to {LEVELS} are drawn", input="levels")
    if field.size > CELLS:
        raise InputError(f"data has {field.size:,} cells; contours are drawn of up to {CELLS:,}", input="data")


def _closed(values: Floats, grid: HorizontalGrid) -> tuple[Floats, Numbers]:
    """Values and columns, with the first ones once more behind the last where they go round the Earth."""
    once = round(FULL_CIRCLE / abs(grid.dx)) if grid.goes_round else 0
    if once != grid.columns.size:
        return values, grid.columns
    behind = grid.columns[0] + np.copysign(FULL_CIRCLE, grid.dx)
    return np.concatenate([values, values[:, :1]], axis=1), np.append(grid.columns, behind)


def _levels(
    values: Floats, levels: list[float] | None, interval: float | None, base: float, *, areas: bool
) -> list[float]:
    """Levels from the lowest; those of an interval that occur, and for areas those around them."""
    if np.isnan(values).all():
        raise InputError("data holds no values, all are missing", input="data")
    if levels:
        return sorted(set(levels))
    assert interval is not None  # noqa: S101 - for the types: checked before
    low, high = ((float(end) - base) / interval for end in (np.nanmin(values), np.nanmax(values)))
    first, last = (np.floor(low), np.ceil(high)) if areas else (np.ceil(low - ROUNDING), np.floor(high + ROUNDING))
    if last - first + 1 > LEVELS:
        message = f"interval {interval:g} makes {last - first + 1:.0f} levels; up to {LEVELS} are drawn"
        raise InputError(message, input="interval")
    if last < first or (areas and last == first):
        raise InputError(_none_occurs(values, [first * interval + base]), input="interval")
    return [float(base + number * interval) for number in np.arange(first, last + 1)]


def _none_occurs(values: Floats, levels: list[float]) -> str:
    extent = f"data lie between {np.nanmin(values):g} and {np.nanmax(values):g}"
    return f"nothing to draw at the levels {levels[0]:g} to {levels[-1]:g}: {extent}"


def _lines(generator: Any, levels: list[float], grid: HorizontalGrid) -> geopandas.GeoDataFrame:
    found: list[tuple[float, Any]] = []
    for level in progress.track(levels, "contour lines"):
        # one chunk holds all lines, end to end, and where each begins
        points, offsets = (chunks[0] for chunks in generator.lines(level))
        if points is None:
            continue
        lines = shapely.from_ragged_array(shapely.GeometryType.LINESTRING, points, (offsets.astype(np.int64),))
        # a line through a centre passes it twice
        lines = shapely.remove_repeated_points(lines)
        lines = lines[shapely.length(lines) > 0]
        if lines.size:
            found.append((level, shapely.multilinestrings(lines)))
    return geopandas.GeoDataFrame(
        {"level": [level for level, _ in found]}, geometry=[shape for _, shape in found], crs=grid.crs
    )


def _areas(generator: Any, levels: list[float], grid: HorizontalGrid) -> geopandas.GeoDataFrame:
    found: list[tuple[float, float, Any]] = []
    for lower, upper in progress.track(list(pairwise(levels)), "areas between levels"):
        points, offsets, outer = (chunks[0] for chunks in generator.filled(lower, upper))
        if points is None:
            continue
        rings = (offsets.astype(np.int64), outer.astype(np.int64))
        parts = shapely.from_ragged_array(shapely.GeometryType.POLYGON, points, rings)
        area: Any = shapely.make_valid(shapely.multipolygons(parts), method="structure")
        if area.area > 0:
            found.append((lower, upper, area))
    columns = {"lower": [row[0] for row in found], "upper": [row[1] for row in found]}
    return geopandas.GeoDataFrame(columns, geometry=[row[2] for row in found], crs=grid.crs)
