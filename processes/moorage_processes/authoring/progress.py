"""Progress reports of a running method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from operator import length_hint
from threading import Lock
from typing import TypeVar

Listener = Callable[[float, str], None]
Item = TypeVar("Item")

SMALLEST = 1e-3
"""A smaller step than this is not told."""


class _Meter:
    """The progress of a whole call: it never goes back, and tells only what is new."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._lock = Lock()
        self._fraction = 0.0
        self._told: tuple[float, str] | None = None

    def show(self, fraction: float, message: str) -> None:
        with self._lock:
            self._fraction = max(self._fraction, min(fraction, 1.0))
            last, words = self._told or (-1.0, "")
            words_now = message or words
            grown = self._fraction - last
            if words_now != words or grown >= SMALLEST or (grown > 0 and self._fraction == 1.0):
                self._told = self._fraction, words_now
                self._listener(*self._told)


@dataclass(frozen=True)
class _Share:
    """The part of the whole that the running step makes up."""

    meter: _Meter
    start: float = 0.0
    width: float = 1.0

    def part(self, start: float, end: float) -> _Share:
        return replace(self, start=self.start + start * self.width, width=max(0.0, end - start) * self.width)

    def show(self, fraction: float, message: str) -> None:
        self.meter.show(self.start + _within(fraction) * self.width, message)


_SHARE: ContextVar[_Share | None] = ContextVar("moorage_share", default=None)


def _unheard(_fraction: float, _message: str) -> None:
    pass


def _within(fraction: float) -> float:
    return min(max(float(fraction), 0.0), 1.0)


class Progress:
    """Tells how far a method is; where nobody listens it does nothing.

    Used as ``progress(0.3, "reading")``. Inside a :meth:`part` or a :meth:`track` loop it is the progress of that
    step, so a method may call another that tells its own.
    """

    def __call__(self, fraction: float, message: str = "") -> None:
        """Tell that *fraction* (0 to 1) of this step is done; without a *message* the last one stands."""
        share = _SHARE.get()
        if share is not None:
            share.show(fraction, message)

    @contextmanager
    def part(self, start: float, end: float, message: str = "") -> Iterator[None]:
        """A step that takes this one from *start* to *end* (0 to 1)."""
        outer = _SHARE.get()
        if outer is None:
            yield
            return
        inner = outer.part(_within(start), _within(end))
        inner.show(0.0, message)
        _SHARE.set(inner)
        try:
            yield
            inner.show(1.0, "")
        finally:
            _SHARE.set(outer)

    def later(self, start: float, end: float) -> Callable[[float, str], None]:
        """What tells, also when this step is over, how much is done of the part of it from *start* to *end*."""
        share = _SHARE.get()
        return _unheard if share is None else share.part(_within(start), _within(end)).show

    def track(self, items: Iterable[Item], message: str = "", total: int | None = None) -> Iterator[Item]:
        """Give the *items* one by one; each is an equal share of this step.

        Parameters
        ----------
        items : what a loop runs over.
        message : what is being done.
        total : how many there are, where they cannot tell themselves.
        """
        outer = _SHARE.get()
        if outer is None:
            yield from items
            return
        count = length_hint(items) if total is None else total
        outer.show(0.0, message)
        inner = outer
        try:
            for number, item in enumerate(items):
                inner = _nth(outer, number, count)
                _SHARE.set(inner)
                yield item
                inner.show(1.0, message)
            outer.show(1.0, message)
        finally:
            # a loop left early may be cleared away when another step has begun
            if _SHARE.get() is inner:
                _SHARE.set(outer)


def _nth(share: _Share, number: int, count: int) -> _Share:
    """One of *count* equal shares; how much an item is of an unknown number nobody can tell."""
    if number >= count:
        return share.part(1.0, 1.0) if count else share.part(0.0, 0.0)
    return share.part(number / count, (number + 1) / count)


progress = Progress()


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell *listener* the fraction done and the message of what runs inside."""
    token = _SHARE.set(_Share(_Meter(listener)))
    try:
        yield
    finally:
        _SHARE.reset(token)
