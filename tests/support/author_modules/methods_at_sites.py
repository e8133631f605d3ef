"""Methods of an institute that only dials out."""

from typing import Annotated, NamedTuple

import xarray as xr
from moorage_processes import Media, process


@process(wait=2.0)
def hasty() -> int:
    """Not worth much if it comes late."""
    return 1


@process
def patient() -> int:
    """Worth waiting for."""
    return 2


@process
def weigh(content: Annotated[bytes, Media("application/octet-stream")]) -> int:
    """How many bytes that is."""
    return len(content)


@process
def mean(grid: xr.DataArray) -> float:
    """The mean of a grid."""
    return float(grid.mean())


class GridAndMean(NamedTuple):
    """Two results."""

    grid: xr.DataArray
    mean: float


@process
def both(size: int = 10) -> GridAndMean:
    """A grid that counts its columns, and its mean."""
    values = xr.DataArray([[float(x) for x in range(size)]] * size, dims=("y", "x"))
    return GridAndMean(values, float(values.mean()))
