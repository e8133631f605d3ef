"""Values as plain JSON: what a method returned, made ready to send."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from enum import Enum
from functools import singledispatch
from typing import Any

from moorage.values import BBox


@singledispatch
def plain(value: Any) -> Any:
    """The JSON form of a value; a missing number is null, and so is an infinite one.

    Raises
    ------
    TypeError
        where the value has none.
    """
    if not isinstance(value, type) and is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if not isinstance(value, type) and hasattr(type(value), "model_fields"):
        # a pydantic model, known without importing pydantic
        return plain(value.model_dump(by_alias=True))
    if hasattr(value, "__geo_interface__"):
        return plain(value.__geo_interface__)
    if hasattr(value, "__array__"):
        return _of_array(value)
    raise TypeError(f"a {type(value).__name__} has no JSON form")


@plain.register(type(None))
@plain.register(bool)
@plain.register(int)
@plain.register(str)
def _of_itself(value: object) -> object:
    return value


@plain.register
def _of_float(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


@plain.register
def _of_enum(value: Enum) -> Any:
    return plain(value.value)


@plain.register(date)
@plain.register(time)
def _of_date(value: date | time) -> str | None:
    # pandas' NaT is a datetime that is not a date
    return value.isoformat() if value == value else None  # noqa: PLR0124


@plain.register
def _of_timedelta(value: timedelta) -> Any:
    from pydantic_core import to_jsonable_python  # noqa: PLC0415 - slow, and only where methods are

    return to_jsonable_python(value) if value == value else None  # noqa: PLR0124 - NaT again


@plain.register
def _of_box(value: BBox) -> dict[str, Any]:
    return value.to_json()


@plain.register
def _of_mapping(value: Mapping) -> dict[str, Any]:  # type: ignore[type-arg] # singledispatch takes classes only
    return {str(plain(key)): plain(each) for key, each in value.items()}


@plain.register(list)
@plain.register(tuple)
@plain.register(set)
@plain.register(frozenset)
def _of_list(value: list[Any]) -> list[Any]:
    return [plain(each) for each in value]


def _of_array(value: Any) -> Any:
    """Numbers of numpy, and of whatever can become an array of numpy's."""
    import numpy as np  # noqa: PLC0415 - whoever has such a value has it loaded

    array = np.asarray(value)
    if array.dtype.kind in "mM":
        array = array.astype(f"{array.dtype.kind}8[us]").astype(object)  # Python's own are no finer
    elif array.dtype.kind not in "biufUTO":
        raise TypeError(f"an array of {array.dtype} has no JSON form")
    return plain(array.tolist())
