"""What all tests may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from support.job_stores import STORES, new_store
from support.paths import AUTHOR_MODULES
from support.postgres_server import Postgres, serving_postgres
from support.programs import program
from support.samples import sea_surface
from support.services import Running, serve

# how long an example takes on a busy machine says nothing
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

HERE = Path(__file__).parent
SHARED = HERE.parents[1] / "shared" / "data"


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
    methods = AUTHOR_MODULES / "methods_for_tests.py"
    settings = {"queue": 50, "body_size": "16 MB"}
    with serve(folder, [str(methods)], ours=True, datasets=named, moorage=settings) as service:
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
