"""Programs of others that tests compare with or drive."""

from __future__ import annotations

import os
import shutil

import pytest


def program(name: str) -> str:
    """Path of a program; on CI it must be there, elsewhere the test is skipped without it."""
    found = shutil.which(name)
    if found is None and not os.environ.get("CI"):
        pytest.skip(f"{name} is not installed")
    assert found is not None, f"{name} is missing"
    return found
