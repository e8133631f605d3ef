"""Days, months, seasons and years that follow each other: which of them each date lies in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from moorage_processes.cf.attributes import coordinates_without

Frequency = Literal["day", "month", "season", "year"]
Span = Literal["year", "season", "month", "whole"]
"""Periods of which each has a result of its own, or all of them together."""

MONTHS: dict[str, int] = {"month": 1, "season": 3, "year": 12}
"""How many months each has."""
DAYS: dict[Frequency, float] = {"day": 1, "month": 28, "season": 89, "year": 360}
"""How many days each has at least."""
TITLES: dict[Span, str] = {
    "year": "first day of the year",
    "season": "first day of the season, December to February and so on",
    "month": "first day of the month",
}
ROOM = 32
"""More than a month has days."""
WINTER = -1
"""The months from the beginning of a year to that of a season: December is with January and February."""


@dataclass(frozen=True)
class Periods:
    """Periods in which there are dates, one after the other."""

    number: npt.NDArray[np.int64]
    """For each date that of its period, the first being 0."""
    begin: npt.NDArray[Any]
    """Their first instants, as dates of the same kind."""
    end: npt.NDArray[Any]
    """Those at which the next ones begin."""

    @classmethod
    def of(cls, time: xr.DataArray, frequency: Frequency | Span, first_month: int = 1) -> Periods:
        """The periods of *time*; a year begins with *first_month*, and winter with the December before.

        The whole goes from its first day to its last.
        """
        if frequency == "whole":
            return _whole(time)
        return _days(time) if frequency == "day" else _months(time, frequency, first_month)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.begin)

    def days(self) -> npt.NDArray[np.float64]:
        """How long they are."""
        length = self.end - self.begin
        if length.dtype.kind == "m":
            return np.asarray(length / np.timedelta64(1, "D"))
        return np.array([each / timedelta(days=1) for each in length])


def _whole(time: xr.DataArray) -> Periods:
    days = time.dt.floor("D").to_numpy()
    begin, end = [days.min()], [days.max() + _day(time)]
    return Periods(np.zeros(time.size, np.int64), _dates(begin, time), _dates(end, time))


def _days(time: xr.DataArray) -> Periods:
    months, day = _month_numbers(time), np.asarray(time.dt.day, dtype=np.int64)
    found, number = np.unique(months * ROOM + day, return_inverse=True)
    date = _maker(time)
    begin = [date(*_year_and_month(each // ROOM), int(each % ROOM)) for each in found]
    return Periods(number, _dates(begin, time), _dates([each + timedelta(days=1) for each in begin], time))


def _months(time: xr.DataArray, frequency: str, first_month: int) -> Periods:
    length, shift = MONTHS[frequency], {"season": WINTER, "year": first_month - 1}.get(frequency, 0)
    count, number = np.unique((_month_numbers(time) - shift) // length, return_inverse=True)
    first = count * length + shift
    date = _maker(time)
    begin, end = ([date(*_year_and_month(each), 1) for each in months] for months in (first, first + length))
    return Periods(number, _dates(begin, time), _dates(end, time))


def _month_numbers(time: xr.DataArray) -> npt.NDArray[np.int64]:
    """Months since January of the year 0."""
    return np.asarray(time.dt.year, dtype=np.int64) * 12 + np.asarray(time.dt.month, dtype=np.int64) - 1


def day_numbers(time: xr.DataArray) -> npt.NDArray[np.int64]:
    """Days of *time* counted from that of its first."""
    floors = time.dt.floor("D").to_numpy()
    days: npt.NDArray[np.float64] = np.asarray((floors - floors[0]) / _day(time), dtype=np.float64)
    return np.rint(days).astype(np.int64)


def on_periods(
    values: npt.NDArray[np.floating], data: xr.DataArray, t: Any, starts: npt.NDArray[Any], span: Span
) -> xr.DataArray:
    """Values (period, other dimensions) in the order of the data, dated by the first days; the whole has no date.

    Coordinates that hung on the time axis are left out.
    """
    rest = [name for name in data.dims if name != t]
    still = coordinates_without(data, t)
    if span == "whole":
        return xr.DataArray(values[0], still, rest, data.name)
    attributes = {key: data[t].attrs[key] for key in ("standard_name", "axis") if key in data[t].attrs}
    dated = xr.Variable((t,), starts, {**attributes, "long_name": TITLES[span]})
    result = xr.DataArray(values, {**still, t: dated}, (t, *rest), data.name)
    return result.transpose(*data.dims)


def _day(time: xr.DataArray) -> Any:
    return np.timedelta64(1, "D") if time.dtype.kind == "M" else timedelta(days=1)


def _year_and_month(months: int) -> tuple[int, int]:
    return int(months) // 12, int(months) % 12 + 1


def _maker(time: xr.DataArray) -> Callable[[int, int, int], Any]:
    """What makes a date of the calendar of *time*."""
    if time.dtype.kind == "M":
        return lambda year, month, day: np.datetime64(f"{year:04d}-{month:02d}-{day:02d}", "us")
    first = time.to_numpy().flat[0]
    return lambda year, month, day: type(first)(
        year, month, day, calendar=first.calendar, has_year_zero=first.has_year_zero
    )


def _dates(dates: list[Any], time: xr.DataArray) -> npt.NDArray[Any]:
    if time.dtype.kind == "M":
        return np.array(dates, dtype=time.dtype)
    return np.array(dates, dtype=object)
