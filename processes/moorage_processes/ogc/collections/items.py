"""The items of a collection that a request asks for, page by page, as GeoJSON in longitude and latitude.

What a request filters and sorts by is read as columns, without geometries, and the page by the numbers that GDAL knows
its features by.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from moorage_processes.data.period import Period
from moorage_processes.errors import InputError
from moorage_processes.ogc.collections.layer import Layer, is_lonlat, moments, read_columns

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from moorage_processes.data.datasets import Dataset

HALF = 180.0
WORDS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class ItemsQuery:
    """Which items, and how much of them."""

    bbox: Sequence[float] = ()
    datetime: str | None = None
    filters: Sequence[tuple[str, str]] = ()
    """Columns and the values they are to have."""
    sort: Sequence[tuple[str, bool]] = ()
    """Columns, and whether they go down."""
    offset: int = 0
    limit: int = 10
    columns: Sequence[str] = ()
    """Columns wanted; none for all."""
    geometry: bool = True
    only_count: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether all items are meant, in their own order."""
        return not (self.bbox or self.datetime or self.filters or self.sort)


def page(entry: Dataset, layer: Layer, query: ItemsQuery) -> dict[str, Any]:
    """The items of a *query* as a GeoJSON collection in longitude and latitude, with their number."""
    numbers = None if query.is_plain else _matching(entry, layer, query)
    matched = layer.count if numbers is None else len(numbers)
    document: dict[str, Any] = {"type": "FeatureCollection", "features": [], "numberMatched": matched}
    if not query.only_count and query.limit and query.offset < matched:
        document["features"] = _features(entry, layer, query, numbers)
    return document | {"numberReturned": len(document["features"])}


def item(entry: Dataset, layer: Layer, identifier: str) -> dict[str, Any] | None:
    """The item with an id, or None."""
    if entry.id_field is not None:
        found = _matching(entry, layer, ItemsQuery(filters=[(entry.id_field, identifier)]), lenient=True)
    else:
        found = np.array([int(identifier)]) if identifier.isdecimal() and len(identifier) < 19 else np.array([])  # noqa: PLR2004 - digits of int64
    features = _features(entry, layer, ItemsQuery(limit=1), found) if len(found) else []
    return features[0] if features else None


# Which


def _matching(entry: Dataset, layer: Layer, query: ItemsQuery, *, lenient: bool = False) -> NDArray[np.int64]:
    """The numbers of the features that a query means, in its order."""
    columns = {name for name, _ in (*query.filters, *query.sort)}
    if query.datetime is not None:
        columns.add(_dated(layer))
    frame = _inside(entry, layer, sorted(columns), query.bbox) if query.bbox else read_columns(entry, sorted(columns))
    keep = np.ones(len(frame), dtype=bool)
    for name, text in query.filters:
        keep &= _equals(frame[name], text, name, layer.fields[name], lenient=lenient)
    if query.datetime is not None:
        keep &= _during(frame[_dated(layer)], query.datetime)
    frame = frame[keep]
    if query.sort:
        names, downward = zip(*query.sort, strict=True)
        frame = frame.sort_values(list(names), ascending=[not down for down in downward], kind="stable")
    numbers: NDArray[np.int64] = frame.index.to_numpy()
    return numbers


def _dated(layer: Layer) -> str:
    if layer.time_field is None:
        raise InputError("datetime: the items have no column with dates", input="datetime")
    return layer.time_field


def _during(column: pd.Series[Any], text: str) -> NDArray[np.bool_]:
    try:
        places = Period.read(text).places(moments(column))
    except ValueError as error:
        raise InputError(f"datetime: {text[:80]!r} is not an instant or start/end", input="datetime") from error
    mask = np.zeros(len(column), dtype=bool)
    mask[places] = True
    return mask


def _equals(
    column: pd.Series[Any], text: str, name: str, kind: Mapping[str, str], *, lenient: bool
) -> NDArray[np.bool_]:
    """Where a column has the value that is written as *text*."""
    try:
        if kind["type"] == "boolean":
            wanted: Any = WORDS[text.lower()]
        elif kind["type"] in ("integer", "number"):
            wanted = float(text)
        elif "format" in kind:
            return _during(column, text)
        else:
            wanted = text
    except (KeyError, ValueError) as error:
        if lenient:
            return np.zeros(len(column), dtype=bool)
        raise InputError(f"{name}: {text[:80]!r} is no {kind['type']}, which this column holds", input=name) from error
    matches: NDArray[np.bool_] = (column == wanted).to_numpy(dtype=bool, na_value=False)
    return matches


