"""A described function made callable in another process: of the function itself, only its types are read again."""

from __future__ import annotations

import inspect
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from moorage.formats import formats_of

from moorage_processes.authoring.annotation import Annotation, UnservableError, read_annotation
from moorage_processes.authoring.invocation import FunctionCall, MethodCall
from moorage_processes.authoring.parameters import Input, Output, stated_unit
from moorage_processes.authoring.process import ClassMethod, ImportPath, Process
from moorage_processes.authoring.signature import SINGLE, fields_of, is_record, resolved, return_type
from moorage_processes.errors import Refusal, ServingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from moorage_processes.authoring.limits import Limits

Run = tuple["Callable[[Mapping[str, Any]], Any]", "Callable[..., Any]", dict[str, Any]]
"""What runs a method, the function that says what it returns, and the types of its inputs by name."""


def bind(target: Any, address: ImportPath, description: Mapping[str, Any], limits: Limits) -> Process:
    """The process that *description* says a function, or a method of a class, to be.

    Parameters
    ----------
    target : the function or class.
    address : where it was found.
    description : what :meth:`Process.describe` gave for it.
    limits : what it is allowed.

    Raises
    ------
    ServingError
        where it no longer takes or returns what is described.
    """
    try:
        run, function, taken = _run(target, address.name.partition(".")[2])
        record, returned = _returned(function)
    except (UnservableError, AttributeError) as error:
        raise _changed(address, str(error)) from error
    for side, found in (("inputs", taken), ("outputs", returned)):
        if set(found) != set(description[side]):
            named = ", ".join(description[side]) or "none"
            raise _changed(address, f"its {side} are {', '.join(found) or 'none'}, and were {named}")
    inputs = {name: _input(name, taken[name], told) for name, told in description["inputs"].items()}
    outputs = {name: _output(name, returned[name], told) for name, told in description["outputs"].items()}
    return Process(
        id=description["id"],
        title=description["title"],
        description=description["description"],
        version=description["version"],
        keywords=tuple(description["keywords"]),
        inputs=MappingProxyType(inputs),
        outputs=MappingProxyType(outputs),
        limits=limits,
        address=address,
        function=run,
        record=record,
        of_class=ClassMethod.from_metadata(description.get("metadata", ())),
    )


def _run(target: Any, name: str) -> Run:
    if not isinstance(target, type):
        return FunctionCall(target), target, dict(_taken(target))
    member = inspect.getattr_static(target, name)
    if isinstance(member, staticmethod):
        return FunctionCall(member.__func__), member.__func__, dict(_taken(member.__func__))
    made = dict(_taken(target))
    return MethodCall(target, name, frozenset(made)), member, made | dict(_taken(member, method=True))


def _taken(function: Callable[..., Any], *, method: bool = False) -> Iterator[tuple[str, Any]]:
    """Names and types of what a function takes, without the instance where it is a method."""
    parameters = list(inspect.signature(function).parameters.values())
    for each in parameters[1:] if method else parameters:
        yield each.name, resolved(each.name, each.annotation, function)


def _returned(function: Callable[..., Any]) -> tuple[type | None, dict[str, Any]]:
    returned = return_type(function)
    if returned is type(None):
        return None, {}
    return (returned, dict(fields_of(returned))) if is_record(returned) else (None, {SINGLE: returned})


def _input(name: str, hint: Any, told: Mapping[str, Any]) -> Input:
    annotation = read_annotation(hint)
    required = told["minOccurs"] > 0
    return Input(**_told(name, annotation, told), many=annotation.many, required=required, dtype=annotation.dtype)


def _output(name: str, hint: Any, told: Mapping[str, Any]) -> Output:
    annotation = read_annotation(hint)
    formats = formats_of(annotation.kind, writable=True)
    return Output(**_told(name, annotation, told), formats=formats, optional=annotation.nullable)


def _told(name: str, annotation: Annotation, told: Mapping[str, Any]) -> dict[str, Any]:
    """What inputs and outputs have in common."""
    return {
        "id": name,
        "title": told["title"],
        "description": told["description"],
        "annotation": annotation.one,
        "type_name": annotation.type_name,
        "kind": annotation.kind,
        "schema": told["schema"],
        "unit": stated_unit(told),
    }


def _changed(address: ImportPath, reason: str) -> ServingError:
    place = address.file or address.module
    words = f"it has changed since it was described: {reason}"
    return ServingError((Refusal(place, 1, address.name, words, "start the service again"),))
