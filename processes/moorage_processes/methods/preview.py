"""A look at a result: a picture of a grid or of features, and the first rows of what has rows."""

from __future__ import annotations

import tempfile
from io import BytesIO
from math import cos, radians
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from moorage import Media, formats
from moorage.formats import FormatError, Kind

from moorage_processes import InputError, process

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

LARGEST = 400_000_000
"""Bytes of a file beyond which it is not looked at."""
ROWS = 20
COLUMNS = 30
LETTERS = 200
"""Letters of one cell of a table."""
DIGITS = 7
"""Digits of one number in a table."""
SHAPES = 20_000
"""Features that are drawn at most."""
PANELS = 12
PLANE = 2
"""Dimensions that a picture shows."""
TELLING = ("mean", "value")
"""Attributes that say most about a feature, where it has them."""


@process
def picture(path: str, media_type: str, content: str = "") -> Annotated[bytes, Media("image/png")]:
    """A picture of a grid or of features; of a long grid the first map.

    Parameters
    ----------
    path : the file.
    media_type : of it.
    content : the value itself instead of a file, as text.
    """
    value, kind = _opened(path, media_type, content)
    try:
        if kind is Kind.GRID:
            return _grid_picture(value)
        if kind is Kind.FEATURES:
            return _png(_feature_map(value))
    except FormatError as error:
        raise InputError(str(error)) from error
    raise InputError(f"{media_type} has no picture; it takes a grid or features")


@process
def facts(path: str, media_type: str, content: str = "") -> dict[str, Any]:
    """What a file holds, in a few numbers, and its first rows where it has rows.

    Parameters
    ----------
    path : the file.
    media_type : of it.
    content : the value itself instead of a file, as text.
    """
    value, kind = _opened(path, media_type, content)
    if kind is Kind.GRID:
        return {"kind": kind.value, **_grid_facts(value)}
    if kind is Kind.FEATURES:
        return {"kind": kind.value, **_feature_facts(value)}
    return {"kind": kind.value, **_head(value)}


def _opened(path: str, media_type: str, content: str) -> tuple[Any, Kind]:
    """The value in a file, and its kind."""
    if content:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            return _opened(file.name, media_type, "")
    if Path(path).stat().st_size > LARGEST:
        raise InputError(f"the file is too large for a look; up to {LARGEST} bytes are shown")
    try:
        return _read(Path(path), media_type)
    except FormatError as error:
        raise InputError(str(error)) from error


def _read(path: Path, media_type: str) -> tuple[Any, Kind]:
    for kind, types in (
        (Kind.GRID, ("xarray.DataArray", "xarray.Dataset")),
        (Kind.FEATURES, ("geopandas.GeoDataFrame",)),
        (Kind.TABLE, ("pandas.DataFrame",)),
    ):
        fmt = _format(kind, media_type)
        if fmt is None:
            continue
        try:
            return formats.read(path, fmt, types[0]), kind
        except FormatError:
            if types[0] == types[-1]:
                raise
            return formats.read(path, fmt, types[-1]), kind
    raise FormatError(f"{media_type} is nothing this service reads")


def _format(kind: Kind, media_type: str) -> formats.Format | None:
    """The format of a kind with this media type, where it can be read; JSON alone means a table."""
    bare = media_type.partition(";")[0].strip()
    if kind is Kind.FEATURES and bare == "application/json":
        return None
    try:
        fmt = formats.find(kind, media_type)
    except FormatError:
        return None
    return fmt if fmt.readable else None


# Grids


def _grid_picture(value: xr.DataArray | xr.Dataset) -> bytes:
    from moorage.formats.pictures import write_png  # noqa: PLC0415 - slow, and only workers draw

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "look.png"
        write_png(_part(_array(value)), path)
        return path.read_bytes()


def _array(value: xr.DataArray | xr.Dataset) -> xr.DataArray:
    """One array of numbers: the grid itself, or the first variable with both horizontal axes."""
    from moorage.formats.axes import is_horizontal  # noqa: PLC0415

    arrays = [each for each in _arrays(value) if each.dtype.kind in "biuf" and each.ndim]
    if not arrays:
        raise FormatError("the data holds no numbers to draw")
    found: xr.DataArray = next((each for each in arrays if is_horizontal(each)), arrays[0])
    return found


def _arrays(value: xr.DataArray | xr.Dataset) -> list[xr.DataArray]:
    import xarray as xr  # noqa: PLC0415

    return list(value.data_vars.values()) if isinstance(value, xr.Dataset) else [value]


