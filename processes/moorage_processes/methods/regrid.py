"""A field on other rows and columns: between the cells of its grid, or with all that they hold."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from pydantic import Field
from scipy.special import roots_legendre

from moorage_processes import InputError, process
from moorage_processes.authoring.result_size import check_room
from moorage_processes.cf.attributes import precision_of
from moorage_processes.cf.missing import MinimumValid  # noqa: TC001 - the signature is read
from moorage_processes.cf.provenance import MethodReference
from moorage_processes.grids.horizontal import FULL_CIRCLE, Numbers
from moorage_processes.grids.rectilinear import NEAR, RectilinearGrid, rectilinear_grid, spaced_grid
from moorage_processes.methods.interpolation.remapping import Normalisation, Poles, Weights, bilinear, conservative
from moorage_processes.methods.streaming.blocks import Floats, blocks_at, computed, numbers, places

METHOD = MethodReference(
    "regrid", "Jones, P. W. (1999), https://doi.org/10.1175/1520-0493(1999)127<2204:FASOCR>2.0.CO;2"
)
TARGETS = ("like", "resolution", "gaussian", "longitudes and latitudes")


@process(example={"resolution": ...})
def regrid(
    data: xr.DataArray,
    like: xr.DataArray | None = None,
    resolution: Annotated[float, Field(gt=0)] | None = None,
    longitudes: list[float] | None = None,
    latitudes: list[float] | None = None,
    gaussian: Annotated[int, Field(ge=1, le=1280)] | None = None,
    method: Literal["bilinear", "conservative"] = "bilinear",
    normalisation: Normalisation = "fracarea",
    poles: Poles = "mean",
    minimum_valid: MinimumValid = 0.5,
    crs: str | None = None,
) -> xr.DataArray:
    """Field on another grid of rows and columns, bilinear or conservative.

    Parameters
    ----------
    data : values on rows and columns, which need not be evenly spaced, and any other dimensions.
    like : a grid whose rows and columns the result takes; one of *like*, *resolution*, *gaussian*, or *longitudes*
        with *latitudes* says where to.
    resolution : width and height of the new cells in degrees, or the unit of the CRS; they fill the grid of the data.
    longitudes : centres of the new columns [degrees east, or x in the CRS].
    latitudes : centres of the new rows [degrees north, or y in the CRS].
    gaussian : number of gaussian latitudes between pole and equator, with four times as many longitudes from 0 on.
    method : bilinear between the centres of cells, for smooth fields and finer grids; or conservative to the first
        order, which keeps the integral over the area, for fluxes, rain and coarser grids.
    normalisation : of conservative values, where part of a cell has none: by the area that has (fracarea), which keeps
        values in their range; or by all of the cell (destarea), which keeps the integral.
    poles : what bilinear values lie between poleward of the last row of a global grid: that row and its mean as the
        pole's value; the last row alone (nearest); or nothing (missing).
    minimum_valid : share of the weight (bilinear) or of the area of the new cell (conservative), 0 to 1, on which
        values must be there; 0 takes any, 1 wants all of them.
    crs : CRS of the data, as EPSG:25832, where it does not state one; longitude and latitude in the units of CF are
        taken as such.

    Returns
    -------
    Values on the new grid in the unit of the data, other dimensions in their order; whole numbers give double
    precision.

    Raises
    ------
    InputError
        where the new grid is given not at all or twice, does not meet the data, or would be too large; where axes or
        CRS are unknown or differ, or the grid is curvilinear.

    Notes
    -----
    Both methods weigh rows and columns separately: *w = w_lat w_lon*. Bilinear weights fall linearly from 1 at the
    centre of a cell to 0 at its neighbours'; longitudes go round the Earth where the columns of the data do. With
    missing corners the others are weighed up, *sum(w x) / sum(w)*, where their *sum(w)* reaches *minimum_valid*; 1 is
    the rule of cdo. Beyond the outermost centres values are missing, except at the poles of global grids.

    Conservative weights are the shares of the new cell that the old ones cover, by their area on the sphere between
    meridians and parallels: *w_lat* from differences of the sine of latitude, *w_lon* from longitudes. Cells reach
    halfway to their neighbours, on global grids up to the poles.
    The value is *sum(w x) / sum(w)* (fracarea) or *sum(w x)* (destarea) over cells that are not missing.

    Sums are in double precision. Data that are opened lazily are read block by block, large results computed as they
    are read or written; neither need fit into memory.

    References
    ----------
    .. [1] Jones, P. W. (1999): First- and second-order conservative remapping schemes for grids in spherical
       coordinates. Mon. Weather Rev. 127, 2204-2210,
       https://doi.org/10.1175/1520-0493(1999)127<2204:FASOCR>2.0.CO;2
    """
    if data.dtype.kind not in "iuf":
        raise InputError(f"data holds {data.dtype}; it takes numbers", input="data")
    source = rectilinear_grid(data, "data", crs)
    target = _target(source, like, resolution, (longitudes, latitudes), gaussian)
    sizes = {**data.sizes, source.x: target.columns.size, source.y: target.rows.size}
    dtype = precision_of(data)
    words = f"the grid of {' x '.join(str(sizes[name]) for name in data.dims)} cells"
    check_room(sizes.values(), dtype.itemsize, words, input=_named(like, resolution, gaussian))
    weights = bilinear(source, target, poles) if method == "bilinear" else conservative(source, target, normalisation)
    if not weights.meets:
        raise InputError(f"the new grid, {_extent(target)}, does not meet the data, {_extent(source)}", input="data")
    values = _remapped(data, source, [sizes[name] for name in data.dims], weights, minimum_valid, dtype)
    result = xr.DataArray(xr.Variable(data.dims, values), _coordinates(data, source, target), name=data.name)
    rule = f"poles={poles}" if method == "bilinear" else f"normalisation={normalisation}"
    options = f"method={method}, {_extent(target)}, {rule}, minimum_valid={minimum_valid:g}"
    return METHOD.carried(result, data, options)


def _named(like: xr.DataArray | None, resolution: float | None, gaussian: int | None) -> str:
    if like is not None:
        return "like"
    if resolution is not None:
        return "resolution"
    return "longitudes" if gaussian is None else "gaussian"


def _target(
    source: RectilinearGrid,
    like: xr.DataArray | None,
    resolution: float | None,
    centres: tuple[list[float] | None, list[float] | None],
    gaussian: int | None,
) -> RectilinearGrid:
    """The new grid, given in one of four ways."""
    has_centres = any(each is not None for each in centres)
    is_given = [like is not None, resolution is not None, gaussian is not None, has_centres]
    if sum(is_given) != 1:
        given = " and ".join(name for name, each in zip(TARGETS, is_given, strict=True) if each) or "none"
        raise InputError(f"give one of {', '.join(TARGETS[:-1])} or {TARGETS[-1]}; {given} was given", input="like")
    if like is not None:
        return _like(source, like)
    if resolution is not None:
        return _of_resolution(source, resolution)
    if gaussian is not None:
        return _gaussian(source, gaussian)
    longitudes, latitudes = centres
    if not longitudes or not latitudes:
        missing = "latitudes" if longitudes else "longitudes"
        raise InputError(f"longitudes and latitudes come together; {missing} has none", input=missing)
    columns, rows = np.asarray(longitudes, np.float64), np.asarray(latitudes, np.float64)
    return spaced_grid(columns, rows, source.crs, "longitudes, latitudes", x=source.x, y=source.y)


def _like(source: RectilinearGrid, like: xr.DataArray) -> RectilinearGrid:
    target = rectilinear_grid(like, "like")
    same_kind = target.is_geographic and source.is_geographic
    if not same_kind and not target.crs.equals(source.crs, ignore_axis_order=True):
        raise InputError(f"like is in {target.crs.name}, the data in {source.crs.name}; reproject one", input="like")
    return target


def _of_resolution(source: RectilinearGrid, resolution: float) -> RectilinearGrid:
    """Cells of one size that fill the grid of the data from its west and south."""
    around = source.column_bounds[: source.once]
    columns, column_bounds = _filled(around, resolution, must_close=source.goes_round)
    rows, row_bounds = _filled(source.row_bounds, resolution, must_close=False)
    bounds = (column_bounds, row_bounds)
    return spaced_grid(columns, rows, source.crs, "resolution", x=source.x, y=source.y, bounds=bounds)


def _filled(bounds: Numbers, resolution: float, *, must_close: bool) -> tuple[Numbers, Numbers]:
    """Centres and edges of as many cells as fit between the outermost edges."""
    low, extent = bounds.min(), bounds.max() - bounds.min()
    count = int(extent / resolution + NEAR)
    if count < 1:
        raise InputError(f"resolution {resolution:g} is wider than the data, {extent:g}", input="resolution")
    if must_close and abs(count * resolution - extent) > NEAR * resolution:
        remedy = f"{extent / count:.8g} or {extent / (count + 1):.8g} does"
        raise InputError(f"resolution {resolution:g} does not divide {extent:g} degrees; {remedy}", input="resolution")
    check_room((count,), np.dtype(np.float64).itemsize, f"an axis of {count} cells", input="resolution")
    edges = low + resolution * np.arange(count + 1)
    return edges[:-1] + resolution / 2, np.stack([edges[:-1], edges[1:]], axis=1)


def _gaussian(source: RectilinearGrid, number: int) -> RectilinearGrid:
    if not source.is_geographic:
        raise InputError(f"the data is in {source.crs.name}; gaussian takes longitude and latitude", input="gaussian")
    sines, _ = roots_legendre(2 * number)
    columns: Numbers = np.linspace(0.0, FULL_CIRCLE, 4 * number, endpoint=False)
    rows: Numbers = np.degrees(np.arcsin(sines))[::-1]
    return spaced_grid(columns, rows, source.crs, "gaussian", x=source.x, y=source.y)


def _extent(grid: RectilinearGrid) -> str:
    west, east = grid.column_bounds.min(), grid.column_bounds.max()
    south, north = grid.row_bounds.min(), grid.row_bounds.max()
    rows, columns = grid.shape
    return f"{rows} rows {south:g} to {north:g} x {columns} columns {west:g} to {east:g}"


def _remapped(
    data: xr.DataArray,
    source: RectilinearGrid,
    shape: list[int],
    weights: Weights,
    minimum_valid: float,
    dtype: np.dtype[Any],
) -> Any:
    """The values on the new grid: at once where they are few, else as they are read."""
    others = [name for name in data.dims if name not in (source.x, source.y)]
    order = [*others, source.y, source.x]
    there = [data.dims.index(name) for name in order]
    back = [order.index(name) for name in data.dims]

    def remapped(values: Floats) -> Floats:
        block = values.transpose(there).astype(dtype, copy=False)
        flat = np.ascontiguousarray(block).reshape(-1, *source.shape)
        new = weights.remapped(flat, minimum_valid)
        return new.reshape(*block.shape[:-2], *new.shape[1:]).transpose(back)

    if not others:
        return remapped(numbers(data, {source.y: slice(None)}))
    along = others[0]
    axis = data.dims.index(along)

    def part(place: slice) -> Floats:
        values = np.empty([*shape[:axis], place.stop - place.start, *shape[axis + 1 :]], dtype)
        steps = data.isel({along: place})
        for block in blocks_at(places(steps, along), steps, along):
            np.moveaxis(values, axis, 0)[block.place] = np.moveaxis(remapped(block.values), axis, 0)
        return values

    return computed(shape, dtype, part, "new grid", axis=axis)


def _coordinates(data: xr.DataArray, source: RectilinearGrid, target: RectilinearGrid) -> dict[Hashable, Any]:
    """The coordinates of the data, with the new ones along its horizontal axes."""
    kept = {name: each for name, each in data.coords.items() if not {source.x, source.y} & set(each.dims)}
    for name, values in ((source.x, target.columns), (source.y, target.rows)):
        attrs = {key: value for key, value in data[name].attrs.items() if key not in ("bounds", "actual_range")}
        kept[name] = xr.DataArray(values, dims=(name,), attrs=attrs)
    return kept
