"""Units of CF, those of UDUNITS: read from data, and converted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cf_units

from moorage_processes.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

SPELLINGS = {
    "deg c": "degC", "deg_c": "degC", "degc": "degC", "c": "degC", "deg f": "degF", "degf": "degF", "deg k": "K",
    "degk": "K", "k": "K", "deg": "degree", "m/s": "m s-1", "mm/d": "mm d-1", "psu": "1e-3", "none": "1",
    "unitless": "1", "dimensionless": "1", "fraction": "1", "pct": "%",
}  # fmt: skip
"""Units as they are met in files, in small letters, where UDUNITS does not know or misreads them."""
FAR = 1e6
WATER = 1000.0
"""Density of water [kg m-3]: a kilogram of rain on a square metre is 1 mm deep."""


@dataclass(frozen=True)
class Conversion:
    """From one unit to another: ``scale * value + offset``."""

    scale: float
    offset: float = 0.0

    def __call__(self, values: Any) -> Any:
        """Values of the one in the other."""
        return values * self.scale + self.offset

    @property
    def is_nothing(self) -> bool:
        """Whether the two are the same."""
        return self.scale == 1.0 and self.offset == 0.0


def unit(text: str, name: str) -> cf_units.Unit:
    """A unit by what it is called, for the input *name*.

    Raises
    ------
    InputError
        where UDUNITS does not know it.
    """
    spelling = SPELLINGS.get(text.strip().lower(), text.strip())
    try:
        return cf_units.Unit(spelling)
    except ValueError as error:
        message = f"{name}: the unit {text!r} is not known; write it as CF does, such as K, m s-1 or mm d-1"
        raise InputError(message, input=name) from error


def unit_of(field: xr.DataArray, name: str) -> cf_units.Unit:
    """The unit that *field*, the input *name*, states.

    Raises
    ------
    InputError
        where it states none, or one that is not known.
    """
    stated = str(field.attrs.get("units", ""))
    if not stated:
        raise InputError(f"{name} states no units; write them into the data as attribute units", input=name)
    return unit(stated, name)


def conversion(source: cf_units.Unit, target: cf_units.Unit, name: str) -> Conversion:
    """How to get from one unit to another; rain may be a height or a mass on an area.

    Raises
    ------
    InputError
        where the two measure different things.
    """
    if source.is_convertible(target):
        return _affine(source, target)
    for factor in (1 / WATER, WATER):
        as_other = source * cf_units.Unit(f"{factor!r} {'m3 kg-1' if factor < 1 else 'kg m-3'}")
        if as_other.is_convertible(target):
            return _affine(as_other, target)
    raise InputError(f"{name} is in {source}, which cannot be converted to {target}", input=name)


def _affine(source: cf_units.Unit, target: cf_units.Unit) -> Conversion:
    zero = float(source.convert(0.0, target))
    # far away, so that an offset such as 273.15 takes no digits from the scale
    return Conversion((float(source.convert(FAR, target)) - zero) / FAR, zero)


def times(field: xr.DataArray, factor: str) -> str | None:
    """The units of *field* times *factor*, as ``K`` and ``s-1`` give ``K s-1``; None where it states none."""
    stated = str(field.attrs.get("units", "")).strip()
    if not stated:
        return None
    return factor if stated in ("1", "dimensionless") else f"{stated} {factor}"