def _inside(entry: Dataset, layer: Layer, columns: Sequence[str], box: Sequence[float]) -> Any:
    """Columns of the features that meet a box in longitude and latitude."""
    import pandas as pd  # noqa: PLC0415 - slow, and only where there are features

    if layer.bbox is None:
        return read_columns(entry, columns).iloc[:0]
    half = len(box) // 2
    west, south, east, north = *box[:2], *box[half : half + 2]
    boxes = [(west, south, HALF, north), (-HALF, south, east, north)] if west > east else [(west, south, east, north)]
    found = pd.concat([_meeting(entry, layer, columns, each) for each in boxes])
    return found[~found.index.duplicated()].sort_index()


def _meeting(entry: Dataset, layer: Layer, columns: Sequence[str], box: tuple[float, float, float, float]) -> Any:
    if is_lonlat(layer.crs):
        return read_columns(entry, columns, bbox=box)
    import shapely  # noqa: PLC0415 - only where something is to be transformed
    from pyproj import Transformer  # noqa: PLC0415 - the same

    # the box is bent in the CRS of the data: what lies around it is read, and looked at in longitude and latitude
    bounds = Transformer.from_crs("OGC:CRS84", layer.crs, always_xy=True).transform_bounds(*box)
    around = {"bbox": tuple(bounds)} if np.isfinite(bounds).all() else {}
    frame = read_columns(entry, columns, geometry=True, **around)
    return frame[frame.geometry.to_crs("OGC:CRS84").intersects(shapely.box(*box)).to_numpy()]


def _features(
    entry: Dataset, layer: Layer, query: ItemsQuery, numbers: NDArray[np.int64] | None
) -> list[dict[str, Any]]:
    """The items of a page; *numbers* are those to page through, None all."""
    import pyogrio.errors  # noqa: PLC0415 - slow, and only where there are features

    names = [name for name in layer.fields if not query.columns or name in query.columns]
    read = names if entry.id_field is None or entry.id_field in names else [*names, entry.id_field]
    has_geometry = query.geometry and layer.bbox is not None
    if numbers is None:
        frame = read_columns(entry, read, geometry=has_geometry, skip_features=query.offset, max_features=query.limit)
    else:
        wanted = numbers[query.offset : query.offset + query.limit]
        try:
            frame = read_columns(entry, read, geometry=has_geometry, **({"fids": wanted} if layer.is_random else {}))
        except pyogrio.errors.FeatureError:
            return []
        frame = frame.loc[[number for number in wanted if number in frame.index]]
    return _as_geojson(entry, layer, frame, names, has_geometry=has_geometry)


def _as_geojson(
    entry: Dataset, layer: Layer, frame: Any, names: list[str], *, has_geometry: bool
) -> list[dict[str, Any]]:
    from moorage.formats.features import geojson_texts, lonlat  # noqa: PLC0415 - slow, and only where it is used

    if has_geometry and frame.crs is None and layer.crs is not None:
        frame = frame.set_crs(layer.crs)
    shapes = geojson_texts(lonlat(frame.geometry)) if has_geometry else ["null"] * len(frame)
    columns = {name: _cells(frame[name], layer.fields[name]) for name in names}
    ids = _cells(frame[entry.id_field], {}) if entry.id_field else frame.index.tolist()
    return [
        {
            "type": "Feature",
            "id": ids[row],
            "geometry": json.loads(shape),
            "properties": {name: column[row] for name, column in columns.items()},
        }
        for row, shape in enumerate(shapes)
    ]


def _cells(column: pd.Series[Any], kind: Mapping[str, str]) -> list[Any]:
    """The values of a column as JSON has them; whole numbers and truths come as real ones where some are missing."""
    from moorage.formats.rows import cells  # noqa: PLC0415 - slow, and only where it is used

    make: Any = {"integer": int, "boolean": bool}.get(kind.get("type", ""))
    if kind.get("format") == "date":
        make = _day
    return [each if each is None or make is None else make(each) for each in cells(column)]


def _day(text: str) -> str:
    return text.partition("T")[0]
