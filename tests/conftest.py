"""What all tests may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.failures import print_failures_at_once
from support.job_stores import STORES, new_store
from support.paths import AUTHOR_MODULES
from support.postgres_server import Postgres, serving_postgres
from support.programs import program
from support.properties import prepare_hypothesis
from support.samples import sea_surface
from support.services import Running, serve
from support.starting import Guard, mark
from support.xdist_groups import Telling, assign, in_share

HERE = Path(__file__).parent
SHARED = HERE.parents[1] / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run be cut in shares."""
    parser.addoption("--share", metavar="N/M", help="run the Nth of M shares of the files")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch what the tests start, and tell their groups."""
    config.pluginmanager.register(Guard())
    config.pluginmanager.register(Telling())
    print_failures_at_once(config)


@pytest.hookimpl(tryfirst=True)
def pytest_make_collect_report(collector: pytest.Collector) -> None:
    """Set up what a module of tests uses before it is imported."""
    if isinstance(collector, pytest.Module):
        prepare_hypothesis(collector.path)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say which tests start processes, which run in one worker, and which are wanted."""
    mark(items)
    if config.getoption("share"):
        items[:], others = in_share(items, config.getoption("share"))
        config.hook.pytest_deselected(items=others)
    if config.getoption("loadgroup", default=False):  # so pytest-xdist tells its workers
        assign(items)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real input; on CI it must be there."""
    if not SHARED.is_dir() and not os.environ.get("CI"):
        pytest.skip(f"the real input of the issue lies in {SHARED.name}/, which is not here")
    assert SHARED.is_dir()
    return SHARED


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Running:
    """One service with our methods, those for tests, and two datasets."""
    folder = tmp_path_factory.mktemp("service")
    sea_surface().to_netcdf(folder / "sea.nc")
    sea_surface()[["sst"]].to_netcdf(folder / "sst.nc")
    named = {"sea": {"path": "sea.nc", "variable": "sst"}, "both": "sea.nc", "sst": "sst.nc"}
    methods = [str(AUTHOR_MODULES / f"methods_{name}.py") for name in ("for_tests", "on_arrays")]
    # tests are several callers by what they say of themselves
    settings = {"queue": 50, "body_size": "16 MB", "drafts": True, "trusted_proxies": ["127.0.0.0/8"]}
    pages = {"cors": True}
    with serve(folder, methods, ours=True, datasets=named, moorage=settings, server=pages) as service:
        yield service


@pytest.fixture(scope="session")
def service_url(running: Running) -> str:
    """URL of that service."""
    return running.url


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that all tests share, each with databases of its own."""
    with serving_postgres() as server:
        yield server


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a new store, of each kind."""
    return new_store(request.param, tmp_path, request)


@pytest.fixture(scope="session")
def gdalinfo() -> str:
    """GDAL's own reader."""
    return program("gdalinfo")
