"""The part of a grid that a request asks for: a box, a period, ranges of axes. Nothing of it is read here."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from moorage.formats.axes import LONLAT, Axis, axis_of, crs_of, dimension, is_lonlat, is_time
from moorage.formats.crs import known

from moorage_processes.data.period import Period
from moorage_processes.errors import InputError
from moorage_processes.grids.crs import given_crs

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

TURN = 360.0
NEAR = 1e-6
"""How far a cell may lie outside a box and still be meant, in degrees or cells; float32 coordinates need some."""
ALIASES = {
    Axis.X: ("x", "lon", "long", "longitude", "e"),
    Axis.Y: ("y", "lat", "latitude", "n"),
    Axis.Z: ("z", "level"),
    Axis.T: ("t", "time"),
}
"""What callers call an axis, whatever the data calls it."""
OPEN = frozenset({"", "*", ".."})
FLAT, HIGH = 4, 6
"""Numbers of a box without and with height."""


def subset(grid: xr.Dataset, selection: Mapping[str, Any], name: str) -> xr.Dataset:
    """The part of *grid* inside a selection's ``bbox``, ``datetime`` and ``subset``, lazily.

    Cells whose centres lie in the box are kept. Longitudes are compared around the Earth, whether the data counts them
    from 0 to 360 or from -180 to 180, and come in the range of the box. A box whose west is greater than its east goes
    over 180 degrees.

    Parameters
    ----------
    grid : open and lazy.
    selection : ``bbox`` as [west, south, east, north], in longitude and latitude or in ``bbox-crs``; ``datetime`` as
        an instant or start/end; ``subset`` as axis to [value] or [lowest, highest].
    name : what an error says it is about.
    """
    if (box := selection.get("bbox")) is not None:
        grid = _inside(grid, box, selection.get("bbox-crs"), name)
    if (period := selection.get("datetime")) is not None:
        t = dimension(grid, Axis.T)
        if t is None or not is_time(grid[t]):
            raise InputError(f"{name}: the data has no time axis to cut 'datetime' from", input=name)
        grid = _during(grid, t, str(period), name)
    for axis, bounds in (selection.get("subset") or {}).items():
        grid = _along(grid, _dimension(grid, axis, name), bounds, name)
    return grid


def axes_known(grid: xr.Dataset) -> list[str]:
    """All names by which ``subset`` takes an axis of *grid*, its own first."""
    names = [str(name) for name in grid.dims]
    for axis, aliases in ALIASES.items():
        if dimension(grid, axis) is not None:
            names += [alias for alias in aliases if alias not in names]
    return names


# Boxes


def _inside(grid: xr.Dataset, box: Any, crs: str | None, name: str) -> xr.Dataset:
    if not isinstance(box, Sequence) or len(box) not in (FLAT, HIGH):
        raise InputError(f"{name}: 'bbox' is [west, south, east, north]", input=name)
    numbers = _numbers(box, name)
    if len(numbers) == HIGH:
        grid = _between_levels(grid, numbers[2], numbers[5], name)
        numbers = [*numbers[:2], *numbers[3:5]]
    x, y = dimension(grid, Axis.X), dimension(grid, Axis.Y)
    if x is None or y is None:
        raise InputError(f"{name}: the data has no horizontal axes to cut a 'bbox' from", input=name)
    on_earth = _is_on_earth(grid)
    west, south, east, north = _in_crs_of(grid, numbers, crs, on_earth=on_earth, name=name)
    if south > north:
        raise InputError(f"{name}: the south {south:g} of 'bbox' lies north of its north {north:g}", input=name)
    rows = _between(grid[y].to_numpy(), south, north)
    columns, turned = _columns(grid, x, west, east)
    if not len(rows) or not len(columns):
        has = " and ".join(f"{along} {_span(grid[along].to_numpy())}" for along in (x, y))
        raise InputError(f"{name}: 'bbox' {list(box)} does not meet the data, which has {has}", input=name)
    part = grid.isel({x: _run(columns), y: _run(rows)})
    return part if turned is None else _with_values(part, x, turned)


def _span(values: NDArray[Any]) -> str:
    return f"{values.min():g} to {values.max():g}" if values.size else "no cells"


def _is_on_earth(grid: xr.Dataset) -> bool:
    """Whether the columns go around the Earth; those of data that says nothing are taken for degrees."""
    if is_lonlat(grid):
        return True
    x = dimension(grid, Axis.X)
    return crs_of(grid) is None and x is not None and "degree" in str(grid[x].attrs.get("units", "degrees"))


def _numbers(box: Sequence[Any], name: str) -> list[float]:
    try:
        numbers = [float(number) for number in box]
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: 'bbox' is four numbers, not {list(box)}", input=name) from error
    if not np.isfinite(numbers).all():
        raise InputError(f"{name}: the numbers of 'bbox' are finite, not {list(box)}", input=name)
    return numbers


def _between_levels(grid: xr.Dataset, low: float, high: float, name: str) -> xr.Dataset:
    z = dimension(grid, Axis.Z)
    return grid if z is None else _along(grid, z, [low, high], name)


def _in_crs_of(grid: xr.Dataset, box: list[float], crs: str | None, *, on_earth: bool, name: str) -> list[float]:
    """The box in the coordinates of the grid."""
    if crs is None and (on_earth or crs_of(grid) is None):
        return box
    from pyproj import Transformer  # noqa: PLC0415 - only where something is to be transformed
    from pyproj.exceptions import ProjError  # noqa: PLC0415 - the same

    source = given_crs(str(crs).strip("[]") if crs else "OGC:CRS84", name, about=f"{name}: 'bbox-crs'")
    stated = LONLAT if on_earth else crs_of(grid)
    if stated is None:
        raise InputError(f"{name}: the data states no CRS; leave 'bbox-crs' out and give its own x and y", input=name)
    target = known(stated)
    if source.axis_info and source.axis_info[0].direction == "north":
        box = [box[1], box[0], box[3], box[2]]  # such a CRS writes its boxes south, west, north, east
    if source.equals(target, ignore_axis_order=True) or (on_earth and source.is_geographic):
        return box
    west, south, east, north = box
    is_over = source.is_geographic and west > east
    boxes = (
        [(west, south, TURN / 2, north), (-TURN / 2, south, east, north)] if is_over else [(west, south, east, north)]
    )
    move = Transformer.from_crs(source, target, always_xy=True)
    try:
        moved = np.array([move.transform_bounds(*each) for each in boxes])
    except ProjError as error:
        raise InputError(f"{name}: 'bbox' {box} lies where the CRS of the data is not defined", input=name) from error
    if not np.isfinite(moved).all():
        raise InputError(f"{name}: 'bbox' {box} lies where the CRS of the data is not defined", input=name)
    if on_earth:
        return [float(number) for number in moved[0]]  # west may be greater than east here too
    return [float(number) for number in (*moved[:, :2].min(axis=0), *moved[:, 2:].max(axis=0))]


def _columns(grid: xr.Dataset, x: Hashable, west: float, east: float) -> tuple[NDArray[np.intp], Any]:
    """The columns between two longitudes or eastings, from one side to the other, and their new longitudes if any."""
    values = grid[x].to_numpy().astype("float64")
    if not _is_on_earth(grid):
        return _between(values, west, east), None
    width = east - west if east >= west else east - west + TURN
    is_inside = (values >= west - NEAR) & (values <= west + width + NEAR)
    offsets = np.where(is_inside, values - west, (values - west + NEAR) % TURN - NEAR)
    (columns,) = (offsets <= width + NEAR).nonzero()
    order = np.argsort(offsets[columns], kind="stable")
    if len(values) > 1 and values[0] > values[-1]:
        order = order[::-1]
    columns = columns[order]
    shifts = np.round((west + offsets[columns] - values[columns]) / TURN) * TURN
    return columns, (values[columns] + shifts if shifts.any() else None)


def _between(values: NDArray[Any], low: float, high: float) -> NDArray[np.intp]:
    """Where *values* lie between two numbers."""
    slack = NEAR * float(np.abs(np.diff(values.astype("float64"))).min(initial=1.0))
    (places,) = ((values >= low - slack) & (values <= high + slack)).nonzero()
    return places


def _run(places: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """Neighbouring places as a slice, which is read at once; others as they are."""
    if len(places) and places[-1] - places[0] == len(places) - 1 and (np.diff(places) == 1).all():
        return slice(int(places[0]), int(places[-1]) + 1)
    return places


def _with_values(grid: xr.Dataset, name: Hashable, values: NDArray[Any]) -> xr.Dataset:
    old = grid[name]
    return grid.assign_coords({name: (name, values.astype(old.dtype), old.attrs)})


# Times and other axes


def _during(grid: xr.Dataset, t: Hashable, text: str, name: str) -> xr.Dataset:
    times = grid[t].to_numpy()
    try:
        period = Period.read(text)
        places = period.places(times)
    except ValueError as error:
        raise InputError(f"{name}: 'datetime' {text[:80]!r} is not an instant or start/end", input=name) from error
    if not len(places):
        has = f"{_text(times.min())} to {_text(times.max())}"
        raise InputError(f"{name}: 'datetime' {text!r} does not meet the data, which has {has}", input=name)
    return grid.isel({t: _run(places)})


def _text(moment: Any) -> str:
    return str(moment)[:19] if isinstance(moment, np.datetime64) else str(moment.isoformat())


def _dimension(grid: xr.Dataset, axis: str, name: str) -> Hashable:
    """The dimension that a caller's word for an axis means."""
    known = {str(each).lower(): each for each in grid.dims}
    if axis.lower() in known:
        return known[axis.lower()]
    for kind, aliases in ALIASES.items():
        found = dimension(grid, kind)
        if axis.lower() in aliases and found is not None:
            return found
    raise InputError(f"{name}: there is no axis {axis!r}; the data has {', '.join(map(str, grid.dims))}", input=name)


