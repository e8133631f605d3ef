"""A value that a schema takes, good for a first try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TEXTS = {
    "date": "2000-06-01", "date-time": "2000-06-01T12:00:00Z", "time": "12:00:00", "uri": "https://example.org/",
    "uuid": "123e4567-e89b-12d3-a456-426614174000", "duration": "P1D", "byte": "aGVsbG8=",
}  # fmt: skip
BOX = (5.0, 50.0, 10.0, 55.0)
RING = [[5.0, 50.0], [10.0, 50.0], [10.0, 55.0], [5.0, 55.0], [5.0, 50.0]]
SMALL = 1.0


def geometry(name: str, ring: Sequence[Sequence[float]] = RING) -> dict[str, Any]:
    """A geometry of GeoJSON.

    Parameters
    ----------
    name : its type.
    ring : the positions that it is made of, the last the first again.
    """
    if name == "GeometryCollection":
        return {"type": name, "geometries": [geometry("Polygon", ring)]}
    coordinates: dict[str, Any] = {
        "Point": ring[0], "MultiPoint": ring[:2], "LineString": ring[:3], "MultiLineString": [ring[:3]],
        "Polygon": [ring], "MultiPolygon": [[ring]],
    }  # fmt: skip
    return {"type": name, "coordinates": coordinates[name]}


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
        return geometry("Polygon" if "Polygon" in known else known[0])
    return _composed(schema, name)


def _composed(schema: Mapping[str, Any], name: str) -> Any:
    for key in ("oneOf", "anyOf"):
        if schema.get(key):
            return value_of(schema[key][0], name)
    if any(each.get("format") == "ogc-bbox" for each in schema.get("allOf", ())):
        return {"bbox": list(BOX)}
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
