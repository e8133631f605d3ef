"""How Hypothesis is set up; importing it takes as long as a hundred small tests, so only where it is used."""

from __future__ import annotations

from functools import cache
from pathlib import Path


def prepare_hypothesis(module: Path) -> None:
    """Load our profile before the first module of tests that uses Hypothesis is imported."""
    if b"hypothesis" in module.read_bytes():
        _load_profile()


@cache
def _load_profile() -> None:
    from hypothesis import settings

    # how long an example takes on a busy machine says nothing
    settings.register_profile("unhurried", deadline=None)
    settings.load_profile("unhurried")
