"""A grid in the types, attributes and encodings that a NetCDF file has."""

from __future__ import annotations

import json
from datetime import date
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import cftime
import numpy as np
import pandas as pd
import xarray as xr

from moorage.formats import FormatError
from moorage.formats.axes import is_horizontal, is_time

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

GREGORIAN = frozenset({"standard", "gregorian", "proleptic_gregorian"})
CRS_ATTRIBUTES = frozenset({"crs_wkt", "spatial_ref", "grid_mapping_name"})
STEPS: dict[Any, tuple[str, ...]] = {
    np.timedelta64(1, "D"): ("day", "d"),
    np.timedelta64(1, "h"): ("hour", "hr", "h"),
    np.timedelta64(1, "m"): ("minute", "min"),
    np.timedelta64(1, "s"): ("second", "sec", "s"),
    np.timedelta64(1, "ms"): ("millisecond",),
    np.timedelta64(1, "us"): ("microsecond",),
    np.timedelta64(1, "ns"): ("nanosecond",),
}
"""Units of time that have a length, by their names without a plural s."""
SYNONYMS = {"365_day": "noleap", "366_day": "all_leap", "gregorian": "standard"}
INT64 = np.iinfo(np.int64)


def storable(grid: xr.Dataset) -> xr.Dataset:
    """The same grid in types, attributes and encodings that a NetCDF file can hold."""
    several = [name for name, index in grid.indexes.items() if isinstance(index, pd.MultiIndex) and name in grid.dims]
    if several:
        grid = grid.reset_index(several)
    for name in (*grid.variables, *grid.dims):
        if not isinstance(name, str) or "/" in name:
            raise FormatError(f"{name!r} is not a name for NetCDF; a name is text without a slash")
    projection = _projection(grid)
    stored = {str(name): _variable(str(name), variable, grid, projection) for name, variable in grid.variables.items()}
    coords = {name: stored.pop(str(name)) for name in grid.coords}
    return xr.Dataset(stored, coords, _attributes(grid.attrs))


def _variable(name: str, variable: xr.Variable, grid: xr.Dataset, projection: str | None) -> xr.Variable:
    stored = _in_own_type(name, variable)
    attrs = _attributes(variable.attrs)
    attrs.pop("coordinates", None)  # xarray lists them itself
    encoding: dict[str, Any] = {}
    if is_time(variable):
        attrs = {key: text for key, text in attrs.items() if key not in ("units", "calendar")}
        encoding = _time_encoding(variable)
    elif name in grid.dims:
        encoding = {"_FillValue": None}  # CF: a coordinate has no gaps
    _settle_missing(attrs, stored.dtype)
    mapping = attrs.pop("grid_mapping", None) or variable.encoding.get("grid_mapping")
    if mapping not in grid.variables:
        mapping = projection if name in grid.data_vars and is_horizontal(grid[name]) else None
    if mapping is not None:
        encoding["grid_mapping"] = mapping
    # shallow: what is opened lazily, or computed as it is read, stays so
    stored = stored.copy(deep=False)
    stored.attrs, stored.encoding = attrs, encoding
    return stored


def _projection(grid: xr.Dataset) -> str | None:
    """The coordinate that states the CRS; arithmetic keeps it and loses the reference to it."""
    names = [str(name) for name, coordinate in grid.coords.items() if CRS_ATTRIBUTES & set(coordinate.attrs)]
    return names[0] if len(names) == 1 else None


def _in_own_type(name: str, variable: xr.Variable) -> xr.Variable:
    """The values in a type NetCDF has."""
    dtype: Any = variable.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        moments = pd.DatetimeIndex(variable.to_numpy()).tz_convert(None).to_numpy()
        return xr.Variable(variable.dims, moments)
    if pd.api.types.is_extension_array_dtype(dtype) and not isinstance(dtype, pd.StringDtype):
        texts = np.array([str(item) for item in variable.to_numpy().ravel()])
        return xr.Variable(variable.dims, texts.reshape(variable.shape))
    if dtype.kind == "c":
        raise FormatError(f"{name} has complex numbers; give real and imaginary part as two variables")
    if dtype == np.float16:
        return variable.astype("float32")
    if dtype == np.longdouble:
        raise FormatError(f"{name} is {dtype}; NetCDF holds up to float64")
    return variable


