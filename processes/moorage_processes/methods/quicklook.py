"""A first look at data: a map, a section or a series as a picture."""

from __future__ import annotations

from collections.abc import Hashable
from io import BytesIO
from math import ceil
from typing import Annotated, Literal

import xarray as xr  # noqa: TC002 - the signature is read when the process is described
from moorage.formats import FormatError
from moorage.formats.axes import Axis, crs_of, dimension, in_degrees, is_time
from moorage.formats.labels import heading
from moorage.formats.pictures import PANELS, Look, picture_of
from pydantic import Field
from pyproj import CRS

from moorage_processes import InputError, Media, process, progress
from moorage_processes.data.period import Period
from moorage_processes.methods.streaming.blocks import numbers

Palette = Literal[
    "viridis", "cividis", "plasma", "inferno", "magma", "turbo", "gray", "Blues", "YlOrRd", "YlGnBu",
    "RdBu_r", "BrBG", "PuOr", "coolwarm", "terrain", "twilight", "tab10", "tab20",
]  # fmt: skip
"""Colour maps of matplotlib: sequential, diverging, of land, circular, of classes."""
SHARPNESS = 2
"""Cells for each pixel of the picture beyond which only some are read."""
PLANE = 2


@process
def quicklook(
    data: xr.DataArray,
    colours: Palette | None = None,
    lowest: float | None = None,
    highest: float | None = None,
    title: str | None = None,
    width: Annotated[int, Field(ge=200, le=4000)] = 1200,
    step: int | None = None,
    datetime: str | None = None,
) -> Annotated[bytes, Media("image/png")]:
    """Picture of a map, a section or a series.

    Parameters
    ----------
    data : values on a map, along a section or one axis; of further dimensions one step is drawn, or all of up to 12.
    colours : colour map; where none is named, one that fits the quantity: diverging about zero for anomalies and
        values of both signs, circular for directions, one colour for each class of flag_values.
    lowest : value at the lower end of the colours, in the unit of the data.
    highest : value at the upper end.
    title : text above the picture; the long name of the data by default.
    width : of the picture in pixels.
    step : which map along the time axis or another further dimension, counted from 0; negative from the end.
    datetime : which map by its date, as 1998-02 or 1998-02-03T12:00: the first that lies in it.

    Returns
    -------
    A PNG.

    Raises
    ------
    InputError
        where there is nothing to draw (a single value, or text), there is no such step or date, or the lower end of
        the colours is not below the upper.

    Notes
    -----
    A grid is drawn on its own axes: longitude and latitude, or x and y of its CRS, which is named below. Missing
    cells are hatched. Where no range is given, colours run over all values of the picture, or from the 1st to the
    99th percentile where single cells would otherwise take most of them. A stack of more than 12 maps is drawn by its
    first, which the picture says. Of grids with more than two cells for each pixel only every n-th cell is read and
    drawn, which may leave out what is small. Colour maps are such as rise evenly in lightness, or fall away evenly from
    the middle, so that neither an eye nor a printer sees steps where there are none.

    References
    ----------
    .. [1] Crameri, F., Shephard, G. E., and Heron, P. J. (2020): The misuse of colour in science communication. Nature
       Communications 11, 5444, doi:10.1038/s41467-020-19160-7.
    """
    array, notes = _chosen(data, step, datetime)
    progress(0.1, "reading")
    array, thinned = _thinned(array, width)
    look = Look(colours or "", lowest, highest, title or "", (*notes, *thinned, *_projection(array)))
    try:
        figure = picture_of(array, look)
    except FormatError as error:
        at = "lowest" if str(error).startswith("colours run") else "data"
        raise InputError(str(error), input=at) from error
    progress(0.6, "drawing")
    content = BytesIO()
    about = {"Title": title or heading(array), "Software": "Moorage"}
    figure.savefig(content, format="png", dpi=width / figure.get_figwidth(), metadata=about)
    return content.getvalue()


