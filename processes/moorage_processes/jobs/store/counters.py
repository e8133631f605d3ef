"""Counts jobs by outcome, in the transaction that ends them: right whatever process dies."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING

from moorage_processes.jobs.store.tables import COUNTERS, SECOND

if TYPE_CHECKING:
    import sqlalchemy as sa

    from moorage_processes.jobs.store.completions import Completion
    from moorage_processes.jobs.store.database import Database

BOUNDS = tuple(round(seconds * SECOND) for seconds in (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000))
"""Durations up to which jobs are counted together [microseconds]."""
ENDLESS = 2**62
"""The bound of those that took longer than all of them."""
NEVER = -1
"""The bound of those that never ran."""
NUMBERS = ("count", "ran", "waited", "size")
KEYS = tuple(column.name for column in COUNTERS.primary_key)


def add(database: Database, connection: sa.Connection, ends: Iterable[Completion]) -> None:
    """Count jobs and calls that have come to an end."""
    sums: dict[tuple[str | int, ...], list[int]] = {}
    for end in ends:
        sums.setdefault(_key(end), [0] * len(NUMBERS))
        mine = sums[_key(end)]
        for place, number in enumerate((1, end.ran or 0, end.waited or 0, end.size)):
            mine[place] += number
    if sums:
        # in the same order everywhere, so that transactions cannot deadlock
        rows = [dict(zip((*KEYS, *NUMBERS), (*key, *numbers), strict=True)) for key, numbers in sorted(sums.items())]
        database.add_up(connection, COUNTERS, rows, NUMBERS)


def _key(end: Completion) -> tuple[str | int, ...]:
    bound = NEVER if end.ran is None else (*BOUNDS, ENDLESS)[bisect_left(BOUNDS, end.ran)]
    return end.queue, end.process, end.kind, end.status, end.reason or "", bound
