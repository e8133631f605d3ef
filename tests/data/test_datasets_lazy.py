"""A request reads of a file what it needs, and holds no more of it in memory than a few blocks."""

from __future__ import annotations

import tracemalloc
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from moorage_processes.catalogue.reading import read_catalogue
from moorage_processes.data.datasets import Datasets, from_config
from moorage_processes.execution.executor import Executor
from moorage_processes.execution.request import Request
from moorage_processes.methods.streaming import blocks

DAYS, ROWS, COLUMNS = 720, 120, 160
CHUNK = (60, 30, 40)
STEP = ROWS * COLUMNS * 4
"""Bytes of a day."""
OPENING = 9 << 19
"""Bytes of a file that the NetCDF library reads when it opens it, or all where it is smaller."""
FILE = 30 * STEP + (1 << 15)
"""Bytes of one of many files, with its head."""


@pytest.fixture(scope="module")
def large():
    """Two years of days, 55 MB: noise, which no compression makes smaller."""
    values = np.random.default_rng(2).normal(size=(DAYS, ROWS, COLUMNS)).astype("float32")
    coords = {
        "time": xr.date_range("2001-01-01", periods=DAYS, freq="D"),
        "lat": ("lat", np.linspace(0, 11.9, ROWS), {"units": "degrees_north"}),
        "lon": ("lon", np.linspace(0, 15.9, COLUMNS), {"units": "degrees_east"}),
    }
    return xr.Dataset({"t2m": (("time", "lat", "lon"), values, {"units": "K"})}, coords)


@pytest.fixture(scope="module")
def executor(large, tmp_path_factory):
    """The same field chunked, in one piece, in 24 files, and as a store."""
    folder = tmp_path_factory.mktemp("large")
    large.to_netcdf(folder / "chunked.nc", encoding={"t2m": {"chunksizes": CHUNK, "zlib": True, "complevel": 1}})
    large.to_netcdf(folder / "plain.nc")
    large.to_zarr(folder / "store.zarr", encoding={"t2m": {"chunks": CHUNK}})
    (folder / "months").mkdir()
    for start in range(0, DAYS, 30):
        large.isel(time=slice(start, start + 30)).to_netcdf(folder / "months" / f"{start:03}.nc")
    named = from_config(
        {"chunked": "chunked.nc", "plain": "plain.nc", "store": "store.zarr", "months": "months"}, folder
    )
    return Executor({"catalogue": read_catalogue([]).to_json(), "datasets": Datasets(named).to_json()})


@pytest.fixture
def climatology(executor, tmp_path, monkeypatch):
    """The mean of the field's months, or what a selection holds of them; anomalies, which nobody asks for, wait."""
    monkeypatch.setattr(blocks, "EAGER", 0)

    def run(place, **selection):
        request = Request(
            "climatology", {"data": {"collection": place, **selection}}, {"climatology": "application/x-netcdf"}
        )
        (made,) = executor.execute(request, tmp_path, lambda *_: None)
        with xr.open_dataset(tmp_path / made.file) as opened:
            return opened.load()

    return run


@contextmanager
def bytes_read():
    """What this process reads of files, which the system counts."""
    read = [_read()]
    yield read
    read[0] = _read() - read[0]


def _read():
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("rchar")))


def expected(large, selection):
    return large.isel(selection).t2m.groupby("time.month").mean()


@pytest.mark.parametrize("place", ["chunked", "store"])
def test_a_box_reads_the_chunks_it_touches(climatology, large, place):
    climatology(place, bbox=[0, 0, 0.5, 0.5])  # what is imported and looked up once is not counted
    with bytes_read() as read:
        made = climatology(place, bbox=[4.05, 3.05, 7.9, 5.9])
    part = expected(large, {"lat": slice(31, 60), "lon": slice(41, 80)})
    np.testing.assert_allclose(made.t2m, part, rtol=1e-5, atol=1e-6)
    chunks = DAYS // CHUNK[0] * np.prod(CHUNK) * 4
    # the means are summed in one pass
    assert read[0] < 1.1 * chunks + (OPENING if place == "chunked" else 0)
    assert read[0] < large.t2m.nbytes / 6


@pytest.mark.parametrize("place", ["plain", "chunked", "store", "months"])
def test_a_period_reads_its_own_times(climatology, large, place):
    climatology(place, datetime="2001-01-01/2001-01-02")
    with bytes_read() as read:
        made = climatology(place, datetime="2001-03-02/2001-04-30")
    np.testing.assert_allclose(made.t2m, expected(large, {"time": slice(60, 120)}), rtol=1e-5, atol=1e-6)
    # of the two files of the period one is opened for two blocks, and the first of all for what has no time
    opening = {"store": 0, "months": 4 * FILE}.get(place, OPENING)
    assert read[0] < 1.1 * 60 * STEP + opening


@pytest.mark.parametrize("place", ["plain", "chunked", "store", "months"])
def test_the_whole_is_reduced_in_a_part_of_its_memory(climatology, large, place):
    climatology(place, datetime="2001-01-01/2001-01-02")
    tracemalloc.start()
    try:
        made = climatology(place)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(made.t2m, expected(large, {}), rtol=1e-5, atol=1e-6)
    assert peak < large.t2m.nbytes / 2
