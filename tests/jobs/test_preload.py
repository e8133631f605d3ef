"""Workers have imported, before they are forked, what the methods of their service need, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from moorage_processes.catalogue.reading import read_catalogue
from moorage_processes.jobs.engine import Engine
from moorage_processes.jobs.errors import Unavailable
from moorage_processes.jobs.preload import NEEDED, preloaded
from support.engines import settings
from support.waiting import eventually

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Catalogue

PLAIN = """
from moorage_processes import process

@process
def one() -> int:
    \"\"\"One.\"\"\"
    return 1
"""
INSIDE = PLAIN.replace("from moorage", "import pandas\nfrom moorage", 1)
GRID = """
import xarray as xr
from moorage_processes import process

@process
def same(grid: xr.DataArray) -> xr.DataArray:
    \"\"\"The same.\"\"\"
    return grid
"""


def catalogue(folder, text: str) -> Catalogue:
    module = folder / "author.py"
    module.write_text(text)
    return read_catalogue([str(module)], installed=False)


def test_a_service_of_plain_values_preloads_nothing(tmp_path):
    assert preloaded(catalogue(tmp_path, PLAIN).values()) == ()


def test_what_a_module_imports_is_preloaded_whatever_its_values_are(tmp_path):
    assert preloaded(catalogue(tmp_path, INSIDE).values()) == ("numpy", "pandas")


def test_what_values_travel_by_is_preloaded(tmp_path):
    modules = preloaded(catalogue(tmp_path, GRID).values())
    assert {"xarray", "rioxarray", "moorage.formats.grids", "moorage.formats.pictures"} <= set(modules)
    assert "geopandas" not in modules


def test_a_hub_can_draw_whatever_its_sites_send():
    assert set(preloaded((), all_kinds=True)) == {name for needed in NEEDED.values() for name in needed}


@pytest.mark.parametrize("text", [PLAIN, GRID])
def test_a_child_imports_only_its_authors_modules(tmp_path, text):
    """A library that the forkserver has not mapped, and a worker has, was imported by each worker for itself."""
    served = catalogue(tmp_path, text)
    engine = Engine(
        settings(tmp_path / "state", executor={"catalogue": served.to_json()}, preload=preloaded(served.values()))
    )
    engine.start()
    try:
        # those that were forked after the imports: two for jobs, one for calls
        told = eventually(
            lambda: (found := described(engine)) and found["ready"] == len(found["workers"]) == 3 and found
        )
        forkserver, *workers = (libraries(pid) for pid in (told["forkserver"], *told["workers"]))
        assert all(worker <= forkserver for worker in workers)
        assert any("numpy" in name for name in forkserver) == (text is GRID)
    finally:
        engine.close(stop_supervisor=True)


def described(engine: Engine):
    try:
        return engine.describe()
    except Unavailable:
        return None


def libraries(pid: int) -> set[str]:
    """Extension modules that a process has mapped."""
    with open(f"/proc/{pid}/maps") as maps:
        return {line.split()[-1] for line in maps if ".so" in line and "site-packages" in line}
