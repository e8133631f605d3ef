"""Another service than ours to call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.services import unmodified


@pytest.fixture(scope="session")
def pygeoapi_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An unmodified pygeoapi with hello-world and the TinyDB manager."""
    folder = tmp_path_factory.mktemp("pygeoapi")
    manager = {"name": "TinyDB", "connection": str(folder / "jobs.db"), "output_dir": str(folder)}
    with unmodified(folder, manager=manager) as running:
        yield running.url
