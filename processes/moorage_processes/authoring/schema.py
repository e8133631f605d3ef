"""The schema of an input or output: what a caller may send, and what they get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moorage.formats import Format, Kind, formats_of
from moorage.values import CRS84
from pydantic import TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from moorage_processes.authoring.annotation import Annotation, UnservableError
from moorage_processes.authoring.dialect import Schema, to_dialect

if TYPE_CHECKING:
    from pydantic_core.core_schema import DataclassSchema

OCTETS = "application/octet-stream"
BOX: Schema = {
    "type": "object",
    "required": ["bbox"],
    "properties": {
        "bbox": {
            "type": "array",
            "items": {"type": "number"},
            "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
        },
        "crs": {"type": "string", "format": "uri", "default": CRS84},
    },
}
DEPTHS = {
    "Point": 0, "LineString": 1, "MultiPoint": 1, "Polygon": 2, "MultiLineString": 2, "MultiPolygon": 3,
}  # fmt: skip
"""GeoJSON's geometries with coordinates, and how deep lists of positions nest in them."""
COLLECTION = "GeometryCollection"
EVERY = (*DEPTHS, COLLECTION)
ALTERNATIVES = {
    "Geometry": EVERY,
    "BaseGeometry": EVERY,
    "BaseMultipartGeometry": ("MultiPoint", "MultiLineString", "MultiPolygon", COLLECTION),
    "LinearRing": ("LineString",),
}
"""What GeoJSON calls shapely's classes where it does not call them the same."""


def input_schema(annotation: Annotation) -> Schema:
    """What one occurrence of an input takes."""
    match annotation.kind:
        case Kind.VALUE:
            return value_schema(annotation)
        case Kind.BBOX | Kind.GEOMETRY | Kind.BYTES:
            return _shaped(annotation)
    if annotation.kind is Kind.ARRAY:
        return {"oneOf": [{"type": "array", "items": {}}, _written(formats_of(Kind.ARRAY, writable=False)[0])]}
    accepted = [
        {"type": "string", "format": "byte", "contentMediaType": fmt.media_type}
        for fmt in formats_of(annotation.kind, writable=False)
    ]
    if annotation.kind is Kind.FEATURES:
        accepted.insert(0, {"type": "object", "format": "geojson-feature-collection"})
    return {"oneOf": accepted}


def output_schema(annotation: Annotation) -> Schema:
    """What an output is given as; the first of several formats is its default."""
    match annotation.kind:
        case Kind.VALUE:
            return value_schema(annotation, answers=True)
        case Kind.BBOX | Kind.GEOMETRY | Kind.BYTES:
            return _shaped(annotation)
    return {"oneOf": [_written(fmt) for fmt in formats_of(annotation.kind, writable=True)]}


def value_schema(annotation: Annotation, *, answers: bool = False) -> Schema:
    """The schema of a plain value.

    Raises
    ------
    UnservableError
        where pydantic knows no schema for it, or it contains itself.
    """
    try:
        schema = TypeAdapter(annotation.one).json_schema(
            mode="serialization" if answers else "validation", schema_generator=_Spoken
        )
    except (PydanticUserError, PydanticUndefinedAnnotation, NameError, TypeError) as error:
        sentence = str(error).partition("\n")[0].rstrip(".")
        raise UnservableError(f"its type has no JSON form: {sentence}", "use plain values inside it") from error
    for said_elsewhere in ("title", "description"):
        schema.pop(said_elsewhere, None)
    return to_dialect(schema, answers=answers)


class _Spoken(GenerateJsonSchema):
    """pydantic's schema without titles nobody wrote; a dataclass takes its own fields only."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False

    def dataclass_schema(self, schema: DataclassSchema) -> JsonSchemaValue:
        return {"additionalProperties": False, **super().dataclass_schema(schema)}


def _shaped(annotation: Annotation) -> Schema:
    if annotation.kind is Kind.BBOX:
        # the conformance suite looks for the format in the first member
        return {"allOf": [{"format": "ogc-bbox"}, BOX]}
    if annotation.kind is Kind.BYTES:
        return {"type": "string", "format": "byte", "contentMediaType": annotation.media_type or OCTETS}
    return _geometry(geojson_types(annotation.geometries))


def geojson_types(geometries: tuple[str, ...]) -> tuple[str, ...]:
    """GeoJSON's types for shapely's classes, by name."""
    return tuple(dict.fromkeys(name for each in geometries for name in ALTERNATIVES.get(each, (each,))))


def _geometry(names: tuple[str, ...]) -> Schema:
    properties: Schema = {"type": {"type": "string", "enum": list(names)}}
    depths = {DEPTHS[name] for name in names if name in DEPTHS}
    if depths:
        properties["coordinates"] = _positions(depths.pop()) if len(depths) == 1 else {"type": "array", "items": {}}
    if COLLECTION in names:
        properties["geometries"] = {"type": "array", "items": {"type": "object"}}
    required = ["type", "coordinates"] if COLLECTION not in names else ["type"]
    return {"type": "object", "format": "geojson-geometry", "required": required, "properties": properties}


def _positions(depth: int) -> Schema:
    if depth:
        return {"type": "array", "items": _positions(depth - 1)}
    return {"type": "array", "minItems": 2, "items": {"type": "number"}}


def _written(fmt: Format) -> Schema:
    """One format of an output; what is not text travels inside JSON as base64."""
    schema: Schema = {"contentMediaType": fmt.media_type}
    if fmt.name == "geojson":
        return {"type": "object", "format": "geojson-feature-collection", **schema}
    if fmt.name == "numbers":
        return {"type": "array", "items": {}, **schema}
    if fmt.name == "records":
        return {"type": "array", "items": {"type": "object"}, **schema}
    if fmt.magic:
        return {"type": "string", "format": "byte", **schema}
    return {"type": "string", **schema}
