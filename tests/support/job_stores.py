"""The kinds of stores of jobs, and new ones of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

STORES = ("sqlite", "postgresql")


def new_store(kind: str, folder: Path, request: pytest.FixtureRequest) -> str:
    """URL of a new store of one kind."""
    return f"sqlite:///{folder / 'jobs.sqlite'}" if kind == "sqlite" else request.getfixturevalue("postgres").database()
