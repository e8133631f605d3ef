"""The part of a grid that somebody needs: a box, a polygon, a period, levels, variables."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Annotated, Any

import numpy as np
import shapely
import xarray as xr
from moorage.formats.axes import Axis, dimension, is_horizontal, is_time
from pydantic import Field

from moorage_processes import BBox, InputError, process
from moorage_processes.authoring.result_size import check_room
from moorage_processes.cf.provenance import MethodReference
from moorage_processes.data import selection
from moorage_processes.data.period import Period
from moorage_processes.grids.crs import given_crs
from moorage_processes.grids.horizontal import horizontal_axes, known_crs
from moorage_processes.grids.masks import Cells, CellsThat, meeting
from moorage_processes.methods.streaming.blocks import computed, numbers

METHOD = MethodReference("subset", "CF Conventions, https://cfconventions.org")
CRS84 = "OGC:CRS84"


@process(example={"bbox": ..., "period": ...})
def subset(
    data: xr.Dataset,
    variables: list[str] | None = None,
    bbox: BBox | None = None,
    period: str | None = None,
    levels: Annotated[list[float], Field(min_length=1, max_length=2)] | None = None,
    polygon: shapely.Polygon | shapely.MultiPolygon | None = None,
    polygon_crs: str = CRS84,
    cells: CellsThat = "centre",
    crs: str | None = None,
) -> xr.Dataset:
    """Part of a grid: inside a box or polygon, in a period, between levels, some of its variables.

    Parameters
    ----------
    data : variables on common axes, of any order and names.
    variables : which are kept; all where none is named.
    bbox : west, south, east and north, in longitude and latitude or the CRS that it states. A box whose west is
        greater than its east goes over 180 degrees.
    period : ISO 8601, as 2000-03 for a month, 2000-03/2000-05, ../2000 or 2000/.., whatever the calendar of the data.
    levels : lowest and highest in the unit of the vertical axis, or one value that there is.
    polygon : outline of a region; cells outside are missing, and the grid is cut to its extent.
    polygon_crs : CRS of the polygon, as EPSG:25832; longitude and latitude where none is given.
    cells : which cells of the polygon are kept: those whose centre lies in it, or those that it touches.
    crs : CRS of the data, for the polygon, where they do not state one; longitude and latitude in the units of CF are
        taken on WGS 84.

    Returns
    -------
    The part, in the unit, precision and order of the data.

    Raises
    ------
    InputError
        where a variable is unknown, an axis is not there, a grid is curvilinear, or nothing lies inside, naming what
        the data have.

    Notes
    -----
    Cells are kept whose centres lie inside the box, on its edge or less than a millionth of a cell outside. Longitudes
    are compared around the Earth, whether the data counts them from 0 to 360 or from -180 to 180, and come in the range
    of the box. A period holds its last day, month or year whole. A cell reaches half way to its neighbours; one that
    meets the polygon in a point only is touched. Sides of the polygon are straight in its own CRS. Whole numbers
    become floating point where a polygon makes some missing. Nothing is read but the part, when it is written.

    References
    ----------
    .. [1] CF Conventions, https://cfconventions.org
    """
    grid = data.to_dataset(name=data.name or "data") if isinstance(data, xr.DataArray) else data
    part = grid if variables is None else _named(grid, variables)
    if bbox is not None:
        horizontal_axes(part, "data")
        box = {"bbox": list(bbox.numbers), **({} if bbox.crs.endswith("CRS84") else {"bbox-crs": bbox.crs})}
        part = _selected(part, box, "bbox")
    if period is not None:
        part = _during(part, period)
    if levels is not None:
        part = _between(part, levels)
    inside = None
    if polygon is not None:
        part, inside = _within(part, polygon, polygon_crs, cells, crs)
    check_room((part.nbytes,), 1, "the part", input="data")
    if inside is not None:
        masked = {name: _masked(part[name], inside) for name in part.data_vars if is_horizontal(part[name])}
        part = part.assign(masked)
    given = {"variables": variables, "bbox": None if bbox is None else list(bbox.numbers), "period": period}
    given |= {"levels": levels, "polygon": None if polygon is None else shapely.to_wkt(polygon, 4)[:200]}
    options = ", ".join(f"{name}={value}" for name, value in given.items() if value is not None)
    return METHOD.carried(part, data, options or "everything")


def _named(grid: xr.Dataset, variables: list[str]) -> xr.Dataset:
    """Some variables, and what they need to be understood."""
    known = [str(name) for name in grid.data_vars]
    if unknown := [name for name in variables if name not in known]:
        raise InputError(f"data has no variable {unknown}; it has {known}", input="variables")
    if not variables:
        raise InputError(f"no variable is named; data has {known}", input="variables")
    carriers = [*(grid[name] for name in variables), *grid.coords.values()]
    links = (each for carrier in carriers for each in (carrier.attrs, carrier.encoding))
    needed = {str(link[key]) for link in links for key in ("grid_mapping", "bounds") if key in link}
    return grid[[name for name in grid.data_vars if name in {*variables, *needed}]]


def _selected(grid: xr.Dataset, wanted: dict[str, Any], name: str) -> xr.Dataset:
    """The part that a request selects; errors name the input *name*."""
    try:
        return selection.subset(grid, wanted, "data")
    except InputError as error:
        raise InputError(str(error).removeprefix("data: "), input=name) from error


def _during(grid: xr.Dataset, period: str) -> xr.Dataset:
    t = dimension(grid, Axis.T)
    if t is None or not is_time(grid[t]):
        sizes = ", ".join(f"{name} ({size})" for name, size in grid.sizes.items())
        raise InputError(f"data has no time axis of dates to take a period of; it has {sizes}", input="period")
    try:
        Period.read(period)
    except ValueError as error:
        raise InputError(f"period {period!r} is none; write it as 2000-03 or 2000/2005-06", input="period") from error
    try:
        return selection.subset(grid, {"datetime": period}, "data")
    except InputError as error:
        raise InputError(str(error).replace("data: 'datetime'", "period"), input="period") from error


def _between(grid: xr.Dataset, levels: list[float]) -> xr.Dataset:
    z = dimension(grid, Axis.Z)
    if z is None:
        sizes = ", ".join(f"{name} ({size})" for name, size in grid.sizes.items())
        raise InputError(f"data has no vertical axis to take levels of; it has {sizes}", input="levels")
    return _selected(grid, {"subset": {str(z): levels}}, "levels")


def _within(
    grid: xr.Dataset, polygon: shapely.Geometry, polygon_crs: str, cells: CellsThat, crs: str | None
) -> tuple[xr.Dataset, xr.Variable]:
    """The grid cut to the extent of a polygon, and which of its cells lie inside."""
    x, y = horizontal_axes(grid, "data")
    stated = known_crs(grid, x, y, "data", crs)
    near = grid
    if stated.is_geographic and given_crs(polygon_crs, "polygon_crs").is_geographic:
        near = _around(grid, polygon, (x, y), margin=cells == "touched")
    columns, rows = (near[along].to_numpy().astype(np.float64) for along in (x, y))
    inside = meeting(Cells(columns, rows, stated), polygon, polygon_crs, cells)
    if not inside.any():
        has = " and ".join(f"{along} {grid[along].min():g} to {grid[along].max():g}" for along in (x, y))
        what = "no centre of a cell lies in the polygon" if cells == "centre" else "the polygon touches no cell"
        raise InputError(f"{what}; data has {has} in {stated.name}", input="polygon")
    down, across = _extent(inside.any(axis=1)), _extent(inside.any(axis=0))
    return near.isel({y: down, x: across}), xr.Variable((y, x), inside[down, across])


def _around(
    grid: xr.Dataset, polygon: shapely.Geometry, axes: tuple[Hashable, Hashable], *, margin: bool
) -> xr.Dataset:
    """The box around a polygon, with its longitudes; all of the grid where there is nothing in it."""
    if shapely.is_empty(polygon):
        return grid
    steps = [float(np.abs(np.diff(grid[along].to_numpy())).max(initial=0.0)) if margin else 0.0 for along in axes]
    west, south, east, north = shapely.bounds(polygon)
    box = [west - steps[0], south - steps[1], east + steps[0], north + steps[1]]
    try:
        return selection.subset(grid, {"bbox": box}, "data")
    except InputError:
        return grid


def _extent(occurs: Any) -> slice:
    (places,) = np.nonzero(occurs)
    return slice(int(places[0]), int(places[-1]) + 1)


def _masked(field: xr.DataArray, inside: xr.Variable) -> xr.DataArray:
    """The field where it lies inside, read when it is written if it is large."""
    if field.dtype.kind not in "iuf":
        return field.where(xr.DataArray(inside))
    first: Hashable = field.dims[0]
    native = field.dtype.newbyteorder("=")
    dtype = native if field.dtype.kind == "f" else np.result_type(native, np.float32)

    def part(place: slice) -> Any:
        mask = inside.isel({first: place}) if first in inside.dims else inside
        values = xr.Variable(field.dims, numbers(field, {first: place}))
        masked: xr.Variable = values.where(mask)  # type: ignore[no-untyped-call] # upstream
        return masked.transpose(*field.dims).to_numpy()

    values = computed(field.shape, dtype, part, "part inside the polygon")
    masked = xr.DataArray(xr.Variable(field.dims, values, field.attrs), field.coords, name=field.name)
    masked.encoding = {name: value for name, value in field.encoding.items() if name == "grid_mapping"}
    return masked
