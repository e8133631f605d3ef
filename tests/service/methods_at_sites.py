"""Methods of an institute that only dials out."""

from typing import Annotated

import xarray as xr
from mooring_processes import Media, process


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
