"""Results to read, and ways to listen in, for programs that others wrote."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests
from overhearing import Way, way_to

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
    deadline = time.monotonic() + 60
    while (state := requests.get(location, timeout=60).json())["status"] in ("accepted", "running"):
        assert time.monotonic() < deadline, state
        time.sleep(0.05)
    assert state["status"] == "successful", state
    return f"{location}/results/result"


@pytest.fixture(scope="session")
def geotiff(service_url: str) -> str:
    """URL of a result of nine megabytes, a cloud-optimised GeoTIFF."""
    return finished(service_url, "noise", {"size": CELLS}, GEOTIFF)


@pytest.fixture(scope="session")
def geojson(service_url: str) -> str:
    """URL of a hundred points."""
    return finished(service_url, "places", {"count": PLACES}, GEOJSON)


@pytest.fixture(scope="session")
def geopackage(service_url: str) -> str:
    """URL of the same points in the format GIS programs write themselves."""
    return finished(service_url, "places", {"count": PLACES}, GEOPACKAGE)


@pytest.fixture
def way(service_url: str) -> Iterator[Way]:
    """A way to the service on which one can listen."""
    with way_to(service_url) as leading:
        yield leading
