"""The time axis of a field: dates of any calendar, and what time of year they are."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Literal

import cftime
import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from moorage.formats.axes import Axis, dimension

from moorage_processes.errors import InputError

Groups = npt.NDArray[np.int64]
TimeOfYear = Literal["month", "season", "dayofyear"]

SEASONS = ("DJF", "MAM", "JJA", "SON")
LEAP_DAY = 60
"""29 February as a day of a leap year."""
DAYS_OF_YEAR = {
    "standard": 365.2425, "gregorian": 365.2425, "proleptic_gregorian": 365.2425, "julian": 365.25,
    "noleap": 365.0, "365_day": 365.0, "all_leap": 366.0, "366_day": 366.0, "360_day": 360.0,
}  # fmt: skip
"""On average, by calendar."""


def time_axis(field: xr.DataArray, name: str) -> Hashable:
    """The dimension of *field*, the input *name*, along which its dates stand.

    Raises
    ------
    InputError
        where there is none, or a date is missing, or the values are not numbers.
    """
    if field.dtype.kind not in "iuf":
        raise InputError(f"{name} holds {field.dtype}; it takes numbers", input=name)
    t = dimension(field, Axis.T)
    if t is None or t not in field.indexes or not isinstance(field.indexes[t], pd.DatetimeIndex | xr.CFTimeIndex):
        sizes = ", ".join(f"{each} ({size})" for each, size in field.sizes.items())
        has = f"its dimensions are {sizes}" if sizes else "it has no dimensions"
        remedy = "give it a time coordinate in CF units, such as days since 1990-01-01"
        raise InputError(f"{name} has no time axis of dates; {has}; {remedy}", input=name)
    if field.sizes[t] == 0:
        raise InputError(f"{name} has no steps along {t}", input=name)
    if field.indexes[t].hasnans:
        raise InputError(f"{name} has missing dates along {t}; leave those steps out", input=name)
    return t


def times_of_year(time: xr.DataArray, frequency: TimeOfYear) -> tuple[Groups, npt.NDArray[Any]]:
    """For each time the number of its time of year, and what those are called.

    In calendars with leap years days are identified by date: 1 March is always the 61st.
    """
    if frequency == "month":
        return np.asarray(time.dt.month) - 1, np.arange(1, 13)
    if frequency == "season":
        return np.asarray(time.dt.month) % 12 // 3, np.array(SEASONS)
    day: Groups = np.asarray(time.dt.dayofyear)
    has_leap_years = time.dt.calendar in ("standard", "gregorian", "proleptic_gregorian", "julian")
    late = has_leap_years & ~np.asarray(time.dt.is_leap_year) & (day >= LEAP_DAY)
    return day + late - 1, np.arange(1, 367)


def during(time: xr.DataArray, first_year: int | None, last_year: int | None) -> npt.NDArray[np.bool_]:
    """Which times lie in the years from *first_year* to *last_year*, both included; open where None.

    Raises
    ------
    InputError
        where none does.
    """
    years = np.asarray(time.dt.year)
    first, last = (years.min() if first_year is None else first_year), (years.max() if last_year is None else last_year)
    chosen: npt.NDArray[np.bool_] = (years >= first) & (years <= last)
    if not chosen.any():
        start, end = first_year or "the beginning", last_year or "the end"
        has = f"the data has {years.min()} to {years.max()}"
        raise InputError(f"the reference period, {start} to {end}, holds no data; {has}", input="first_year")
    return chosen


def years_passed(time: xr.DataArray) -> tuple[npt.NDArray[np.float64], float]:
    """Years from the first of the dates to each of them, and how many days a year of their calendar has on average."""
    length = DAYS_OF_YEAR[str(time.dt.calendar)]
    dates = time.to_numpy()
    if dates.dtype.kind == "M":
        return (dates - dates.min()) / np.timedelta64(1, "D") / length, length
    first = dates.min()
    seconds = cftime.date2num(dates, f"seconds since {first.isoformat(sep=' ')}", first.calendar)
    return np.asarray(seconds, dtype=np.float64) / (86400 * length), length
