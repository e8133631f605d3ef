"""Area-weighted mean or integral of a field."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr

from moorage_processes import InputError, process
from moorage_processes.cf.attributes import precision_of
from moorage_processes.cf.missing import ROUNDING, MinimumValid
from moorage_processes.cf.provenance import RANGES, MethodReference
from moorage_processes.cf.units import times
from moorage_processes.grids.rectilinear import RectilinearGrid, rectilinear_grid
from moorage_processes.methods.streaming.blocks import Floats, blocks, numbers
from moorage_processes.methods.streaming.steps import steps

if TYPE_CHECKING:
    from moorage_processes.grids.horizontal import Numbers

METHOD = MethodReference(
    "area-mean", "CF Metadata Conventions 1.11, section 7.3 (cell methods), https://cfconventions.org"
)

Along = Literal["both", "longitude", "latitude"]


@process
def area_mean(
    data: xr.DataArray,
    along: Along = "both",
    statistic: Literal["mean", "integral"] = "mean",
    minimum_valid: MinimumValid = 0.0,
    crs: str | None = None,
) -> xr.DataArray:
    """Mean or integral over the area of a grid, or along its parallels or meridians.

    Parameters
    ----------
    data : values on rows and columns, which need not be evenly spaced, and any other dimensions.
    along : over both horizontal axes; along longitude (x), which gives the zonal mean; or along latitude (y), which
        gives the meridional mean.
    statistic : mean weighted by the area of the cells, or the integral over it.
    minimum_valid : share of the area, 0 to 1, on which values must be there for a result; 0 takes any one cell.
    crs : CRS of the data, as EPSG:25832, where it does not state one; longitude and latitude in the units of CF are
        taken as such.

    Returns
    -------
    Values without the axes that were averaged over, in the unit of the data; integrals in that unit times m2.

    Raises
    ------
    InputError
        where the horizontal axes or the CRS are unknown, the grid is curvilinear, or the values are not numbers.

    Notes
    -----
    The mean is *sum(a x) / sum(a)* over the cells that are not missing, the integral *sum(a x)* over them, with the
    area *a* of each. On longitude and latitude that is the part of a sphere of 6371 km between the two meridians and
    the two parallels of the cell, *R2 (lon2 - lon1) (sin lat2 - sin lat1)*; on a projected CRS the product of its
    sides, without the distortion of the projection. Cells reach halfway to their neighbours, the outermost as far
    outwards as inwards (bounds that a file states are not known here); they end at the poles, and on grids around the
    Earth reach them where less than half a row is missing there, as with gaussian latitudes. A longitude that is
    repeated a circle further on counts once.

    Programs that take the sides of a cell along great circles, such as cdo, weigh rows a little differently (up to
    one part in a thousand on cells of 5 degrees). The cosine of latitude at the centre is another usual weight.

    Sums are in double precision. Data that are opened lazily are read block by block and need not fit into memory.

    References
    ----------
    .. [1] CF Metadata Conventions 1.11, section 7.3, https://cfconventions.org
    """
    if data.dtype.kind not in "iuf":
        raise InputError(f"data holds {data.dtype}; it takes numbers", input="data")
    grid = rectilinear_grid(data, "data", crs)
    reduced = _over(data, grid, along, statistic, minimum_valid)
    removed = {"both": (grid.x, grid.y), "longitude": (grid.x,), "latitude": (grid.y,)}[along]
    values = reduced.astype(precision_of(data))
    others = [name for name in data.dims if name not in (grid.x, grid.y)]
    left = [*others, *(name for name in (grid.y, grid.x) if name not in removed)]
    coordinates = {
        name: coordinate for name, coordinate in data.coords.items() if not set(removed) & set(coordinate.dims)
    }
    result = xr.DataArray(values, coordinates, left, data.name)
    result = result.transpose(*(name for name in data.dims if name in left))
    options = f"along={along}, statistic={statistic}, minimum_valid={minimum_valid:g}"
    return _described(result, data, removed, options, statistic)


def _over(data: xr.DataArray, grid: RectilinearGrid, along: Along, statistic: str, minimum_valid: float) -> Numbers:
    """The mean or integral of each step, with the dimensions other than the horizontal in their order first."""
    integral = _integral(grid, along)
    whole = integral(np.ones(grid.shape))
    # where nothing is there the area is 0, or nearly
    least = np.maximum(minimum_valid, ROUNDING) * (1 - ROUNDING) * whole

    def of(block: Floats) -> Numbers:
        flat = block.reshape(-1, *grid.shape)
        totals, areas = np.empty((len(flat), *whole.shape)), np.empty((len(flat), *whole.shape))
        for step in steps(flat):
            totals[step.number] = integral(step.values)
            if step.there is None:
                areas[step.number] = whole
            else:
                areas[step.number] = areas[step.number - 1] if step.same_gaps else integral(step.there)
        if statistic == "mean":
            totals /= np.where(areas > 0, areas, 1.0)
        totals[areas < least] = np.nan
        return totals.reshape([*block.shape[:-2], *whole.shape])

    field = data.transpose(..., grid.y, grid.x)
    if field.ndim == len(grid.shape):
        return of(numbers(field, {grid.y: slice(None)}))
    return np.concatenate([of(block.values) for block in blocks(field, field.dims[0], "means")])


def _integral(grid: RectilinearGrid, along: Along) -> Callable[[Numbers], Numbers]:
    """What adds the values on rows and columns up, each times the area of its cell."""
    columns, rows = grid.column_sizes, grid.row_sizes
    # row by row: a product of matrix and vector is shared out to threads, which for so little costs more than it gives
    if along == "latitude":
        return lambda values: np.asarray(np.einsum("yx,y->x", values, rows) * columns)
    if along == "longitude":
        return lambda values: np.asarray(np.vecdot(values, columns) * rows)
    return lambda values: np.asarray(np.vecdot(np.vecdot(values, columns), rows))


def _described(
    result: xr.DataArray, data: xr.DataArray, removed: tuple[Hashable, ...], options: str, statistic: str
) -> xr.DataArray:
    where = "area" if len(removed) > 1 else str(next(iter(removed)))
    if statistic == "mean":
        result = METHOD.carried(result, data, options, cell_methods=f"{where}: mean")
    else:
        # a standard name holds for the quantity, not for its sum over an area
        without = dict.fromkeys(("standard_name", *RANGES))
        title = f"integral of {data.attrs.get('long_name', data.name or 'data')} over {where}"
        words = {"units": times(data, "m2"), "long_name": title}
        result = METHOD.carried(result, data, options, cell_methods=f"{where}: sum", **{**without, **words})
    result.encoding = {}  # a mean has no place in the CRS
    return result
