"""One picture of the land: its relief, how steep it is, and how steep each catchment is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

if TYPE_CHECKING:
    import geopandas
    import xarray as xr
    from matplotlib.axes import Axes

LAND = LinearSegmentedColormap.from_list("land", ["#55805f", "#94ab72", "#d8cd98", "#c29a6c", "#93705b", "#f1ece4"])
STEEP = LinearSegmentedColormap.from_list("steep", ["#f6f2e4", "#f1cf8a", "#dd8a45", "#ad4a32", "#64203c"])
INK, FAINT = "#24303a", "#67737c"
SIZE = (16.0, 9.0)
"""Width and height [inch]."""
MAP = (5.65, 6.05)
BOTTOM = 1.55
KILOMETRES = 111.2
"""Length of a degree of latitude, close enough for a scale bar."""
BAR = 5.0
"""Length of the scale bar [km]."""


def poster(
    dem: xr.DataArray, slope: xr.DataArray, hillshade: xr.DataArray, catchments: geopandas.GeoDataFrame
) -> Figure:
    """Relief, slope, and the slope of catchments side by side; nothing is shown on a screen.

    Parameters
    ----------
    dem : elevations [m] on (lat, lon).
    slope : their slope [degree].
    hillshade : their hillshade, 1 to 255.
    catchments : with the columns catchment (a number), mean and stdev (of slope [degree]).
    """
    figure = Figure(figsize=SIZE, dpi=150, facecolor="white")
    FigureCanvasAgg(figure)
    title = "How steep is the land around the Jacksboro fault?"
    figure.text(0.95 / SIZE[0], 8.42 / SIZE[1], title, size=23, weight="bold", color=INK)
    subtitle = "Elevation, slope and the mean slope of its catchments, computed by two processes of a Moorage service"
    figure.text(0.95 / SIZE[0], 8.06 / SIZE[1], subtitle, size=12.5, color=FAINT)
    relief, steepness, chart = (
        _panel(figure, left, width) for left, width in ((0.95, MAP[0]), (6.95, MAP[0]), (13.2, 2.45))
    )
    heights = Normalize(int(dem.min()), int(dem.max()))
    _map(relief, dem, hillshade, ScalarMappable(heights, LAND), "Elevation [m]", "neither")
    _map(steepness, slope, hillshade, angles := ScalarMappable(Normalize(0, 35), STEEP), "Slope [°]", "max")
    _outlines(relief, catchments, INK, numbered=True)
    _outlines(steepness, catchments, INK, numbered=False)
    steepness.set_yticklabels([])
    _scale_bar(relief, dem)
    _chart(chart, catchments, angles)
    source = (
        f"Elevation: {dem.attrs['source']}; {dem.attrs['comment']}.\n"
        "Slope by Horn (1981); catchments of the model itself by priority flood; a cell on the border of a catchment "
        "counts by the part of it inside."
    )
    figure.text(0.95 / SIZE[0], 0.22 / SIZE[1], source, size=8.5, color=FAINT, linespacing=1.5)
    return figure


def _panel(figure: Figure, left: float, width: float) -> Axes:
    panel: Axes = figure.add_axes((left / SIZE[0], BOTTOM / SIZE[1], width / SIZE[0], MAP[1] / SIZE[1]))
    panel.tick_params(colors=FAINT, labelsize=8.5, length=3)
    for spine in panel.spines.values():
        spine.set(color=FAINT, linewidth=0.6)
    return panel


def _map(
    panel: Axes, field: xr.DataArray, hillshade: xr.DataArray, colours: ScalarMappable, title: str, extend: str
) -> None:
    """A field in colours, darkened where the hillshade is dark."""
    light = 0.42 + 0.62 * (hillshade.fillna(180).to_numpy() / 255)
    picture = colours.to_rgba(np.nan_to_num(field.to_numpy()))
    picture[..., :3] = np.clip(picture[..., :3] * light[..., np.newaxis], 0, 1)
    west, east, north, south = float(field.lon[0]), float(field.lon[-1]), float(field.lat[0]), float(field.lat[-1])
    panel.imshow(
        picture,
        extent=(west, east, south, north),
        interpolation="bilinear",
        aspect=1 / np.cos(np.radians((south + north) / 2)),
    )
    panel.set(xlim=(west, east), ylim=(south, north))
    panel.xaxis.set_major_formatter(lambda value, _: f"{abs(value):.1f}° {'W' if value < 0 else 'E'}")
    panel.yaxis.set_major_formatter(lambda value, _: f"{abs(value):.2f}° {'S' if value < 0 else 'N'}")
    panel.locator_params(nbins=5)
    x, _, width, _ = panel.get_position().bounds
    bar = panel.figure.add_axes((x, 0.86 / SIZE[1], width * 0.55, 0.13 / SIZE[1]))
    panel.figure.colorbar(colours, cax=bar, orientation="horizontal", extend=extend)
    bar.tick_params(colors=FAINT, labelsize=8.5, length=2)
    bar.set_title(title, loc="left", size=10.5, color=INK, pad=4)


def _outlines(panel: Axes, catchments: geopandas.GeoDataFrame, colour: str, *, numbered: bool) -> None:
    lines = [shapely.get_coordinates(line) for line in shapely.get_parts(catchments.boundary.to_numpy())]
    panel.add_collection(LineCollection(lines, colors="white", linewidths=1.8, alpha=0.55))
    panel.add_collection(LineCollection(lines, colors=colour, linewidths=0.7))
    if numbered:
        halo = [withStroke(linewidth=2.4, foreground="white")]
        middles = shapely.get_coordinates(catchments.representative_point().to_numpy())
        for number, (x, y) in zip(catchments["catchment"], middles, strict=True):
            label = panel.text(x, y, str(number), size=8.5, weight="bold", ha="center", va="center")
            label.set(color=INK, path_effects=halo)


def _scale_bar(panel: Axes, dem: xr.DataArray) -> None:
    latitude = float(dem.lat.mean())
    length = BAR / (KILOMETRES * np.cos(np.radians(latitude)))
    west, south = float(dem.lon[0]), float(dem.lat[-1])
    x, y = west + 0.012, south + 0.010
    halo = [withStroke(linewidth=4, foreground="white")]
    panel.plot([x, x + length], [y, y], color=INK, linewidth=2.2, solid_capstyle="butt", path_effects=halo)
    panel.text(x + length / 2, y + 0.004, f"{BAR:.0f} km", size=9, ha="center", color=INK, path_effects=halo)


def _chart(panel: Axes, catchments: geopandas.GeoDataFrame, colours: ScalarMappable) -> None:
    """Mean slope of each catchment, the steepest on top, with one standard deviation either way."""
    ranked = catchments.sort_values("mean")
    rows = np.arange(len(ranked))
    panel.hlines(rows, ranked["mean"] - ranked["stdev"], ranked["mean"] + ranked["stdev"], color="#c9cfd3", linewidth=3)
    panel.scatter(
        ranked["mean"],
        rows,
        s=58,
        c=colours.to_rgba(ranked["mean"].to_numpy()),
        edgecolors=INK,
        linewidths=0.7,
        zorder=3,
    )
    panel.set_yticks(rows, [str(number) for number in ranked["catchment"]])
    panel.set(xlim=(0, None), ylim=(-0.8, len(ranked) - 0.2))
    panel.set_title("Mean slope of catchments [°]", loc="left", size=10.5, color=INK, pad=8)
    panel.grid(axis="x", color="#e6e9eb", linewidth=0.8)
    panel.set_axisbelow(True)
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.tick_params(axis="y", length=0)
    panel.set_xlabel("bar: one standard deviation either way", size=8.5, color=FAINT)
