"""Rows of a table in the types that text has, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_integer_dtype, is_string_dtype

from moorage.formats import FormatError

DAY = len("2000-01-01")
ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?")


def flat(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with all it says in columns: an index with a name or with text becomes one, a mere count does not."""
    frame = frame.set_axis([_heading(name) for name in frame.columns], axis="columns")
    twice = sorted(set(frame.columns[frame.columns.duplicated()]))
    if twice:
        raise FormatError(f"each column needs a name of its own, and there are several called {', '.join(twice)}")
    index = frame.index
    if index.nlevels == 1 and index.name is None and is_integer_dtype(index.dtype):
        return frame.reset_index(drop=True)
    names = [_heading(name) for name in index.names]
    fresh = [name or f"index_{level}" if len(names) > 1 else name or "index" for level, name in enumerate(names)]
    frame = frame.rename_axis(fresh)
    # an index that is a column as well, as set_index(drop=False) leaves it, is not needed twice
    return frame.reset_index([name for name in fresh if name not in frame.columns]).reset_index(drop=True)


def _heading(name: Any) -> str:
    return (
        "_".join(str(part) for part in name if part != "")
        if isinstance(name, tuple)
        else ""
        if name is None
        else str(name)
    )


def cells(column: pd.Series[Any]) -> list[Any]:
    """The values of a column as JSON has them."""
    if column.dtype.kind in "iub" and isinstance(column.dtype, np.dtype):
        return column.tolist()
    return [plain(item) for item in column.tolist()]


def plain(item: Any) -> Any:
    """A value as JSON has it: dates in ISO 8601, what is missing or infinite as null."""
    if item is None or isinstance(item, str | bool | int):
        return item
    if isinstance(item, float | np.floating | Decimal):
        return float(item) if isfinite(item) else None
    if isinstance(item, np.generic | Enum):
        return plain(item.value if isinstance(item, Enum) else item.item())
    if item is pd.NaT or item is pd.NA:
        return None
    return _plain_object(item)


def _plain_object(item: Any) -> Any:
    if isinstance(item, date | time):
        return item.isoformat()
    if isinstance(item, timedelta):
        return pd.Timedelta(item).isoformat()
    if isinstance(item, Mapping):
        return {str(key): plain(part) for key, part in item.items()}
    if isinstance(item, list | tuple | set | frozenset | np.ndarray):
        return [plain(part) for part in item]
    return str(item)


def dated(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with columns of ISO dates as times, and those without any value as NaN; others stay as they are."""
    for name in frame.columns:
        texts = frame[name].dropna()
        if frame[name].dtype.kind == "O" and not len(texts):
            frame[name] = frame[name].astype("float64")
        if is_string_dtype(frame[name].dtype) and len(texts) and texts.map(_is_date).all():
            has_zones = any(len(text) > DAY and ZONE.search(text) is not None for text in map(str, texts))
            frame[name] = pd.to_datetime(frame[name], format="ISO8601", utc=has_zones)
    return frame


def _is_date(item: Any) -> bool:
    return isinstance(item, str) and DATE.fullmatch(item) is not None
