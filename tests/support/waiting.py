"""The one way in which tests wait for what comes by itself; ``MOORAGE_PATIENCE`` says how long."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Any, TypeVar

from support.patience import PATIENCE

Told = TypeVar("Told")
POLL = 0.02


class NeverTrueError(AssertionError):
    """What a test waited for did not come."""


def eventually(
    condition: Callable[[], Any], *, within: float = PATIENCE, told: Callable[[], object] | None = None
) -> Any:
    """What *condition* gives once it is true.

    Parameters
    ----------
    condition : is asked again and again, and may itself wait a little, as a held request does.
    within : seconds after which it is asked no more.
    told : what is said of it where it never became true, in place of its source and what it gave last.
    """
    deadline = time.monotonic() + within
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise NeverTrueError(f"not true within {within:.0f} s: {told() if told else _described(condition, found)}")
        time.sleep(POLL)
    return found


def followed(tell: Callable[[], Told], is_last: Callable[[Told], bool], *, within: float = PATIENCE) -> list[Told]:
    """All that *tell* gives, up to what is the last of it."""
    heard: list[Told] = []

    def is_over() -> bool:
        heard.append(tell())
        return is_last(heard[-1])

    eventually(is_over, within=within, told=lambda: f"{_described(is_last, heard[-1])}, the last of {len(heard)}")
    return heard


def _described(condition: Callable[..., Any], found: object) -> str:
    is_lambda = inspect.isfunction(condition) and condition.__name__ == "<lambda>"
    source = " ".join(inspect.getsource(condition).split()) if is_lambda else repr(condition)
    return f"{source} gave {found!r}"
