"""The demonstration, run once for all tests that go on with what it leaves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a newcomer stands: the author's file, and what the demonstration left."""
    from test_readme import AUTHOR, demonstration, environment

    place = tmp_path_factory.mktemp("newcomer")
    (place / "relief.py").write_text(AUTHOR)
    venv = place / ".venv" / "bin"
    venv.mkdir(parents=True)
    for name in ("moorage", "python"):
        (venv / name).symlink_to(Path(sys.executable).parent / name)
    subprocess.run(demonstration(), shell=True, cwd=place, check=True, env=environment(place))
    return place
