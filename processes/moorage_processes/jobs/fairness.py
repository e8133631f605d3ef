"""What callers share: how much of it one of them may have."""

from __future__ import annotations


def most_for_one(places: int) -> int:
    """How many of some places one caller may hold: two thirds, or the only one."""
    return max(1, places * 2 // 3)