def _time_encoding(variable: xr.Variable) -> dict[str, Any]:
    """Whole numbers, in the units the times came with where these say them exactly."""
    units, calendar = variable.encoding.get("units"), variable.encoding.get("calendar")
    encoding: dict[str, Any] = {"dtype": "int64"}
    if variable.dtype.kind == "M":
        encoding["calendar"] = "proleptic_gregorian"  # what numpy counts by
        return encoding | ({"units": units} if units and _is_exact(variable.to_numpy(), str(units)) else {})
    dates = variable.to_numpy()
    own = dates.flat[0].calendar
    if units is None or SYNONYMS.get(str(calendar), calendar) != own:
        return encoding
    try:
        count = np.asarray(cftime.date2num(dates, units, own))  # whole numbers if they say it exactly
    except ValueError:  # months, years, and what is not a unit at all
        return encoding
    return encoding | ({"units": units} if count.dtype.kind == "i" else {})


def _is_exact(moments: np.ndarray[Any, Any], units: str) -> bool:
    """Whether all times are whole numbers of, say, ``days since 1900-01-01``."""
    name, _, start = units.partition(" since ")
    name = name.strip().lower()
    step = next((step for step, names in STEPS.items() if name in names or name.removesuffix("s") in names), None)
    try:
        passed = moments - np.datetime64(pd.Timestamp(start).isoformat())
    except (ValueError, TypeError):
        return False
    passed = passed[~np.isnat(passed)]
    return step is not None and not (passed % step).astype("int64").any()


def _settle_missing(attrs: dict[str, Any], dtype: np.dtype[Any]) -> None:
    """Attributes that change how values are read: kept if they say something, in the type of the values."""
    if attrs.get("scale_factor", 1.0) == 1.0 and attrs.get("add_offset", 0.0) == 0.0:
        attrs.pop("scale_factor", None)
        attrs.pop("add_offset", None)
    for key in ("_FillValue", "missing_value"):
        if key not in attrs:
            continue
        mark = np.asarray(attrs.pop(key))
        if mark.size == 1 and mark.dtype.kind in "iuf" and dtype.kind in "iuf":
            with np.errstate(invalid="ignore"):
                cast = mark.astype(dtype)
            if np.array_equal(cast, mark, equal_nan=True):
                attrs[key] = cast.reshape(())[()]


def _attributes(attrs: Mapping[Hashable, Any]) -> dict[str, Any]:
    """Attributes as text and numbers; what is neither is written as JSON."""
    stored = ((str(key).replace("/", "_"), _attribute(item)) for key, item in attrs.items() if item is not None)
    return {key: item for key, item in stored if key}


def _attribute(item: Any) -> Any:
    if isinstance(item, bool | np.bool):
        return np.int8(item)
    if isinstance(item, Integral) and not INT64.min <= int(item) <= INT64.max:
        return str(item)
    if isinstance(item, bytes):
        return item.decode("utf-8", "replace")
    if isinstance(item, date | np.datetime64):
        return pd.Timestamp(item).isoformat()
    is_list = isinstance(item, list | tuple | np.ndarray) and np.ndim(item) == 1 and _is_alike(list(item))
    if is_list or isinstance(item, str | Real):
        return item
    return json.dumps(item, default=_plain)


def _is_alike(items: list[Any]) -> bool:
    """Whether a list holds only text or only numbers."""
    numbers = all(isinstance(item, int | float | np.number) and not isinstance(item, bool) for item in items)
    return numbers or all(isinstance(item, str) for item in items)


def _plain(item: Any) -> Any:
    return item.tolist() if isinstance(item, np.ndarray | np.generic) else str(item)
