"""Which optional packages are installed."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec


@cache
def is_installed(name: str) -> bool:
    """Whether there is a module of that name."""
    return find_spec(name) is not None
