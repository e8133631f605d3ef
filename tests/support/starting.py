"""Which tests start processes: the marker ``starts``, given by what a test calls, and a guard that proves it.

A test without the marker may run programs of others once (``ONE_SHOT``), and start nothing else: no service, database,
browser or interpreter. The search reads names: what a test imports inside itself or asks for by ``getfixturevalue`` it
does not see. The guard then fails the test, whose author writes ``@pytest.mark.starts``.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
STARTERS = frozenset(
    {
        "subprocess",
        "multiprocessing",
        "read_catalogue",
        "begin_reading",
        "create_app",
        "Engine",
        "LocalCluster",
        "sync_playwright",
    }
)
"""Global names that mean a process is started."""
ONE_SHOT = frozenset(
    {"cdo", "gdaldem", "gdal_grid", "gdalinfo", "gdal_contour", "gdal_polygonize.py", "gdalwarp", "grass", "openssl"}
)
"""Programs of others that read a file, write a file and end."""
ASKED = frozenset({"uname", "ldconfig", "gcc", "cc", "ld", "objdump"})
"""With these the standard library asks the machine, once, where something is imported first."""
HARMLESS = frozenset({"tool", "gdalinfo", "pytestconfig"})
"""Fixtures that run only those."""
EVENTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec"})


def starts(item: pytest.Item) -> bool:
    """Whether a test, or a fixture it uses, calls what starts a process."""
    return _starts(getattr(item, "function", None)) or any(fixture_starts(each) for each in fixtures(item))


def fixtures(item: pytest.Item) -> Iterator[pytest.FixtureDef[Any]]:
    """The fixtures a test uses, directly or not."""
    names = getattr(item, "fixturenames", ())
    known = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
    return (known[name][-1] for name in names if name in known and name not in HARMLESS)


def fixture_starts(fixture: pytest.FixtureDef[Any]) -> bool:
    """Whether a fixture starts a process."""
    return _starts(fixture.func)


def mark(items: list[pytest.Item]) -> None:
    """Give the marker to all tests that start something."""
    for item in items:
        if item.get_closest_marker("starts") is None and starts(item):
            item.add_marker("starts")


@cache
def _starts(function: Any) -> bool:
    return any(name in STARTERS for each in _reached(function) for name in _globals(each))


def _reached(function: Any) -> list[FunctionType]:
    """A function and those of the tests' own that it calls, directly or not."""
    reached: dict[FunctionType, None] = {}
    waiting = list(_functions(function))
    while waiting:
        found = waiting.pop()
        if found not in reached:
            reached[found] = None
            waiting += [each for value in _globals(found).values() for each in _functions(value)]
    return list(reached)


def _functions(value: Any) -> Iterator[FunctionType]:
    """The functions behind a value, where they are the tests' own."""
    if inspect.isclass(value):
        for each in vars(value).values():
            yield from _functions(each) if not inspect.isclass(each) else ()
        return
    while hasattr(value, "__wrapped__"):
        value = value.__wrapped__
    value = getattr(value, "fget", None) or getattr(value, "__func__", value)
    if isinstance(value, FunctionType) and value.__code__.co_filename.startswith(str(TESTS)):
        yield value


def _globals(function: FunctionType) -> dict[str, Any]:
    """What a function names of its module."""
    return {name: function.__globals__[name] for name in _names(function.__code__) if name in function.__globals__}


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _names(each)


class Guard:
    """A plugin that lets no test without the marker start a process."""

    def __init__(self) -> None:
        self._item: pytest.Item | None = None
        sys.addaudithook(self._watch)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Any:
        """Watch what is set up; what ends after the test may have been started by another."""
        return (yield from self._watched(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Any:
        """Watch what the test does."""
        return (yield from self._watched(item))

    def _watched(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._item = None if item.get_closest_marker("starts") else item
        try:
            return (yield)
        finally:
            self._item = None

    def _watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in EVENTS or self._item is None:
            return
        program = str(arguments[0]) if arguments else event
        if Path(program).name not in ONE_SHOT | ASKED:
            pytest.fail(
                f"{self._item.nodeid} starts {program} and has no marker for it: write @pytest.mark.starts above it",
                pytrace=False,
            )
