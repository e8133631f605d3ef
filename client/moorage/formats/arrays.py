"""Arrays of numpy without coordinates: its own file format, and JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from moorage.formats import FormatError

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = "biufcmMU"
"""Kinds of numpy's types that mean the same everywhere: numbers, booleans, dates, durations and text."""


def write_npy(value: object, path: Path) -> None:
    """Write an array as a file of numpy's, every bit of it kept."""
    np.save(path, _plain(value), allow_pickle=False)


def read_npy(path: Path, type_name: str) -> np.ndarray[Any, Any]:  # noqa: ARG001 - one type only
    """The array in a file of numpy's; objects, which could run anything, are not read."""
    # mapped first: a header may promise more than the file holds
    return np.array(_plain(np.load(path, mmap_mode="r", allow_pickle=False)))


def write_numbers(value: object, path: Path) -> None:
    """Write an array as nested lists; what is missing or not finite is null."""
    array = _plain(value)
    if array.dtype.kind == "c":
        raise FormatError("JSON has no complex numbers; ask for application/x-npy")
    listed = (array.astype(str) if array.dtype.kind in "mM" else array).astype(object)
    if array.dtype.kind in "fmM":
        listed[~np.isfinite(array)] = None
    path.write_text(json.dumps(listed.tolist(), allow_nan=False), encoding="utf-8")


def read_numbers(path: Path, type_name: str) -> np.ndarray[Any, Any]:  # noqa: ARG001 - the same
    """The array in nested lists of JSON, where null is a missing number."""
    return array_of(json.loads(path.read_bytes()))


def array_of(listed: Any, dtype: str | None = None) -> np.ndarray[Any, Any]:
    """Nested lists as an array.

    Parameters
    ----------
    listed : lists of lists of numbers or text, all rows of one length; None for a missing number.
    dtype : numpy's name of the type it is to have; None for what the values are.

    Raises
    ------
    FormatError
        where rows differ in length, or values are something else.
    """
    try:
        array = np.array(listed)
        if array.dtype.kind == "O":
            array = np.array(listed, dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        raise FormatError("this is not an array; its rows are of one length and hold numbers") from error
    return as_type(_plain(array), dtype)


def as_type(array: np.ndarray[Any, Any], dtype: str | None) -> np.ndarray[Any, Any]:
    """An array with another type of its values, where that loses no more than digits.

    Raises
    ------
    FormatError
        where it would lose more.
    """
    if dtype is None or array.dtype == dtype:
        return array
    if array.size and not np.can_cast(array.dtype, dtype, "same_kind") and array.dtype.kind != "U":
        raise FormatError(f"an array of {array.dtype} is not an array of {dtype}")
    try:
        return array.astype(dtype)
    except ValueError as error:
        raise FormatError(f"this text cannot be read as {dtype}") from error


def _plain(value: object) -> np.ndarray[Any, Any]:
    array = np.asarray(value)
    if array.dtype.kind not in PLAIN:
        raise FormatError(f"an array of {array.dtype} cannot travel; make it one of numbers, text or dates")
    return array
