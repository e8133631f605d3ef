"""A value for an input that is good for a first try, from what its description says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.formats import Kind, formats_of, kind_of

from moorage_processes.ogc.collections.cache import coverage_of, layer_of
from moorage_processes.ogc.descriptions import type_of

if TYPE_CHECKING:
    from moorage_processes.data.datasets import Datasets

TEXTS = {
    "date": "2000-06-01", "date-time": "2000-06-01T12:00:00Z", "time": "12:00:00", "uri": "https://example.org/",
    "uuid": "123e4567-e89b-12d3-a456-426614174000", "duration": "P1D", "byte": "aGVsbG8=",
}  # fmt: skip
BOX = [5.0, 50.0, 10.0, 55.0]
RING = [[5.0, 50.0], [10.0, 50.0], [10.0, 55.0], [5.0, 55.0], [5.0, 50.0]]
COORDINATES: dict[str, Any] = {
    "Point": RING[0], "MultiPoint": RING[:2], "LineString": RING[:3], "MultiLineString": [RING[:3]],
    "Polygon": [RING], "MultiPolygon": [[RING]],
}  # fmt: skip
DATA = (Kind.GRID, Kind.FEATURES, Kind.TABLE)
SEVERAL = 2
"""How many of the data an input is shown with that takes more than one: with one alone there is nothing to compare."""
SMALL = 1.0


@dataclass(frozen=True)
class YourFile:
    """A file that the caller has."""

    name: str


def example(name: str, described: Mapping[str, Any], datasets: Datasets) -> Any:
    """A value for an input.

    Parameters
    ----------
    name : its id.
    described : its description.
    datasets : what it may name.
    """
    kind = kind_of(type_of(described))
    one = _data(name, described, kind, datasets) if kind in DATA else value_of(described["schema"], name)
    if isinstance(one, dict) and kind is Kind.VALUE:
        one = {"value": one}
    most = described.get("maxOccurs", 1)
    if most != "unbounded" and most <= 1:
        return one
    return [one] * max(SEVERAL if kind in DATA else 1, described.get("minOccurs", 1))


def _data(name: str, described: Mapping[str, Any], kind: Kind, datasets: Datasets) -> Any:
    ids = datasets.ids(kind)
    if ids:
        return max(ids, key=lambda each: _fit(each, name, described, kind, datasets))
    if kind is Kind.FEATURES:
        return {"type": "FeatureCollection", "features": [_feature()]}
    if kind is Kind.TABLE:
        return {"value": [{"name": "a", "value": 1.0}, {"name": "b", "value": 2.0}]}
    return YourFile(f"{name}{formats_of(kind, writable=False)[0].suffix}")


def _fit(dataset: str, name: str, described: Mapping[str, Any], kind: Kind, datasets: Datasets) -> tuple[bool, ...]:
    """How likely a dataset is what an input means: it opens, its name and title, what it holds, its only variable."""
    entry = datasets.entries[dataset]
    text = f"{name} {described.get('title', '')} {described.get('description', '')}".lower()
    said = _words(text)
    names = (dataset.lower() == name.lower(), bool(_words(dataset) & said), bool(_words(entry.title) & said))
    if kind is Kind.GRID:
        grid = coverage_of(entry).found
        has_time = grid is not None and grid.extents.times is not None
        is_one = entry.variable is not None or (grid is not None and len(grid.fields) == 1)
        return grid is not None, *names, has_time == ("time" in said and "without a time" not in text), is_one
    layer = layer_of(entry).found
    shape = layer.geometry.lower().removeprefix("multi") if layer is not None else ""
    return layer is not None, *names, bool(shape) and shape in text


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in re.findall(r"[a-z]+", text.lower()) if len(word) > 3)  # noqa: PLR2004 - telling


def _feature() -> dict[str, Any]:
    return {"type": "Feature", "properties": {"name": "a"}, "geometry": _geometry("Polygon")}


def _geometry(name: str) -> dict[str, Any]:
    if name == "GeometryCollection":
        return {"type": name, "geometries": [_geometry("Polygon")]}
    return {"type": name, "coordinates": COORDINATES[name]}


def value_of(schema: Mapping[str, Any], name: str = "") -> Any:
    """A value that a schema takes.

    Parameters
    ----------
    schema : in the dialect of OGC 18-062r2.
    name : what it is for.
    """
    for key in ("example", "default"):
        if key in schema:
            return schema[key]
    if "enum" in schema and schema.get("format") != "geojson-geometry":
        return schema["enum"][0]
    if schema.get("format") == "geojson-geometry":
        known = schema["properties"]["type"].get("enum", ["Polygon"])
        return _geometry("Polygon" if "Polygon" in known else known[0])
    return _composed(schema, name)


def _composed(schema: Mapping[str, Any], name: str) -> Any:
    for key in ("oneOf", "anyOf"):
        if schema.get(key):
            return value_of(schema[key][0], name)
    if any(each.get("format") == "ogc-bbox" for each in schema.get("allOf", ())):
        return {"bbox": BOX}
    if "allOf" in schema:
        return _merged(schema)
    return _single(schema, name)


def _single(schema: Mapping[str, Any], name: str) -> Any:
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {each: value_of(properties.get(each, {}), each) for each in schema.get("required", ())}
        case "array":
            return [value_of(schema.get("items", {}), name)] * max(1, schema.get("minItems", 1))
        case "boolean":
            return True
        case "number" | "integer":
            return _number(schema)
    return _text(schema, name)


def _merged(schema: Mapping[str, Any]) -> Any:
    whole: dict[str, Any] = {}
    for each in schema["allOf"]:
        whole |= each
    return value_of(whole)


def _number(schema: Mapping[str, Any]) -> float:
    """1 where that is in range, else the middle of the range, else its nearer end."""
    low, high = schema.get("minimum"), schema.get("maximum")
    open_low = schema.get("exclusiveMinimum") is True
    open_high = schema.get("exclusiveMaximum") is True
    number = SMALL
    if (low is not None and (number < low or (open_low and number == low))) or (
        high is not None and (number > high or (open_high and number == high))
    ):
        if low is not None and high is not None:
            number = (low + high) / 2
        else:
            number = low + 1.0 if low is not None else (high or 0.0) - 1.0
    step = schema.get("multipleOf")
    if step:
        number = round(number / step) * step
    return int(number) if schema.get("type") == "integer" else float(number)


def _text(schema: Mapping[str, Any], name: str) -> str:
    if schema.get("format") in TEXTS:
        return TEXTS[schema["format"]]
    text = "hello" if name in ("", "message", "text") else name
    text = text.ljust(schema.get("minLength", 0), "x")
    return text[: schema.get("maxLength", len(text))]
