"""What an example must know of a grid dataset: its variables, their axes, where and when they lie, how high they go."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from moorage.formats.axes import Axis, crs_of, dimension, is_lonlat, is_time
from moorage.formats.coverages import moment_text

from moorage_processes.data.opening import open_grid
from moorage_processes.ogc.collections.cache import CachedDescription, described
from moorage_processes.ogc.collections.coverage import NUMBERS, READING
from moorage_processes.ogc.collections.extents import extents

if TYPE_CHECKING:
    import xarray as xr

    from moorage_processes.data.datasets import Dataset

SAMPLE = 100
"""Rows and columns of the sample that values are taken from."""
QUANTILES = (0.1, 0.5, 0.9)
DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Variable:
    """One variable of a grid dataset."""

    name: str
    words: str
    """Its names and titles, in small letters."""
    unit: str
    is_whole: bool
    """Whether its values are whole numbers."""
    cells: int
    is_map: bool
    is_even: bool
    """Whether its rows and columns are evenly spaced."""
    times: tuple[str, ...] = ()
    """Its first two times and its last, where it has dates."""
    count: int = 0
    """How many times."""
    step: float | None = None
    """Days from one time to the next."""
    further: int = 1
    """Cells along all axes but the horizontal ones and time."""


@dataclass(frozen=True)
class GridFacts:
    """What a grid dataset holds."""

    variables: tuple[Variable, ...]
    bbox: tuple[float, float, float, float] | None = None
    """In longitude and latitude, west less than east; None where there is no map."""
    spacing: float | None = None
    """Width of a cell, in the unit of the CRS."""
    is_lonlat: bool = True


def facts_of(entry: Dataset) -> CachedDescription[GridFacts]:
    """What a grid dataset holds now."""
    return described(entry, _describe)


def range_of(entry: Dataset, variable: str) -> CachedDescription[tuple[float, float, float]]:
    """A low, a middle and a high value of a variable, from a sample of one map."""
    return described(entry, partial(_range, variable=variable))


def _describe(entry: Dataset) -> GridFacts:
    with READING, open_grid(entry) as grid:
        arrays = [grid[name] for name in grid.data_vars if grid[name].dtype.kind in NUMBERS and grid[name].ndim]
        if entry.variable is not None:
            arrays = [each for each in arrays if each.name == entry.variable]
        return GridFacts(tuple(map(_variable, arrays)), *_place(arrays))


def _place(arrays: list[xr.DataArray]) -> tuple[Any, ...]:
    maps = [each for each in arrays if _ground(each) is not None]
    if not maps or not (is_lonlat(maps[0]) or crs_of(maps[0]) is not None):
        return None, None
    known = extents(maps[0].to_dataset(name="map"))
    west, south, east, north = known.bbox
    x = maps[0][dimension(maps[0], Axis.X)].to_numpy()
    spacing = float(abs(x[-1] - x[0]) / (len(x) - 1)) if len(x) > 1 else None
    return (west, south, east if east > west else east + 360.0, north), spacing, known.native is None


def _ground(array: xr.DataArray) -> tuple[Any, Any] | None:
    x, y = dimension(array, Axis.X), dimension(array, Axis.Y)
    if x is None or y is None or x not in array.coords or y not in array.coords:
        return None
    return (x, y)


def _variable(array: xr.DataArray) -> Variable:
    ground, t = _ground(array), dimension(array, Axis.T)
    dated = t is not None and t in array.coords and is_time(array[t]) and array.sizes[t] > 0
    further = [name for name in array.dims if name not in (*(ground or ()), t if dated else None)]
    attrs = array.attrs
    words = " ".join(str(each) for each in (array.name, attrs.get("long_name", ""), attrs.get("standard_name", "")))
    return Variable(
        name=str(array.name),
        words=words.lower(),
        unit=str(attrs.get("units", "")),
        is_whole=array.dtype.kind in "iu",
        cells=int(array.size),
        is_map=ground is not None,
        is_even=ground is not None and all(_is_even(array[name].to_numpy()) for name in ground),
        further=int(np.prod([array.sizes[name] for name in further])),
        **(_times(array[t].to_numpy()) if dated else {}),
    )


def _is_even(axis: Any) -> bool:
    steps = np.diff(axis.astype("float64"))
    return len(steps) > 0 and bool(np.abs(steps - steps.mean()).max() <= abs(steps.mean()) * 1e-3)


def _times(moments: Any) -> dict[str, Any]:
    step = None
    if len(moments) > 1:
        step = float((moments[1] - moments[0]) / DAY) if moments.dtype.kind == "M" else (moments[1] - moments[0]).days
    shown = tuple(moment_text(moments[at]) for at in (0, min(1, len(moments) - 1), -1))
    return {"times": shown, "count": len(moments), "step": step}


def _range(entry: Dataset, variable: str) -> tuple[float, float, float]:
    with READING, open_grid(entry) as grid:
        array = grid[variable]
        ground = _ground(array) or array.dims[-1:]
        first = {name: array.sizes[name] // 2 for name in array.dims if name not in ground}
        sparse = {name: slice(None, None, -(-array.sizes[name] // SAMPLE)) for name in ground}
        values = array.isel({**first, **sparse}).to_numpy().astype("float64")
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 0.0, 0.0
    low, middle, high = (float(each) for each in np.quantile(values, QUANTILES))
    return low, middle, high
