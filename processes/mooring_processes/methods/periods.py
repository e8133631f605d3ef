"""The years, seasons and months that a time axis goes through, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

if TYPE_CHECKING:
    from mooring_processes.methods.times import Groups

Frequency = Literal["year", "season", "month", "whole"]

MONTHS: dict[Frequency, int] = {"year": 12, "season": 3, "month": 1}
TITLES: dict[Frequency, str] = {
    "year": "first day of the year",
    "season": "first day of the season, December to February and so on",
    "month": "first day of the month",
}
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Periods:
    """Periods that follow one another, each from a first day to that of the next in the calendar of the data."""

    number: Groups
    """Of the period that each time lies in, from 0."""
    starts: npt.NDArray[Any]
    """First day of each period that has a time in it."""
    days: npt.NDArray[np.int64]
    """How many days each has in its calendar."""


def periods(time: xr.DataArray, frequency: Frequency) -> Periods:
    """The periods that *time*, dates in any order, lies in; the whole goes from the first day to the last."""
    if frequency == "whole":
        day = day_numbers(time)
        return Periods(np.zeros(time.size, np.int64), time.to_numpy()[:1], np.array([day.max() - day.min() + 1]))
    length = MONTHS[frequency]
    shift = 1 if frequency == "season" else 0  # December counts with the January that follows
    month = np.asarray(time.dt.year).astype(np.int64) * 12 + np.asarray(time.dt.month) - 1
    found, number = np.unique((month + shift) // length, return_inverse=True)
    edges = [[_first(time, each * length - shift) for each in (key, key + 1)] for key in found.tolist()]
    days = [(following - start) / _day(time) for start, following in edges]
    return Periods(number.astype(np.int64), np.array([start for start, _ in edges]), np.rint(days).astype(np.int64))


def day_numbers(time: xr.DataArray) -> npt.NDArray[np.int64]:
    """Days of *time* counted from that of its first."""
    floors = time.dt.floor("D").to_numpy()
    days: npt.NDArray[np.float64] = np.asarray((floors - floors[0]) / _day(time), dtype=np.float64)
    return np.rint(days).astype(np.int64)


def _day(time: xr.DataArray) -> Any:
    return np.timedelta64(1, "D") if time.dtype.kind == "M" else DAY


def _first(time: xr.DataArray, month: int) -> Any:
    """The first day of a month, counted from January of the year 0, in the calendar of *time*."""
    year, number = month // 12, month % 12 + 1
    if time.dtype.kind == "M":
        return np.datetime64(f"{year:04d}-{number:02d}-01").astype(time.dtype)
    moment = time.to_numpy()[0]
    return moment.replace(year=year, month=number, day=1, hour=0, minute=0, second=0, microsecond=0)


def on_periods(
    values: npt.NDArray[np.floating], data: xr.DataArray, t: Any, starts: npt.NDArray[Any], frequency: Frequency
) -> xr.DataArray:
    """Values (period, other dimensions) in the order of the data, dated by the first days; the whole has no date.

    Coordinates that hung on the time axis are left out.
    """
    rest = [name for name in data.dims if name != t]
    still = {name: coordinate for name, coordinate in data.coords.items() if t not in coordinate.dims}
    if frequency == "whole":
        return xr.DataArray(values[0], still, rest, data.name)
    attributes = {key: data[t].attrs[key] for key in ("standard_name", "axis") if key in data[t].attrs}
    dated = xr.Variable((t,), starts, {**attributes, "long_name": TITLES[frequency]})
    result = xr.DataArray(values, {**still, t: dated}, (t, *rest), data.name)
    return result.transpose(*data.dims)
