"""Pictures of grids, for looking: maps with a colour bar, sections, and series."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, cos, radians
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from moorage.formats import FormatError
from moorage.formats.axes import Axis, crs_of, dimension
from moorage.formats.cf import CRS_ATTRIBUTES
from moorage.formats.colours import Colours, colours_of
from moorage.formats.grids import only_variable
from moorage.formats.labels import heading, moment, units_of
from moorage.formats.scales import Scale

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

PANELS = 12
"""How many maps share a picture at most, as the months of a climatology do."""
LINES = 10
"""How many lines share a picture at most."""
CELLS = 2000
"""Cells along an axis beyond which a picture shows only some of them."""
WIDE = 1.5
"""Maps wider than this many times their height have the colour bar below, not beside."""
NARROW = 0.3
"""Maps narrower than this many times their height have room for hardly a label below."""
SERIES = (8.0, 4.0)
"""Width and height of a picture of series [inch]."""
DPI = 150
HEMISPHERE = 100.0
"""Degrees of latitude beyond which no single one stands for the proportions of the map."""


@dataclass(frozen=True)
class Look:
    """What a picture is to look like where its data should not decide."""

    palette: str = ""
    """Colour map of matplotlib."""
    lowest: float | None = None
    """Number at the lower end of the colours, or of the axis of a series."""
    highest: float | None = None
    title: str = ""
    notes: tuple[str, ...] = ()
    """What stands below."""

    def colours(self, usual: Colours) -> Colours:
        """The colours, where *usual* ones are those that fit the data."""
        if self.palette:
            usual = replace(usual, name=self.palette)
        if self.lowest is None and self.highest is None:
            return usual
        low, high = (_or(self.lowest, usual.low), _or(self.highest, usual.high))
        if low >= high:
            raise FormatError(f"colours run from a lower to a higher number, and not from {low:g} to {high:g}")
        below, above = usual.lies_below(low), usual.lies_above(high)
        extend = {(True, True): "both", (True, False): "min", (False, True): "max"}.get((below, above), "neither")
        return replace(usual, low=low, high=high, extend=extend)


USUAL = Look()


def _or(given: float | None, usual: float) -> float:
    return usual if given is None else given


def write_png(value: object, path: Path) -> None:
    """Draw a map, a section or a series, or up to a dozen maps side by side.

    Longitude and latitude keep their proportions, cells without a value are hatched, and colours that diverge
    meet at zero.
    """
    figure = picture_of(value)
    title = figure.get_suptitle().replace("\n", " ")
    figure.savefig(path, format="png", metadata={"Title": title, "Software": "Moorage"})


def picture_of(value: object, look: Look = USUAL) -> Figure:
    """A map, a section or a series, or up to a dozen maps side by side, as :func:`write_png` writes it."""
    array = _drawable(value)
    lines, labels = _lines(array)
    return _series(lines, labels, look) if lines else _maps(array, look)


def size_of(value: object) -> tuple[int, int]:
    """Width and height of that picture in pixels, nearly: maps are trimmed a little when they are drawn."""
    array = _drawable(value)
    if _lines(array)[0]:
        return round(SERIES[0] * DPI), round(SERIES[1] * DPI)
    across, up = _plane(array)
    array = array.assign_coords({name: array[name] for name in (across, up)})
    panels = array.size // (array.sizes[across] * array.sizes[up])
    crs = crs_of(array)
    ratio, _ = _proportions(Scale.of(array, across, crs), Scale.of(array, up, crs))
    _, _, width, height = _measures(panels, ratio)
    return int(width * DPI), int(height * DPI)


def _drawable(value: object) -> xr.DataArray:
    """The one variable to draw, with NaN where there is no value and without dimensions of one cell."""
    array = only_variable(value) if isinstance(value, xr.Dataset) else value
    if not isinstance(array, xr.DataArray):
        raise FormatError(f"a picture is made of an xarray DataArray or Dataset, not of a {type(value).__name__}")
    if array.dtype.kind not in "biuf":
        raise FormatError(f"a picture shows numbers, and {array.name or 'the grid'} is {array.dtype}")
    if array.size <= 1:
        raise FormatError("a picture needs more than one value; ask for netcdf")
    mark = array.attrs.get("_FillValue")
    return (array if mark is None else array.where(array != mark).assign_attrs(array.attrs)).squeeze()


def _lines(array: xr.DataArray) -> tuple[list[xr.DataArray], Hashable]:
    """The series to draw as lines, and the dimension of text that tells them apart; none for maps."""
    if array.ndim == 1:
        return [array], None
    labelled = [name for name in array.dims if name in array.coords and array[name].dtype.kind in "OUST"]
    labelled = [name for name in labelled if isinstance(array[name].to_numpy()[0], str)]
    if array.ndim == 2 and labelled and array.sizes[labelled[0]] <= LINES:  # noqa: PLR2004 - lines side by side
        return [array.isel({labelled[0]: number}) for number in range(array.sizes[labelled[0]])], labelled[0]
    return [], None


def _series(lines: list[xr.DataArray], labels: Hashable, look: Look) -> Figure:
    figure = Figure(figsize=SERIES, dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    scale = Scale.of(lines[0], lines[0].dims[0])
    label = ""
    for line in lines:
        marker = "o" if line.size <= 40 else None  # noqa: PLR2004 - points that can still be told apart
        label = ", ".join(_circumstances(line) if len(lines) == 1 else [str(line[labels].item())])
        axes.plot(scale.positions, line.to_numpy(), marker=marker, markersize=3.5, linewidth=1.3, label=label)
    axes.grid(color="0.88", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlim(*scale.edges)
    scale.furnish(axes.xaxis)
    axes.set_ylabel(units_of(lines[0]) or "value")
    axes.set_ylim(look.lowest, look.highest)
    figure.suptitle(fill(look.title or heading(lines[0]), 70), fontsize=13)
    figure.supxlabel("   ".join(look.notes), x=0.99, ha="right", fontsize=7.5, color="0.35")
    if len(lines) > 1:
        axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
    elif label:
        axes.set_title(label, fontsize=10)
    return figure


def _maps(array: xr.DataArray, look: Look) -> Figure:
    """One map or section, or a panel for each step of the third dimension."""
    across, up = _plane(array)
    array = array.assign_coords({name: array[name] for name in (across, up)})  # counted before cells are left out
    array = array.isel({name: slice(None, None, ceil(array.sizes[name] / CELLS)) for name in (across, up)})
    others = [name for name in array.dims if name not in (across, up)]
    panels = [array.isel({others[0]: number}) for number in range(array.sizes[others[0]])] if others else [array]
    colours = look.colours(colours_of(array))
    crs = crs_of(array)
    scales = Scale.of(array, across, crs), Scale.of(array, up, crs)
    stretch = _stretch(*scales)
    ratio, true_ratio = _proportions(*scales)
    ticks = 4 if others else 7
    figure, grid = _sheet(len(panels), ratio)
    for axes, panel in zip(grid, panels, strict=True):
        _draw(axes, panel.transpose(up, across).to_numpy(), scales, colours)
        scales[0].furnish(axes.xaxis, ticks if true_ratio > NARROW else 2)
        scales[1].furnish(axes.yaxis, ticks)
        axes.set_aspect(stretch or "auto")
        axes.set_title(fill(", ".join(_circumstances(panel)), 60), fontsize=9 if others else 10)
    figure.suptitle(fill(look.title or heading(array), 60), fontsize=13)
    _colour_bar(figure, grid, colours, "" if colours.names else units_of(array), is_wide=ratio > WIDE)
    notes = [*look.notes]
    if not look.notes and crs is not None and crs.is_projected and crs.to_epsg():
        notes = [f"EPSG:{crs.to_epsg()}"]
    notes += ["hatched: no value"] if array.isnull().any() else []
    figure.supxlabel("   ".join(notes), x=0.99, ha="right", fontsize=7.5, color="0.35")
    if stretch:
        _trim(figure, grid)
    return figure


def _plane(array: xr.DataArray) -> tuple[Hashable, Hashable]:
    """The dimensions drawn across and up."""
    x, y, t = (dimension(array, axis) for axis in (Axis.X, Axis.Y, Axis.T))
    if x is not None and y is not None and (array.ndim == 2 or _is_few(array, x, y)):  # noqa: PLR2004 - a map
        return x, y
    if array.ndim != 2:  # noqa: PLR2004 - a section
        sizes = ", ".join(f"{name} ({size})" for name, size in array.sizes.items())
        raise FormatError(f"a picture shows a map, up to {PANELS} maps, or a series, and the grid has {sizes}")
    across = t or x or array.dims[1]
    return across, next(name for name in array.dims if name != across)


def _is_few(array: xr.DataArray, x: Hashable, y: Hashable) -> bool:
    others = [size for name, size in array.sizes.items() if name not in (x, y)]
    return len(others) == 1 and others[0] <= PANELS


def _stretch(across: Scale, up: Scale) -> float | None:
    """How much longer a step up is drawn than the same step across; None where the two have nothing in common."""
    if (across.kind, up.kind) == ("lon", "lat"):
        south, north = up.edges
        return 1.0 if up.width > HEMISPHERE else 1 / max(cos(radians((south + north) / 2)), 0.2)
    return 1.0 if across.kind == up.kind == "length" else None


def _proportions(across: Scale, up: Scale) -> tuple[float, float]:
    """How many times as wide as high a map is drawn, and how many times it is."""
    stretch = _stretch(across, up)
    true_ratio = across.width / up.width / stretch if stretch else 1.4
    return min(max(true_ratio, 0.4), 3.0), true_ratio


def _measures(count: int, ratio: float) -> tuple[int, int, float, float]:
    """Rows and columns of *count* maps, and the width and height of their figure [inch]."""
    columns = next(n for n in range(1, count + 1) if n * ratio >= ceil(count / n) * 1.3 or n == count)
    rows = ceil(count / columns)
    width = 10.0 if count > 1 else min(8.0, 5.5 * ratio)
    height = (width / columns / ratio + 0.3) * rows
    beside, below = (0.9, 1.6) if ratio > WIDE else (1.9, 0.9)  # ticks, title and colour bar
    return rows, columns, width + beside, min(height, 11.0) + below


def _sheet(count: int, ratio: float) -> tuple[Figure, list[Axes]]:
    """A figure with *count* axes, each *ratio* times as wide as high."""
    rows, columns, width, height = _measures(count, ratio)
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes in grid[count:]:
        axes.remove()
    for axes in grid[:count]:
        axes.label_outer()
    return figure, list(grid[:count])


def _trim(figure: Figure, grid: list[Axes]) -> None:
    """Take away what maps that keep their proportions leave empty above and below them."""
    layout, spec = figure.get_layout_engine(), grid[0].get_subplotspec()
    assert layout is not None  # noqa: S101 - for the types: _sheet gives both
    assert spec is not None  # noqa: S101
    layout.execute(figure)
    grid[0].apply_aspect()
    given, taken = (grid[0].get_position(original=each).height for each in (True, False))
    figure.set_figheight(figure.get_figheight() * (1 - spec.get_gridspec().nrows * (given - taken)))


def _draw(axes: Axes, values: np.ndarray[Any, Any], scales: tuple[Scale, Scale], colours: Colours) -> None:
    across, up = scales
    axes.patch.set(facecolor="0.95", hatch="////", edgecolor="0.7")
    shown = np.ma.masked_invalid(values)
    options: dict[str, Any] = {"cmap": _palette(colours), "vmin": colours.low, "vmax": colours.high}
    if across.is_even and up.is_even:
        axes.imshow(shown, extent=(*across.ends, *up.ends), origin="lower", **options)
    else:
        axes.pcolormesh(across.positions, up.positions, shown, shading="nearest", rasterized=True, **options)
    axes.set_xlim(*across.edges)
    axes.set_ylim(*(up.edges[::-1] if up.is_downward else up.edges))
    axes.tick_params(labelsize=8)


def _colour_bar(figure: Figure, grid: list[Axes], colours: Colours, unit: str, *, is_wide: bool) -> None:
    place: dict[str, Any] = (
        {"location": "bottom", "aspect": 40, "shrink": 0.7} if is_wide else {"location": "right", "aspect": 28}
    )
    mappable = ScalarMappable(Normalize(colours.low, colours.high), _palette(colours))
    bar = figure.colorbar(mappable, ax=grid, extend=colours.extend, pad=0.02, **place)
    bar.outline.set_linewidth(0.5)
    bar.ax.tick_params(labelsize=8)
    bar.set_label(unit, fontsize=10)
    if colours.ticks:
        bar.set_ticks(list(colours.ticks), labels=colours.names or None)


def _palette(colours: Colours) -> Colormap:
    palette = colormaps[colours.name]
    return palette.resampled(len(colours.names)) if colours.names else palette


def _circumstances(array: xr.DataArray) -> list[str]:
    """What the single values beside an array say of it, such as the time of a map."""
    scalars = [coordinate for coordinate in array.coords.values() if coordinate.ndim == 0]
    return [moment(coordinate) for coordinate in scalars if not CRS_ATTRIBUTES & set(coordinate.attrs)]
