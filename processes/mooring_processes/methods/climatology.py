"""What is usual for the time of year, and how far each moment is from it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from mooring.formats.axes import Axis, dimension
from pydantic import Field

from mooring_processes import InputError, process, progress
from mooring_processes.methods.horizontal import numbers
from mooring_processes.methods.provenance import history

Groups = npt.NDArray[np.int64]
Frequency = Literal["month", "season", "dayofyear"]

BLOCK = 2**21
"""Values read at once: some tens of megabytes."""
SEASONS = ("DJF", "MAM", "JJA", "SON")
LEAP_DAY = 60
"""29 February as a day of a leap year."""
ROUNDING = 1e-9
RANGES = frozenset({"valid_min", "valid_max", "valid_range", "actual_range"})
FILLS = frozenset({"_FillValue", "missing_value"})
TITLES: dict[Frequency, str] = {
    "month": "month of the year",
    "season": "season of the year",
    "dayofyear": "day of the year, 29 February being the 60th",
}


class Climatology(NamedTuple):
    """What is usual, and the departures from it.

    Parameters
    ----------
    climatology : mean of each month, season or day of the year over the years, in the unit of the data; the time axis
        is replaced by month (1 to 12), season (DJF, MAM, JJA, SON) or dayofyear, with those that occur.
    anomaly : each value less the climatology of its time of year, on the grid and times of the data, in its unit.
    """

    climatology: xr.DataArray
    anomaly: xr.DataArray


@process
def climatology(
    data: xr.DataArray,
    frequency: Frequency = "month",
    first_year: int | None = None,
    last_year: int | None = None,
    minimum_valid: Annotated[float, Field(ge=0, le=1)] = 0.0,
) -> Climatology:
    """Long-term mean for each time of year, and anomalies from it.

    Parameters
    ----------
    data : values with a time axis of dates in any calendar and any other dimensions.
    frequency : one mean for each month, season or day of the year.
    first_year : first year of the reference period; the data's first where none is given.
    last_year : last year of the reference period, itself included; the data's last where none is given.
    minimum_valid : share of the values of a time of year, 0 to 1, that must be there for its mean; 0 takes any one.

    Returns
    -------
    Climatology and anomaly in the unit and precision of the data; whole numbers give double precision.

    Raises
    ------
    InputError
        where there is no time axis of dates, the values are no numbers, or the reference period holds no data.

    Notes
    -----
    The mean of a time of year is that of all its values in the reference period that are not missing, each counting
    the same (months of a season are not weighted by their length); where fewer than *minimum_valid* of them are
    there, it is missing, and so are the anomalies from it. Sums are in double precision. A season takes its months
    of each calendar year: December counts with January and February of its own year. In calendars with leap years
    days are told by date, so 1 March is always the 61st day, and the 60th occurs in leap years only.

    Data that are opened lazily are read twice, block by block, and need not fit into memory; the anomalies do.
    """
    t = _time(data)
    if frequency in data.dims:
        raise InputError(f"data has a dimension {frequency} already; rename it", input="data")
    field = data.transpose(t, ...)
    groups, labels = _groups(data[t], frequency)
    reference = _reference(data[t], first_year, last_year)
    with progress.part(0.0, 0.5):
        means = _means(field, np.where(reference, groups, -1), len(labels), minimum_valid)
    with progress.part(0.5, 1.0):
        anomalies = _anomalies(field, groups, means)
    occurs = np.unique(groups[reference])
    usual = _on_times_of_year(field, frequency, labels[occurs], means[occurs].astype(anomalies.dtype))
    usual = usual.transpose(*(frequency if name == t else name for name in data.dims))
    departure = field.copy(data=anomalies).transpose(*data.dims)
    years = np.asarray(data[t].dt.year)[reference]
    step = f"climatology: frequency={frequency}, years {years.min()} to {years.max()}, minimum_valid={minimum_valid:g}"
    return Climatology(_mean_described(usual, data, frequency, step), _anomaly_described(departure, data, step))


def _time(data: xr.DataArray) -> Hashable:
    if data.dtype.kind not in "iuf":
        raise InputError(f"data holds {data.dtype}; it takes numbers", input="data")
    t = dimension(data, Axis.T)
    if t is None or t not in data.indexes or not isinstance(data.indexes[t], pd.DatetimeIndex | xr.CFTimeIndex):
        sizes = ", ".join(f"{name} ({size})" for name, size in data.sizes.items())
        has = f"its dimensions are {sizes}" if sizes else "it has no dimensions"
        remedy = "give it a time coordinate in CF units, such as days since 1990-01-01"
        raise InputError(f"data has no time axis of dates; {has}; {remedy}", input="data")
    if data.sizes[t] == 0:
        raise InputError(f"data has no steps along {t}", input="data")
    if data.indexes[t].hasnans:
        raise InputError(f"data has missing dates along {t}; leave those steps out", input="data")
    return t


def _groups(time: xr.DataArray, frequency: Frequency) -> tuple[Groups, npt.NDArray[Any]]:
    """For each time the number of its time of year, and what those are called."""
    if frequency == "month":
        return np.asarray(time.dt.month) - 1, np.arange(1, 13)
    if frequency == "season":
        return np.asarray(time.dt.month) % 12 // 3, np.array(SEASONS)
    day: Groups = np.asarray(time.dt.dayofyear)
    has_leap_years = time.dt.calendar in ("standard", "gregorian", "proleptic_gregorian", "julian")
    late = has_leap_years & ~np.asarray(time.dt.is_leap_year) & (day >= LEAP_DAY)
    return day + late - 1, np.arange(1, 367)


def _reference(time: xr.DataArray, first: int | None, last: int | None) -> npt.NDArray[np.bool_]:
    years = np.asarray(time.dt.year)
    chosen = (years >= (years.min() if first is None else first)) & (years <= (years.max() if last is None else last))
    if not chosen.any():
        wanted = f"{'the beginning' if first is None else first} to {'the end' if last is None else last}"
        has = f"the data has {years.min()} to {years.max()}"
        raise InputError(f"the reference period, {wanted}, holds no data; {has}", input="first_year")
    return chosen


def _blocks(field: xr.DataArray, message: str) -> Iterator[tuple[slice, npt.NDArray[np.floating]]]:
    """The values of so many steps that they fit into memory, again and again."""
    steps = max(1, BLOCK * field.shape[0] // max(1, field.size))
    for start in progress.track(range(0, field.shape[0], steps), message):
        block = slice(start, start + steps)
        yield block, numbers(field[block])


def _means(field: xr.DataArray, groups: Groups, count: int, minimum_valid: float) -> npt.NDArray[np.float64]:
    """Mean of each group; steps of group -1 do not count."""
    total = np.zeros((count, *field.shape[1:]))
    valid = np.zeros((count, *field.shape[1:]), dtype=np.uint32)
    for block, values in _blocks(field, "means"):
        for group, step in zip(groups[block], values, strict=True):
            if group >= 0:
                there = ~np.isnan(step)
                total[group] += np.where(there, step, 0)
                valid[group] += there
    size = np.bincount(groups[groups >= 0], minlength=count)
    needed = np.maximum(1, np.ceil(minimum_valid * size - ROUNDING)).reshape(-1, *[1] * (field.ndim - 1))
    return np.where(valid >= needed, total / np.maximum(valid, 1), np.nan)


def _anomalies(field: xr.DataArray, groups: Groups, means: npt.NDArray[np.float64]) -> npt.NDArray[np.floating]:
    dtype = field.dtype.newbyteorder("=") if field.dtype.kind == "f" else np.dtype(np.float64)
    anomalies = np.empty(field.shape, dtype=dtype)
    for block, values in _blocks(field, "anomalies"):
        anomalies[block] = values - means[groups[block]]
    return anomalies


def _on_times_of_year(
    field: xr.DataArray, frequency: Frequency, labels: npt.NDArray[Any], values: npt.NDArray[np.floating]
) -> xr.DataArray:
    """Values with the time axis of *field* replaced, and what hung on it left out."""
    t = field.dims[0]
    still = {name: coordinate for name, coordinate in field.coords.items() if t not in coordinate.dims}
    return xr.DataArray(values, {**still, frequency: labels}, (frequency, *field.dims[1:]), field.name)


def _mean_described(usual: xr.DataArray, data: xr.DataArray, frequency: Frequency, step: str) -> xr.DataArray:
    within = "" if frequency == "dayofyear" else "time: mean within years "
    methods = f"{data.attrs.get('cell_methods', '')} {within}time: mean over years".strip()
    usual[frequency].attrs = {"long_name": TITLES[frequency]}
    return _described(usual, data, step, {**data.attrs, "cell_methods": methods})


def _anomaly_described(departure: xr.DataArray, data: xr.DataArray, step: str) -> xr.DataArray:
    # a standard name, a valid range and the like hold for the quantity, not for departures from it
    kept = {name: value for name, value in data.attrs.items() if name not in ("standard_name", *RANGES)}
    title = f"{data.attrs.get('long_name', data.name or 'data')} anomaly"
    return _described(departure.rename(f"{data.name or 'data'}_anomaly"), data, step, {**kept, "long_name": title})


def _described(field: xr.DataArray, data: xr.DataArray, step: str, attributes: Mapping[str, Any]) -> xr.DataArray:
    kept = {name: value for name, value in attributes.items() if name not in FILLS}
    field.attrs = {**kept, "history": history(data, step)}
    # packing that fits the data need not fit what is made of it
    field.encoding = {name: value for name, value in data.encoding.items() if name == "grid_mapping"}
    return field
