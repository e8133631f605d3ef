"""From finer to coarser steps of time."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from math import prod
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import Field

from moorage_processes import InputError, process
from moorage_processes.authoring.result_size import check_room
from moorage_processes.cf.attributes import coordinates_without, precision_of
from moorage_processes.cf.missing import MinimumValid, needed
from moorage_processes.cf.periods import DAYS, Frequency, Periods
from moorage_processes.cf.provenance import RANGES, MethodReference
from moorage_processes.cf.times import time_axis, years_passed
from moorage_processes.methods.streaming.blocks import Floats, Sums, blocks_at, computed, places

Statistic = Literal["mean", "sum", "minimum", "maximum", "count"]
Whole = Literal["data", "calendar"]

METHOD = MethodReference("temporal-resample", "CF Conventions, section 7.3, https://cfconventions.org/cf-conventions")
HELD = 8 * 2**20
"""Bytes of the sums that are held at a time, of one period at least."""
FINER = 1.5
"""How many times as long as the periods the steps of the data may be: a month is not as long as the next."""


@process
def temporal_resample(
    data: xr.DataArray,
    frequency: Frequency = "month",
    statistic: Statistic = "mean",
    first_month: Annotated[int, Field(ge=1, le=12)] = 1,
    minimum_valid: MinimumValid = 0.0,
    share_of: Whole = "data",
) -> xr.DataArray:
    """Means, sums or extremes of days, months, seasons or years.

    Parameters
    ----------
    data : values with a time axis of dates in any calendar and any other dimensions.
    frequency : the periods that steps are taken together to; seasons are DJF, MAM, JJA and SON.
    statistic : mean, sum, minimum or maximum of the values, or how many there are.
    first_month : with which a year begins, 1 to 12; 10 or 11 gives hydrological years. Of frequency year only.
    minimum_valid : share of the steps of a period, 0 to 1, that must hold values; 0 takes any one.
    share_of : the steps that the data has in a period, or those that the whole period has by the calendar.

    Returns
    -------
    One value for each period that has a step, dated at its beginning, in the unit and precision of the data; whole
    numbers give double precision. The coordinate period_end says where the period ends. Counts are whole numbers.

    Raises
    ------
    InputError
        where the data has no time axis of dates, the values are not numbers, the periods are finer than the steps, or
        first_month is given for other periods than years.

    Notes
    -----
    A step lies in the period in which its date lies, from the first instant on and before the last; steps that are
    dated at the end of what they stand for, such as days at midnight after, are to be shifted before. December is
    taken with the January and February that follow: the winter of 2000 begins in December 1999. Missing values are
    passed over: ``mean = sum of values / number of values``, each counting the same, months not by their length; sums
    are in double precision. A sum is that of the values in their unit, and no amount where they are rates: the sum of
    mm d-1 over days is so in mm, that of kg m-2 s-1 is not in kg m-2.

    Where fewer than *minimum_valid* of the steps hold values the result is missing; counts are always given. With
    *share_of* data the steps are those that the data has in the period, so a month that the data ends in the middle
    of passes; with calendar they are those of the whole period, its length over the usual distance (the median) of the
    steps of the data. Periods without any step are left out.

    Data that are opened lazily are read once, block by block, in the order of time; large results are computed as they
    are read or written.

    References
    ----------
    .. [1] NetCDF Climate and Forecast (CF) Metadata Conventions, section 7.3, cell methods.
       https://cfconventions.org/cf-conventions/cf-conventions.html.
    """
    t = time_axis(data, "data")
    if first_month != 1 and frequency != "year":
        raise InputError(
            f"first_month is that of years, and frequency is {frequency}; leave it out", input="first_month"
        )
    step = _usual_step(data[t])
    if step > FINER * DAYS[frequency]:
        message = f"a {frequency} is shorter than the steps of the data, {step:.3g} days; choose longer periods"
        raise InputError(message, input="frequency")
    periods = Periods.of(data[t], frequency, first_month)
    dtype = _dtype(data, statistic)
    shape = tuple(periods.count if name == t else size for name, size in data.sizes.items())
    check_room(shape, dtype.itemsize, f"the {statistic}s of {periods.count} {frequency}s", input="frequency")
    least = _least(periods, step, minimum_valid, share_of)
    part = _parts(data, t, periods, least, statistic, dtype)
    values = computed(shape, dtype, part, f"{frequency}s", axis=data.dims.index(t))
    result = _dated(xr.Variable(data.dims, values), data, t, periods)
    options = f"frequency={frequency}, statistic={statistic}, minimum_valid={minimum_valid:g} of the {share_of}"
    if frequency == "year":
        options += f", first_month={first_month}"
    return _described(result, data, statistic, options)


def _usual_step(time: xr.DataArray) -> float:
    """Median distance of the dates that follow each other, in days; 0 where there is one only."""
    years, length = years_passed(time)
    apart = np.diff(np.unique(years))
    return float(np.median(apart)) * length if apart.size else 0.0


def _least(periods: Periods, step: float, minimum_valid: float, share_of: Whole) -> npt.NDArray[np.int64]:
    """How many values each period must have."""
    size = np.bincount(periods.number, minlength=periods.count).astype(np.float64)
    if share_of == "calendar" and step > 0:
        size = np.maximum(1, np.round(periods.days() / step))
    least: npt.NDArray[np.int64] = needed(minimum_valid, size)
    return least


def _dtype(data: xr.DataArray, statistic: Statistic) -> np.dtype[Any]:
    if statistic == "count":
        return np.dtype(np.int32)
    return precision_of(data)


def _parts(
    data: xr.DataArray,
    t: Hashable,
    periods: Periods,
    least: npt.NDArray[np.int64],
    statistic: Statistic,
    dtype: np.dtype[Any],
) -> Callable[[slice], Any]:
    """What gives the results of a slice of the periods."""
    order = np.argsort(periods.number, kind="stable")
    field = data if np.array_equal(order, np.arange(len(order))) else data.isel({t: order})
    number = periods.number[order]
    edges = np.searchsorted(number, np.arange(periods.count + 1))
    shape = [size for name, size in data.sizes.items() if name != t]
    together = max(1, HELD // max(1, 8 * prod(shape)))

    def part(place: slice) -> Any:
        results = np.empty((place.stop - place.start, *shape), dtype)
        for begin in range(place.start, place.stop, together):
            end = min(begin + together, place.stop)
            gathered = _Gathered(statistic, end - begin, shape)
            steps = field.isel({t: slice(edges[begin], edges[end])})
            for block in blocks_at(places(steps, t), steps, t, first=t):
                gathered.add(number[edges[begin] : edges[end]][block.place] - begin, block.values)
            results[begin - place.start : end - place.start] = gathered.result(least[begin:end])
        return np.moveaxis(results, 0, data.dims.index(t))

    return part


class _Gathered:
    """What is known of some periods after some of their steps."""

    def __init__(self, statistic: Statistic, count: int, shape: list[int]) -> None:
        self._statistic = statistic
        self._sums = Sums(count, shape)
        self._extremes = np.full((count, *shape) if statistic in ("minimum", "maximum") else 0, np.nan)

    def add(self, groups: npt.NDArray[np.int64], values: Floats) -> None:
        """Add steps to their periods; *values* may be overwritten."""
        if self._extremes.size:
            farther = np.fmin if self._statistic == "minimum" else np.fmax
            for number, group in enumerate(groups):
                most = self._extremes[group, ...]
                farther(most, values[number], out=most)
        self._sums.add(groups, values)

    def result(self, least: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """The statistic of each; NaN where fewer than *least* values were there."""
        if self._statistic == "count":
            return self._sums.valid
        wanted = least.reshape(-1, *[1] * (self._sums.total.ndim - 1))
        if self._statistic == "mean":
            return self._sums.means(wanted)
        values = self._sums.total if self._statistic == "sum" else self._extremes
        return np.where(self._sums.valid >= wanted, values, np.nan)


def _dated(values: xr.Variable, data: xr.DataArray, t: Hashable, periods: Periods) -> xr.DataArray:
    still = coordinates_without(data, t)
    attributes = {key: text for key, text in data[t].attrs.items() if key not in ("bounds", "climatology")}
    encoding = {key: data[t].encoding[key] for key in ("units", "calendar") if key in data[t].encoding}
    about = {"long_name": "end of the period, itself not included"}
    dates = {
        t: xr.Variable(t, periods.begin, attributes, encoding),
        "period_end": xr.Variable(t, periods.end, about, encoding),
    }
    return xr.DataArray(values, {**still, **dates}, name=data.name)


def _described(result: xr.DataArray, data: xr.DataArray, statistic: Statistic, options: str) -> xr.DataArray:
    if statistic == "count":
        title = f"number of values of {data.attrs.get('long_name', data.name or 'data')}"
        return METHOD.derived(result, data, options, long_name=title, units="1")
    # a range that holds for each value does not hold for their sum
    without: dict[str, Any] = dict.fromkeys(RANGES) if statistic == "sum" else {}
    return METHOD.carried(result, data, options, cell_methods=f"time: {statistic}", **without)
