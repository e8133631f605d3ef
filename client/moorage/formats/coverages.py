"""Grids as CoverageJSON: axes, reference systems, parameters with units, and values with null where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from moorage.formats import FormatError
from moorage.formats.axes import PRESSURE, Axis, crs_of, dimension, is_lonlat, is_time

if TYPE_CHECKING:
    from collections.abc import Hashable

    import xarray as xr

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
GREGORIAN = frozenset({"standard", "gregorian", "proleptic_gregorian"})
CALENDARS = "https://cfconventions.org/cf-conventions/cf-conventions.html#calendar"
STANDARD_NAMES = "https://vocab.nerc.ac.uk/standard_name"
KEYS = {Axis.X: "x", Axis.Y: "y", Axis.Z: "z", Axis.T: "t"}


def coverage_json(grid: xr.Dataset) -> dict[str, Any]:
    """A Dataset of numbers on one pair of horizontal axes as a CoverageJSON document.

    Variables that lack an axis that others have, such as a land mask without time, repeat along it.
    """
    keys = _keys(grid)
    dims = _order(grid, keys)
    domain: dict[str, Any] = {"type": "Domain", "axes": _axes(grid, keys), "referencing": _referencing(grid, keys)}
    if set(keys.values()) <= set(KEYS.values()):
        domain["domainType"] = "Grid"
    names = [str(name) for name in grid.data_vars]
    return {
        "type": "Coverage",
        "domain": domain,
        "parameters": {name: parameter(grid[name]) for name in names},
        "ranges": {name: _range(grid, name, dims, keys) for name in names},
    }


def parameter(array: xr.DataArray) -> dict[str, Any]:
    """What a variable is, and its unit."""
    label = str(array.attrs.get("long_name") or array.attrs.get("standard_name") or array.name)
    observed: dict[str, Any] = {"label": {"en": label}}
    if standard := array.attrs.get("standard_name"):
        observed["id"] = f"{STANDARD_NAMES}/{standard}/"
    document: dict[str, Any] = {"type": "Parameter", "description": {"en": label}, "observedProperty": observed}
    if unit := str(array.attrs.get("units", "")):
        document["unit"] = {"label": {"en": unit}, "symbol": unit}
    return document


def moment_text(moment: Any) -> str:
    """A date in ISO 8601, of numpy or of a calendar of cftime."""
    if isinstance(moment, np.datetime64):
        text = str(np.datetime_as_string(moment, unit="ms"))
        return text.removesuffix(".000") + "Z"
    return f"{moment.isoformat()}Z"


def calendar_of(times: xr.DataArray) -> str:
    """The calendar of dates, as CF calls it."""
    if times.dtype.kind == "M" or not times.size:
        return "proleptic_gregorian"
    return str(times.to_numpy().flat[0].calendar)


def crs_uri(crs: Any) -> str | None:
    """The URI of a CRS of the registry of EPSG; None for any other."""
    code = None if crs is None else crs.to_epsg()
    return None if code is None else f"http://www.opengis.net/def/crs/EPSG/0/{code}"


# Axes


def _keys(grid: xr.Dataset) -> dict[Hashable, str]:
    """Each dimension by the name CoverageJSON has for it: x, y, z, t, or its own."""
    keys = {found: key for axis, key in KEYS.items() if (found := dimension(grid, axis)) is not None}
    for axis in (Axis.X, Axis.Y):
        if KEYS[axis] not in keys.values():
            raise FormatError("CoverageJSON needs x and y, and the grid lacks them; ask for netcdf")
    return {name: keys.get(name, str(name)) for name in grid.dims}


def _order(grid: xr.Dataset, keys: dict[Hashable, str]) -> list[Hashable]:
    """All dimensions, time first and x last."""
    rank = {"t": 0, "z": 2, "y": 3, "x": 4}
    return sorted(grid.dims, key=lambda name: rank.get(keys[name], 1))


def _axes(grid: xr.Dataset, keys: dict[Hashable, str]) -> dict[str, Any]:
    return {key: {"values": _values(grid[name])} for name, key in keys.items()}


def _values(coordinate: xr.DataArray) -> list[Any]:
    if is_time(coordinate):
        return [moment_text(moment) for moment in coordinate.to_numpy()]
    values = coordinate.to_numpy()
    if values.dtype == np.float32:
        values = values.astype(str).astype("float64")  # 0.1 stays 0.1
    return list(values.tolist()) if values.dtype.kind in "iuf" else [str(item) for item in values]


def _referencing(grid: xr.Dataset, keys: dict[Hashable, str]) -> list[dict[str, Any]]:
    systems = [{"coordinates": ["x", "y"], "system": _horizontal(grid)}]
    for name, key in keys.items():
        if key == "t" and is_time(grid[name]):
            systems.append({"coordinates": [key], "system": _temporal(grid[name])})
        elif key == "z":
            systems.append({"coordinates": [key], "system": _vertical(grid[name])})
        elif key not in ("x", "y"):
            label = str(grid[name].attrs.get("long_name", name))
            system = {"type": "IdentifierRS", "targetConcept": {"label": {"en": label}}}
            systems.append({"coordinates": [key], "system": system})
    return systems


def _horizontal(grid: xr.Dataset) -> dict[str, Any]:
    if is_lonlat(grid):
        return {"type": "GeographicCRS", "id": CRS84}
    crs = crs_of(grid)
    system: dict[str, Any] = {"type": "ProjectedCRS"}
    if (uri := crs_uri(crs)) is not None:
        system["id"] = uri
    elif crs is not None:
        system["wkt"] = crs.to_wkt()
    return system


def _temporal(times: xr.DataArray) -> dict[str, Any]:
    calendar = calendar_of(times)
    if calendar in GREGORIAN:
        return {"type": "TemporalRS", "calendar": "Gregorian"}
    return {"type": "TemporalRS", "calendar": CALENDARS, "cf:calendar": calendar}


def _vertical(levels: xr.DataArray) -> dict[str, Any]:
    unit = str(levels.attrs.get("units", ""))
    is_down = levels.attrs.get("positive") == "down" or unit.lower() in PRESSURE or levels.name == "depth"
    label = str(levels.attrs.get("long_name", levels.name))
    axis: dict[str, Any] = {"name": {"en": label}, "direction": "down" if is_down else "up"}
    if unit:
        axis["unit"] = {"symbol": unit}
    return {"type": "VerticalCRS", "cs": {"csAxes": [axis]}}


# Values


def _range(grid: xr.Dataset, name: str, dims: list[Hashable], keys: dict[Hashable, str]) -> dict[str, Any]:
    array = grid[name]
    if array.dtype.kind not in "biuf":
        raise FormatError(f"CoverageJSON holds numbers, and {name} is {array.dtype}; ask for netcdf")
    lacking = {each: grid.sizes[each] for each in dims if each not in array.dims}
    values = (array.expand_dims(lacking) if lacking else array).transpose(*dims).to_numpy()
    return {
        "type": "NdArray",
        "dataType": "float" if values.dtype.kind == "f" else "integer",
        "axisNames": [keys[each] for each in dims],
        "shape": list(values.shape),
        "values": _numbers(values),
    }


def _numbers(values: np.ndarray[Any, Any]) -> list[Any]:
    """All values in the order of the axes; what is missing or infinite is None."""
    if values.dtype.kind == "b":
        values = values.astype("uint8")
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return list(values.ravel().tolist())
    cells = values.ravel().astype("float64").astype(object)
    cells[~np.isfinite(values.ravel())] = None
    return list(cells.tolist())
