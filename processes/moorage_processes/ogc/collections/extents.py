"""Where and when a grid lies, and along which further axes, as a collection tells it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from moorage.formats.axes import Axis, crs_of, dimension, is_lonlat, is_time
from moorage.formats.coverages import CALENDARS, GREGORIAN, calendar_of, crs_uri, moment_text
from moorage.formats.crs import known

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

WORLD = (-180.0, -90.0, 180.0, 90.0)
TURN, HALF, POLE = 360.0, 180.0, 90.0
EVEN = 0.05
"""How far a cell may lie from its place in an even row, in cells."""
FIGURES = 9
MOST_VALUES = 200
"""Values of an axis that a collection lists one by one."""


@dataclass(frozen=True)
class Extents:
    """The extents of a grid."""

    bbox: tuple[float, float, float, float]
    """In longitude and latitude, edges of cells; west is greater than east over 180 degrees."""
    columns: tuple[int, float | None]
    """How many, and how far apart where they are even."""
    rows: tuple[int, float | None]
    native: tuple[float, float, float, float] | None = None
    """In the CRS of the data, where it is another."""
    crs: str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    times: tuple[str, str] | None = None
    """First and last, in the calendar of the data."""
    calendar: str = "standard"
    step: str | None = None
    """From one time to the next, where all are as far apart, as ISO 8601 tells a duration."""
    further: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Other axes by name: interval, unit, values."""

    @property
    def dates(self) -> tuple[datetime, datetime] | None:
        """First and last as dates of our calendar, as near as it has them."""
        if self.times is None:
            return None
        first, last = (_our_date(text) for text in self.times)
        return None if first is None or last is None else (first, last)

    def spatial(self) -> dict[str, Any]:
        """The member ``spatial`` of a collection's extent."""
        grid = [
            {"cellsCount": count} | ({} if step is None else {"resolution": step})
            for count, step in (self.columns, self.rows)
        ]
        own = {} if self.native is None else {"storageCrsBbox": [list(self.native)]}
        return {"bbox": [list(self.bbox)], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84", "grid": grid} | own

    def temporal(self) -> dict[str, Any] | None:
        """The member ``temporal`` of a collection's extent; None where there is no time."""
        if self.times is None:
            return None
        document: dict[str, Any] = {"interval": [list(self.times)]}
        if self.calendar not in GREGORIAN:
            document |= {"trs": CALENDARS, "cf:calendar": self.calendar}
        if self.step is not None:
            document["grid"] = {"resolution": self.step}
        return document


def extents(grid: xr.Dataset) -> Extents:
    """The extents of a grid with both horizontal axes."""
    x, y, t = (dimension(grid, axis) for axis in (Axis.X, Axis.Y, Axis.T))
    columns, rows = grid[x].to_numpy().astype("float64"), grid[y].to_numpy().astype("float64")
    native = (*_edges(columns), *_edges(rows))
    box = (native[0], native[2], native[1], native[3])
    on_earth, crs = is_lonlat(grid), crs_of(grid)
    dated = t is not None and is_time(grid[t]) and grid.sizes[t] > 0
    times = grid[t] if dated else None
    return Extents(
        bbox=_around(box) if on_earth else _on_earth(box, crs),
        columns=(len(columns), _step(columns)),
        rows=(len(rows), _step(rows)),
        native=None if on_earth else box,
        **({} if on_earth else {"crs": crs_uri(crs) or crs.to_wkt()}),
        times=None if times is None else _first_and_last(times),
        calendar="standard" if times is None else calendar_of(times),
        step=None if times is None else _duration(times.to_numpy()),
        further={str(name): _axis(grid[name]) for name in grid.dims if name not in (x, y, t if dated else None)},
    )


# Space


def _edges(centres: NDArray[np.float64]) -> tuple[float, float]:
    """Where the cells of an axis begin and end."""
    low, high = float(centres.min()), float(centres.max())
    if len(centres) == 1:
        return low, high
    along = np.sort(centres)
    return _round(low - (along[1] - along[0]) / 2), _round(high + (along[-1] - along[-2]) / 2)


def _step(centres: NDArray[np.float64]) -> float | None:
    steps = np.diff(centres)
    if not len(steps) or np.abs(steps - steps.mean()).max() > EVEN * abs(steps.mean()):
        return None
    return _round(abs(steps.mean()))


def _round(number: float) -> float:
    return float(f"{number:.{FIGURES}g}")


def _around(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """The box with longitudes from -180 to 180 and latitudes up to the poles."""
    west, south, east, north = box
    south, north = max(south, -POLE), min(north, POLE)
    if east - west >= TURN * (1 - 1e-6):
        return -HALF, south, HALF, north
    if west < -HALF or east > HALF:
        west, east = _folded(west), _folded(east)
        west = -HALF if west == HALF else west
        east = HALF if east == -HALF else east
    return west, south, east, north


def _folded(longitude: float) -> float:
    return _round((longitude + HALF) % TURN - HALF)


def _on_earth(box: tuple[float, float, float, float], crs: Any) -> tuple[float, float, float, float]:
    """A box of a projected grid in longitude and latitude; the whole Earth where that is not defined."""
    from pyproj import Transformer  # noqa: PLC0415 - only where something is to be transformed

    move = Transformer.from_crs(known(crs), "OGC:CRS84", always_xy=True)
    moved = move.transform_bounds(*box)
    if not np.isfinite(moved).all():
        return WORLD
    west, south, east, north = (round(float(number), 6) for number in moved)
    return west, south, east, north


# Time and other axes


def _first_and_last(times: xr.DataArray) -> tuple[str, str]:
    moments = times.to_numpy()
    if moments.dtype.kind == "M":
        moments = moments[~np.isnat(moments)]
    return moment_text(moments.min()), moment_text(moments.max())


def _our_date(text: str) -> datetime | None:
    """A date of any calendar in ours: one that ours lacks, such as 30 February, is the last of its month."""
    date, _, clock = text.removesuffix("Z").partition("T")
    for day in range(4):
        year, month, number = (int(part) for part in date.rsplit("-", 2))
        try:
            return datetime.fromisoformat(f"{year:04d}-{month:02d}-{number - day:02d}T{clock or '00'}").replace(
                tzinfo=UTC
            )
        except ValueError:
            continue
    return None


def _duration(moments: NDArray[Any]) -> str | None:
    """The step of evenly spaced times; months and years count as even."""
    if len(moments) < 2:  # noqa: PLR2004 - a step has two ends
        return None
    steps = np.diff(moments)
    seconds = [
        float(step / np.timedelta64(1, "s")) if moments.dtype.kind == "M" else step.total_seconds() for step in steps
    ]
    if min(seconds) > 0 and max(seconds) - min(seconds) < 1:
        return _iso(round(seconds[0]))
    months = [_month(moment) for moment in moments]
    apart = set(np.diff(months).tolist())
    if len(apart) == 1 and min(apart) > 0:
        (count,) = apart
        return f"P{count // 12}Y" if count % 12 == 0 else f"P{count}M"
    return None


def _month(moment: Any) -> int:
    if isinstance(moment, np.datetime64):
        return int(moment.astype("datetime64[M]").astype("int64"))
    return int(moment.year * 12 + moment.month)


def _iso(seconds: int) -> str:
    for unit, length in (("D", 86400), ("H", 3600), ("M", 60)):
        if seconds % length == 0:
            return f"P{seconds // length}D" if unit == "D" else f"PT{seconds // length}{unit}"
    return f"PT{seconds}S"


def _axis(coordinate: xr.DataArray) -> dict[str, Any]:
    """A further axis, as a collection's extent tells it."""
    name: Hashable = coordinate.name
    values = coordinate.to_numpy()
    listed = values.tolist() if values.dtype.kind in "iuf" else [str(item) for item in values]
    document: dict[str, Any] = {"definition": str(coordinate.attrs.get("long_name", name))}
    document["interval"] = [[min(listed), max(listed)]]
    if unit := str(coordinate.attrs.get("units", "")):
        document["unit"] = unit
    coordinates = {"coordinates": listed} if len(listed) <= MOST_VALUES else {}
    document["grid"] = {"cellsCount": len(listed)} | coordinates
    return document