def _chosen(data: xr.DataArray, step: int | None, datetime: str | None) -> tuple[xr.DataArray, list[str]]:
    """What fits a picture, and what is to be said about the rest."""
    if data.dtype.kind not in "biuf":
        raise InputError(f"data holds {data.dtype}; a picture shows numbers", input="data")
    if step is not None and datetime is not None:
        raise InputError("step and datetime both say which map; give one of them", input="datetime")
    array = data.squeeze()
    if array.size <= 1:
        raise InputError("data is a single value; a picture needs a map, a section or a series", input="data")
    if datetime is not None:
        return _dated(array, datetime), []
    others = _others(array)
    if step is not None:
        return _step(array, others, step), []
    if len(others) == 1 and array.sizes[others[0]] <= PANELS:
        return array, []
    notes = [f"first of {array.sizes[name]} along {name}" for name in others]
    return array.isel(dict.fromkeys(others, 0)), notes


def _others(array: xr.DataArray) -> list[Hashable]:
    """The dimensions that do not fit into the plane of a picture, time first."""
    if array.ndim <= PLANE:
        return []
    x, y = dimension(array, Axis.X), dimension(array, Axis.Y)
    plane = [y, x] if x is not None and y is not None else list(array.dims[-PLANE:])
    others = [name for name in array.dims if name not in plane]
    return sorted(others, key=lambda name: name != dimension(array, Axis.T))


def _step(array: xr.DataArray, others: list[Hashable], step: int) -> xr.DataArray:
    if not others:
        raise InputError(f"data has one map only, of {_sizes(array)}; leave step out", input="step")
    size = array.sizes[others[0]]
    if not -size <= step < size:
        raise InputError(f"data has {size} steps along {others[0]}, 0 to {size - 1}, and no step {step}", input="step")
    return array.isel({others[0]: step, **dict.fromkeys(others[1:], 0)})


def _dated(array: xr.DataArray, datetime: str) -> xr.DataArray:
    t = dimension(array, Axis.T)
    if t is None or t not in array.coords or not is_time(array[t]):
        raise InputError("data has no time axis of dates; leave datetime out, or give a step", input="datetime")
    times = array[t].to_numpy()
    try:
        places = Period.read(datetime).places(times)
    except ValueError as error:
        message = f"datetime {datetime[:80]!r} is not a date; write it as 1998-02-03"
        raise InputError(message, input="datetime") from error
    if not len(places):
        has = f"{str(times.min())[:19]} to {str(times.max())[:19]}"
        raise InputError(f"data has nothing at {datetime}; it has {has}", input="datetime")
    array = array.isel({t: int(places[0])})
    return array.isel(dict.fromkeys(_others(array), 0))


def _thinned(array: xr.DataArray, width: int) -> tuple[xr.DataArray, list[str]]:
    """In memory, every n-th cell where a picture could not show them all."""
    x, y = dimension(array, Axis.X), dimension(array, Axis.Y)
    plane = [name for name in (x, y) if name is not None] if x is not None and y is not None else list(array.dims)
    if array.ndim == 1:
        return array.copy(data=numbers(array)) if array.dtype.kind != "b" else array, []
    every = max(1, *(ceil(array.sizes[name] / (SHARPNESS * width)) for name in plane))
    part = array.isel({name: slice(None, None, every) for name in plane})
    if min(part.sizes[name] for name in plane) < PLANE:
        part = array
    loaded = part if part.dtype.kind == "b" else part.copy(data=numbers(part))
    loaded.attrs.pop("_FillValue", None)
    return loaded, [f"every {every}th cell"] if part.size < array.size else []


def _projection(array: xr.DataArray) -> list[str]:
    """The CRS in words."""
    if dimension(array, Axis.X) is None or dimension(array, Axis.Y) is None or in_degrees(array):
        return []
    stated = crs_of(array)
    if stated is None:
        return []
    crs = CRS.from_wkt(stated.to_wkt())
    code = f" (EPSG:{crs.to_epsg()})" if crs.to_epsg() else ""
    return [f"{crs.name}{code}"]


def _sizes(array: xr.DataArray) -> str:
    return " x ".join(f"{name} ({size})" for name, size in array.sizes.items())
