"""Tables as CSV and as JSON records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from moorage.formats import FormatError
from moorage.formats.rows import cells, dated, flat

if TYPE_CHECKING:
    from pathlib import Path

MISSING = frozenset({"NA", "N/A", "NaN", "nan", "NAN", "null", "NULL", "None", "-", "#N/A"})
"""What stands for a missing number in tables from elsewhere; in a column of text it is text."""


def write_csv(value: object, path: Path) -> None:
    """Write a table as CSV in UTF-8, numbers in full, dates in ISO 8601, missing values empty."""
    frame = flat(_frame(value))
    for name in frame.columns:
        if frame[name].dtype.kind == "O":
            frame[name] = cells(frame[name])
    frame.to_csv(path, index=False)


def read_csv(path: Path, type_name: str) -> pd.DataFrame:  # noqa: ARG001 - one type only
    """The table in a CSV file, separated by commas, semicolons or tabs; ISO dates become times."""
    with path.open(encoding="utf-8-sig") as file:
        heading = file.readline()
    separator = max(",;\t", key=heading.count)
    frame = pd.read_csv(path, sep=separator, encoding="utf-8-sig", keep_default_na=False, na_values=[""])
    if not isinstance(frame.index, pd.RangeIndex):  # pandas' way with a value too many in every row
        raise FormatError("the rows of the CSV file have more values than its heading has names")
    return dated(frame.apply(_numbers))


def _numbers(column: pd.Series) -> pd.Series:
    """A column of numbers with words for the missing ones as numbers."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column
    missing = column.isin(MISSING)
    if not missing.any() or missing.all():
        return column
    try:
        return pd.to_numeric(column.mask(missing))
    except ValueError:
        return column


def write_records(value: object, path: Path) -> None:
    """Write a table as a JSON list of objects, one for each row."""
    frame = flat(_frame(value))
    columns = [cells(frame[name]) for name in frame.columns]
    names = list(frame.columns)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    path.write_text(json.dumps(rows, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def read_records(path: Path, type_name: str) -> pd.DataFrame:  # noqa: ARG001 - one type only
    """The table in a JSON list of objects, or in an object of lists; ISO dates become times."""
    rows = json.loads(path.read_bytes())
    is_rows = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    is_columns = isinstance(rows, dict) and all(isinstance(column, list) for column in rows.values())
    if not is_rows and not is_columns:
        raise FormatError("a table in JSON is a list of objects, one for each row")
    return dated(pd.DataFrame(rows))


def _frame(value: object) -> pd.DataFrame:
    if not isinstance(value, pd.DataFrame):
        raise FormatError(f"a table is a pandas DataFrame, not a {type(value).__name__}")
    return value
