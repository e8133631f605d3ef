"""How much a result may hold: known to a method before it begins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import prod
from typing import TYPE_CHECKING

from moorage_processes.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
STEP = 1000

_LARGEST: ContextVar[int | None] = ContextVar("moorage_largest_result", default=None)


def check_room(shape: Iterable[int], itemsize: int, what: str, *, input: str | None = None) -> None:  # noqa: A002 - as InputError has it
    """Refuse a result that would be larger than the service gives; outside of one nothing is refused.

    Parameters
    ----------
    shape : numbers of cells along its dimensions.
    itemsize : bytes of one cell.
    what : the result in words, such as ``the grid of 3650 x 180 x 360 cells``.
    input : the input that makes it so large.

    Raises
    ------
    InputError
        saying how large it would be, and how large it may be.
    """
    size, largest = prod(shape) * itemsize, _LARGEST.get()
    if largest is not None and size > largest:
        raise InputError(
            f"{what} would need {in_words(size)}; this service gives up to {in_words(largest)}", input=input
        )


@contextmanager
def room(largest: int | None) -> Iterator[None]:
    """Let results hold *largest* bytes at most while the block lasts."""
    token = _LARGEST.set(largest)
    try:
        yield
    finally:
        _LARGEST.reset(token)


def in_words(size: float) -> str:
    """A number of bytes as people write it, such as ``2.1 TB``."""
    for unit in UNITS[:-1]:
        if size < STEP:
            return f"{size:.3g} {unit}"
        size /= STEP
    return f"{size:.3g} {UNITS[-1]}"
