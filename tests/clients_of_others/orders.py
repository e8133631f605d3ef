"""Jobs ordered from our service, for programs that read what is there already."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt
import requests
from support.patience import PATIENCE

GEOTIFF = "image/tiff; application=geotiff"
GEOJSON = "application/geo+json"
GEOPACKAGE = "application/geopackage+sqlite3"
CELLS = 1500
PLACES = 100


def finished(url: str, process: str, inputs: dict, media_type: str) -> str:
    """Run *process* as a job and give the URL of its one output, written as *media_type*."""
    body = {"inputs": inputs, "outputs": {"result": {"format": {"mediaType": media_type}}}}
    submitted = requests.post(
        f"{url}/processes/{process}/execution", json=body, headers={"Prefer": "respond-async"}, timeout=60
    )
    assert submitted.status_code == 201, submitted.text
    location = submitted.headers["Location"]
    deadline = time.monotonic() + PATIENCE
    while (state := requests.get(location, timeout=60).json())["status"] in ("accepted", "running"):
        assert time.monotonic() < deadline, state
        time.sleep(0.05)
    assert state["status"] == "successful", state
    return f"{location}/results/result"


def noise(rows: slice, columns: slice) -> npt.NDArray[np.float32]:
    """Part of what the process ``noise`` gives."""
    return np.random.default_rng(0).normal(size=(CELLS, CELLS)).astype("float32")[rows, columns]
