"""GDAL's programs on results where they lie."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import rasterio
import requests
from orders import CELLS, PLACES, noise
from support.programs import program

Gdal = Callable[..., str]
HEAD = 16384
"""Bytes GDAL begins with."""


@pytest.fixture(scope="session")
def gdal() -> Gdal:
    """Run one of GDAL's programs, and give its output."""

    def run(name: str, *arguments: str | Path) -> str:
        command = [program(name), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_the_head_of_a_grid_tells_what_it_is(gdal, geotiff, way):
    told = json.loads(gdal("gdalinfo", "-json", f"/vsicurl/{way.to(geotiff)}"))
    assert told["size"] == [CELLS, CELLS]
    assert told["geoTransform"] == pytest.approx([0.0, 0.01, 0.0, 60.0, 0.0, -0.01])
    assert told["bands"][0]["description"] == "noise"
    assert way.sent(geotiff) == HEAD
    assert {each.status for each in way.heard if each.range} == {206}


def test_a_window_is_read_without_the_rest(gdal, geotiff, way, tmp_path):
    window = tmp_path / "window.tif"
    place = ["-srcwin", "700", "800", "64", "32"]
    gdal("gdal_translate", "-q", *place, f"/vsicurl/{way.to(geotiff)}", window)
    with rasterio.open(window) as file:
        np.testing.assert_array_equal(file.read(1), noise(slice(800, 832), slice(700, 764)))
    assert way.sent(geotiff) < size_of(geotiff) / 5


def test_an_overview_is_read_without_the_rest(gdal, geotiff, way, tmp_path):
    small = tmp_path / "small.tif"
    gdal("gdal_translate", "-q", "-outsize", "100", "100", f"/vsicurl/{way.to(geotiff)}", small)
    with rasterio.open(small) as file:
        assert abs(float(file.read(1).mean())) < 0.1
    assert way.sent(geotiff) < size_of(geotiff) / 5


def test_nothing_but_the_result_costs_anything(gdal, geotiff, way):
    """GDAL asks for the folder, and for forty neighbours that it knows from elsewhere; none of them is here."""
    gdal("gdalinfo", f"/vsicurl/{way.to(geotiff)}")
    others = [each for each in way.heard if each.path != urlsplit(geotiff).path]
    assert len(others) > 20
    assert [each for each in others if each.status not in (400, 404)] == []
    assert sum(each.size for each in others) < 1000


def test_features_are_read_where_they_lie(gdal, geojson):
    told = gdal("ogrinfo", "-ro", "-al", "-so", f"/vsicurl/{geojson}")
    assert f"Feature Count: {PLACES}" in told
    assert "Extent: (0.000000, 0.000000) - (89.000000, 89.000000)" in told
    assert "number: Integer" in told


def test_a_geopackage_is_read_under_the_name_it_is_sent_with(gdal, geopackage, tmp_path):
    """GDAL knows a GeoPackage by the ending of its name alone."""
    answer = requests.get(geopackage, timeout=60)
    saved = tmp_path / answer.headers["Content-Disposition"].partition('filename="')[2].rstrip('"')
    saved.write_bytes(answer.content)
    assert f"Feature Count: {PLACES}" in gdal("ogrinfo", "-ro", "-al", "-so", saved)


def size_of(href: str) -> int:
    """Bytes of a result, by its headers."""
    return int(requests.head(href, timeout=60).headers["Content-Length"])
