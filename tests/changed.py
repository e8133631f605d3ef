"""Run the tests for what has changed, within a minute: ``python tests/changed.py [BASE]``.

What differs from BASE (default: HEAD, with new files) is looked up in the imports of the tests. Files of tests that are
nearest to it run first, and of these the tests that start nothing; what a minute does not reach is told.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MINUTE = 60.0
TO_START = 20.0
"""Seconds that must be left where a test starts something."""
FILES = 8
"""Collecting more takes too much of a minute."""
TESTS = frozenset((ROOT / "tests").rglob("test_*.py"))


def changed(base: str) -> set[Path]:
    """Files that differ from a commit, and those git does not know yet."""
    commands = (["git", "diff", "--name-only", base], ["git", "ls-files", "--others", "--exclude-standard"])
    told = (subprocess.run(each, cwd=ROOT, check=True, capture_output=True, text=True).stdout for each in commands)
    return {ROOT / line for lines in told for line in lines.splitlines()}


def modules() -> dict[str, Path]:
    """All modules of ours by the names they are imported by: full names, and those beside a test by their stems."""
    named = {path.stem: path for path in (ROOT / "tests").rglob("*.py")}
    for root in (ROOT / "processes", ROOT / "client", ROOT / "tests"):
        for path in root.rglob("*.py"):
            parts = path.relative_to(root).with_suffix("").parts
            named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


def imports(path: Path) -> Iterator[str]:
    """What a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{each.name}" for each in node.names))


def nearest(wanted: set[Path]) -> list[Path]:
    """Files of tests, by how many imports lie between them and what has changed."""
    known, importers = modules(), {}
    for path in {*known.values(), *TESTS}:
        for name in imports(path):
            importers.setdefault(known.get(name), set()).add(path)
    distance = dict.fromkeys(wanted, 0) | dict.fromkeys(naming(wanted), 1)
    edge = sorted(distance, key=lambda path: distance[path])
    for path in edge:  # grows as it goes
        for each in importers.get(path, set()) - distance.keys():
            distance[each] = distance[path] + 1
            edge.append(each)
    mirrors = {word for path in wanted for word in (path.stem, path.parent.name)}
    likeness = {path: len({path.stem.removeprefix("test_"), path.parent.name} & mirrors) for path in TESTS}
    found = [path for path in distance if path in TESTS] or [path for path in TESTS if likeness[path]]
    return sorted(found, key=lambda path: (distance.get(path, 0), -likeness[path], path))


def naming(wanted: set[Path]) -> set[Path]:
    """Tests that name a file that is not a module: a page, a configuration."""
    names = {path.name for path in wanted if path.suffix != ".py"}
    return {path for path in TESTS if any(name in path.read_text(encoding="utf-8") for name in names)}


class Minute:
    """Runs what starts nothing first, nearest first, and leaves out the rest when the time is over."""

    def __init__(self, files: list[Path], end: float) -> None:
        self.files, self.end = files, end
        self.left: Counter[str] = Counter()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: (_starts(item), self.files.index(item.path)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        if time.monotonic() < self.end - (TO_START if _starts(item) else 0):
            return None
        self.left[item.path.name] += 1
        return True


def _starts(item: pytest.Item) -> bool:
    return item.get_closest_marker("starts") is not None


def main(base: str = "HEAD") -> int:
    """Run them; pytest's exit code."""
    end = time.monotonic() + MINUTE
    ordered = nearest(changed(base))
    if not ordered:
        print(f"no test imports or names what differs from {base}")
        return 0
    minute = Minute(ordered[:FILES], end)
    code = pytest.main(["-q", *map(str, minute.files)], plugins=[minute])
    left = [f"{name} ({number} tests)" for name, number in minute.left.items()]
    left += [f"{len(ordered) - FILES} files farther away"] if len(ordered) > FILES else []
    print(f"not run: {', '.join(left) or 'nothing'}")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
