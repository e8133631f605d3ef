"""The page on mounting in a pygeoapi of one's own, walked: its blocks make a configuration, start it and call it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
import xarray as xr
import yaml
from support.paths import ROOT
from support.ports import free_port
from support.services import shipped
from support.waiting import eventually

PAGE = (ROOT / "config" / "pygeoapi.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
(METHOD, CALL), (PROCESS, MANAGER, DATASET), (START,) = (
    [text for name, text in BLOCKS if name == language] for language in ("python", "yaml", "bash")
)
URL = "http://localhost:5000"


def hill() -> xr.DataArray:
    """Elevations with one summit."""
    coords = {
        "lat": ("lat", np.linspace(50.0, 49.0, 11), {"units": "degrees_north"}),
        "lon": ("lon", np.linspace(7.0, 8.0, 11), {"units": "degrees_east"}),
    }
    heights = np.zeros((11, 11))
    heights[5, 5] = 100.0
    return xr.DataArray(heights, coords, ("lat", "lon"), "elevation", {"units": "m"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where an operator stands: their configuration, with what the page adds to it."""
    place = tmp_path_factory.mktemp("mounted")
    (place / "relief.py").write_text(METHOD)
    hill().to_netcdf(place / "dem.nc")
    document = yaml.safe_load(shipped("local.yml").read_text())
    theirs = {name: document[name] for name in ("server", "logging", "metadata")}
    theirs["server"] |= yaml.safe_load(MANAGER)
    theirs["resources"] = yaml.safe_load(PROCESS) | yaml.safe_load(DATASET)
    (place / "pygeoapi.yml").write_text(yaml.safe_dump(theirs))
    return place


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """What the page starts, on a port that is free."""
    port = free_port()
    configured = folder / "pygeoapi.yml"
    document = yaml.safe_load(configured.read_text())
    document["server"] |= {"bind": {"host": "127.0.0.1", "port": port}, "url": f"http://localhost:{port}"}
    configured.write_text(yaml.safe_dump(document))
    places = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with subprocess.Popen(["bash", "-euc", START], cwd=folder, env=places, start_new_session=True) as process:
        try:
            eventually(lambda: _answers(f"http://localhost:{port}/conformance", process))
            yield f"http://localhost:{port}"
        finally:
            # Flask's own server runs in a child of the command
            os.killpg(process.pid, signal.SIGTERM)


def _answers(address: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None
    try:
        return requests.get(address, timeout=30).ok
    except requests.ConnectionError:
        return False


def test_the_call_of_the_page_gives_the_relief(url, folder):
    namespace: dict = {}
    lines = CALL.replace(URL, url).replace("dem.nc", str(folder / "dem.nc"))
    exec(compile(lines, "call.py", "exec"), namespace)
    assert float(namespace["relief"].max()) == 100.0
    assert float(namespace["relief"].sum()) == 900.0


def test_a_wrong_input_is_refused_by_name(url):
    done = requests.post(
        f"{url}/processes/relief/execution",
        json={"inputs": {"dem": 1}},
        headers={"Prefer": "respond-async"},
        timeout=60,
    )
    assert done.status_code == 400
    assert "dem" in done.json()["description"]


def test_the_dataset_is_a_coverage_and_answers_a_position(url):
    listed = requests.get(f"{url}/collections/dem", timeout=60).json()
    assert {"coverage", "position"} <= {link["rel"].rpartition("/")[2] for link in listed["links"]} | set(
        listed.get("data_queries", {})
    )
    place = {"coords": "POINT(7.5 49.5)", "f": "json"}
    answer = requests.get(f"{url}/collections/dem/position", place, timeout=60).json()
    assert answer["ranges"]["elevation"]["values"] == [100.0]
