"""QGIS without a screen: results as layers of a map, where they lie."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from orders import CELLS, PLACES, noise
from PIL import Image
from support.programs import program

SCRIPT = Path(__file__).parent / "look_with_qgis.py"
Look = Callable[[str, str], dict[str, Any]]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Where the map is drawn."""
    return tmp_path / "map.png"


@pytest.fixture
def look(tmp_path: Path, picture: Path) -> Look:
    """What QGIS finds at the addresses of a raster and of features."""
    program("qgis")
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    # a home of its own, because QGIS falls over that of whoever runs the tests
    environment = {"PATH": os.defpath, "HOME": str(home), "XDG_RUNTIME_DIR": str(home), "QT_QPA_PLATFORM": "offscreen"}

    def run(raster: str, features: str) -> dict[str, Any]:
        command = ["/usr/bin/python3", str(SCRIPT), raster, features, str(picture)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return run


def test_results_are_layers_of_a_map(look, geotiff, geojson, way, picture):
    told = look(f"/vsicurl/{way.to(geotiff)}", f"/vsicurl/{geojson}")
    assert told["raster"] == {
        "valid": True,
        "size": [CELLS, CELLS],
        "extent": pytest.approx([0, 45, 15, 60], abs=1e-9),
        "crs": "EPSG:4326",
        "band": "Band 1: noise",
        "value": pytest.approx(float(noise(slice(800, 801), slice(700, 701))[0, 0])),
    }
    assert told["features"] == {
        "valid": True,
        "count": PLACES,
        "extent": [0, 0, 89, 89],
        "crs": "EPSG:4326",
        "fields": ["name", "number"],
        "names": ["place 0", "place 1", "place 2"],
    }
    whole = int(requests.head(geotiff, timeout=60).headers["Content-Length"])
    assert sum(each.size for each in way.heard) < whole
    assert is_drawn(picture)


def test_a_geopackage_is_a_layer_under_the_name_it_is_sent_with(look, geotiff, geopackage, tmp_path):
    answer = requests.get(geopackage, timeout=60)
    saved = tmp_path / answer.headers["Content-Disposition"].partition('filename="')[2].rstrip('"')
    saved.write_bytes(answer.content)
    told = look(f"/vsicurl/{geotiff}", str(saved))["features"]
    assert (told["valid"], told["count"], told["crs"]) == (True, PLACES, "EPSG:4326")
    assert told["extent"] == [0, 0, 89, 89]


def is_drawn(picture: Path) -> bool:
    """Whether the map shows many greys where the raster lies, white beside it, and red points."""
    red, green, blue = np.moveaxis(np.asarray(Image.open(picture).convert("RGB")).astype(int), -1, 0)
    raster, beside = (slice(150, 350), slice(150, 350)), (slice(5, 60), slice(5, 60))
    is_red = (red > 200) & (green < 50) & (blue < 50)
    return len(np.unique(red[raster])) > 50 and bool((green[beside] == 255).all()) and bool(is_red[:, 850:].any())
