"""Jobs ordered from our service, for programs that read what is there already."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from support.service_client import ServiceClient

GEOTIFF = "image/tiff; application=geotiff"
GEOJSON = "application/geo+json"
GEOPACKAGE = "application/geopackage+sqlite3"
CELLS = 1500
PLACES = 100


def finished(url: str, process: str, inputs: dict, media_type: str) -> str:
    """Run *process* as a job and give the URL of its one output, written as *media_type*."""
    outputs = {"result": {"format": {"mediaType": media_type}}}
    return f"{ServiceClient(url).run(process, {'inputs': inputs, 'outputs': outputs})}/results/result"


def noise(rows: slice, columns: slice) -> npt.NDArray[np.float32]:
    """Part of what the process ``noise`` gives."""
    return np.random.default_rng(0).normal(size=(CELLS, CELLS)).astype("float32")[rows, columns]
