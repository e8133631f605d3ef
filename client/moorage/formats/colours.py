"""Which colours show a quantity: by what it is called first, by its numbers last."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

CIRCULAR = ("aspect", "direction", "azimuth", "phase")
SHADED = ("hillshade", "shaded_relief")
SIGNED = ("anomal", "difference", "change", "trend", "bias", "departure", "tendency")
HEIGHTS = ("elevation", "altitude", "topograph", "bathymetr", "orograph", "relief", "surface_height")

ROBUST = (1, 99)
"""Percentiles the colours run between where single cells would otherwise take most of them."""
OUTLYING = 1.5
CLASSES = 20
"""Classes beyond which colours can no longer be told apart."""
LOPSIDED = 0.1
"""How much of the larger side the smaller one needs for the signs to matter."""


@dataclass(frozen=True)
class Colours:
    """A colour map of matplotlib and the numbers it runs between."""

    name: str
    low: float
    high: float
    extend: str = "neither"
    """At which ends values lie beyond, as matplotlib's colour bars call it."""
    ticks: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    """What the ticks are called, where each stands for a class with one colour."""
    least: float = -np.inf
    """The smallest value there is."""
    greatest: float = np.inf

    def lies_below(self, number: float) -> bool:
        """Whether some value is smaller than *number*."""
        return self.least < number

    def lies_above(self, number: float) -> bool:
        """Whether some value is larger than *number*."""
        return self.greatest > number


def colours_of(array: xr.DataArray) -> Colours:
    """The colours for the numbers of *array*."""
    colours = _classes(array) or _fitting(array)
    values = array.to_numpy()
    if values.dtype.kind == "b" or not np.isfinite(values).any():
        return colours
    return replace(colours, least=float(np.nanmin(values)), greatest=float(np.nanmax(values)))


def _fitting(array: xr.DataArray) -> Colours:
    """The colours where there are no classes."""
    if array.dtype.kind == "b":
        return Colours("cividis", -0.5, 1.5, ticks=(0.0, 1.0), names=("no", "yes"))
    values = array.to_numpy().astype("float64")
    values = values[np.isfinite(values)]
    if not values.size:
        return Colours("viridis", 0.0, 1.0)
    called = " ".join(str(array.attrs.get(key, "")) for key in ("standard_name", "long_name")) + f" {array.name}"
    called = called.lower().replace(" ", "_")
    if any(word in called for word in CIRCULAR) and values.min() >= -180 and values.max() <= 360:  # noqa: PLR2004
        low = 0.0 if values.min() >= 0 else -180.0
        return Colours("twilight", low, low + 360.0, ticks=tuple(low + 90.0 * quarter for quarter in range(5)))
    if any(word in called for word in SHADED):
        return Colours("gray", float(values.min()), float(values.max()))
    low, high, extend = _range(values)
    is_signed = min(-low, high) > LOPSIDED * max(-low, high)
    if is_signed or any(word in called for word in SIGNED):
        reach = max(-low, high)
        is_land_and_sea = any(word in called for word in HEIGHTS)
        return Colours("BrBG_r" if is_land_and_sea else "RdBu_r", -reach, reach, extend)
    return Colours("viridis", low, high, extend)


def _classes(array: xr.DataArray) -> Colours | None:
    """One colour for each class, where CF attributes ``flag_values`` and ``flag_meanings`` name them in a row."""
    flags = np.atleast_1d(array.attrs.get("flag_values", ())).astype(float)
    names = tuple(str(array.attrs.get("flag_meanings", "")).split())
    in_a_row = flags.size > 1 and bool((np.diff(flags) == 1).all())
    if not in_a_row or len(names) != flags.size or flags.size > CLASSES:
        return None
    words = tuple(name.replace("_", " ") for name in names)
    return Colours("tab10" if flags.size <= 10 else "tab20", flags[0] - 0.5, flags[-1] + 0.5,  # noqa: PLR2004 - as they are called
                   ticks=tuple(flags.tolist()), names=words)  # fmt: skip


def _range(values: np.ndarray[Any, Any]) -> tuple[float, float, str]:
    """From where to where the colours run, and at which ends values lie beyond."""
    low, high = float(values.min()), float(values.max())
    inner_low, inner_high = (float(number) for number in np.percentile(values, ROBUST))
    if high - low <= OUTLYING * (inner_high - inner_low) or inner_low == inner_high:
        return (low, high, "neither") if low < high else (low - 0.5, high + 0.5, "neither")
    ends = {(True, True): "both", (True, False): "min", (False, True): "max", (False, False): "neither"}
    return inner_low, inner_high, ends[low < inner_low, inner_high < high]
