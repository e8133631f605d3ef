"""How much a file may hold when it is read into memory: one of a kilobyte may stand for 80 GB."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from moorage.formats import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

GIGABYTE = 10**9

_LARGEST: ContextVar[int | None] = ContextVar("moorage_largest_content", default=None)


class TooLargeError(FormatError):
    """A file that holds more than there is memory for."""


@contextmanager
def unpacked_up_to(largest: int | None) -> Iterator[None]:
    """Let what is read from a file take *largest* bytes of memory at most while the block lasts."""
    token = _LARGEST.set(largest)
    try:
        yield
    finally:
        _LARGEST.reset(token)


def check_unpacked(size: float) -> None:
    """Refuse to read what would take *size* bytes of memory, where that is more than there may be.

    Raises
    ------
    TooLargeError
        saying how large it would be, and how large it may be.
    """
    largest = _LARGEST.get()
    if largest is not None and size > largest:
        needed, given = (f"{each / GIGABYTE:.3g} GB" for each in (size, largest))
        raise TooLargeError(f"the content would take {needed} in memory, where there may be {given}; send a part of it")
