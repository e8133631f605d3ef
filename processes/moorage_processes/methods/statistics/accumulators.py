"""What is kept of a field as it is gone through day by day, until a period ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from moorage_processes.methods.streaming.blocks import Floats

Hits = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]


class Accumulator(ABC):
    """Something that grows from day to day."""

    @abstractmethod
    def add(self, values: Floats, hits: Hits) -> None:
        """Add a day: its values, and where they count, which missing ones never do."""

    def interrupt(self) -> None:  # noqa: B027 - most do not mind
        """A day is not there: what must be consecutive begins anew."""

    @abstractmethod
    def close(self) -> Numbers:
        """What the period has given, which ends here."""


class Days(Accumulator):
    """Number of days that count."""

    def __init__(self, shape: Sequence[int]) -> None:
        self._count = np.zeros(shape, np.int32)

    def add(self, values: Floats, hits: Hits) -> None:  # noqa: ARG002 - others need the values
        """Add a day."""
        np.add(self._count, hits, out=self._count)

    def close(self) -> Numbers:
        """Days that counted."""
        count = self._count.astype(np.float64)
        self._count[...] = 0
        return count


class _Runs(Accumulator):
    """Something of the runs of days that count, none of which enters a period or leaves it."""

    def __init__(self, shape: Sequence[int]) -> None:
        self._run = np.zeros(shape, np.int32)
        self._found = np.zeros(shape, np.int32)

    def add(self, values: Floats, hits: Hits) -> None:  # noqa: ARG002 - others need the values
        """Add a day."""
        self._run += 1
        np.multiply(self._run, hits, out=self._run)
        self._look()

    @abstractmethod
    def _look(self) -> None:
        """See what the runs, as long as they are today, add to what was found."""

    def interrupt(self) -> None:
        """A day that is not there ends a run."""
        self._run[...] = 0

    def close(self) -> Numbers:
        """What was found."""
        found = self._found.astype(np.float64)
        self._found[...] = 0
        self.interrupt()
        return found


class Spell(_Runs):
    """Length of the longest run of days that count."""

    def _look(self) -> None:
        np.maximum(self._found, self._run, out=self._found)


class SpellDays(_Runs):
    """Number of the days that count and lie in runs of *least* such days or more."""

    def __init__(self, shape: Sequence[int], least: int) -> None:
        super().__init__(shape)
        self._least = least

    def _look(self) -> None:
        # the day that makes a run long enough brings those before it along
        self._found += np.where(self._run == self._least, self._least, self._run > self._least)


class Spells(_Runs):
    """Number of runs of *least* days that count, or more."""

    def __init__(self, shape: Sequence[int], least: int) -> None:
        super().__init__(shape)
        self._least = least

    def _look(self) -> None:
        self._found += self._run == self._least


class Total(Accumulator):
    """Sum of the values on days that count."""

    def __init__(self, shape: Sequence[int]) -> None:
        self._total = np.zeros(shape)

    def add(self, values: Floats, hits: Hits) -> None:
        """Add a day."""
        self._total += np.where(hits, values, 0)

    def close(self) -> Numbers:
        """The sum."""
        total = self._total.copy()
        self._total[...] = 0
        return total


class Intensity(Accumulator):
    """Mean of the values on days that count; missing where none does."""

    def __init__(self, shape: Sequence[int]) -> None:
        self._days, self._total = Days(shape), Total(shape)

    def add(self, values: Floats, hits: Hits) -> None:
        """Add a day."""
        self._days.add(values, hits)
        self._total.add(values, hits)

    def close(self) -> Numbers:
        """The mean."""
        days, total = self._days.close(), self._total.close()
        return np.where(days > 0, total / np.maximum(days, 1), np.nan)


class Largest(Accumulator):
    """Largest sum of some consecutive days, all of them there, of which the last lies in the period."""

    def __init__(self, shape: Sequence[int], days: int) -> None:
        self._largest = np.full(shape, np.nan)
        self._window: deque[Any] = deque(maxlen=days)

    def add(self, values: Floats, hits: Hits) -> None:  # noqa: ARG002 - others need the hits
        """Add a day."""
        self._window.append(values.astype(np.float64))
        if len(self._window) == self._window.maxlen:
            np.fmax(self._largest, sum(self._window), out=self._largest)

    def interrupt(self) -> None:
        """Days on both sides of one that is not there do not follow one another."""
        self._window.clear()

    def close(self) -> Numbers:
        """The largest sum."""
        largest = self._largest.copy()
        self._largest[...] = np.nan
        return largest
