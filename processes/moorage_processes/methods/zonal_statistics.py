"""What a grid says about zones: statistics of the cells inside polygons, each cell by the part that is covered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import geopandas
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
import xarray as xr  # noqa: TC002 - the signature is read when the process is described
from exactextract import exact_extract
from exactextract.feature import FeatureSource, JSONFeature
from exactextract.raster import NumPyRasterSource
from pyproj import CRS, Transformer

from moorage_processes import InputError, process, progress
from moorage_processes.cf.provenance import MethodReference
from moorage_processes.grids.ellipsoid import area_from_equator
from moorage_processes.grids.horizontal import FULL_CIRCLE, HorizontalGrid, Numbers, flat, horizontal_grid
from moorage_processes.methods.streaming.blocks import numbers

Shapes = npt.NDArray[np.object_]
Box = tuple[float, float, float, float]

METHOD = MethodReference("zonal-statistics", "Baston, D.: exactextract, https://github.com/isciences/exactextract")
Statistic = Literal["count", "mean", "min", "max", "sum", "stdev", "variance", "median", "majority", "variety"]
USUAL: tuple[Statistic, ...] = ("count", "mean", "min", "max", "stdev")
"""The statistics that are given where none is asked for."""
WEIGHTED = frozenset({"mean", "stdev", "variance"})
"""The statistics that cells of unequal area bias."""
NOTHING: dict[Statistic, float] = {"count": 0.0, "variety": 0}
"""What a zone without any cell has; other statistics are missing."""
ZONES = 1_000_000
"""Zones at most."""
AREAL = (-1, 3, 6)
"""Types of shapely that can be a zone: none, a polygon, several of them."""
SEGMENTS = 256
"""Pieces into which the outline of a zone is cut before it is reprojected, so its sides bend as they should."""


@process
def zonal_statistics(
    grid: xr.DataArray,
    zones: geopandas.GeoDataFrame,
    statistics: list[Statistic] | None = None,
    weights: Literal["fraction", "area"] = "fraction",
    prefix: str = "",
    crs: str | None = None,
) -> geopandas.GeoDataFrame:
    """Statistics of a grid inside polygons.

    Parameters
    ----------
    grid : values on evenly spaced rows and columns, without a time axis.
    zones : polygons in any CRS, with any attributes.
    statistics : which ones; count, mean, min, max and stdev where none is named.
    weights : what a cell counts in mean, stdev and variance: the fraction of it inside the zone, or the area of that
        fraction on the ellipsoid, which differs along longitude and latitude.
    prefix : what the names of the new columns begin with.
    crs : CRS of the grid, as EPSG:25832, where it does not state one; longitude and latitude in the units of CF are
        taken on WGS 84.

    Returns
    -------
    The zones with all their attributes, in their own CRS and order, and one column per statistic, in the unit of the
    grid (variance in its square, count and variety without).

    Raises
    ------
    InputError
        where the CRS of either is unknown, the grid uneven or with a time axis, a zone no valid polygon, there are over
        a million of them, or all zones lie outside the grid.

    Notes
    -----
    With *x* the value of a cell and *c* the fraction of it inside the zone, over the cells that are not missing:
    count is the sum of *c*, sum that of *c x*, mean their ratio, variance the mean of *(x - mean)^2* and stdev its
    root; median is that of the values weighted by *c*; min and max are over all cells touched; majority is the value
    with the largest sum of *c*, variety the number of different values. With area weights *c* becomes the covered
    area in mean, stdev and variance. A cell reaches half a spacing around its centre.

    A zone without any cell has count and variety 0; its other statistics are missing. Zones are reprojected to the
    CRS of the grid, with sides that are straight in their own CRS, and longitudes are taken round the Earth to those
    of the grid.

    References
    ----------
    .. [1] Baston, D.: exactextract, https://github.com/isciences/exactextract
    """
    mesh = horizontal_grid(grid, "grid", crs)
    field = flat(grid, mesh, "grid")
    wanted = tuple(dict.fromkeys(statistics or USUAL))
    columns = [f"{prefix}{name}" for name in wanted]
    _check(zones, columns)
    field, mesh = _oriented(field, mesh)
    outlines = _outlines(zones, mesh)
    inside = ~shapely.is_empty(outlines)
    if not inside.any():
        west, south, east, north = mesh.bounds
        extent = f"x {west:g} to {east:g}, y {south:g} to {north:g} in {mesh.crs.name}"
        raise InputError(f"no zone meets the grid, which covers {extent}", input="zones")
    table = _extract(*_cut(field, mesh, outlines[inside]), outlines[inside], wanted, by_area=weights == "area")
    result = zones.copy()
    for name, column in zip(wanted, columns, strict=True):
        result[column] = NOTHING.get(name, np.nan)
        result.loc[inside, column] = table[name].to_numpy()
    return METHOD.of_features(result, grid, f"{', '.join(wanted)}, weights={weights}")


def _check(zones: geopandas.GeoDataFrame, columns: list[str]) -> None:
    if zones.crs is None:
        raise InputError("zones do not state their CRS; write it with zones.set_crs('EPSG:4326')", input="zones")
    if taken := sorted(set(columns) & set(zones.columns)):
        raise InputError(f"zones already have {taken}; give a prefix for the new columns", input="prefix")
    if len(zones) > ZONES:
        message = f"there are {len(zones):,} zones; up to {ZONES:,} are taken at once, so send them in parts"
        raise InputError(message, input="zones")
    shapes: Shapes = zones.geometry.to_numpy()
    polygonal = np.isin(shapely.get_type_id(shapes), AREAL)
    for label, shape in zip(zones.index[~polygonal][:1], shapes[~polygonal], strict=False):
        raise InputError(f"zone {label} is a {shape.geom_type}; zones are polygons", input="zones")
    invalid = ~(shapely.is_valid(shapes) | shapely.is_missing(shapes))
    for label, shape in zip(zones.index[invalid][:1], shapes[invalid], strict=False):
        raise InputError(f"zone {label} is not a valid polygon: {shapely.is_valid_reason(shape)}", input="zones")


def _oriented(field: xr.DataArray, mesh: HorizontalGrid) -> tuple[xr.DataArray, HorizontalGrid]:
    """The field with north and west first, and each longitude once."""
    if mesh.dy > 0:
        field, mesh = field[::-1], replace(mesh, rows=mesh.rows[::-1])
    if mesh.dx < 0:
        field, mesh = field[:, ::-1], replace(mesh, columns=mesh.columns[::-1])
    once = round(FULL_CIRCLE / mesh.dx) if mesh.goes_round else mesh.columns.size
    return field[:, :once], replace(mesh, columns=mesh.columns[:once])


def _outlines(zones: geopandas.GeoDataFrame, mesh: HorizontalGrid) -> Shapes:
    """The part of each zone that lies on the grid, in its CRS; empty where there is none."""
    shapes: Shapes = zones.geometry.to_numpy(copy=True)
    shapes[shapely.is_missing(shapes)] = shapely.Polygon()
    home = CRS(zones.crs)
    if not home.equals(mesh.crs, ignore_axis_order=True):
        if home.is_geographic and mesh.crs.is_projected:
            # far from its home a projection folds back on itself, so that is cut away first
            shapes = _part(shapes, _surroundings(mesh, home), home)
        shapes = _reprojected(shapes, home, mesh.crs, zones.index)
    return _part(shapes, mesh.bounds, mesh.crs)


def _surroundings(mesh: HorizontalGrid, crs: CRS) -> Box:
    """The grid and a little around it as a box in a geographic CRS."""
    to = Transformer.from_crs(mesh.crs, crs, always_xy=True)
    west, south, east, north = to.transform_bounds(*mesh.bounds)
    east += FULL_CIRCLE if east < west else 0.0
    margin = 0.01 * max(east - west, north - south)
    if east - west + 2 * margin >= FULL_CIRCLE:
        return (-FULL_CIRCLE / 2, south - margin, FULL_CIRCLE / 2, north + margin)
    return (west - margin, south - margin, east + margin, north + margin)


def _reprojected(shapes: Shapes, home: CRS, crs: CRS, labels: pd.Index) -> Shapes:
    lengths = shapely.length(shapes) / SEGMENTS
    fine = shapely.segmentize(shapes, np.where(lengths > 0, lengths, 1.0))
    reprojected: Shapes = geopandas.GeoSeries(fine, crs=home).to_crs(crs).to_numpy()
    for label, shape in zip(labels, reprojected, strict=True):
        if (home.is_projected and crs.is_geographic and _leaps(shape)) or not np.isfinite(shapely.bounds(shape)).all():
            remedy = "cut it to the region of the grid, or give it in longitude and latitude"
            raise InputError(f"zone {label} reaches too far to be reprojected to {crs.name}; {remedy}", input="zones")
    # a zone around a pole meets itself along a meridian
    torn = ~shapely.is_valid(reprojected)
    reprojected[torn] = shapely.make_valid(reprojected[torn], method="structure")
    return reprojected


def _leaps(shape: shapely.Geometry) -> bool:
    """Whether an outline leaps from one end of the longitudes to the other, as around a pole."""
    points, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(shape)), return_index=True)
    return bool((np.abs(np.diff(points[:, 0]))[np.diff(ring) == 0] > FULL_CIRCLE / 2).any())


def _part(shapes: Shapes, box: Box, crs: CRS) -> Shapes:
    """The part of each polygon inside a box; empty where there is none."""
    # the same place has many longitudes: look for it one circle to the west and to the east, too
    circles = (-FULL_CIRCLE, 0.0, FULL_CIRCLE) if crs.is_geographic else (0.0,)
    return _joined([_clipped(shapes, circle, shapely.box(*box)) for circle in circles])


def _clipped(shapes: Shapes, circle: float, frame: shapely.Polygon) -> Shapes:
    """Polygons moved east by *circle* and cut at *frame*."""
    moved: Shapes = shapely.transform(shapes, lambda points: points + np.array([circle, 0.0]))
    shapely.prepare(frame)
    met = shapely.intersects(frame, moved)
    crossing = met & ~shapely.covers(frame, moved)
    moved[crossing] = shapely.intersection(moved[crossing], frame)
    moved[~met] = shapely.Polygon()
    return moved


def _joined(layers: list[Shapes]) -> Shapes:
    """One polygon for each place in the layers, of all that the layers have there."""
    owners, parts = [], []
    for layer in layers:
        # a zone that touches the edge of the grid leaves lines and points, too
        pieces, index = shapely.get_parts(layer, return_index=True)
        areal = (shapely.get_dimensions(pieces) == 2) & ~shapely.is_empty(pieces)  # noqa: PLR2004 - polygons
        owners.append(index[areal])
        parts.append(pieces[areal])
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    joined = np.full(layers[0].shape, shapely.Polygon(), dtype=object)
    shapely.multipolygons(np.concatenate(parts)[order], indices=owner[order], out=joined)
    return joined


def _cut(field: xr.DataArray, mesh: HorizontalGrid, outlines: Shapes) -> tuple[xr.DataArray, HorizontalGrid]:
    """The part of the field around the zones; the rest is never read."""
    west, _, _, north = mesh.bounds
    left, bottom, right, top = shapely.total_bounds(outlines)
    columns = _window((left - west) / mesh.dx, (right - west) / mesh.dx, mesh.columns.size)
    rows = _window((top - north) / mesh.dy, (bottom - north) / mesh.dy, mesh.rows.size)
    return field[rows, columns], replace(mesh, rows=mesh.rows[rows], columns=mesh.columns[columns])


def _window(first: float, last: float, size: int) -> slice:
    """Cells from *first* to *last* with one more on either side where there is one; two at least."""
    start = min(max(0, int(np.floor(first)) - 1), size - 2)
    return slice(start, max(start + 2, min(size, int(np.ceil(last)) + 1)))


def _extract(
    field: xr.DataArray, mesh: HorizontalGrid, outlines: Shapes, wanted: tuple[Statistic, ...], *, by_area: bool
) -> pd.DataFrame:
    by_area = by_area and mesh.crs.is_geographic
    operations = [f"{name}={_operation(name, by_area=by_area)}" for name in wanted]
    place = {**dict(zip(("xmin", "ymin", "xmax", "ymax"), mesh.bounds, strict=True)), "srs_wkt": mesh.crs.to_wkt()}
    values = numbers(field)
    areas = np.broadcast_to(_area(mesh)[:, np.newaxis], values.shape) if by_area else None
    options: dict[str, Any] = {
        "weights": None if areas is None else NumPyRasterSource(areas, **place),
        "output": "pandas",
        "progress": lambda fraction, _: progress(fraction, "zones"),
    }
    return pd.DataFrame(
        exact_extract(NumPyRasterSource(values, **place), _Outlines(outlines, mesh.crs), operations, **options)
    )


class _Outlines(FeatureSource):  # type: ignore[misc]
    """Zones as exactextract takes them: in binary, which is written and read in a tenth of the time of text."""

    def __init__(self, outlines: Shapes, crs: CRS) -> None:
        super().__init__()
        self._outlines = outlines
        self._crs = crs

    def count(self) -> int:
        return len(self._outlines)

    def __iter__(self) -> Iterator[_Outline]:
        for outline in shapely.to_wkb(self._outlines):
            yield _Outline(outline)

    def srs_wkt(self) -> str:
        return str(self._crs.to_wkt())


class _Outline(JSONFeature):  # type: ignore[misc]
    """One zone."""

    def __init__(self, outline: bytes) -> None:
        super().__init__()
        self._outline = outline

    def geometry(self) -> bytes:  # pyright: ignore[reportIncompatibleMethodOverride] - WKB is taken, too
        return self._outline


def _operation(statistic: Statistic, *, by_area: bool) -> str:
    if statistic == "majority":
        return "mode"
    return f"weighted_{statistic}" if by_area and statistic in WEIGHTED else statistic


def _area(mesh: HorizontalGrid) -> Numbers:
    """Area of a cell of each row on the ellipsoid, relative; a cell reaching over a pole counts by what is there."""
    height = abs(mesh.dy)
    south, north = mesh.rows - height / 2, mesh.rows + height / 2
    low, high = np.clip(south, -90, 90), np.clip(north, -90, 90)
    between = area_from_equator(high, mesh.ellipsoid) - area_from_equator(low, mesh.ellipsoid)
    return between * height / (high - low)
