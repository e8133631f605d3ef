"""Schemas of process descriptions as OpenAPI 3.0 takes them, which knows fewer keywords."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moorage_processes.ogc import vocabulary as ogc

FOREIGN = ("contentMediaType", "contentEncoding", "contentSchema")
"""Keywords the standard's schema.yaml takes and OpenAPI 3.0 does not; they stay as extensions."""
TEXT = {"type": "string"}
FILE = {"type": "string", "format": "binary"}


def as_openapi(schema: Any) -> Any:
    """A schema with what OpenAPI 3.0 does not know as extensions, and without empty lists of choices."""
    if isinstance(schema, list):
        return [as_openapi(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    named = schema.get("properties")
    result = {_known(name): as_openapi(value) for name, value in schema.items() if name != "enum" or value}
    for name in ("enum", "default", "example"):
        if result.get(name) is not None:
            result[name] = schema[name]  # values, not schemas
    if isinstance(named, Mapping):
        result["properties"] = {name: as_openapi(each) for name, each in named.items()}
    return result


def _known(keyword: str) -> str:
    return f"x-{keyword}" if keyword in FOREIGN else keyword


def alternative(schema: Mapping[str, Any], media_type: str) -> Mapping[str, Any]:
    """That of a schema's alternatives which describes one media type; the schema itself where it has no others."""
    for each in schema.get("oneOf", ()):
        if each.get("contentMediaType") == media_type:
            found: Mapping[str, Any] = each
            return found
    return schema


def body(schema: Mapping[str, Any], media_type: str) -> dict[str, Any]:
    """The schema of an HTTP body that holds one value as it is, in one media type."""
    bare = media_type.partition(";")[0].strip()
    if bare == ogc.JSON or bare.endswith("+json"):
        found: dict[str, Any] = as_openapi(alternative(schema, media_type))
        return found
    return TEXT if bare.startswith("text/") else FILE


def any_of(*schemas: Mapping[str, Any]) -> dict[str, Any]:
    """A schema that takes what any of *schemas* takes; each stands there once."""
    distinct = [each for place, each in enumerate(schemas) if each not in schemas[:place]]
    return dict(distinct[0]) if len(distinct) == 1 else {"anyOf": distinct}


def schema_of(name: str) -> dict[str, str]:
    """A reference to one of the standard's schemas."""
    return {"$ref": f"#/components/schemas/{name}"}
