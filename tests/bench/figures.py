"""A figure beside its peer's, and how both are timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    name: str
    ours: float
    peer: float | None
    unit: str
    target: str
    against: str

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's."""
        return self.ours / self.peer if self.peer else None

    def __str__(self) -> str:
        peer = f"{self.peer:10.3f}" if self.peer is not None else " " * 10
        ratio = f"{self.ratio:8.2f}" if self.ratio is not None else " " * 8
        return f"{self.name:30} {self.ours:10.3f} {peer} {ratio}  {self.unit:3} {self.target:28} {self.against}"


def timed(call: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_turn(*calls: Callable[[], object], runs: int, warm: int = 5) -> list[float]:
    """Median seconds of each call, all called in turn."""
    for call in calls:
        for _ in range(warm):
            call()
    times = [[timed(call) for call in calls] for _ in range(runs)]
    return [median(column) for column in zip(*times, strict=True)]
