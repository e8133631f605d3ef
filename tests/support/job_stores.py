"""The kinds of stores of jobs, and new ones of each."""

from __future__ import annotations

from pathlib import Path

import pytest

STORES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.starts))


def new_store(kind: str, folder: Path, request: pytest.FixtureRequest) -> str:
    """URL of a new store of one kind."""
    return f"sqlite:///{folder / 'jobs.sqlite'}" if kind == "sqlite" else request.getfixturevalue("postgres").database()
