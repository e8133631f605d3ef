"""What is run once for all tests that go on with what it leaves: the demonstration, and the guide for authors."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.authors_guide import Guided, serving_guide


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


@pytest.fixture(scope="session")
def guided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guided]:
    """A service of the methods in the guide for authors, and of some that are edited, with ``--reload``."""
    with serving_guide(tmp_path_factory.mktemp("guide")) as author:
        yield author
