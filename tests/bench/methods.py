"""The methods the benchmarks call."""

import time

import numpy as np
import xarray as xr
from moorage_processes import process, progress


@process
def hello(name: str) -> str:
    """Greet somebody, as pygeoapi's hello-world does.

    Parameters
    ----------
    name : whom.

    Returns
    -------
    The greeting.
    """
    return f"Hello {name}!"


@process
def array(megabytes: int = 100) -> xr.DataArray:
    """Give an array of float32.

    Parameters
    ----------
    megabytes : its size [MB].

    Returns
    -------
    The array, dimensions (y, x).
    """
    values = np.arange(megabytes * 250_000, dtype="float32").reshape(-1, 1000)
    return xr.DataArray(values, dims=("y", "x"), name="array")


@process
def spin() -> int:
    """Compute until it is stopped."""
    number = 0
    while True:
        number += 1


@process
def tell(times: int) -> int:
    """Say when it is, again and again.

    Parameters
    ----------
    times : how often.
    """
    for number in range(times):
        progress(number / times, repr(time.time()))
        time.sleep(0.25)
    return times


@process
def count(to: int) -> int:
    """Count, one by one.

    Parameters
    ----------
    to : how far.
    """
    number = 0
    while number < to:
        number += 1
    return number