def _along(grid: xr.Dataset, name: Hashable, bounds: Sequence[Any], about: str) -> xr.Dataset:
    """The part of *grid* at one value of an axis, or between two."""
    coordinate = grid[name]
    if is_time(coordinate):
        return _during(grid, name, "/".join(".." if str(each) in OPEN else str(each) for each in bounds), about)
    if coordinate.dtype.kind not in "iuf":
        places = coordinate.astype(str).isin([str(each) for each in bounds]).to_numpy().nonzero()[0]
        return _found(grid, name, places, bounds, about)
    low, high = _limits(name, bounds, about)
    kind = axis_of(coordinate)
    if kind is Axis.X and low is not None and high is not None and len(bounds) > 1:
        columns, turned = _columns(grid, name, low, high)
        part = _found(grid, name, columns, bounds, about)
        return part if turned is None else _with_values(part, name, turned)
    if low is not None and high is not None:
        low, high = min(low, high), max(low, high)
    if len(bounds) == 1 and low is not None and kind in (Axis.X, Axis.Y):
        return _found(grid, name, _nearest(grid, name, low), bounds, about)
    places = _between(coordinate.to_numpy(), -np.inf if low is None else low, np.inf if high is None else high)
    return _found(grid, name, places, bounds, about)


def _limits(name: Hashable, bounds: Sequence[Any], about: str) -> tuple[float | None, float | None]:
    try:
        numbers = [None if str(each) in OPEN else float(each) for each in bounds]
    except ValueError as error:
        shown = ":".join(map(str, bounds))
        raise InputError(f"{about}: {name} takes a number or low:high, not {shown!r}", input=about) from error
    low, high = numbers[0], numbers[-1]
    return low, high


def _nearest(grid: xr.Dataset, name: Hashable, wanted: float) -> NDArray[np.intp]:
    """The cell that a place lies in, if it lies in one."""
    values = grid[name].to_numpy().astype("float64")
    away = np.abs(values - wanted)
    if axis_of(grid[name]) is Axis.X and _is_on_earth(grid):
        away = np.abs((values - wanted + TURN / 2) % TURN - TURN / 2)
    reach = float(np.abs(np.diff(values)).max(initial=0.0)) / 2
    best = int(away.argmin())
    return np.array([best]) if not reach or away[best] <= reach * (1 + NEAR) else np.array([], dtype=int)


def _found(grid: xr.Dataset, name: Hashable, places: NDArray[np.intp], bounds: Sequence[Any], about: str) -> xr.Dataset:
    if len(places):
        return grid.isel({name: _run(places)})
    values = grid[name].to_numpy()
    has = ", ".join(map(str, values)) if len(values) <= 12 else f"{values.min()} to {values.max()}"  # noqa: PLR2004 - fits a line
    shown = ":".join(map(str, bounds))
    raise InputError(f"{about}: {name} ({shown}) does not meet the data, which has {has}", input=about)