def _part(array: xr.DataArray) -> xr.DataArray:
    """What one picture can show: the first map where there are too many."""
    from moorage.formats.axes import Axis, dimension  # noqa: PLC0415

    array = array.squeeze()
    if array.ndim <= PLANE:
        return array
    x, y = dimension(array, Axis.X), dimension(array, Axis.Y)
    plane = [y, x] if x is not None and y is not None else list(array.dims[-PLANE:])
    others = [name for name in array.dims if name not in plane]
    if x is not None and y is not None and len(others) == 1 and array.sizes[others[0]] <= PANELS:
        return array
    return array.isel(dict.fromkeys(others, 0))


def _grid_facts(value: xr.DataArray | xr.Dataset) -> dict[str, Any]:
    from moorage.formats.axes import crs_of  # noqa: PLC0415
    from moorage.formats.labels import quantity  # noqa: PLC0415
    from moorage.formats.rows import plain  # noqa: PLC0415

    arrays = _arrays(value)
    variables = [
        {
            "name": str(each.name or ""),
            "quantity": quantity(each),
            "shape": [f"{name} {size}" for name, size in each.sizes.items()],
            "type": str(each.dtype),
            "least": plain(each.min().item()) if _is_number(each) else None,
            "most": plain(each.max().item()) if _is_number(each) else None,
            "missing": int(each.isnull().sum()),  # noqa: PD003 - xarray has no other word
        }
        for each in arrays[:COLUMNS]
    ]
    crs = crs_of(arrays[0]) if arrays else None
    return {"variables": variables, "crs": crs.to_string() if crs is not None else None}


def _is_number(array: xr.DataArray) -> bool:
    return array.dtype.kind in "iuf" and array.size > 0


# Features


def _feature_map(frame: gpd.GeoDataFrame) -> Figure:
    """Geometries on a map with a graticule, coloured by the attribute that distinguishes them best."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    shapes = frame[frame.geometry.notna() & ~frame.geometry.is_empty].head(SHAPES)
    if not len(shapes):
        raise FormatError("none of the features has a geometry")
    if shapes.crs is not None and not shapes.crs.is_geographic:
        shapes = shapes.to_crs("EPSG:4326")
    column = _telling(shapes)
    figure = Figure(figsize=_size(shapes), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    axes.set_axisbelow(True)
    axes.grid(color="0.85", linewidth=0.7)
    # a point would be drawn in a window without any extent
    axes.margins(0.08)
    style: dict[str, Any] = {"edgecolor": "#0b5563", "linewidth": 0.9, "ax": axes}
    if column is not None:
        shapes.plot(column=column, cmap="viridis", legend=True, legend_kwds={"label": column, "shrink": 0.7}, **style)
    else:
        shapes.plot(color="#7fb8c2", **style)
    for each in figure.axes:
        each.tick_params(labelsize=8)
    _furnish(axes, is_lonlat=shapes.crs is not None)
    return figure


def _size(shapes: gpd.GeoDataFrame) -> tuple[float, float]:
    """Width and height of a figure [inch], about as the features lie."""
    west, south, east, north = shapes.total_bounds
    stretch = 1.0 if shapes.crs is None else max(cos(radians((south + north) / 2)), 0.2)
    ratio = min(max((east - west) * stretch / max(north - south, 1e-9), 0.5), 2.5)
    return (7.0, max(7.0 / ratio - 0.6, 2.5)) if ratio > 1 else (5.5 * ratio + 1.6, 5.5)


def _furnish(axes: Any, *, is_lonlat: bool) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: PLC0415
    from moorage.formats.labels import meridian, parallel  # noqa: PLC0415

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


def _png(figure: Figure) -> bytes:
    content = BytesIO()
    figure.savefig(content, format="png", metadata={"Software": "Moorage"})
    return content.getvalue()


def _feature_facts(frame: gpd.GeoDataFrame) -> dict[str, Any]:
    from moorage.formats.rows import plain  # noqa: PLC0415

    table = frame.drop(columns=frame.geometry.name)
    shapes = sorted({str(name) for name in frame.geometry.geom_type.dropna()})
    crs = frame.crs.name if frame.crs is not None else None
    bounds = [plain(each) for each in frame.total_bounds] if len(frame) else []
    return {**_head(table), "geometries": shapes, "bounds": bounds, "crs": crs}


# Tables


def _head(frame: pd.DataFrame) -> dict[str, Any]:
    from moorage.formats.rows import flat, plain  # noqa: PLC0415

    count, width = frame.shape
    head = flat(frame.head(ROWS)).iloc[:, :COLUMNS]
    rows = [[_short(plain(cell)) for cell in row] for row in head.itertuples(index=False, name=None)]
    return {"count": count, "width": width, "columns": [str(name) for name in head.columns], "rows": rows}


def _short(cell: Any) -> Any:
    if isinstance(cell, float):
        return float(f"{cell:.{DIGITS}g}")
    if isinstance(cell, str | dict | list):
        text = cell if isinstance(cell, str) else str(cell)
        return text if len(text) <= LETTERS else f"{text[:LETTERS]}..."
    return cell
