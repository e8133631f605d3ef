"""The signature of a process, as if it were a function of Python."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import cache
from inspect import Parameter, Signature
from types import GenericAlias
from typing import Any, Literal

from moorage.description import FILES, PATH, Described, Description, python_names
from moorage.formats import Kind

SIMPLE = {"integer": int, "number": float, "boolean": bool, "string": str, "array": list, "object": dict}
TEXTS = {"date": date, "date-time": datetime, "time": time, "duration": timedelta, "byte": bytes, "binary": bytes}


class Named:
    """A type that is known by name only, so that nobody imports its library for a signature.

    Parameters
    ----------
    name : as in ``xarray.DataArray``.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Named) and repr(other) == self._name

    def __hash__(self) -> int:
        return hash(self._name)


def signature_of(description: Description, outputs: Sequence[str] = ()) -> Signature:
    """The signature of a process, of which certain outputs are wanted, or all.

    Inputs may be given by position where the service promises their order; elsewhere they are given by name, those
    that are required first.
    """
    parameters: list[Parameter] = []
    for name, described in description.inputs.items():
        default = Parameter.empty if described.is_required else described.default
        comes_late = default is Parameter.empty and any(each.default is not default for each in parameters)
        is_in_order = description.is_moored and not comes_late
        kind = Parameter.POSITIONAL_OR_KEYWORD if is_in_order else Parameter.KEYWORD_ONLY
        parameters.append(Parameter(name, kind, default=default, annotation=annotation_of(described)))
    parameters.sort(key=lambda each: (each.kind, each.default is not Parameter.empty))
    return Signature(parameters, return_annotation=returned(description, outputs))


def annotation_of(described: Described) -> Any:
    """The type an input takes."""
    is_optional = not described.is_required and described.default is None
    if described.type_name == PATH:
        one: Any = Named("pathlib.Path | bytes")
    elif described.kind in FILES:
        one = Named(f"{described.type_name} | str")  # the id of a dataset will do as well
    else:
        one = type_of(described)
    if described.is_many:
        one = Named(f"list[{spelled(one)}]")
    return _optional(one) if is_optional else one


def returned(description: Description, outputs: Sequence[str] = ()) -> Any:
    """What a call gives: the only output, or a named tuple of several."""
    chosen = tuple(outputs or description.outputs)
    if len(chosen) == 1:
        return type_of(description.outputs[chosen[0]])
    return Named(f"{_title(description.name)}({', '.join(python_names(chosen).values())})") if chosen else None


@cache
def bundle(name: str, outputs: tuple[str, ...]) -> Any:
    """The named tuple of several outputs of a process, as ``Terrain(slope, aspect, hillshade)``."""
    fields = list(python_names(outputs).values())
    made = namedtuple(_title(name), fields, rename=True, module=__name__)  # type: ignore[misc]  # noqa: PYI024 - its fields are known at run time only
    made.__doc__ = f"The outputs of {name}."
    return made


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.strip("_").split("_")) or "Outputs"


def type_of(described: Described) -> Any:
    """The type of one occurrence."""
    if described.kind is Kind.FIGURE:
        return Named("moorage.File")
    if described.kind is Kind.BYTES and described.type_name != PATH:
        return bytes
    if described.kind is not Kind.VALUE:
        return Named(described.type_name)
    return type_of_schema(described.schema)


def type_of_schema(schema: Mapping[str, Any]) -> Any:
    """The Python type of values that meet a JSON Schema."""
    if schema.get("enum"):
        found: Any = Literal[tuple(schema["enum"])]
    elif "oneOf" in schema or "anyOf" in schema:
        each = dict.fromkeys(spelled(type_of_schema(one)) for one in schema.get("oneOf") or schema["anyOf"])
        found = Named(" | ".join(each))
    elif schema.get("type") == "string":
        found = TEXTS.get(schema.get("format", ""), str)
    elif schema.get("type") == "array" and schema.get("items"):
        item = type_of_schema(schema["items"])
        found = (
            GenericAlias(list, (item,)) if isinstance(item, type | GenericAlias) else Named(f"list[{spelled(item)}]")
        )
    else:
        found = SIMPLE.get(str(schema.get("type")), Any)
    return _optional(found) if schema.get("nullable") else found


def _optional(annotation: Any) -> Any:
    if isinstance(annotation, type | GenericAlias):
        return annotation | None
    text = spelled(annotation)
    return annotation if text == "Any" or text.endswith("| None") else Named(f"{text} | None")


def spelled(annotation: Any) -> str:
    """An annotation as its author would write it."""
    if isinstance(annotation, type) and not isinstance(annotation, GenericAlias):
        local = annotation.__module__ in ("builtins", __name__)
        return annotation.__qualname__ if local else f"{annotation.__module__}.{annotation.__qualname__}"
    return str(annotation).replace("typing.", "")


def arguments_of(
    name: str, signature: Signature, arguments: Sequence[Any], inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of a call by name.

    Raises
    ------
    TypeError
        where they do not fit, saying what *name* takes.
    """
    try:
        return signature.bind(*arguments, **inputs).arguments
    except TypeError as error:
        raise TypeError(f"{name}: {error}; it takes {shown(signature)}") from None


def shown(signature: Signature) -> str:
    """A signature on one line, with its defaults and without its types."""
    inputs = [
        each.name if each.default is Parameter.empty else f"{each.name}={each.default!r}"
        for each in signature.parameters.values()
    ]
    return f"({', '.join(inputs)})"
