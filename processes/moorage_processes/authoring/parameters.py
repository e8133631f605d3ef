"""Inputs and outputs of a process, and their values to and from JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from moorage.formats import Format, Kind
from moorage.values import BBox

from moorage_processes.authoring.json_values import plain
from moorage_processes.errors import InputError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from moorage_processes.authoring.dialect import Schema

UNIT = "moorage:unit"
"""The role under which a description says in which unit a number is."""


@dataclass(frozen=True)
class Input:
    """What a caller hands in."""

    id: str
    title: str
    description: str
    annotation: Any
    """The Python type of one occurrence."""
    type_name: str
    kind: Kind
    many: bool
    """Whether it may occur several times; a list of plain values is one value."""
    schema: Schema
    """What one occurrence takes."""
    required: bool
    unit: str | None = None
    dtype: str | None = None
    """numpy's name of the type that the values of an array are given."""

    def describe(self) -> dict[str, Any]:
        """OGC's inputDescription."""
        return {
            **_describe(self),
            "minOccurs": 1 if self.required else 0,
            "maxOccurs": "unbounded" if self.many else 1,
        }

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        from pydantic import TypeAdapter  # noqa: PLC0415 - slow, and only where methods are

        return TypeAdapter(self.annotation)

    def decode_value(self, value: Any) -> Any:
        """The Python value of one occurrence that came as JSON: a plain value, box, geometry or base64.

        Raises
        ------
        InputError
            naming the input and what is wrong with the value.
        """
        if value is None and self.schema.get("nullable"):
            return None
        from pydantic import ValidationError  # noqa: PLC0415 - slow, and only where methods are

        try:
            match self.kind:
                case Kind.BBOX:
                    return _box(value)
                case Kind.GEOMETRY:
                    return _geometry(value, self.annotation, self.schema["properties"]["type"]["enum"])
                case Kind.BYTES:
                    return _octets(value)
                case Kind.ARRAY:
                    return _array(value, self.dtype)
            return _plain_value(value, self._adapter)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = "".join(f"[{step!r}]" for step in first["loc"])
            words = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
            raise InputError(f"{self.id}{place}: {words}", input=self.id) from error
        except ValueError as error:
            raise InputError(f"{self.id}: {error}", input=self.id) from error


@dataclass(frozen=True)
class Output:
    """What a caller gets back."""

    id: str
    title: str
    description: str
    annotation: Any
    type_name: str
    kind: Kind
    formats: tuple[Format, ...]
    """The formats it can be written in, its default first."""
    schema: Schema
    unit: str | None = None
    optional: bool = False
    """Whether the method may leave it at None, so that it is left out."""

    def describe(self) -> dict[str, Any]:
        """OGC's outputDescription."""
        return _describe(self)

    def holds(self, value: Any) -> bool:
        """Whether a value was given at all.

        Raises
        ------
        TypeError
            where it is missing though declared, or not what is declared.
        """
        if value is None and self.optional:
            return False
        if value is None or (self.kind is not Kind.VALUE and not isinstance(value, self.annotation)):
            found = "nothing" if value is None else f"a {type(value).__name__}"
            raise TypeError(f"the method returned {found} as {self.id!r}; it declares {self.type_name}")
        return True

    def encode_value(self, value: Any) -> Any:
        """The JSON form of a plain value, box or geometry; missing numbers are null.

        Raises
        ------
        TypeError
            where the method returned something that has none.
        """
        if self.kind is Kind.GEOMETRY:
            from shapely import to_geojson  # noqa: PLC0415 - whoever has a geometry has it loaded

            return json.loads(to_geojson(value))
        return plain(value)


def _describe(parameter: Input | Output) -> dict[str, Any]:
    metadata = [{"role": "moorage:type", "title": parameter.type_name}]
    if parameter.unit is not None:
        metadata.append({"role": UNIT, "title": parameter.unit})
    return {
        "title": parameter.title,
        "description": parameter.description,
        "schema": parameter.schema,
        "metadata": metadata,
    }


def stated_unit(described: Mapping[str, Any]) -> str | None:
    """The unit that a description states."""
    return next((str(each["title"]) for each in described["metadata"] if each["role"] == UNIT), None)


def _json(value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise ValueError("it holds a number that is not finite, which JSON has no word for") from error


def _plain_value(value: Any, adapter: TypeAdapter[Any]) -> Any:
    from pydantic import ValidationError  # noqa: PLC0415 - slow, and only where methods are

    try:
        return adapter.validate_json(_json(value), strict=True)
    except ValidationError:
        # 2.0 is a whole number in JSON, yet not for pydantic
        return adapter.validate_json(_json(_whole(value)), strict=True)


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _whole(each) for name, each in value.items()}
    return value


def _box(value: Any) -> BBox:
    if not isinstance(value, Mapping):
        raise ValueError("it takes {'bbox': [west, south, east, north]}")  # noqa: TRY004 - the value is wrong, not the call
    return BBox.from_json(value)


def _array(value: Any, dtype: str | None) -> Any:
    from moorage.formats.arrays import array_of  # noqa: PLC0415 - numpy, and only where an array comes in

    if not isinstance(value, list):
        raise ValueError("it takes a list of numbers, or of lists of numbers")  # noqa: TRY004 - the value is wrong
    return array_of(value, dtype)


def _octets(value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (ValueError, TypeError) as error:
        raise ValueError("it takes base64") from error


def _geometry(value: Any, annotation: Any, types: Sequence[str]) -> Any:
    """A valid geometry of the type asked for, from GeoJSON."""
    import shapely  # noqa: PLC0415 - only where a geometry comes in

    if not isinstance(value, Mapping) or value.get("type") not in types:
        raise ValueError(f"it takes a GeoJSON {' or '.join(types)}")
    try:
        geometry = shapely.from_geojson(_json(value))
    except shapely.errors.GEOSException as error:
        raise ValueError("this is not a GeoJSON geometry") from error
    if annotation is shapely.LinearRing and isinstance(geometry, shapely.LineString):
        geometry = shapely.LinearRing(geometry)
    if geometry.is_empty:
        raise ValueError("the geometry is empty")
    if not geometry.is_valid:
        raise ValueError(f"the geometry is not valid: {shapely.is_valid_reason(geometry)}")
    return geometry
