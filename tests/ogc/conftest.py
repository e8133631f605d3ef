"""One service of awkward datasets for all tests of collections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.services import Running, serve


@pytest.fixture(scope="session")
def awkward_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files of its datasets are."""
    return tmp_path_factory.mktemp("collections")


@pytest.fixture(scope="session")
def awkward_service(awkward_folder: Path) -> Iterator[Running]:
    """The service; each test that changes a file changes one that no other test reads."""
    from support import odd_grids

    datasets = odd_grids.write_all(awkward_folder)
    with serve(awkward_folder, datasets=datasets, moorage={"answer_size": "2 MB"}) as service:
        yield service
