"""The notebook is executed against a service, from its first cell to its last."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from support.services import serve
from test_readme import AUTHOR, ROOT

NOTEBOOK = ROOT / "client" / "basic.ipynb"


@pytest.fixture(scope="module")
def executed(newcomer: Path, tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "relief.py").write_text(AUTHOR)
    data = {"jacksboro": {"path": str(newcomer / "moorage-demo" / "jacksboro.nc")}}
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with serve(folder, [str(folder / "relief.py")], ours=True, datasets=data) as service:
        os.environ["MOORAGE_URL"] = service.url
        return NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()


def test_it_ends_with_a_figure(executed):
    assert any("image/png" in output.get("data", {}) for output in executed.cells[-1].outputs)


def test_it_shows_the_service_and_a_signature(executed):
    text = str(executed.cells)
    assert "terrain(" in text
    assert "relief" in text


def test_it_is_kept_without_outputs():
    kept = nbformat.read(Path(NOTEBOOK), as_version=4)
    assert all(not cell.get("outputs") for cell in kept.cells)
