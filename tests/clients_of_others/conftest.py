"""Results to read, and ways to listen in, for programs that others wrote."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from orders import CELLS, GEOJSON, GEOPACKAGE, GEOTIFF, PLACES, finished
from overhearing import Way, way_to


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
