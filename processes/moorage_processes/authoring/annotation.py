"""What the type of an input or output says: its kind, its unit, and whether it may be left out."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin, get_type_hints, is_typeddict

from moorage.formats import Kind, kind_of, type_name
from moorage.values import Media, Unit

PLAIN = frozenset({bool, int, float, str, date, datetime, time, timedelta})
COLLECTIONS = frozenset({list, tuple, set, frozenset, Sequence})
MAPPINGS = frozenset({dict, Mapping})
SERVABLE = (
    "numbers, text, booleans, Literal, enums, dates and times, lists and dicts of these, dataclasses, pydantic "
    "models, BBox, bytes, Path, shapely geometries, GeoDataFrame, DataFrame, DataArray, Dataset, ndarray, and for "
    "outputs Figure"
)
ANYTHING = frozenset({list, dict})
"""Without a word about what is in them: whatever JSON has."""
VAGUE = frozenset({Any, object})
REMEDIES: Mapping[str, str] = types.MappingProxyType(
    {
        "geopandas.GeoSeries": "use geopandas.GeoDataFrame",
        "pandas.Series": "use pandas.DataFrame",
        "pandas.Timestamp": "use datetime.datetime",
        "pathlib.PurePath": "use pathlib.Path",
        "pathlib.PosixPath": "use pathlib.Path",
        "_io.BytesIO": "use bytes",
        "builtins.tuple": "say of what, as in tuple[float, float]",
        "builtins.set": "say of what, as in set[str]",
        "builtins.complex": "use two floats",
        "numpy.datetime64": "use datetime.datetime",
        "numpy.float32": "use float",
        "numpy.float64": "use float",
        "numpy.int32": "use int",
        "numpy.int64": "use int",
        "numpy.bool": "use bool",
        "matplotlib.Axes": "return its figure, and write -> matplotlib.figure.Figure",
        "PIL.Image": 'return the picture as a file holds it, and write -> Annotated[bytes, Media("image/png")]',
        "plotly.Figure": 'return figure.to_html().encode(), and write -> Annotated[bytes, Media("text/html")]',
    }
)


class UnservableError(Exception):
    """Why something cannot be served, and what would make it servable; who knows the place adds it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}; {remedy}")
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True)
class Annotation:
    """The type of one input or output, read."""

    one: Any
    """The type of one occurrence, never None, with its constraints."""
    kind: Kind
    type_name: str
    """What a caller meets: ``xarray.DataArray``, ``builtins.float``; a record is a ``builtins.dict``."""
    many: bool = False
    nullable: bool = False
    geometries: tuple[str, ...] = ()
    """The shapely classes that will do, by name, where it is a geometry."""
    dtype: str | None = None
    """numpy's name of the type of its values, where it is an array that says so."""
    unit: str | None = None
    media_type: str | None = None
    title: str | None = None
    description: str | None = None


def read_annotation(annotation: Any) -> Annotation:
    """Read a resolved annotation.

    Raises
    ------
    UnservableError
        where a value of that type cannot travel.
    """
    bare, beside, nullable = _unwrapped(annotation)
    if get_origin(bare) in (list, Sequence):
        item = read_annotation(get_args(bare)[0])
        if item.kind is not Kind.VALUE:
            _refuse_constraints(beside)
            return _told(replace(item, many=True, nullable=nullable), beside)
    bare, dtype = _without_dtype(bare)
    kind = _kind(bare)
    if kind is Kind.VALUE:
        check_value(bare)
        constraints = [each for each in beside if not isinstance(each, Unit | Media)]
        one = Annotated[(bare, *constraints)] if constraints else bare
        return _told(Annotation(one, kind, _met_as(bare), nullable=nullable), beside)
    _refuse_constraints(beside)
    classes = get_args(bare) or (bare,)
    geometries = tuple(each.__name__ for each in classes) if kind is Kind.GEOMETRY else ()
    name = type_name(bare) if len(classes) == 1 else "shapely.Geometry"
    return _told(Annotation(bare, kind, name, nullable=nullable, geometries=geometries, dtype=dtype), beside)


def _unwrapped(annotation: Any) -> tuple[Any, list[Any], bool]:
    """The type itself, what is written beside it, and whether None will do as well."""
    beside: list[Any] = []
    nullable = False
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            beside = [*more, *beside]
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":  # typing has it from Python 3.12 on
            annotation = annotation.__value__
        elif _is_union(annotation) and type(None) in get_args(annotation):
            nullable = True
            annotation = Union[tuple(each for each in get_args(annotation) if each is not type(None))]  # noqa: UP007
        else:
            return annotation, beside, nullable


def _without_dtype(bare: Any) -> tuple[Any, str | None]:
    """``NDArray[np.float64]`` as the class itself and the name of the type of its values."""
    origin = get_origin(bare)
    if not isinstance(origin, type) or kind_of(type_name(origin)) is not Kind.ARRAY:
        return bare, None
    values = get_args(get_args(bare)[1]) if len(get_args(bare)) > 1 else ()
    scalar = values[0] if values and isinstance(values[0], type) else None
    # np.generic, np.floating and the like leave the choice
    is_one = scalar is not None and not scalar.__subclasses__()
    return origin, scalar.__name__ if scalar is not None and is_one else None


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _kind(bare: Any) -> Kind:
    """The kind of a type; geometries may be alternatives of each other, nothing else that is a file may."""
    if not _is_union(bare):
        return kind_of(type_name(bare)) if isinstance(bare, type) else Kind.VALUE
    kinds = {_kind(_unwrapped(each)[0]) for each in get_args(bare)}
    if len(kinds) > 1 or not kinds <= {Kind.VALUE, Kind.GEOMETRY}:
        raise UnservableError(f"{spelled(bare)} mixes what travels in different ways", "choose one of the types")
    return kinds.pop()


