"""The next of some things is made while the caller is at work on one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

Item = TypeVar("Item")
Made = TypeVar("Made")


def ahead(make: Callable[[Item], Made], items: Sequence[Item]) -> Generator[Made, None, None]:
    """What *make* gives for each item, in their order; made in a thread of its own, one ahead of the caller.

    Raises
    ------
    Exception
        whatever *make* raises, when it is the turn of that item.
    """
    if not items:
        return
    with ThreadPoolExecutor(1, "one ahead") as thread:
        coming = thread.submit(make, items[0])
        for item in items[1:]:
            made, coming = coming.result(), thread.submit(make, item)
            yield made
        yield coming.result()
