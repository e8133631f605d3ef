"""The axes of pictures: where the cells of a coordinate lie on paper and how their numbers are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import dates
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from moorage.formats.axes import DEGREES, LONLAT_NAMES, Axis, axis_of, is_time
from moorage.formats.labels import MONTHS, meridian, parallel, quantity

if TYPE_CHECKING:
    from collections.abc import Hashable

    import xarray as xr
    from matplotlib.axis import Axis as Ruler

METRES = frozenset({"m", "metre", "meter", "metres", "meters"})
KILOMETRES_FROM = 5000.0
"""Metres an axis is long before it is written in kilometres."""
PRESSURE = frozenset({"hpa", "mbar", "millibar", "millibars", "dbar"})
STEPS = [1, 2, 2.5, 5, 10]
TENS_OF_DEGREES = 15.0
"""Degrees an axis is long before its ticks stand at 30, 60, 90."""
EVEN = 0.02
"""How far a cell may lie from its place in an even row, in cells, to be drawn as part of one image."""


@dataclass(frozen=True)
class Scale:
    """One axis of a picture."""

    positions: np.ndarray[Any, Any]
    """Where the centres of the cells lie: numbers, or days of matplotlib."""
    kind: str
    """``time``, ``lon``, ``lat``, ``length``, ``month``, ``text`` or ``number``."""
    label: str = ""
    names: tuple[str, ...] = ()
    is_downward: bool = False

    @classmethod
    def of(cls, array: xr.DataArray, name: Hashable, crs: Any = None) -> Scale:
        """The scale of a dimension of *array*; its cells are counted where it has no coordinate."""
        coordinate = array[name]
        values = coordinate.to_numpy()
        if is_time(coordinate):
            days = dates.date2num(values if values.dtype.kind == "M" else _solar(values))  # type: ignore[no-untyped-call] # upstream
            return cls(days, "time")
        if values.dtype.kind not in "iuf":
            return cls(np.arange(len(values)), "text", str(name), tuple(map(str, values)))
        values = values.astype("float64")
        if name == "month" and set(values) <= set(range(1, 13)):
            return cls(values, "month", names=("", *MONTHS))
        unit = str(coordinate.attrs.get("units", "")).lower()
        axis = axis_of(coordinate)
        if (
            axis is not None
            and axis in DEGREES
            and (unit in DEGREES[axis] or str(name).lower() in LONLAT_NAMES or _is_geographic(crs))
        ):
            return cls(values, "lon" if axis is Axis.X else "lat")
        if axis in DEGREES:
            is_far = unit in METRES | {""} and crs is not None and float(np.ptp(values)) > KILOMETRES_FROM
            label = f"{'easting' if axis is Axis.X else 'northing'} [km]" if is_far else quantity(coordinate)
            return cls(values / 1000 if is_far else values, "length", label)
        is_downward = coordinate.attrs.get("positive") == "down" or unit in PRESSURE or name == "depth"
        return cls(values, "number", quantity(coordinate), is_downward=is_downward)

    @property
    def ends(self) -> tuple[float, float]:
        """Where the first cell begins and the last one ends."""
        first, last = self.positions[0], self.positions[-1]
        before, after = (self.positions[1] - first) / 2, (last - self.positions[-2]) / 2
        return float(first - before), float(last + after)

    @property
    def edges(self) -> tuple[float, float]:
        """The smaller and the larger end."""
        low, high = sorted(self.ends)
        return low, high

    @property
    def width(self) -> float:
        """From end to end."""
        return self.edges[1] - self.edges[0]

    @property
    def is_even(self) -> bool:
        """Whether all cells are as wide as the first."""
        steps = np.diff(self.positions)
        return bool(np.all(np.abs(steps - steps.mean()) <= EVEN * abs(steps.mean())))

    def furnish(self, ruler: Ruler, ticks: int = 7) -> None:
        """Write the label and about so many *ticks* along one side of a picture."""
        if self.kind == "time":
            locator = dates.AutoDateLocator(minticks=3, maxticks=ticks + 2)  # type: ignore[no-untyped-call] # upstream
            ruler.set_major_locator(locator)
            ruler.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call] # upstream
        elif self.names:
            ruler.set_major_locator(FixedLocator(self.positions.tolist()))
            ruler.set_major_formatter(FuncFormatter(lambda number, _: self.names[int(number)]))
        elif self.kind in ("lon", "lat"):
            is_far = self.width > TENS_OF_DEGREES
            ruler.set_major_locator(MaxNLocator(nbins=ticks, steps=[1, 1.5, 3, 6, 10] if is_far else STEPS))
            ruler.set_major_formatter(FuncFormatter(meridian if self.kind == "lon" else parallel))
        else:
            ruler.set_major_locator(MaxNLocator(nbins=ticks, steps=STEPS))
            if self.kind == "length":
                # 5 400 000 m stays what it is: people look for the number that stands in their data
                ruler.set_major_formatter(FuncFormatter(_whole))
        ruler.set_label_text(self.label)


def _whole(number: float, _position: float | None = None) -> str:
    return f"{number:.10g}"


def _is_geographic(crs: Any) -> bool:
    return crs is not None and bool(crs.is_geographic)


def _solar(moments: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Dates of any calendar as those of ours at the same part of the year."""
    starts = np.array([f"{date.year:04d}-01-01" for date in moments], dtype="datetime64[s]")
    following = np.array([f"{date.year + 1:04d}-01-01" for date in moments], dtype="datetime64[s]")
    parts = [_part_of_year(date) for date in moments]
    seconds = (following - starts).astype("float64") * parts
    moved: np.ndarray[Any, Any] = starts + seconds.astype("timedelta64[s]")
    return moved


def _part_of_year(date: Any) -> float:
    start = date.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    return float((date - start) / (start.replace(year=start.year + 1) - start))
