"""A period of time as callers write it, an instant or start/end, laid over dates of any calendar."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MOMENT = re.compile(
    r"(?P<year>[+-]?\d{4,6})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d)(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?)?"
    r"(?P<zone>Z|[+-]\d\d:?\d\d)?)?)?)?",
    re.IGNORECASE,
)
PARTS = ("year", "month", "day", "hour", "minute", "second")
STEPS = {"day": timedelta(days=1), "hour": timedelta(hours=1), "minute": timedelta(minutes=1)}
MONTHS = 12
LONGEST_MONTH = 31
SHORTEST_MONTH = 28
OPEN = frozenset({"", ".."})
TICK = timedelta(microseconds=1)
LAST_YEAR = 290_000
"""Microseconds since 1970 are counted to about that year, before and after."""


@dataclass(frozen=True)
class Moment:
    """A date, or a moment of it, as far as it is written."""

    numbers: tuple[int, ...]
    """Year, month, day, hour, minute, second, as many as there are."""
    fraction: float = 0.0
    """Part of a second."""
    east: timedelta = timedelta()
    """How far its clock is ahead of UTC."""

    @classmethod
    def read(cls, text: str) -> Self:
        """Read ISO 8601; ValueError where it is none."""
        found = MOMENT.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text!r} is not a date")
        numbers = tuple(int(found[part]) for part in PARTS if found[part] is not None)
        return cls(numbers, float(f"0.{found['fraction'] or 0}"), _east(found["zone"]))

    def first(self, date: Callable[..., Any]) -> Any:
        """Its first instant, as *date* makes it from year to second."""
        year, month, day, *clock = (*self.numbers, *(1, 1, 1)[len(self.numbers) :])
        moment = _existing(date, year, month, day, clock)
        return _shifted(moment, timedelta(seconds=self.fraction) - self.east)

    def last(self, date: Callable[..., Any]) -> Any:
        """Its last instant: of the year, month, day, hour or minute where it says no more."""
        known = PARTS[len(self.numbers) - 1]
        if known == "second":
            return self.first(date)
        if known in STEPS:
            return _shifted(self.first(date), STEPS[known] - TICK)
        year, month = self.numbers[0], self.numbers[1] if known == "month" else MONTHS
        following = (year + month // MONTHS, month % MONTHS + 1)
        return _shifted(Moment(following).first(date), -TICK)


def _shifted(moment: Any, by: timedelta) -> Any:
    """An instant some time later; ValueError beyond the last there is."""
    try:
        # numpy does not add a timedelta of Python to years of five digits
        return moment + (np.timedelta64(by) if isinstance(moment, np.datetime64) else by)
    except OverflowError as error:
        raise ValueError("the calendar ends before that") from error


def _existing(date: Callable[..., Any], year: int, month: int, day: int, clock: list[int]) -> Any:
    """The date, or the last of its month where a calendar has shorter months than the caller's."""
    if not (1 <= month <= MONTHS and 1 <= day <= LONGEST_MONTH):
        raise ValueError(f"{year}-{month}-{day} is not a date")
    for each in range(day, min(day, SHORTEST_MONTH) - 1, -1):
        try:
            return date(year, month, each, *clock)
        except ValueError:
            if each == min(day, SHORTEST_MONTH):
                raise
    raise AssertionError  # the loop returns or raises


def _east(zone: str | None) -> timedelta:
    if zone is None or zone.upper() == "Z":
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    return timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)


@dataclass(frozen=True)
class Period:
    """From one moment to another, either of them open."""

    start: Moment | None
    end: Moment | None

    @classmethod
    def read(cls, text: str) -> Self:
        """Read ``2000-03``, ``2000-03/2000-05``, ``../2000`` or ``2000/``; ValueError where it is none of these."""
        first, slash, second = text.partition("/")
        if not slash:
            return cls(Moment.read(first), Moment.read(first))
        start, end = (None if each.strip() in OPEN else Moment.read(each) for each in (first, second))
        if start is not None and end is not None and start.first(_plain) > end.last(_plain):
            raise ValueError(f"{text!r} ends before it begins")
        return cls(start, end)

    def places(self, times: NDArray[Any]) -> NDArray[np.intp]:
        """Where *times*, of numpy or of any calendar of cftime, lie in the period."""
        date = _plain
        if times.dtype.kind == "M":
            times = times.astype("datetime64[us]")  # nanoseconds end in 2262, and a caller may say 9999
        else:
            date = _like(times.flat[0])
        inside = np.ones(times.shape, dtype=bool)
        if self.start is not None:
            inside &= times >= self.start.first(date)
        if self.end is not None:
            inside &= times <= self.end.last(date)
        (places,) = inside.nonzero()
        return places


def _like(moment: Any) -> Callable[..., Any]:
    """What makes dates of the calendar of *moment*."""

    def date(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> Any:
        return moment.replace(year=year, month=month, day=day, hour=hour, minute=minute, second=second, microsecond=0)

    return date


def _plain(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> np.datetime64:
    if abs(year) > LAST_YEAR:
        raise ValueError(f"the year {year} is out of range")
    return np.datetime64(f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}", "us")
