"""What a grid says at stations: a series for each point."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import geopandas
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
import xarray as xr

from moorage_processes import InputError, process, progress
from moorage_processes.authoring.result_size import check_room
from moorage_processes.cf.provenance import MethodReference
from moorage_processes.grids.horizontal import horizontal_axes, known_crs
from moorage_processes.grids.positions import Positions, positions
from moorage_processes.methods.streaming.blocks import Floats, blocks, numbers

if TYPE_CHECKING:
    import pyproj

    from moorage_processes.grids.positions import Indices

METHOD = MethodReference(
    "point-series", "CF Conventions 1.11, appendix H: time series at stations, https://cfconventions.org"
)
STATION = "station"
SEARCH = 2**14
"""Bytes that are read in the time in which one value is found by itself."""
ENOUGH = 0.5
"""Share of the weights of a bilinear value that must belong to cells that are there."""


class PointSeries(NamedTuple):
    """What the grid has at the points.

    Parameters
    ----------
    series : values in the unit and precision of the data, dimensions (station, then those of the data other than the
        horizontal ones), with the name, longitude and latitude of each station.
    table : the same with a row for each time, and each step of other dimensions, and a column for each station.
    """

    series: xr.DataArray
    table: pd.DataFrame


@dataclass(frozen=True)
class Corners:
    """The cells that make the value at each point, and what each of them counts."""

    rows: Indices
    columns: Indices
    weights: npt.NDArray[np.float64]
    """All three are (station, corner)."""


@process
def point_series(
    data: xr.DataArray,
    points: geopandas.GeoDataFrame,
    interpolation: Literal["nearest", "bilinear"] = "nearest",
    names: str | None = None,
    crs: str | None = None,
) -> PointSeries:
    """Series of a grid's values at points.

    Parameters
    ----------
    data : values on rows and columns, evenly spaced or not, with a time axis or any other dimensions.
    points : stations in any CRS; points without one are in longitude and latitude.
    interpolation : the value of the cell that a point lies in, or between the four centres around it.
    names : column of the points with the names of stations; numbers from 1 by default.
    crs : CRS of the data, as EPSG:25832, where they do not state one; longitude and latitude in the units of CF are
        taken on WGS 84.

    Returns
    -------
    Series and table in the unit and precision of the data; whole numbers become floating point.

    Raises
    ------
    InputError
        where points lie outside the grid, naming them, or are no points, a grid is curvilinear or states no CRS, or
        the column of names is not there or names two stations alike.

    Notes
    -----
    A cell reaches half way to its neighbours, and at the edge of the grid as far outwards as inwards; a point on the
    border of two belongs to the later one. nearest gives the value of the cell, missing where it is missing. With
    centres x_0 <= x <= x_1, y_0 <= y <= y_1 around a point, u = (x - x_0) / (x_1 - x_0) and v = (y - y_0) /
    (y_1 - y_0), bilinear gives (1-u) (1-v) f_00 + u (1-v) f_10 + (1-u) v f_01 + u v f_11. Where some of the four are
    missing it is the mean of the others by their weights if these make up half or more, and missing if not. In the
    outer half of a cell at the edge of the grid it is constant outwards. Longitudes are taken around the Earth.

    Nothing is read but the cells that are needed, as far as the file is not packed in larger pieces.

    References
    ----------
    .. [1] CF Conventions 1.11, chapter 9 and appendix H.2, https://cfconventions.org
    """
    if data.dtype.kind not in "iuf":
        raise InputError(f"data holds {data.dtype}; it takes numbers", input="data")
    x, y = horizontal_axes(data, "data")
    system = known_crs(data, x, y, "data", crs)
    stations = _stations(points)
    labels = _labels(stations, names)
    corners = _corners(data, (x, y), system, stations, labels, interpolation)
    rest = [name for name in data.dims if name not in (x, y)]
    dtype = data.dtype.newbyteorder("=") if data.dtype.kind == "f" else np.result_type(data.dtype, np.float32)
    check_room((len(labels), *(data.sizes[name] for name in rest)), dtype.itemsize, "the series", input="points")
    values = _combined(data, (x, y), corners).astype(dtype, copy=False)
    series = xr.DataArray(values, _kept(data, (x, y), corners), (*rest, STATION), data.name)
    lonlat = stations.to_crs("EPSG:4326").geometry
    series = series.assign_coords({
        STATION: (STATION, labels, {"long_name": "station", "cf_role": "timeseries_id"}),
        "lon": (STATION, lonlat.x, {"standard_name": "longitude", "units": "degrees_east"}),
        "lat": (STATION, lonlat.y, {"standard_name": "latitude", "units": "degrees_north"}),
    }).transpose(STATION, ...)  # fmt: skip
    METHOD.carried(series, data, f"interpolation={interpolation}, {len(labels)} points")
    series.encoding.clear()  # a grid mapping is of a grid
    series.attrs.pop("grid_mapping", None)
    return PointSeries(series, _table(series))


def _stations(points: geopandas.GeoDataFrame | shapely.Point | shapely.MultiPoint) -> geopandas.GeoDataFrame:
    """Points with a CRS, whatever they came as."""
    if isinstance(points, shapely.Geometry):
        points = geopandas.GeoDataFrame(geometry=list(shapely.get_parts(points)))
    if points.empty:
        raise InputError("points has no points", input="points")
    for label, shape in zip(points.index, points.geometry, strict=True):
        if not isinstance(shape, shapely.Point) or shape.is_empty:
            kind = "nothing" if shape is None or shape.is_empty else f"a {shape.geom_type}"
            raise InputError(f"point {label} is {kind}; give points only", input="points")
    return points if points.crs is not None else points.set_crs("OGC:CRS84")


def _labels(stations: geopandas.GeoDataFrame, names: str | None) -> npt.NDArray[np.str_]:
    if names is None:
        return np.arange(1, len(stations) + 1).astype(str)
    if names not in stations.columns:
        known = [str(name) for name in stations.columns if name != stations.geometry.name]
        raise InputError(f"points have no column {names!r}; they have {known}", input="names")
    labels = stations[names].astype(str)
    if (alike := labels[labels.duplicated()]).size:
        raise InputError(f"column {names!r} names two points {alike.iloc[0]!r}; take another", input="names")
    return np.asarray(labels.to_numpy(), dtype=str)


def _corners(
    data: xr.DataArray,
    axes: tuple[Hashable, Hashable],
    crs: pyproj.CRS,
    stations: geopandas.GeoDataFrame,
    labels: npt.NDArray[np.str_],
    interpolation: str,
) -> Corners:
    there = stations.to_crs(crs).geometry
    across, down = (
        positions(data, along, np.asarray(values), turns=turns and crs.is_geographic)
        for along, values, turns in ((axes[0], there.x, True), (axes[1], there.y, False))
    )
    outside = ~(across.inside & down.inside)
    if outside.any():
        listed = ", ".join(labels[outside][:10]) + (" and others" if outside.sum() > 10 else "")  # noqa: PLR2004 - fits a line
        has = f"{axes[0]} {across.extent}, {axes[1]} {down.extent} in {crs.name}"
        raise InputError(f"outside the grid lie the points {listed}; data covers {has}", input="points")
    return _between(across, down) if interpolation == "bilinear" else _nearest(across, down)


def _nearest(across: Positions, down: Positions) -> Corners:
    rows, columns = down.nearest[:, np.newaxis], across.nearest[:, np.newaxis]
    return Corners(rows, columns, np.ones(rows.shape))


def _between(across: Positions, down: Positions) -> Corners:
    pairs = list(product(down.neighbours, across.neighbours))
    rows, columns = (np.stack([pair[side][0] for pair in pairs], axis=1) for side in (0, 1))
    return Corners(rows, columns, np.stack([one[1] * other[1] for one, other in pairs], axis=1))


def _combined(data: xr.DataArray, axes: tuple[Hashable, Hashable], corners: Corners) -> Floats:
    """(other dimensions, station)."""
    width = data.sizes[axes[0]]
    cells, inverse = np.unique(corners.rows * width + corners.columns, return_inverse=True)
    values = _cells(data, axes, cells // width, cells % width)
    number: Indices = inverse.reshape(corners.rows.shape)
    if number.shape[1] == 1:
        return values[..., number[:, 0]]
    total, weight = np.zeros((*values.shape[:-1], len(number))), np.zeros((*values.shape[:-1], len(number)))
    for corner, counts in zip(number.T, corners.weights.T, strict=True):
        value = values[..., corner]
        there = ~np.isnan(value)
        total += np.where(there, value, 0) * counts
        weight += there * counts
    return np.where(weight >= ENOUGH, total / np.where(weight > 0, weight, 1), np.nan)


def _cells(data: xr.DataArray, axes: tuple[Hashable, Hashable], rows: Indices, columns: Indices) -> Floats:
    """The values of some cells, (other dimensions, cell)."""
    x, y = axes
    rest = [name for name in data.dims if name not in axes]
    pieces = data.chunksizes or data.encoding.get("preferred_chunks") or {}
    is_packed = any(np.max(pieces.get(along, 1)) > 1 for along in axes)
    box = data.isel({y: slice(rows.min(), rows.max() + 1), x: slice(columns.min(), columns.max() + 1)})
    step = box.sizes[y] * box.sizes[x] * data.dtype.itemsize
    if rest and (is_packed or step < len(rows) * SEARCH):
        return _out_of_box(box, axes, rest[0], rows - rows.min(), columns - columns.min())
    values: list[Floats] = []
    where = list(zip(rows.tolist(), columns.tolist(), strict=True))
    for row, column in progress.track(where, "series"):
        cell = numbers(data, {y: slice(row, row + 1), x: slice(column, column + 1)})
        values.append(cell.reshape([data.sizes[name] for name in rest]))
    return np.stack(values, axis=-1)


def _out_of_box(
    box: xr.DataArray, axes: tuple[Hashable, Hashable], along: Hashable, rows: Indices, columns: Indices
) -> Floats:
    """The same by reading all around them once: of data that lie packed, or in dask, each piece is unpacked once."""
    x, y = axes
    order = [along, *(name for name in box.dims if name != along)]
    parts: list[Floats] = []
    for block in blocks(box, along, "series"):
        moved = np.moveaxis(block.values, [order.index(y), order.index(x)], [-2, -1])
        parts.append(moved[..., rows, columns])
    return np.concatenate(parts)  # the first dimension is the one that was walked along


def _kept(data: xr.DataArray, axes: tuple[Hashable, Hashable], corners: Corners) -> dict[Hashable, Any]:
    """Coordinates of the other dimensions, and those of the cells that the points lie in or are closest to."""
    main = corners.weights.argmax(axis=1)[:, np.newaxis]
    row, column = (np.take_along_axis(each, main, axis=1)[:, 0] for each in (corners.rows, corners.columns))
    here = {axes[1]: xr.DataArray(row, dims=STATION), axes[0]: xr.DataArray(column, dims=STATION)}
    kept: dict[Hashable, Any] = {}
    for name, coordinate in data.coords.items():
        met = {along: place for along, place in here.items() if along in coordinate.dims}
        if name in (*axes, "lon", "lat", "spatial_ref"):
            continue
        picked = coordinate.isel(met) if met else coordinate
        kept[name] = picked.variable
    return kept


def _table(series: xr.DataArray) -> pd.DataFrame:
    rest = [name for name in series.dims if name != STATION]
    steps = [series[name].to_numpy() for name in rest]
    values = series.transpose(*rest, STATION).to_numpy().reshape(-1, series.sizes[STATION])
    table = pd.DataFrame(values, columns=[str(label) for label in series[STATION].to_numpy()])
    for number, (name, mesh) in enumerate(zip(rest, np.meshgrid(*steps, indexing="ij"), strict=True)):
        flat = mesh.reshape(-1)
        column = (
            [each.isoformat() for each in flat] if flat.dtype.kind == "O" and hasattr(flat[0], "isoformat") else flat
        )
        table.insert(number, str(name), column, allow_duplicates=True)
    return table
