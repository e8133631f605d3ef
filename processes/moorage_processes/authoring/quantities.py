"""Sizes and ages as people write them: 16 GB, 30 d."""

from __future__ import annotations

import re
from types import MappingProxyType

SIZES = MappingProxyType(
    {"": 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
    | {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
)


AGES = MappingProxyType(
    {"": 1.0, "s": 1.0, "min": 60.0, "h": 3600.0, "hour": 3600.0, "day": 86400.0, "week": 7 * 86400.0}
)
"""Seconds."""


def parse_size(size: int | str) -> int:
    """A number of bytes, from a whole number or a size such as ``2 GB`` (10^9) or ``2 GiB`` (2^30).

    Raises
    ------
    ValueError
        where it is neither.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", "" if isinstance(size, bool) else str(size))
    if found is None or found[2] not in SIZES or (not found[2] and "." in found[1]):
        raise ValueError(f"{size!r} is not a size; write a whole number of bytes, or one such as '2 GB'")
    return round(float(found[1]) * SIZES[found[2]])


def parse_age(age: float | str) -> float:
    """Seconds, from a number of them or an age such as ``30 days`` or ``12 h``.

    Raises
    ------
    ValueError
        where it is neither.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*?)s?\s*", "" if isinstance(age, bool) else str(age))
    unit = None if found is None else AGES.get(found[2])
    if found is None or unit is None:
        raise ValueError(f"{age!r} is not an age; write seconds, or one such as '30 days', '12 h', '2 weeks'")
    return float(found[1]) * unit
