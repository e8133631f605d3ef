"""The guide for authors, taken apart, and a service of its methods beside others that are edited."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.paths import ROOT
from support.services import serve

PAGE = (ROOT / "processes" / "AUTHORS.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
FILES = {match[1]: text for name, text in BLOCKS if name == "python" and (match := re.match(r"# (\w+\.py)\n", text))}
CALLS = [text for name, text in BLOCKS if name == "python" and text not in FILES.values()]
SERVE, CURL = (text for name, text in BLOCKS if name == "bash")
FAILURE, REFUSALS = (text for name, text in BLOCKS if name == "text")
(PACKAGE,) = (text for name, text in BLOCKS if name == "toml")
REFUSED, TESTS = "tides.py", "test_ice.py"
METHODS = [name for name in FILES if name not in (REFUSED, TESTS)]
URL = "http://localhost:5000"

EDITED = """
import os
import time
from pathlib import Path

from beside import factor
from moorage_processes import process


@process
def scaled(number: float) -> float:
    '''A number, scaled.'''
    return factor() * number


@process
def mortal() -> float:
    '''End its process.'''
    os._exit(3)


@process
def patient(folder: str) -> float:
    '''Wait for a file.'''
    Path(folder, "begun").touch()
    while not Path(folder, "go").exists():
        time.sleep(0.05)
    return factor()
"""
FACTOR = "def factor():\n    return {}.0\n"


@dataclass(frozen=True)
class Guided:
    """Where an author stands who follows the guide, and edits methods while they are served."""

    folder: Path
    url: str

    def write(self, name: str, text: str) -> None:
        """Write a file as editors do, at once."""
        (self.folder / "new").write_text(text)
        (self.folder / "new").replace(self.folder / name)

    def told(self) -> str:
        """What the terminal of the service says."""
        return (self.folder / "terminal").read_text()


@contextmanager
def serving_guide(folder: Path) -> Iterator[Guided]:
    """A service of the guide's methods, and of those to be edited, started as the guide says."""
    for name in METHODS:
        (folder / name).write_text(FILES[name])
    (folder / "edited.py").write_text(EDITED)
    (folder / "beside.py").write_text(FACTOR.format(2))
    assert SERVE.split() == ["moorage", "serve", "ice.py", "--reload"]
    modules = [str(folder / name) for name in (*METHODS, "edited.py")]
    terminal, datasets = folder / "terminal", {"sea": str(folder / "sea.nc")}
    with serve(folder, modules, options=SERVE.split()[3:], terminal=terminal, datasets=datasets) as service:
        yield Guided(folder, service.url)
