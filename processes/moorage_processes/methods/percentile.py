"""What a share of the values stay below: percentiles along time."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import Field

from moorage_processes import InputError, process
from moorage_processes.authoring.result_size import check_room
from moorage_processes.cf.attributes import coordinates_without, precision_of
from moorage_processes.cf.missing import MinimumValid, enough
from moorage_processes.cf.provenance import MethodReference
from moorage_processes.cf.times import Groups, time_axis, times_of_year
from moorage_processes.methods.statistics.ranks import Definition, Percentage, ranks_of
from moorage_processes.methods.streaming.time_series import series

if TYPE_CHECKING:
    from moorage_processes.methods.streaming.blocks import Floats

Season = Literal["month", "season"]

METHOD = MethodReference(
    "percentile",
    "Hyndman, R. J., and Fan, Y. (1996): Sample quantiles in statistical packages, doi:10.1080/00031305.1996.10473566",
)
FEW = 0.1
"""Share of the values up to which only those are put in order that are needed, and beyond which all are."""
TITLES: dict[Season, str] = {"month": "month of the year", "season": "season of the year"}


@process(example={"percentiles": [10, 50, 90]})
def percentile(
    data: xr.DataArray,
    percentiles: Annotated[list[Percentage], Field(min_length=1, max_length=101)],
    frequency: Season | None = None,
    definition: Definition = "linear",
    minimum_valid: MinimumValid = 0.0,
) -> xr.DataArray:
    """Percentiles of each cell's values along time, of all of them or by month or season.

    Parameters
    ----------
    data : values with a time axis of dates in any calendar and any other dimensions.
    percentiles : which, 0 to 100: 0 gives the smallest value, 50 the median, 100 the largest.
    frequency : one percentile for each month or season of the year over all years; of all times where none is given.
    definition : how a percentile lies between two values. linear is the default of numpy and R and (but for the
        resolution of its histogram) of cdo; inverted_cdf gives values that occurred; hazen and weibull are usual in
        hydrology; median_unbiased is what Hyndman and Fan advise.
    minimum_valid : share of the values, 0 to 1, that must be there for a percentile; 0 takes any one.

    Returns
    -------
    Percentiles in the unit and precision of the data, with a dimension percentile first; the time axis is left out, or
    replaced by month (1 to 12) or season (DJF, MAM, JJA, SON), with those that occur.

    Raises
    ------
    InputError
        where the data has no time axis of dates, or the values are not numbers.

    Notes
    -----
    Of the n values that are not missing, in order x_1 to x_n, the percentile p is x_j + g (x_{j+1} - x_j), where j is
    the whole part and g the rest of h = a + (n + 1 - 2 a) p / 100, held between 1 and n, with a = 1 (linear, type 7
    of Hyndman and Fan), 1/2 (hazen, type 5), 0 (weibull, type 6) or 1/3 (median_unbiased, type 8). inverted_cdf
    (type 1) is the smallest value that at least p per cent of the values do not exceed. It is exact: values are
    put in order, not counted in bins. Where fewer than *minimum_valid* of the values are there, it is missing.

    References
    ----------
    .. [1] Hyndman, R. J., and Fan, Y. (1996): Sample quantiles in statistical packages. The American Statistician 50,
       361-365, doi:10.1080/00031305.1996.10473566.
    """
    t = time_axis(data, "data")
    for name in ("percentile", *([frequency] if frequency else [])):
        if name in data.dims:
            raise InputError(f"data has a dimension {name} already; rename it", input="data")
    groups, labels = _groups(data[t], frequency)
    rest = [name for name in data.dims if name != t]
    shape = (len(percentiles), len(labels), *(data.sizes[name] for name in rest))
    dtype = precision_of(data)
    check_room(shape, dtype.itemsize, "the percentiles", input="percentiles")
    values = _percentiles(data, t, groups, (np.array(percentiles, float), definition, minimum_valid), shape)
    result = _laid_out(values.astype(dtype, copy=False), data, t, frequency, labels)
    options = f"frequency={frequency}, definition={definition}, minimum_valid={minimum_valid:g}"
    return _described(result.assign_coords(percentile=("percentile", percentiles)), data, options)


def _groups(time: xr.DataArray, frequency: Season | None) -> tuple[Groups, npt.NDArray[np.generic]]:
    """The number of its group for each time, and what the groups are called, those that occur."""
    if frequency is None:
        return np.zeros(time.size, dtype=np.int64), np.array([""])
    groups, labels = times_of_year(time, frequency)
    occurs, numbered = np.unique(groups, return_inverse=True)
    return numbered, labels[occurs]


def _percentiles(
    data: xr.DataArray,
    t: Hashable,
    groups: Groups,
    wanted: tuple[npt.NDArray[np.float64], Definition, float],
    shape: tuple[int, ...],
) -> Floats:
    """(percentile, group, other dimensions)."""
    result = np.empty(shape, np.result_type(data.dtype.newbyteorder("="), np.float32))
    members = [np.flatnonzero(groups == number) for number in range(shape[1])]
    for part in series(data, t, "percentiles"):
        for number, chosen in enumerate(members):
            values = part.values if len(members) == 1 else part.values[:, chosen]
            where: Any = (slice(None), number, *part.place)
            result[where] = _of_cells(values, *wanted).reshape(result[where].shape)
    return result


def _of_cells(
    values: Floats, percentiles: npt.NDArray[np.float64], definition: Definition, minimum_valid: float
) -> npt.NDArray[np.float64]:
    """(percentile, cell) of values (cell, step), which are put in order in place."""
    cells, size = values.shape
    valid = size - np.count_nonzero(np.isnan(values), axis=1)
    ranks = ranks_of(valid, percentiles[:, np.newaxis], definition)
    there = valid > 0
    if there.any():
        _put_in_order(values, ranks.below[:, there].min() - 1, ranks.above[:, there].max() - 1)
    row = np.arange(cells)
    lower, upper = (values[row, each - 1].astype(np.float64) for each in (ranks.below, ranks.above))
    return np.where(enough(valid, size, minimum_valid), ranks.between(lower, upper), np.nan)


def _put_in_order(values: Floats, first: int, last: int) -> None:
    """Have what sorting each row would put from one place to another there, missing values last."""
    if last - first > values.shape[1] * FEW:
        values.sort(axis=1)
        return
    # to find where a few lie is a third of the work of sorting all
    values.partition(first, axis=1)
    rest = values[:, first:]
    rest.partition(last - first, axis=1)
    rest[:, : last - first].sort(axis=1)


def _laid_out(
    values: Floats, data: xr.DataArray, t: Hashable, frequency: Season | None, labels: npt.NDArray[np.generic]
) -> xr.DataArray:
    """Percentiles with the time axis of the data replaced, and what hung on it left out."""
    rest = [name for name in data.dims if name != t]
    still = coordinates_without(data, t)
    if frequency is None:
        return xr.DataArray(values[:, 0], still, ("percentile", *rest), data.name)
    result = xr.DataArray(values, {**still, frequency: labels}, ("percentile", frequency, *rest), data.name)
    result[frequency].attrs = {"long_name": TITLES[frequency]}
    return result.transpose("percentile", *(frequency if name == t else name for name in data.dims))


def _described(result: xr.DataArray, data: xr.DataArray, options: str) -> xr.DataArray:
    result["percentile"].attrs = {"long_name": "percentile", "units": "%"}
    listed = ", ".join(f"{each:g}" for each in result["percentile"].to_numpy())
    title = f"percentiles of {data.attrs.get('long_name', data.name or 'data')}"
    return METHOD.carried(result, data, f"percentiles={listed}, {options}", long_name=title)
