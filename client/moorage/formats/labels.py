"""Words beside a picture: quantities, units and places as people write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from moorage.formats.axes import DEGREES, Axis, axis_of, is_time

if TYPE_CHECKING:
    import xarray as xr

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
UNITS = {
    "1": "", "dimensionless": "", "none": "", "unitless": "",
    "degree": "degrees", "deg": "degrees", "°": "degrees",
    "degc": "°C", "deg c": "°C", "deg_c": "°C", "degrees_c": "°C", "degree_c": "°C", "celsius": "°C", "c": "°C",
    "degrees_celsius": "°C", "degree_celsius": "°C", "deg_celsius": "°C", "kelvin": "K", "percent": "%", "micron": "µm",
}  # fmt: skip
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
EXPONENT = re.compile(r"(?<=[A-Za-zµ°])(?:\^|\*\*)?([-+]?\d+)")


def units_of(array: xr.DataArray) -> str:
    """The units as they are printed: ``kg m⁻²`` for ``kg m-2``; nothing for a pure number."""
    unit = str(array.attrs.get("units", "")).strip()
    if unit.lower() in UNITS:
        return UNITS[unit.lower()]
    return EXPONENT.sub(lambda found: found[1].removeprefix("+").translate(SUPERSCRIPTS), unit)


def heading(array: xr.DataArray) -> str:
    """What the array is: its long name, or its name in words."""
    words = str(array.attrs.get("long_name") or array.attrs.get("standard_name") or array.name or "")
    words = words.replace("_", " ")
    if words.isupper() and " " in words:
        words = words.lower()
    return words if len(words) == 1 else words[:1].upper() + words[1:]


def quantity(array: xr.DataArray) -> str:
    """What the array is, with its unit in brackets."""
    unit = units_of(array)
    return f"{heading(array)} [{unit}]" if unit else heading(array)


def moment(coordinate: xr.DataArray) -> str:
    """One value of a coordinate in words."""
    value: Any = coordinate.to_numpy()
    if value.dtype.kind != "M":
        value = value.item()
    if is_time(coordinate):
        text = value.isoformat()[:16] if hasattr(value, "isoformat") else str(np.datetime_as_string(value, unit="m"))
        return text.removesuffix("T00:00").replace("T", " ")
    if coordinate.name == "month" and value in range(1, 13):
        return MONTHS[int(value) - 1]
    if not isinstance(value, int | float):
        return str(value)
    axis, unit = axis_of(coordinate), units_of(coordinate)
    if axis is not None and axis in DEGREES and unit.lower() in DEGREES[axis]:
        return meridian(value) if axis is Axis.X else parallel(value)
    return f"{coordinate.name} {value:g} {unit}".strip()


def meridian(degrees: float, _position: float | None = None) -> str:
    """A longitude such as 12.5°E."""
    degrees = (degrees + 180.0) % 360.0 - 180.0
    side = "" if degrees in (0.0, -180.0) else "E" if degrees > 0 else "W"
    return f"{abs(degrees):.6g}°{side}"


def parallel(degrees: float, _position: float | None = None) -> str:
    """A latitude such as 53.5°N."""
    return f"{abs(degrees):.6g}°{'' if degrees == 0 else 'N' if degrees > 0 else 'S'}"
