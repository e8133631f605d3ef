"""JSON that callers send: only what every later reader of it can hold."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from math import isfinite
from typing import Any, NoReturn

DEEPEST = 100
"""Lists and objects within each other; later steps go down as deep, and Python ends at a thousand."""
STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
OTHERS = bytes(set(range(256)) - set(b"[]{}"))
STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
HALF = re.compile(rb"\\u[dD][89a-fA-F]")
"""An escape that is half a character unless its other half stands beside it."""
ALIKE = bytes.maketrans(b"123456789E", b"000000000e")
LARGE = (b"e000", b"e+000", b"0" * 308)
"""What stands in a number that may be too large for a float, all of its digits made alike."""


class JsonError(ValueError):
    """A text that is not JSON, or holds what cannot be kept; the message goes on where it names what holds it."""


def parsed(content: bytes) -> Any:
    """The value of a JSON text in UTF-8 (RFC 8259).

    A body may hold many megabytes, so what is rare is looked for before it is looked at.

    Raises
    ------
    JsonError
        where it is none, or one that cannot be worked with: NaN, a number beyond all floats, half a character, or
        nested too deeply.
    """
    if max(accumulate(map(STEPS.__getitem__, STRING.sub(b"", content).translate(None, OTHERS))), default=0) > DEEPEST:
        raise JsonError(f"holds lists and objects nested more than {DEEPEST} deep")
    digits = content.translate(ALIKE)
    readers: dict[str, Any] = {}
    if any(each in digits for each in LARGE):
        readers = {"parse_float": _finite, "parse_int": _whole}
    try:
        value = json.loads(content.decode("utf-8-sig"), parse_constant=_refuse, **readers)
    except JsonError:
        raise
    except ValueError as error:
        raise JsonError("is not JSON") from error
    if HALF.search(content):
        _check_characters(value)
    return value


def _refuse(name: str) -> NoReturn:
    raise JsonError(f"holds {name}, which is not JSON; leave the value out or send null")


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise JsonError(f"holds the number {digits[:20]}, which is beyond the largest there is here, 1.8e308")
    return number


def _whole(digits: str) -> int:
    _finite(digits)
    return int(digits)


def _check_characters(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start : error.end]
        raise JsonError(f"holds {half!a}, which is half of a character; send both halves, or UTF-8") from error
