"""Inputs and outputs of a function, from its signature, its annotations and its docstring."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from types import SimpleNamespace, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from moorage.formats import Kind, formats_of
from moorage.values import BBox

from moorage_processes.authoring.annotation import Annotation, UnservableError, read_annotation, resolved_hints, spelled
from moorage_processes.authoring.dialect import Schema, or_null
from moorage_processes.authoring.docstring import Explanation, read_docstring, unit_in
from moorage_processes.authoring.json_values import plain
from moorage_processes.authoring.parameters import Input, Output

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from moorage_processes.authoring.source_location import SourceLocation

SINGLE = "result"
"""The id of an output that has no name."""
EMPTY = inspect.Parameter.empty
FACTORY = "<factory>"
"""How a dataclass shows a default that it makes anew each time."""
PROGRESS = frozenset({float, int, tuple[float, str], tuple[int, str]})
"""What a generator may yield: how much is done, from 0 to 1, and what it is doing."""
ITERATORS = frozenset({Generator, Iterator, Iterable})
STARS = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


def inputs_of(
    function: Callable[..., Any], explanation: Explanation, place: SourceLocation, *, method: bool = False
) -> Iterator[Input]:
    """The inputs of a function, method or constructor (given as its class), in the order of its signature.

    Parameters
    ----------
    function : what takes them.
    explanation : what is said of it.
    place : keeps what stands against serving it.
    method : whether the first parameter is the instance.
    """
    parameters = list(inspect.signature(function).parameters.values())
    for parameter in parameters[1:] if method else parameters:
        with place.watching(parameter.name):
            yield _input(parameter, function, explanation)


def outputs_of(
    function: Callable[..., Any], explanation: Explanation, place: SourceLocation
) -> tuple[type | None, tuple[Output, ...]]:
    """The outputs of a function: one called ``result``, or one for each field of the record it returns.

    Returns
    -------
    The named tuple or dataclass, where there is one, and the outputs: none where it returns nothing.
    """
    with place.watching("return"):
        returned = return_type(function)
        if returned is type(None):
            return None, ()
        if is_record(returned):
            said = {**explanation.returned, **read_docstring(returned).parameters}
            return returned, tuple(_field_outputs(returned, said, place))
        words = explanation.returns or "\n".join(explanation.returned.values())
        return None, (_output(SINGLE, returned, words),)
    return None, ()


def _field_outputs(record: type, said: Mapping[str, str], place: SourceLocation) -> Iterator[Output]:
    for name, hint in fields_of(record):
        with place.watching("return"):
            yield _output(name, hint, said.get(name, ""))


def return_type(function: Callable[..., Any]) -> Any:
    """The resolved type of what a function returns, also one that yields its progress before.

    Raises
    ------
    UnservableError
        where it does not say.
    """
    annotation = inspect.signature(function).return_annotation
    if annotation is EMPTY:
        raise UnservableError(
            "it does not say what it returns", "write its type, as in -> xr.DataArray, or -> None for nothing"
        )
    returned = resolved("return", annotation, function)
    if get_origin(returned) is Generator or inspect.isgeneratorfunction(inspect.unwrap(function)):
        return _returned_in_the_end(returned)
    return returned


def _returned_in_the_end(generated: Any) -> Any:
    """What a generator of progress returns when it is done."""
    match get_args(generated):
        case (yielded, _, returned) if get_origin(generated) is Generator:
            ways = get_args(yielded) if get_origin(yielded) in (Union, UnionType) else (yielded,)
            if PROGRESS.issuperset(ways):
                return returned
            result = spelled(returned)
        case _:
            result = "RESULT" if generated in ITERATORS or get_origin(generated) in ITERATORS else spelled(generated)
    raise UnservableError(
        f"it yields, and says {spelled(generated)}; what a method yields is how far it is",
        f"write -> Generator[float, None, {result}], yield numbers from 0 to 1, and return the result",
    )


def is_record(returned: Any) -> bool:
    """Whether each field of what is returned is an output of its own."""
    if not isinstance(returned, type):
        return False
    named_tuple = issubclass(returned, tuple) and hasattr(returned, "_fields")
    return named_tuple or (is_dataclass(returned) and returned is not BBox)


def fields_of(record: type) -> Iterator[tuple[str, Any]]:
    """Names and resolved types of the fields of a named tuple or dataclass."""
    hints = resolved_hints(record, f"a field of {record.__name__}")
    for name in getattr(record, "_fields", None) or [each.name for each in fields(record)]:
        if name not in hints:
            reason = f"the field {name!r} of {record.__name__} has no type"
            raise UnservableError(reason, "write it as a typing.NamedTuple or a dataclass")
        yield name, hints[name]


def _input(parameter: inspect.Parameter, function: Callable[..., Any], explanation: Explanation) -> Input:
    from moorage_processes.authoring.schema import input_schema  # noqa: PLC0415 - slow, and only where methods are

    name = parameter.name
    if parameter.kind in STARS:
        written = f"{STARS[parameter.kind]}{name}"
        raise UnservableError(
            f"{written} takes anything under any name", f"name each input, or take {name}: dict[str, Any]"
        )
    if parameter.annotation is EMPTY:
        raise UnservableError(f"the input {name!r} has no type", f"write one, as in {name}: float")
    with _naming(f"the input {name!r}"):
        annotation = read_annotation(resolved(name, parameter.annotation, function))
        if annotation.kind is Kind.FIGURE:
            raise UnservableError("a figure is for looking at", "take the data that it shows, as in xr.DataArray")
        default = _default(parameter, annotation)
        words = explanation.parameters.get(name) or annotation.description or ""
        return Input(
            id=name,
            title=annotation.title or humanised(name),
            description=words,
            annotation=annotation.one,
            type_name=annotation.type_name,
            kind=annotation.kind,
            many=annotation.many,
            schema=_with_default(input_schema(annotation), annotation, default),
            required=parameter.default is EMPTY and not annotation.nullable,
            unit=annotation.unit or unit_in(words),
            dtype=annotation.dtype,
        )


def _output(name: str, hint: Any, words: str) -> Output:
    from moorage_processes.authoring.schema import output_schema  # noqa: PLC0415 - slow, and only where methods are

    with _naming(f"the output {name!r}"):
        annotation = read_annotation(hint)
        if annotation.many:
            raise UnservableError(
                f"{spelled(hint)} is several files", "return one GeoDataFrame or Dataset, or a named tuple"
            )
        return Output(
            id=name,
            title=annotation.title or humanised(name),
            description=words or annotation.description or "",
            annotation=annotation.one,
            type_name=annotation.type_name,
            kind=annotation.kind,
            formats=formats_of(annotation.kind, writable=True),
            schema=output_schema(annotation),
            unit=annotation.unit or unit_in(words),
            optional=annotation.nullable,
        )


def humanised(name: str) -> str:
    """A name in words: ``z_factor`` is "Z factor"."""
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


@contextmanager
def _naming(subject: str) -> Iterator[None]:
    """Put the input or output in front of what stands against it."""
    try:
        yield
    except UnservableError as error:
        raise UnservableError(f"{subject}: {error.reason}", error.remedy) from error


def resolved(name: str, annotation: Any, function: Callable[..., Any]) -> Any:
    """An annotation with its names looked up where the author wrote them."""
    inner = inspect.unwrap(function)
    namespace = vars(sys.modules[inner.__module__]) if isinstance(inner, type) else inner.__globals__
    holder = SimpleNamespace(__annotations__={name: annotation})
    return resolved_hints(holder, "its type", namespace)[name]


def _default(parameter: inspect.Parameter, annotation: Annotation) -> Any:
    """The default of an input; None where there is none, or where each call makes its own."""
    from pydantic.fields import FieldInfo  # noqa: PLC0415 - slow, and only where methods are

    default = parameter.default
    if default is EMPTY or default is None or repr(default) == FACTORY:
        return None
    name = parameter.name
    if isinstance(default, FieldInfo):
        remedy = f"write {name}: Annotated[{spelled(annotation.one)}, Field(...)], and the default after it"
        raise UnservableError("Field(...) stands where its default belongs", remedy)
    try:
        hash(default)
    except TypeError as error:
        reason = f"its default, a {type(default).__name__}, can be changed and would be shared by all calls"
        raise UnservableError(reason, f"write {name}: ... | None = None, and make it inside the function") from error
    if not _fits(default, annotation):
        raise UnservableError(f"its default {default!r} is not what it takes", "make type and default agree")
    return default


def _fits(default: object, annotation: Annotation) -> bool:
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - slow, and only where methods are

    if annotation.many or annotation.kind is Kind.BYTES:
        return isinstance(default, annotation.one) and not annotation.many
    if annotation.kind is not Kind.VALUE:
        return isinstance(default, annotation.one)
    try:
        TypeAdapter(annotation.one).validate_python(default, strict=True)
    except ValidationError:
        return False
    return True


def _with_default(schema: Schema, annotation: Annotation, default: Any) -> Schema:
    if default is None or annotation.many or annotation.kind is Kind.BYTES:
        return schema
    if annotation.nullable:
        # None means something else than leaving the input out
        schema = or_null(schema)
    form = plain(default)
    return schema if form is None else {**schema, "default": form}
