"""A grid on the rows and columns of another coordinate reference system."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import Field

from moorage_processes import BBox, InputError, process
from moorage_processes.authoring.result_size import check_room
from moorage_processes.cf.missing import MinimumValid  # noqa: TC001 - the signature is read when the process is described
from moorage_processes.cf.provenance import MethodReference
from moorage_processes.grids.horizontal import FULL_CIRCLE, HorizontalGrid, Numbers
from moorage_processes.grids.projected_target import ProjectedTarget, as_crs, target, target_like
from moorage_processes.grids.projection_map import ProjectionMap
from moorage_processes.grids.uneven import uneven_grid
from moorage_processes.methods.interpolation.resampling import AREAL, REACH, Boxes, Resampling, at_points, over_boxes
from moorage_processes.methods.streaming import blocks
from moorage_processes.methods.streaming.blocks import Floats, computed, numbers

METHOD = MethodReference(
    "reproject",
    "Snyder (1987): Map projections: a working manual. USGS Professional Paper 1395, doi:10.3133/pp1395; "
    "Keys (1981): Cubic convolution interpolation. IEEE Trans. ASSP 29(6), 1153-1160, doi:10.1109/TASSP.1981.1163711",
)
WORKED = 2**18
"""Target cells worked on at once: some tens of megabytes."""


@process(example={"crs": ...})
def reproject(
    data: xr.DataArray,
    crs: str | None = None,
    resolution: Annotated[float, Field(gt=0)] | None = None,
    bounds: BBox | None = None,
    like: xr.DataArray | None = None,
    resampling: Resampling = "bilinear",
    minimum_valid: MinimumValid = 0.0,
    source_crs: str | None = None,
) -> xr.DataArray:
    """A grid in another coordinate reference system.

    Parameters
    ----------
    data : values on rows and columns in any CRS, evenly spaced or not, and any other dimensions.
    crs : target CRS, as EPSG:25832; that of *data* where neither it nor *like* is given.
    resolution : size of the square target cells in the unit of the target CRS; where none is given, so that there are
        as many cells along the diagonal as in *data*.
    bounds : what the target covers, in any CRS; all of *data* where none is given.
    like : a grid whose rows, columns and CRS are the target, in place of *crs*, *resolution* and *bounds*.
    resampling : nearest, bilinear or cubic value at the centre of the target cell, or average or mode (the most
        frequent value, for classes) of the cells it lies on, for targets that are coarser than the data.
    minimum_valid : share of the weight, 0 to 1, that cells which are there must have; 0 takes any one.
    source_crs : CRS of *data*, as EPSG:25832, where it does not state one; longitude and latitude in the units of CF
        are taken on WGS 84.

    Returns
    -------
    The field on (lat, lon) in degrees or (y, x) in the unit of the CRS, north first, or on the axes of *like*, in the
    place of the horizontal dimensions of *data*, in its unit; missing outside of it. Other dimensions are carried
    along; coordinates on both horizontal axes are left out. Whole numbers come as floating point numbers.

    Raises
    ------
    InputError
        where a CRS is unknown or missing, the grid curvilinear, the target off the data or larger than the service
        gives, or there are too many classes for their mode.

    Notes
    -----
    Every target cell is transformed by itself to the CRS of the data (PROJ, its best operation between the two), with
    no approximation in between: ``v(i, j) = sum w(r - k) w(c - l) x(k, l)`` at the row *r* and column *c* of its
    centre, with ``w(t) = 1 - |t|`` (bilinear) or Keys' cubic convolution with a = -1/2. The weights of missing cells
    and of those beyond the edge are shared out among the others; within half a cell of the outer edge the value is
    that of the edge. Where one of the 16 cells of cubic is missing, bilinear is taken. Where the weight that is there
    falls short of *minimum_valid*, or of 1e-5, or the cell under the point is missing, so is the result; for nearest
    only the last counts. This is what ``gdalwarp -et 0`` does with ``-wo XSCALE=1 -wo YSCALE=1``, but that closes no
    grid round the Earth. Without these two GDAL widens the kernels of bilinear and cubic where the target is
    coarser than the data; here average is for those.

    Average and mode take the box, along rows and columns of the data, around the four corners of the target cell, and
    each cell by the part of it in that box (exactly, by a table of sums); of equally frequent classes the smallest.
    GDAL takes the box between two opposite corners, which is the same wherever rows keep their direction.

    Longitudes may be counted from any meridian; a grid that goes round the Earth is closed. A grid of the Earth (over
    90 degrees wide or high) is cut to the area of use of a projected target CRS where no bounds are given. Around a
    pole the box of a target cell is that of its four corners. Nothing is conserved: for fluxes take conservative
    regridding. Components of vectors are not turned.

    The target is computed block by block as it is read or written; of the data one step, or the rows that a block
    needs, are in memory.

    References
    ----------
    .. [1] Snyder, J. P. (1987): Map projections: a working manual. USGS Professional Paper 1395.
    .. [2] Keys, R. (1981): Cubic convolution interpolation for digital image processing. IEEE Trans. ASSP 29(6).
    """
    source = uneven_grid(data, "data", source_crs)
    if data.dtype.kind not in "iuf":
        raise InputError(f"data holds {data.dtype}; it takes numbers", input="data")
    field, source = _once(data, source)
    aim = _aim(source, crs, resolution, bounds, like)
    names = {source.y: aim.y, source.x: aim.x}
    if taken := {aim.x, aim.y} & ({*data.dims} - {source.x, source.y}):
        raise InputError(f"data has dimensions {sorted(map(str, taken))} already; rename them", input="data")
    sizes = {**data.sizes, source.y: aim.rows.size, source.x: aim.columns.size}
    dtype = np.result_type(data.dtype.newbyteorder("="), np.float32)
    shape = tuple(sizes[name] for name in data.dims)
    what = f"the grid of {' x '.join(map(str, shape))} cells"
    chart = ProjectionMap(source, aim, keep=len(data.dims) > len(names))
    chart.check(_large(None, bounds, like) or "crs")
    check_room(shape, dtype.itemsize, what, input=_large(resolution, bounds, like))
    walked = next((name for name in data.dims if name not in names), source.y)
    values = computed(
        shape,
        dtype,
        _part(field, walked, chart, dtype, resampling, minimum_valid),
        "reprojecting",
        axis=data.dims.index(walked),
    )
    variable = xr.Variable([names.get(name, name) for name in data.dims], values)
    result = xr.DataArray(variable, _coordinates(data, source, aim), name=data.name)
    options = f"crs={aim.crs.to_string()}, resolution={abs(aim.dx):g}, {resampling}, minimum_valid={minimum_valid:g}"
    carried = METHOD.carried(result, data.assign_attrs(grid_mapping=None), options)
    carried.encoding.pop("grid_mapping", None)
    # in place: it copies the values otherwise
    carried.rio.write_crs(aim.crs, grid_mapping_name="spatial_ref", inplace=True)
    return carried


def _large(resolution: float | None, bounds: BBox | None, like: xr.DataArray | None) -> str | None:
    given = {"like": like, "resolution": resolution, "bounds": bounds}
    return next((name for name, value in given.items() if value is not None), None)


def _aim(
    source: HorizontalGrid, crs: str | None, resolution: float | None, bounds: BBox | None, like: xr.DataArray | None
) -> ProjectedTarget:
    if like is None:
        return target(source, source.crs if crs is None else as_crs(crs), resolution, bounds)
    if crs is not None or _large(resolution, bounds, None):
        raise InputError("like is the target already; leave crs, resolution and bounds out", input="like")
    return target_like(like)


def _once(data: xr.DataArray, source: HorizontalGrid) -> tuple[xr.DataArray, HorizontalGrid]:
    """The field with each longitude once."""
    if not source.goes_round or source.columns.size == round(FULL_CIRCLE / abs(source.dx)):
        return data, source
    return data.isel({source.x: slice(0, -1)}), HorizontalGrid(
        source.x, source.y, source.columns[:-1], source.rows, source.crs
    )


def _coordinates(data: xr.DataArray, source: HorizontalGrid, aim: ProjectedTarget) -> dict[Hashable, Any]:
    """Coordinates that still hold, and those of the target."""
    old = {source.x, source.y}
    mapping = {data.attrs.get("grid_mapping"), data.encoding.get("grid_mapping"), "spatial_ref"}
    kept = {
        name: coordinate.variable
        for name, coordinate in data.coords.items()
        if not old & set(coordinate.dims) and name not in mapping | {aim.x, aim.y}
    }
    return {**kept, **aim.coordinates}


def _part(
    field: xr.DataArray,
    walked: Hashable,
    chart: ProjectionMap,
    dtype: npt.DTypeLike,
    resampling: Resampling,
    minimum_valid: float,
) -> Callable[[slice], Floats]:
    """What gives the target for a slice of its rows, or of the first other dimension."""
    source, rows = chart.source, chart.aim.rows.size
    order = [*(name for name in field.dims if name not in (source.y, source.x)), source.y, source.x]
    moved = field.transpose(*order)
    by_rows = walked == source.y

    def part(place: slice) -> Floats:
        wanted = place if by_rows else slice(0, rows)
        steps = None if by_rows else numbers(moved.isel({walked: place}))
        lead = () if steps is None else steps.shape[:-2]
        values = np.empty((*lead, wanted.stop - wanted.start, chart.aim.columns.size), dtype)
        high = max(1, WORKED // chart.aim.columns.size)
        for start in range(wanted.start, wanted.stop, high):
            here = slice(start, min(start + high, wanted.stop))
            inner = slice(here.start - wanted.start, here.stop - wanted.start)
            values[..., inner, :] = _resampled(moved, steps, here, chart, resampling, minimum_valid)
        ends = [field.dims.index(name) for name in order]
        return np.ascontiguousarray(np.moveaxis(values, range(len(order)), ends))

    return part


def _resampled(
    field: xr.DataArray,
    steps: Floats | None,
    here: slice,
    chart: ProjectionMap,
    resampling: Resampling,
    minimum_valid: float,
) -> Numbers:
    """Target rows, from the rows of the data that they need."""
    if resampling in AREAL:
        top, bottom, left, right = chart.sides(here)
        window = _window(top, bottom, chart.source.rows.size)
        values = numbers(field, {chart.source.y: window}) if steps is None else steps[..., window, :]
        shape = (values.shape[-2], values.shape[-1])
        boxes = Boxes(top - window.start, bottom - window.start, left, right, shape, closed=chart.closed)
        return _each(values, lambda part: over_boxes(part, boxes, resampling, minimum_valid), top.shape)
    row, column = chart.centres(here)
    window = _window(row, row, chart.source.rows.size)
    values = numbers(field, {chart.source.y: window}) if steps is None else steps[..., window, :]
    closed, inner = chart.closed, row - window.start
    return _each(
        values, lambda part: at_points(part, inner, column, resampling, minimum_valid, closed=closed), row.shape
    )


def _each(values: Floats, work: Callable[[Floats], Numbers], shape: tuple[int, ...]) -> Numbers:
    """The *work* on all steps, some at a time."""
    flat = values.reshape(-1, *values.shape[-2:])
    done = np.empty((flat.shape[0], *shape))
    many = max(1, blocks.BUDGET // (8 * max(int(np.prod(shape)), flat[0].size, 1))) if flat.shape[0] else 1
    for start in range(0, flat.shape[0], many):
        done[start : start + many] = work(flat[start : start + many])
    return done.reshape(*values.shape[:-2], *shape)


def _window(above: Numbers, below: Numbers, size: int) -> slice:
    """Rows of the data from *above* to *below*, with those their values depend on; one at least."""
    if np.isnan(above).all():
        return slice(0, 1)
    start = int(np.clip(np.floor(np.nanmin(above)) - REACH, 0, size - 1))
    return slice(start, int(np.clip(np.ceil(np.nanmax(below)) + REACH + 1, start + 1, size)))
