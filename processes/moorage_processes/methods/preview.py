"""A look at a result: a picture of a grid or of features, and the first rows of what has rows."""

from __future__ import annotations

import json
import tempfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from moorage import Media, formats
from moorage.formats import FormatError, Kind

from moorage_processes import InputError, process
from moorage_processes.methods.drawing.feature_map import feature_map, on_earth
from moorage_processes.methods.drawing.feature_map import size as feature_map_size
from moorage_processes.methods.drawing.many_features import read_polygons
from moorage_processes.methods.drawing.number import SIZE as NUMBER
from moorage_processes.methods.drawing.number import number_picture

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

JSON = "application/json"
GEOJSON = "application/geo+json"
LARGEST = 400_000_000
"""Bytes of a file beyond which it is not looked at."""
ROWS = 20
COLUMNS = 30
LETTERS = 200
"""Letters of one cell of a table."""
DIGITS = 7
"""Digits of one number in a table."""
PANELS = 12
PLANE = 2
"""Dimensions that a picture shows."""
DPI = 150


@process
def picture(
    path: str, media_type: str, content: str = "", label: str = "", unit: str = ""
) -> Annotated[bytes, Media("image/png")]:
    """A picture of a grid, of features or of a number; of a long grid the first map.

    Parameters
    ----------
    path : the file.
    media_type : of it.
    content : the value itself instead of a file, as text.
    label : what a number is.
    unit : its unit.
    """
    if content and media_type == JSON:
        return _png(number_picture(_number(content), unit, label))
    value, kind = _opened(path, media_type, content)
    try:
        if kind is Kind.GRID:
            return _grid_picture(value)
        if kind is Kind.FEATURES:
            return _png(feature_map(value))
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
        return {"kind": kind.value, **_grid_facts(value), "picture": _size_of(value, kind)}
    if kind is Kind.FEATURES:
        return {"kind": kind.value, **_feature_facts(value), "picture": _size_of(value, kind)}
    return {"kind": kind.value, **_head(value)}


def _number(content: str) -> float:
    value = json.loads(content)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError("only numbers have a picture, of what stands in a document")
    return float(value)


def _size_of(value: Any, kind: Kind) -> list[int] | None:
    """Width and height of a picture in pixels, nearly; None where there is none."""
    try:
        if kind is Kind.FEATURES:
            return [round(each * DPI) for each in feature_map_size(on_earth(value))]
        array = _part(_array(value))
        if array.size == 1:
            return list(NUMBER)
        from moorage.formats.pictures import size_of  # noqa: PLC0415 - slow, and only workers draw

        return list(size_of(array))
    except FormatError:
        return None


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
        if fmt.media_type == GEOJSON and (many := read_polygons(path)) is not None:
            return many, kind
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
    from moorage.formats.labels import heading, units_of  # noqa: PLC0415 - slow, and only workers draw
    from moorage.formats.pictures import write_png  # noqa: PLC0415 - the same

    array = _part(_array(value))
    if array.size == 1:
        return _png(number_picture(float(array.item()), units_of(array), heading(array)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "look.png"
        write_png(array, path)
        return path.read_bytes()


def _array(value: xr.DataArray | xr.Dataset) -> xr.DataArray:
    """One array of numbers: the grid itself, or the first variable with both horizontal axes."""
    from moorage.formats.axes import is_horizontal  # noqa: PLC0415

    arrays = [each for each in _arrays(value) if each.dtype.kind in "biuf"]
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
