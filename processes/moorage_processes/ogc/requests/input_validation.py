"""What can be told of inputs without reading data: checked against the description before anything is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from jsonschema import Draft4Validator, FormatChecker
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend
from moorage import formats
from moorage.formats import Kind
from moorage.values import BBox

from moorage_processes.errors import InputError
from moorage_processes.execution.given import DATA, Reference, Selection, Value, content_of, head_of, read_given
from moorage_processes.ogc.descriptions import type_of
from moorage_processes.ogc.problems import shown

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Entry
    from moorage_processes.data.datasets import Datasets
    from moorage_processes.network.fetch import Policy

TYPES = {"integer": "an integer", "number": "a number", "boolean": "true or false", "object": "an object"}
TEXTS = {"date": "a date", "date-time": "a date and time", "time": "a time"}


def _is_integer(_: object, instance: object) -> bool:
    if isinstance(instance, float):
        return instance.is_integer()
    return isinstance(instance, int) and not isinstance(instance, bool)


def _type(validator: Any, types: str, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    """OpenAPI 3.0 says ``nullable`` where JSON Schema has a null type."""
    if instance is None and schema.get("nullable"):
        return
    yield from Draft4Validator.VALIDATORS["type"](validator, types, instance, schema)


def _enum(validator: Any, values: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    if instance is None and schema.get("nullable"):
        return
    yield from Draft4Validator.VALIDATORS["enum"](validator, values, instance, schema)


FORMATS = FormatChecker(formats=())
FORMATS.checks("date", raises=ValueError)(lambda text: not isinstance(text, str) or bool(date.fromisoformat(text)))
FORMATS.checks("date-time", raises=ValueError)(
    lambda text: not isinstance(text, str) or bool(datetime.fromisoformat(text))
)
FORMATS.checks("time", raises=ValueError)(
    lambda text: not isinstance(text, str) or time.fromisoformat(text) is not None
)
FORMATS.checks("byte", raises=ValueError)(lambda text: not isinstance(text, str) or content_of(text) is not None)

OGCValidator = extend(  # type: ignore[no-untyped-call]
    Draft4Validator,
    {"type": _type, "enum": _enum},
    type_checker=Draft4Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)
"""JSON Schema as the standard's schema.yaml has it: boolean exclusive bounds and ``nullable``."""


class InputValidator:
    """Checks the inputs of one process.

    Parameters
    ----------
    entry : the process.
    datasets : what a bare string may mean.
    policy : from where an href may be fetched.
    """

    def __init__(self, entry: Entry, datasets: Datasets, policy: Policy) -> None:
        self._entry = entry
        self._datasets = datasets
        self._policy = policy
        self._described: Mapping[str, Any] = entry.description["inputs"]
        self._kinds = {name: formats.kind_of(type_of(each)) for name, each in self._described.items()}
        self._validators = {
            name: OGCValidator(each["schema"], format_checker=FORMATS) for name, each in self._described.items()
        }

    def check(self, inputs: Mapping[str, Any]) -> None:
        """Check all inputs of one request.

        Raises
        ------
        InputError
            naming the first input that is missing, unknown or wrong, and what it takes.
        """
        for name in inputs:
            if name not in self._described:
                known = ", ".join(self._described) or "no inputs"
                raise InputError(f"{self._entry.id} has no input {shown(name)}; it takes {known}", input=name)
        for name, described in self._described.items():
            if name in inputs:
                self._check_occurrences(name, described, inputs[name])
            elif described.get("minOccurs", 1) > 0:
                raise InputError(f"{name} is missing; it takes {takes(described)}", input=name)

    def _check_occurrences(self, name: str, described: Mapping[str, Any], value: Any) -> None:
        most = described.get("maxOccurs", 1)
        if most == 1:
            self._check_one(name, value)
            return
        values = value if isinstance(value, list) else [value]
        least = described.get("minOccurs", 1)
        if len(values) < least or (most != "unbounded" and len(values) > most):
            raise InputError(f"{name}: {len(values)} values; it takes {least} to {most}", input=name)
        for each in values:
            self._check_one(name, each)

    def _check_one(self, name: str, value: Any) -> None:
        kind = self._kinds[name]
        match read_given(name, value, kind):
            case Reference(href):
                self._policy.check(href, name)
            case Selection(members):
                self._datasets.select(name, members, kind)
            case Value(given, media_type, is_qualified):
                if media_type is not None and kind in DATA:
                    _check_format(name, kind, media_type)
                if kind in DATA and isinstance(given, str):
                    if is_qualified or self._datasets.find(given, kind) is None:
                        self._check_content(name, kind, given)
                else:
                    self._check_value(name, kind, given)

    def _check_value(self, name: str, kind: Kind, value: Any) -> None:
        if kind in DATA and kind is not Kind.FEATURES:
            raise InputError(f"{name}: {shown(value)} is no {kind}; it takes {self._takes(name)}", input=name)
        if kind is Kind.ARRAY and isinstance(value, list):
            # looked at as a whole when it becomes an array, which is a thousand times as fast
            return
        error = best_match(self._validators[name].iter_errors(value))
        if error is not None:
            place = "".join(f"[{step!r}]" for step in error.absolute_path)
            reason = _reason(error)
            raise InputError(f"{name}{place}: {reason}; it takes {self._takes(name)}", input=name)
        self._check_geometry(name, kind, value)

    def _check_content(self, name: str, kind: Kind, text: str) -> None:
        """A string that is not a dataset: base64 of a format that is known by its first bytes."""
        try:
            head = head_of(text)
        except ValueError as error:  # binascii.Error, or a plain one where it is not ASCII
            raise InputError(self._datasets.missing(name, text, kind), input=name) from error
        if formats.sniff(head, kind) is None and not (kind is Kind.TABLE and head):
            raise InputError(self._datasets.missing(name, text, kind), input=name)

    def _check_geometry(self, name: str, kind: Kind, value: Any) -> None:
        try:
            if kind is Kind.BBOX:
                BBox.from_json(value)
            elif kind is Kind.GEOMETRY:
                _check_shape(value, name)
            elif kind is Kind.FEATURES:
                _check_features(value, name)
        except ValueError as error:
            detail = error.detail if isinstance(error, InputError) else f"{name}: {error}"
            raise InputError(f"{detail}; it takes {self._takes(name)}", input=name) from error

    def _takes(self, name: str) -> str:
        return takes(self._described[name])


