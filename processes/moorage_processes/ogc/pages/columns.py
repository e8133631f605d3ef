"""Which column of features an example is about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moorage_processes.ogc.collections import layer
from moorage_processes.ogc.collections.cache import CachedDescription, described

if TYPE_CHECKING:
    from moorage_processes.data.datasets import Dataset
    from moorage_processes.ogc.collections.layer import Layer

ROWS = 200
"""Features whose values are looked at."""
NOT_MEASURED = re.compile(r"(^|_)(lat|lon|long|latitude|longitude|x|y)$|id$|code$|rank", re.IGNORECASE)
"""Names of columns that tell where or which."""


def numbers_of(layer: Layer) -> list[str]:
    """Columns of numbers, those that may have fractions first."""
    kinds = {name: str(each.get("type")) for name, each in layer.fields.items()}
    return [name for kind in ("number", "integer") for name, each in kinds.items() if each == kind]


def column_of(entry: Dataset) -> CachedDescription[str]:
    """The column of numbers that says most: the one with most different values."""
    return described(entry, _telling)


def _telling(entry: Dataset) -> str:
    names = numbers_of(layer.describe(entry))
    rows = layer.read_columns(entry, names, max_features=ROWS)
    likely = [name for name in names if not NOT_MEASURED.search(name)] or names
    return max(likely, key=lambda name: int(rows[name].nunique()))
