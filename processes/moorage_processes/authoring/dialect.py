"""JSON Schema as OGC API - Processes 1.0 has it, from what pydantic writes.

The standard's ``schema.yaml`` is the dialect of OpenAPI 3.0: one type a schema, no null type but ``nullable``, boolean
exclusive bounds, no ``const``, no tuples, and nothing defined elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moorage_processes.authoring.annotation import UnservableError

Schema = dict[str, Any]

COPIED = (
    "title", "description", "type", "format", "pattern", "minLength", "maxLength", "minItems", "maxItems",
    "uniqueItems", "minProperties", "maxProperties", "minimum", "maximum", "multipleOf", "required", "enum",
    "default", "readOnly", "writeOnly", "deprecated", "nullable", "contentMediaType", "contentEncoding",
)  # fmt: skip
"""Keywords that both know and mean alike."""


def to_dialect(schema: Mapping[str, Any], *, answers: bool = False) -> Schema:
    """A schema of pydantic's in the standard's dialect.

    Parameters
    ----------
    schema : a JSON Schema 2020-12 with its ``$defs``.
    answers : whether it describes what comes back, where a missing number is null.

    Raises
    ------
    UnservableError
        where a type contains itself.
    """
    return _Translation(schema.get("$defs", {}), answers=answers).of(schema, ())


class _Translation:
    """The translation of one schema.

    Parameters
    ----------
    definitions : what its references mean.
    answers : whether numbers may be null.
    """

    def __init__(self, definitions: Mapping[str, Any], *, answers: bool) -> None:
        self._definitions = definitions
        self._answers = answers

    def of(self, schema: Any, inside: tuple[str, ...]) -> Schema:
        """Translate *schema*, which stands inside the definitions named."""
        if not isinstance(schema, Mapping):
            return {}
        if "$ref" in schema:
            name = str(schema["$ref"]).rpartition("/")[2]
            if name in inside:
                raise UnservableError(f"{name} contains itself", "give it a fixed depth, or use dict[str, Any]")
            beside = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
            return self.of({**self._definitions[name], **beside}, (*inside, name))
        result = {keyword: schema[keyword] for keyword in COPIED if keyword in schema}
        if "const" in schema:
            result["enum"] = [schema["const"]]
        if "enum" in result:
            result.update(_enumerated(result["enum"]))
        if schema.get("examples"):
            result["example"] = schema["examples"][0]
        _bound(result, schema)
        if self._answers and result.get("type") == "number":
            result["nullable"] = True
        self._nest(result, schema, inside)
        return result

    def _nest(self, result: Schema, schema: Mapping[str, Any], inside: tuple[str, ...]) -> None:
        """Add the schemas inside *schema* to *result*."""
        if "properties" in schema:
            result["properties"] = {name: self.of(each, inside) for name, each in schema["properties"].items()}
        rest = schema.get("additionalProperties", True)
        if rest is not True:
            result["additionalProperties"] = self.of(rest, inside) if isinstance(rest, Mapping) else False
        if "prefixItems" in schema:
            places = [self.of(each, inside) for each in schema["prefixItems"]]
            result["items"] = _joined(places)
        elif "items" in schema:
            result["items"] = self.of(schema["items"], inside)
        elif result.get("type") == "array":
            result["items"] = {}
        if "allOf" in schema:
            result["allOf"] = [self.of(each, inside) for each in schema["allOf"]]
        alternatives = schema.get("anyOf") or schema.get("oneOf")
        if alternatives:
            some = [each for each in alternatives if each.get("type") != "null"]
            joined = _joined([self.of(each, inside) for each in some])
            _merge(result, joined, nullable=len(some) < len(alternatives))


def _enumerated(values: list[Any]) -> Schema:
    """An enumeration with its type, where it has only one."""
    some = [value for value in values if value is not None]
    named = {_named(value) for value in some}
    typed: Schema = {"enum": some}
    if len(named) == 1:
        typed["type"] = named.pop()
    if len(some) < len(values):
        typed["nullable"] = True
    return typed


def _named(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]


def _bound(result: Schema, schema: Mapping[str, Any]) -> None:
    """Turn numeric exclusive bounds into boolean ones; of two bounds on one side the narrower stays."""
    for bound, exclusive, narrower in (("minimum", "exclusiveMinimum", max), ("maximum", "exclusiveMaximum", min)):
        if exclusive in schema:
            edge = schema[exclusive]
            if bound not in schema or narrower(edge, schema[bound]) == edge:
                result[bound] = edge
                result[exclusive] = True


def _joined(alternatives: list[Schema]) -> Schema:
    """One schema for several: ``oneOf`` where no value can be two of them, else ``anyOf``."""
    different: list[Schema] = []
    for each in alternatives:
        if each not in different:
            different.append(each)
    if {"type": "number"} in different and {"type": "integer"} in different:
        different.remove({"type": "integer"})
    if len(different) == 1:
        return dict(different[0])
    apart = all(_apart(one, other) for i, one in enumerate(different) for other in different[:i])
    return {"oneOf" if apart else "anyOf": different}


def _apart(one: Schema, other: Schema) -> bool:
    """Whether no value can be both."""
    if "enum" in one and "enum" in other:
        return not any(value in other["enum"] for value in one["enum"])
    types = {one.get("type"), other.get("type")}
    return len(types) > 1 and None not in types and types != {"integer", "number"}


def _merge(result: Schema, joined: Schema, *, nullable: bool) -> None:
    for keyword, value in joined.items():
        result.setdefault(keyword, value)
    if nullable:
        result.update(or_null(result))


def or_null(schema: Schema) -> Schema:
    """The schema with null as one more value; OpenAPI 3.0 knows that only beside a type."""
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            first, *others = schema[choice]
            return {**schema, choice: [{**first, "nullable": True}, *others]}
    return {**schema, "nullable": True}
