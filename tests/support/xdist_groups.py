"""Which tests run in one worker of pytest-xdist, so that what is expensive is started once, and the long ones first.

``python -m pytest -n 3 --dist loadgroup --no-loadscope-reorder`` hands out groups in the order they have here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePath

import pytest
from support.starting import fixture_starts, fixtures

ANYWHERE = frozenset({"postgres"})
"""Fixtures that are started in every worker: they take less than waiting for each other would."""
Shared = tuple[str, str]
"""A fixture: the folder or file it is of, and its name."""
LONGEST = (
    "faults/test_storm.py",
    "faults/test_sites.py",
    "whole/test_browser.py",
    "whole/test_readme.py",
    "whole/test_docker.py",
    "execution/test_dask.py",
    "sites/test_sites.py",
    "ogc/test_metrics.py",
    "jobs/test_object_store.py",
    "ogc/test_openapi_fuzzed.py",
    "faults/test_machines.py",
    "faults/test_kill.py",
    "jobs/test_engine.py",
    "jobs/test_retention.py",
    "ogc/test_health.py",
)
"""Files that begin first, since nothing could fill the other workers while they end."""


def assign(items: list[pytest.Item]) -> None:
    """Give each test its group, and put the groups in order."""
    shared = {item: list(_shared(item)) for item in items}
    uses = Counter(each for several in shared.values() for each in several)
    for item in items:
        # what its author says is so
        group = None if item.get_closest_marker("xdist_group") else _group(item, shared[item], uses)
        if group is not None:
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=_order)


def _group(item: pytest.Item, shared: list[Shared], uses: Counter[Shared]) -> str | None:
    """The group of a test; None where it may run anywhere.

    A test belongs to those that use the same started fixture, of several the one that most tests use; else to those of
    its file that start something, or that do not. The long files are spread: each of their started fixtures is a group,
    and tests that start what they need run anywhere.
    """
    file, is_long = file_of(item), file_of(item) in LONGEST
    place, fixture = max(shared, key=lambda each: uses[each], default=("", ""))
    if place.endswith(".py"):
        return f"{fixture} in {file}" if is_long else f"started by {file}"
    if fixture:
        # of a conftest.py; that of all tests is started once for each folder
        return f"{fixture} in {place if place.count('/') else folder_of(item)}"
    if item.get_closest_marker("starts") is None:
        return file
    return None if is_long else f"started by {file}"


def _shared(item: pytest.Item) -> Iterator[Shared]:
    """The fixtures of a test that start something, and last longer than it."""
    for each in fixtures(item):
        if each.scope != "function" and each.argname not in ANYWHERE and fixture_starts(each):
            yield each.baseid, each.argname


def file_of(item: pytest.Item) -> str:
    """A test's file, below tests/."""
    return item.nodeid.partition("::")[0].removeprefix("tests/")


def folder_of(item: pytest.Item) -> str:
    """The first folder of that."""
    return PurePath(file_of(item)).parts[0]


def _order(item: pytest.Item) -> tuple[int, bool]:
    file = file_of(item)
    first = LONGEST.index(file) if file in LONGEST else len(LONGEST)
    return first, item.get_closest_marker("starts") is None


def in_share(items: Iterable[pytest.Item], share: str) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """The tests of one share of all, as ``2/3``, and the others; files stay whole."""
    number, _, of = share.partition("/")
    mine: list[pytest.Item] = []
    others: list[pytest.Item] = []
    files: dict[str, int] = {}
    for item in items:
        place = files.setdefault(file_of(item), len(files))
        (mine if place % int(of) == int(number) - 1 else others).append(item)
    return mine, others


class Telling:
    """A plugin that tells the groups to pytest-xdist, which reads them from the ids of tests.

    It writes them there itself, to ``_nodeid``, which pytest 9.2 reads no more; with earlier ones this does nothing.
    """

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Write them where pytest reads; last, since tests are chosen by their own ids."""
        for item in items if config.getoption("loadgroup", default=False) else ():
            group = item.get_closest_marker("xdist_group")
            if group and hasattr(item, "_id") and not item.nodeid.endswith(f"@{group.args[0]}"):
                item._id = type(item._id).parse(f"{item.nodeid}@{group.args[0]}")
