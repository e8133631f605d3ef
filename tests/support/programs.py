"""Programs of others that tests compare with or drive."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest


def program(name: str) -> str:
    """Path of a program; on CI it must be there, elsewhere the test is skipped without it."""
    found = shutil.which(name)
    if found is None and not os.environ.get("CI"):
        pytest.skip(f"{name} is not installed")
    assert found is not None, f"{name} is missing"
    return found


def processes_with(words: str) -> list[int]:
    """Numbers of the processes whose command line holds *words*."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if words.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found
