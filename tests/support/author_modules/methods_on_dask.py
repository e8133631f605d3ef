"""Methods whose arrays dask computes, with functions that only their own files have."""

import threading
import time
from pathlib import Path

import dask.array as da
import numpy as np
import xarray as xr
from methods_on_dask_beside import shifted
from moorage_processes import process

ROWS = 1000
"""Of one block [rows of 1000 numbers], 8 MB."""


def numbered(block: np.ndarray, block_info: dict) -> np.ndarray:
    """Each row filled with its number."""
    first = block_info[0]["array-location"][0][0]
    return shifted(np.broadcast_to(np.arange(first, first + len(block), dtype=float)[:, None], block.shape).copy())


def tall(blocks: int) -> da.Array:
    """So many blocks, one below the other."""
    return da.zeros((blocks * ROWS, 1000), chunks=(ROWS, 1000)).map_blocks(numbered, dtype=float)


@process(memory="700 MB")
def mean_of_held(blocks: int) -> float:
    """The mean of an array that is held in memory, computed from it twice."""
    held = tall(blocks).persist()
    first, second = held.mean().compute(), held.mean(axis=1).mean().compute()
    return float(first + second) / 2


@process(memory="700 MB")
def rows(blocks: int) -> xr.DataArray:
    """The array itself, with a coordinate that is computed too."""
    numbers = tall(blocks)
    return xr.DataArray(numbers, dims=("y", "x"), coords={"number": ("y", numbers[:, 0])}, attrs={"units": "1"})


@process(memory="700 MB")
def mean_of_passing(blocks: int) -> list[float]:
    """The mean of an array that nobody holds, and how many threads took part."""
    threads = set()

    def noted(block: np.ndarray) -> np.ndarray:
        if block.size:  # dask tries it on nothing first
            threads.add(threading.get_ident())
        return block

    mean = tall(blocks).map_blocks(noted, dtype=float).mean().compute()
    return [float(mean), float(len(threads))]


@process
def blocks_of(grid: xr.DataArray) -> list[int]:
    """The sizes of the blocks of a grid along its first axis, none where it is not a dask array."""
    return [] if grid.chunks is None else list(grid.chunks[0])


@process
def hold(blocks: int, folder: str) -> int:
    """Hold an array in all the ways there are, and compute for ever."""
    from distributed import Variable, fire_and_forget, get_client

    held = tall(blocks).persist()
    held.sum().compute()
    client = get_client()
    client.publish_dataset(held, name=f"published for {folder}")
    Variable(f"variable for {folder}").set(client.submit(np.ones, 1000))
    fire_and_forget(client.submit(len, "forgotten"))
    slow = client.map(pause, range(1000))
    (Path(folder) / "held").touch()
    return len(client.gather(slow))


def pause(number: int) -> int:
    """A part that takes its time."""
    time.sleep(0.2)
    return number


@process
def no_array() -> int:
    """Nothing for dask to do."""
    return 1


@process
def greedy(gigabytes: float) -> float:
    """One block that no worker has the memory for."""
    size = int(gigabytes * 1e9 / 8)
    return float(da.ones(size, chunks=size).map_blocks(np.copy).sum().compute())
