"""What the tests of the science stand on: independent programs, and small grids made by hand."""

import os
import shutil
import subprocess

import numpy as np
import pytest
import xarray as xr
from agreement import Ledger, store
from xarray.backends import BackendArray
from xarray.core import indexing


@pytest.fixture(scope="session")
def tool():
    """Run an independent program by name, and give its output; on CI it must be there."""

    def run(name, *arguments):
        program = shutil.which(name)
        if program is None and not os.environ.get("CI"):
            pytest.skip(f"{name} is not installed (Debian packages gdal-bin, cdo and grass-core)")
        assert program is not None
        command = [program, *map(str, arguments)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(command)} exited with {done.returncode}: {done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def agrees():
    """Compare a method with a reference; what was seen is recorded where MOORAGE_RECORD is set."""
    ledger = Ledger()
    yield ledger.agrees
    if os.environ.get("MOORAGE_RECORD"):
        store(ledger.seen)


@pytest.fixture
def utm_grid():
    """A grid on UTM zone 32 with cells of the given size [m], first row north."""

    def grid(values, cell=10.0, **attributes):
        values = np.asarray(values)
        rows, columns = values.shape
        coordinates = {"y": 5_000_000.0 - cell * np.arange(rows), "x": 500_000.0 + cell * np.arange(columns)}
        return xr.DataArray(values, coordinates, ("y", "x"), "elevation", attributes).rio.write_crs("EPSG:25832")

    return grid


@pytest.fixture
def lonlat_grid():
    """A grid of longitudes and latitudes as CF files have them, its CRS told by units only."""

    def grid(values, latitudes, longitudes, **attributes):
        latitude = xr.Variable("lat", np.asarray(latitudes, dtype=float), {"units": "degrees_north"})
        longitude = xr.Variable("lon", np.asarray(longitudes, dtype=float), {"units": "degrees_east"})
        return xr.DataArray(values, {"lat": latitude, "lon": longitude}, ("lat", "lon"), "field", attributes)

    return grid


class Counting(BackendArray):
    """Values that say how many of them were read."""

    def __init__(self, values):
        self.values, self.shape, self.dtype, self.read = values, values.shape, values.dtype, 0

    def __getitem__(self, key):
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._part)

    def _part(self, key):
        part = self.values[key]
        self.read += part.size
        return part


@pytest.fixture
def counted():
    """A dataset with one of its variables opened lazily, and what counts how much of that is read."""

    def lazily(grid, name="t"):
        array = Counting(grid[name].to_numpy())
        lazy = xr.Variable(grid[name].dims, indexing.LazilyIndexedArray(array), grid[name].attrs)
        return grid.assign({name: lazy}), array

    return lazily