def _told(annotation: Annotation, beside: Sequence[Any]) -> Annotation:
    """The annotation with the unit, media type and words written beside it."""
    from pydantic.fields import FieldInfo  # noqa: PLC0415 - slow, and only where methods are

    for each in beside:
        if isinstance(each, Unit):
            annotation = replace(annotation, unit=each.symbol)
        elif isinstance(each, Media):
            annotation = replace(annotation, media_type=each.type)
        elif isinstance(each, FieldInfo):
            if not each.is_required():
                raise UnservableError("Field(...) holds its default", "write the default behind the type, as in = 5")
            annotation = replace(
                annotation,
                title=each.title or annotation.title,
                description=each.description or annotation.description,
            )
    return annotation


def _refuse_constraints(beside: Sequence[Any]) -> None:
    from pydantic.fields import FieldInfo  # noqa: PLC0415 - slow, and only where methods are

    if any(isinstance(each, FieldInfo) and each.metadata for each in beside):
        reason = "Field(...) sets bounds on something that is not a plain value"
        raise UnservableError(reason, "check it inside the function and raise InputError")


def _met_as(bare: Any) -> str:
    """The name of the type in which a plain value reaches a caller."""
    if bare in PLAIN:
        return type_name(bare)
    if get_origin(bare) is Literal:
        return _common([type(each) for each in get_args(bare)])
    if isinstance(bare, type) and issubclass(bare, Enum):
        return _common([type(each.value) for each in bare])
    origin = get_origin(bare)
    if origin in COLLECTIONS or bare is list:
        return "builtins.list"
    if origin in MAPPINGS or bare is dict or is_dataclass(bare) or hasattr(bare, "model_fields") or is_typeddict(bare):
        return "builtins.dict"
    return "builtins.object"


def _common(classes: Sequence[type]) -> str:
    return type_name(classes[0]) if len(set(classes)) == 1 else "builtins.object"


def check_value(annotation: Any, seen: frozenset[Any] = frozenset()) -> None:
    """Check that a plain value of this type can travel as JSON.

    Raises
    ------
    UnservableError
        naming the part of the type that cannot.
    """
    bare, _, _ = _unwrapped(annotation)
    origin, parts = get_origin(bare), get_args(bare)
    if bare in PLAIN | ANYTHING or origin is Literal or bare in seen:
        return
    if _is_union(bare) or origin in COLLECTIONS:
        for part in parts:
            if part is not Ellipsis and not (part is Any and origin in COLLECTIONS):
                check_value(part, seen)
    elif origin in MAPPINGS:
        if parts[1] is not Any:
            check_value(parts[1], seen)
    elif isinstance(bare, type) and bare not in VAGUE:
        _check_class(bare, seen)
    else:
        raise UnservableError(f"{spelled(bare)} says too little of what travels", f"use one of {SERVABLE}")


def _check_class(bare: type, seen: frozenset[Any]) -> None:
    if kind_of(type_name(bare)) is not Kind.VALUE:
        raise UnservableError(f"{spelled(bare)} lies inside another type", "make it an input or output of its own")
    if is_dataclass(bare) and not hasattr(bare, "__get_pydantic_core_schema__"):
        hints = resolved_hints(bare, f"a field of {bare.__name__}")
        for field in fields(bare):
            check_value(hints[field.name], seen | {bare})
    elif not (issubclass(bare, Enum) or is_typeddict(bare) or hasattr(bare, "__get_pydantic_core_schema__")):
        known = f"{bare.__module__.partition('.')[0]}.{bare.__qualname__}"
        remedy = REMEDIES.get(known, f"use one of {SERVABLE}")
        raise UnservableError(f"{spelled(bare)} cannot travel", remedy)


def resolved_hints(holder: Any, subject: str, namespace: dict[str, Any] | None = None) -> dict[str, Any]:
    """The annotations of whatever has some, with their names looked up where the author wrote them.

    Raises
    ------
    UnservableError
        where *subject*, as the reason calls it, names something the module does not know, or is not a type.
    """
    try:
        return get_type_hints(holder, namespace, include_extras=True)
    except NameError as error:
        reason = f"{subject} names {error.name!r}, which the module does not know when it runs"
        remedy = f"import {error.name} at the top of the module, outside of if TYPE_CHECKING"
        raise UnservableError(reason, remedy) from error
    except (SyntaxError, TypeError, AttributeError) as error:
        remedy = "write a type, as in float or xr.DataArray"
        raise UnservableError(f"{subject} is not a type: {error}", remedy) from error


def spelled(annotation: Any) -> str:
    """An annotation as its author would write it."""
    if isinstance(annotation, list):
        return f"[{', '.join(map(spelled, annotation))}]"
    parts = [*map(spelled, get_args(annotation))]
    if _is_union(annotation):
        return " | ".join(parts)
    if parts:
        return f"{spelled(get_origin(annotation))}[{', '.join(parts)}]"
    if not isinstance(annotation, type):
        return repr(annotation).removeprefix("typing.")
    return re.sub(r"^(builtins|typing|collections\.abc)\.", "", type_name(annotation))