def _check_features(collection: Mapping[str, Any], name: str) -> None:
    features = collection.get("features", [])
    if not isinstance(features, list):
        raise InputError(f"{name}: features: {shown(features)} is not a list")
    for number, feature in enumerate(features):
        if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict | None):
            raise InputError(f"{name}: feature {number} is not a GeoJSON feature")
        if feature.get("geometry") is not None:
            _check_shape(feature["geometry"], f"{name}: feature {number}")


def _check_format(name: str, kind: Kind, media_type: str) -> None:
    try:
        formats.find(kind, media_type)
    except ValueError as error:
        raise InputError(f"{name}: {error}", input=name) from error


def _check_shape(geometry: Any, name: str) -> None:
    import shapely  # noqa: PLC0415 - only where a geometry comes in
    from shapely.geometry import shape  # noqa: PLC0415

    try:
        parsed = shape(geometry)
    except (
        shapely.errors.ShapelyError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        IndexError,
    ) as error:
        raise InputError(f"{name}: this is not a GeoJSON geometry") from error
    if parsed.is_empty:
        raise InputError(f"{name}: the geometry is empty")
    if not parsed.is_valid:
        raise InputError(f"{name}: the geometry is not valid: {shapely.is_valid_reason(parsed)}")


def takes(described: Mapping[str, Any]) -> str:
    """What an input takes, in a few words: ``a number of at least 0``."""
    kind = formats.kind_of(type_of(described))
    if kind is Kind.GRID:
        return "a grid: a dataset id, an href, or base64 content"
    if kind is Kind.FEATURES:
        return "features: a GeoJSON FeatureCollection, a dataset id, an href, or base64 content"
    if kind is Kind.TABLE:
        return "a table: a dataset id, an href, or base64 content"
    if kind is Kind.BBOX:
        return "a bounding box: {'bbox': [west, south, east, north]}"
    return _takes_schema(described["schema"])


def _takes_schema(schema: Mapping[str, Any]) -> str:
    if "oneOf" in schema or "anyOf" in schema:
        return " or ".join(_takes_schema(each) for each in schema.get("oneOf", schema.get("anyOf", ())))
    if "enum" in schema:
        return "one of " + ", ".join(map(repr, schema["enum"]))
    if "contentMediaType" in schema:
        return f"base64 of {schema['contentMediaType']}"
    if schema.get("format") == "geojson-geometry":
        return "a GeoJSON geometry"
    return _typed(schema) + _bounded(schema)


def _typed(schema: Mapping[str, Any]) -> str:
    name = str(schema.get("type", "a value"))
    if name == "array":
        return "a list, each item " + _takes_schema(schema.get("items", {}))
    if name == "string":
        return TEXTS.get(schema.get("format", ""), "text")
    return TYPES.get(name, name)


def _bounded(schema: Mapping[str, Any]) -> str:
    bounds = []
    if "minimum" in schema:
        bounds.append(f"{'above' if schema.get('exclusiveMinimum') else 'of at least'} {schema['minimum']}")
    if "maximum" in schema:
        bounds.append(f"{'below' if schema.get('exclusiveMaximum') else 'of at most'} {schema['maximum']}")
    if "pattern" in schema:
        bounds.append(f"like {schema['pattern']}")
    return " " + " and ".join(bounds) if bounds else ""


def _reason(error: ValidationError) -> str:
    if error.validator == "required":
        return str(error.message)
    return f"{shown(error.instance)} is not valid"
