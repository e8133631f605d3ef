"""Fields that belong together: the dates they have in common, and whether they lie on one grid."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from moorage.formats.axes import Axis, axis_of_dimension

from moorage_processes.cf.times import time_axis
from moorage_processes.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

Keys = npt.NDArray[np.int64]

CALENDARS = {"gregorian": "standard", "proleptic_gregorian": "standard", "365_day": "noleap", "366_day": "all_leap"}
"""Calendars by the name under which their dates are compared; the Gregorian ones differ before 1583 only."""
CLOSE = 1e-3
"""How far coordinates may lie apart, in cells; those in single precision need some."""


def on_common_times(fields: Sequence[xr.DataArray], names: Sequence[str]) -> list[xr.DataArray]:
    """The fields at the dates that all of them have, in the order of those.

    Parameters
    ----------
    fields : each with a time axis.
    names : of the inputs they came as, for messages.

    Raises
    ------
    InputError
        where calendars differ, a date occurs twice, or none is common.
    """
    axes = [time_axis(field, name) for field, name in zip(fields, names, strict=True)]
    _check_calendars(fields, axes, names)
    keys = [_keys(field[t], name) for field, t, name in zip(fields, axes, names, strict=True)]
    common = reduce(np.intersect1d, keys)
    if common.size == 0:
        spans = "; ".join(f"{name} {_span(field[t])}" for field, t, name in zip(fields, axes, names, strict=True))
        raise InputError(f"no date is common to all: {spans}", input=names[-1])
    return [_at(field, t, key, common) for field, t, key in zip(fields, axes, keys, strict=True)]


def on_grid_of(reference: xr.DataArray, field: xr.DataArray, names: tuple[str, str]) -> xr.DataArray:
    """*field* with the names, order and direction of the dimensions of *reference*, whose grid it must have.

    Parameters
    ----------
    reference : where *field* should lie.
    field : which may have other names, another order or another direction of its axes; its times are not looked at.
    names : of the inputs the two came as, for messages.

    Raises
    ------
    InputError
        saying how the grids differ.
    """
    renamed = field.rename(_names(reference, field, names))
    for name in reference.dims:
        if axis_of_dimension(reference, name) is not Axis.T:
            renamed = _along(reference, renamed, name, names)
    return renamed.transpose(*reference.dims)


def _check_calendars(fields: Sequence[xr.DataArray], axes: Sequence[Hashable], names: Sequence[str]) -> None:
    calendars = [str(field[t].dt.calendar) for field, t in zip(fields, axes, strict=True)]
    if len({CALENDARS.get(each, each) for each in calendars}) > 1:
        listed = ", ".join(f"{name} has {calendar}" for name, calendar in zip(names, calendars, strict=True))
        remedy = "convert them with xarray's convert_calendar first"
        raise InputError(f"dates of different calendars cannot be matched: {listed}; {remedy}", input=names[-1])


def _keys(time: xr.DataArray, name: str) -> Keys:
    """A number for each date, the same in all calendars that have that date."""
    keys = np.asarray(time.dt.year).astype(np.int64)
    parts = (("month", 13), ("day", 32), ("hour", 24), ("minute", 60), ("second", 60), ("microsecond", 1_000_000))
    for part, size in parts:
        keys = keys * size + np.asarray(getattr(time.dt, part))
    if np.unique(keys).size < keys.size:
        raise InputError(f"{name} has dates that occur more than once; leave those out", input=name)
    return keys


def _span(time: xr.DataArray) -> str:
    dates = time.dt.strftime("%Y-%m-%d %H:%M")
    return f"has {time.size} from {dates[0].item()} to {dates[-1].item()}"


def _at(field: xr.DataArray, t: Hashable, keys: Keys, common: Keys) -> xr.DataArray:
    order = np.argsort(keys)
    steps = order[np.searchsorted(keys[order], common)]
    if (np.diff(steps) == 1).all():
        # a file gives a range of steps much faster than a list of them
        return field.isel({t: slice(int(steps[0]), int(steps[-1]) + 1)})
    return field.isel({t: steps})


def _names(reference: xr.DataArray, field: xr.DataArray, names: tuple[str, str]) -> dict[Hashable, Hashable]:
    """What the dimensions of *field* are called in *reference*."""
    here = {axis_of_dimension(reference, name) or name: name for name in reference.dims}
    there = {axis_of_dimension(field, name) or name: name for name in field.dims}
    if here.keys() != there.keys():
        has, wanted = (", ".join(map(str, each.dims)) or "none" for each in (field, reference))
        raise InputError(f"{names[1]} has the dimensions {has}, and {names[0]} has {wanted}", input=names[1])
    return {there[axis]: here[axis] for axis in here if there[axis] != here[axis]}


def _along(reference: xr.DataArray, field: xr.DataArray, name: Hashable, names: tuple[str, str]) -> xr.DataArray:
    remedy = "regrid one to the other first"
    if field.sizes[name] != reference.sizes[name]:
        sizes = f"{field.sizes[name]} cells along {name}, and {names[0]} has {reference.sizes[name]}"
        raise InputError(f"{names[1]} has {sizes}; {remedy}", input=names[1])
    if name not in field.coords or name not in reference.coords:
        return field
    wanted, has = np.asarray(reference[name]), np.asarray(field[name])
    if _is_close(has, wanted):
        return field
    if _is_close(has[::-1], wanted):
        return field.isel({name: slice(None, None, -1)})
    spans = f"from {has[0]} to {has[-1]} along {name}, and {names[0]} from {wanted[0]} to {wanted[-1]}"
    raise InputError(f"{names[1]} lies {spans}, or differently between; {remedy}", input=names[1])


def _is_close(one: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> bool:
    if one.dtype.kind not in "iuf" or other.dtype.kind not in "iuf":
        return bool((one == other).all())
    plain, wanted = one.astype(np.float64), other.astype(np.float64)
    spacing = np.abs(np.diff(wanted)).min() if wanted.size > 1 else 1.0
    return bool(np.abs(plain - wanted).max() <= CLOSE * max(spacing, np.finfo(np.float32).eps))
