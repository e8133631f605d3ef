"""A chart of a coast: its depths and heights in colours, and the lines along which they are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from moorage.formats.labels import meridian, parallel

if TYPE_CHECKING:
    import geopandas
    import xarray as xr
    from matplotlib.axes import Axes

SEA = ["#12304f", "#1f5f8b", "#4d97b8", "#9cc9d3", "#dcefed"]
LAND = ["#6f9a6d", "#b9bf86", "#d9c08d", "#b08a66", "#f4efe8"]
# most of the sea is shallow, and has most of the colours
DEPTHS = (0.0, 0.25, 0.37, 0.44, 0.4999)
HEIGHTS = (0.5, 0.62, 0.75, 0.87, 1.0)
CHART = LinearSegmentedColormap.from_list("chart", [*zip(DEPTHS, SEA, strict=True), *zip(HEIGHTS, LAND, strict=True)])
INK, FAINT = "#24303a", "#67737c"
SIZE = (11.0, 9.4)
"""Width and height [inch]."""
NAMED = 500.0
"""Every how many metres a line is told by its number."""
SHORTEST = 0.25
"""Degrees a line is long before it is told by its number."""


def chart(relief: xr.DataArray, lines: geopandas.GeoDataFrame) -> Figure:
    """Depths and heights of a coast with their contours; nothing is shown on a screen.

    Parameters
    ----------
    relief : heights [m] on (lat, lon), negative below the sea.
    lines : contours in longitude and latitude, with the column level [m].
    """
    figure = Figure(figsize=SIZE, dpi=150, facecolor="white")
    FigureCanvasAgg(figure)
    title = "How deep is the sea off Vancouver Island?"
    figure.text(0.085, 0.953, title, size=21, weight="bold", color=INK)
    subtitle = "Rows of a Mercator map made even by the process regrid, lines of equal depth and height by contours"
    figure.text(0.085, 0.923, subtitle, size=11.5, color=FAINT)
    panel = figure.add_axes((0.085, 0.13, 0.88, 0.77))
    heights = TwoSlopeNorm(0, float(relief.min()), float(relief.max()))
    west, east = (float(relief.lon[place]) for place in (0, -1))
    south, north = sorted((float(relief.lat[0]), float(relief.lat[-1])))
    panel.pcolormesh(relief.lon, relief.lat, relief, cmap=CHART, norm=heights, shading="nearest", rasterized=True)
    _lines(panel, lines, west)
    panel.set(xlim=(west, east), ylim=(south, north), aspect=1 / np.cos(np.radians((south + north) / 2)))
    panel.xaxis.set_major_formatter(meridian)
    panel.yaxis.set_major_formatter(parallel)
    bar = figure.add_axes((0.085, 0.062, 0.42, 0.016))
    figure.colorbar(ScalarMappable(heights, CHART), cax=bar, orientation="horizontal")
    bar.set_title("Height above the sea [m]", loc="left", size=10, color=INK, pad=4)
    bar.tick_params(colors=FAINT, labelsize=8.5, length=2)
    return figure


def _lines(panel: Axes, lines: geopandas.GeoDataFrame, west: float) -> None:
    """The contours, the coast the strongest, and numbers on the longer ones."""
    circle = 360.0 if west > 180 and lines.total_bounds[0] < 180 else 0.0  # noqa: PLR2004 - degrees
    for level in lines["level"].unique().tolist():
        parts = shapely.get_parts(lines.geometry[lines["level"] == level].to_numpy())
        drawn = [np.add(shapely.get_coordinates(line), (circle, 0)) for line in parts]
        width, opacity = (1.3, 1.0) if level == 0 else (0.55, 0.6)
        panel.add_collection(LineCollection(drawn, colors=INK, linewidths=width, alpha=opacity))
        if level and level % NAMED == 0:
            for line in drawn:
                _number(panel, line, level)


def _number(panel: Axes, line: np.ndarray, level: float) -> None:
    """The number of a line, written along it at its middle."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    if steps.sum() < SHORTEST:
        return
    middle = int(np.searchsorted(np.cumsum(steps), steps.sum() / 2))
    before, after = line[max(middle - 2, 0)], line[min(middle + 2, len(line) - 1)]
    angle = np.degrees(np.arctan2(*(after - before)[::-1]))
    angle = (angle + 90) % 180 - 90
    x, y = line[middle]
    text = f"{level:.0f}".replace("-", "\N{MINUS SIGN}")
    label = panel.text(x, y, text, size=6.5, ha="center", va="center", rotation=angle, rotation_mode="anchor")
    label.set(color=INK, clip_on=True, path_effects=[withStroke(linewidth=2, foreground="white", alpha=0.8)])
