"""A map of features: each in its place, however many there are."""

from __future__ import annotations

from math import cos, radians
from typing import TYPE_CHECKING, Any

import numpy as np
from moorage.formats import FormatError

if TYPE_CHECKING:
    import geopandas as gpd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 150
FEW = 5_000
"""Features that are drawn with an outline each, as finely as they are."""
FINE = 4.0
"""Pixels below which a shape is drawn as a square of its size."""
TINY = 1e-12
"""Degrees, where all features lie in one place."""
TELLING = ("mean", "value")
"""Attributes that say most about a feature, where it has them."""
FILL, EDGE = "#7fb8c2", "#0b5563"


def feature_map(frame: gpd.GeoDataFrame) -> Figure:
    """Geometries in their places, coloured by an attribute where one tells most, with a graticule."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow, and only workers draw

    shapes = on_earth(frame)
    column = _telling(shapes)
    figure = Figure(figsize=size(shapes), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.set_axisbelow(True)
    axes.grid(color="0.85", linewidth=0.7)
    # a point would be drawn in a window without any extent
    axes.margins(0.08)
    style: dict[str, Any] = {"ax": axes}
    if column is not None:
        style |= {"column": column, "cmap": "viridis", "legend": True}
        style["legend_kwds"] = {"label": column, "shrink": 0.7}
    else:
        style["color"] = FILL
    if len(shapes) <= FEW:
        shapes.plot(edgecolor=EDGE, linewidth=0.9, **style)
    else:
        _plot_many(shapes, column, axes)
    for each in figure.axes:
        each.tick_params(labelsize=8)
    _furnish(axes, is_lonlat=shapes.crs is not None)
    return figure


def on_earth(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The features that have a geometry, in longitude and latitude where their CRS is known."""
    shapes = frame[frame.geometry.notna() & ~frame.geometry.is_empty]
    if not len(shapes):
        raise FormatError("none of the features has a geometry")
    if shapes.crs is not None and not shapes.crs.is_geographic:
        shapes = shapes.to_crs("EPSG:4326")
    return shapes


def size(shapes: gpd.GeoDataFrame) -> tuple[float, float]:
    """Width and height of a figure [inch], about as the features lie."""
    west, south, east, north = shapes.total_bounds
    ratio = min(max((east - west) * _stretch(shapes) / max(north - south, 1e-9), 0.5), 2.5)
    return (7.0, max(7.0 / ratio - 0.6, 2.5)) if ratio > 1 else (5.5 * ratio + 1.6, 5.5)


def _stretch(shapes: gpd.GeoDataFrame) -> float:
    """How much shorter a step east is than the same step north."""
    _, south, _, north = shapes.total_bounds
    return 1.0 if shapes.crs is None else max(cos(radians((south + north) / 2)), 0.2)


# Many


def _plot_many(shapes: gpd.GeoDataFrame, column: str | None, axes: Axes) -> None:
    """Draw more features than can be told apart: simplified to pixels, what is small as squares, without outlines."""
    from matplotlib.cm import ScalarMappable  # noqa: PLC0415 - slow, and only workers draw
    from matplotlib.colors import Normalize  # noqa: PLC0415 - the same

    stretch = _stretch(shapes)
    west, south, east, north = shapes.total_bounds
    width, height = (each * DPI for each in size(shapes))
    # of one pixel, in degrees of latitude
    pixel = max((east - west) * stretch / width, (north - south) / height, TINY)
    colours: Any = FILL
    if column is not None:
        values = shapes[column].to_numpy("float64")
        low, high = np.nanmin(values), np.nanmax(values)
        mappable = ScalarMappable(Normalize(low, high), "viridis")
        colours = mappable.to_rgba(np.ma.masked_invalid(values))
        axes.figure.colorbar(mappable, ax=axes, label=column, shrink=0.7)
    bounds = shapes.geometry.bounds.to_numpy()
    extent = np.maximum((bounds[:, 2] - bounds[:, 0]) * stretch, bounds[:, 3] - bounds[:, 1]) / pixel
    is_small = extent < FINE
    _squares(axes, bounds[is_small], extent[is_small], _of(colours, is_small))
    _outlines(axes, shapes[~is_small], pixel, _of(colours, ~is_small))
    axes.set_aspect(1 / stretch)
    axes.autoscale_view()


def _of(colours: Any, chosen: Any) -> Any:
    return colours if isinstance(colours, str) else colours[chosen]


def _squares(axes: Axes, bounds: Any, extent: Any, colours: Any) -> None:
    """Shapes of a few pixels, as squares."""
    if len(bounds):
        points = np.maximum(extent, 1.0) * 72 / DPI
        x, y = (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2
        axes.scatter(x, y, s=points**2, c=colours, marker="s", linewidths=0)


def _outlines(axes: Axes, shapes: gpd.GeoDataFrame, pixel: float, colours: Any) -> None:
    """Larger shapes, as finely as can be seen."""
    if len(shapes):
        simple = shapes.geometry.simplify(pixel / 2, preserve_topology=False)
        simple = simple.where(~simple.is_empty, shapes.geometry)
        simple.plot(ax=axes, color=colours, linewidth=0.3, aspect=None)


# What surrounds them


def _furnish(axes: Axes, *, is_lonlat: bool) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: PLC0415 - slow, and only workers draw
    from moorage.formats.labels import meridian, parallel  # noqa: PLC0415 - the same

    axes.set(xlabel="", ylabel="")
    axes.spines[["top", "right"]].set_visible(False)
    for axis, words in ((axes.xaxis, meridian), (axes.yaxis, parallel)):
        axis.set_major_locator(MaxNLocator(6, min_n_ticks=2))
        if is_lonlat:
            axis.set_major_formatter(FuncFormatter(words))


def _telling(frame: gpd.GeoDataFrame) -> str | None:
    """The attribute that colours a map."""
    numbers = [str(name) for name in frame.columns if frame[name].dtype.kind == "f" and frame[name].notna().any()]
    return next((name for name in TELLING if name in numbers), numbers[0] if numbers else None)
