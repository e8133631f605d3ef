"""What a result has of the data that it is made of: their precision, and the coordinates that still hold."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr


def precision_of(data: xr.DataArray) -> np.dtype[Any]:
    """The type of the values of a result: that of the data, double precision where these are whole numbers."""
    native: np.dtype[Any] = data.dtype.newbyteorder("=")
    return native if native.kind == "f" else np.dtype(np.float64)


def coordinates_without(data: xr.DataArray, dimension: Hashable) -> dict[Hashable, xr.DataArray]:
    """The coordinates of *data* but those that hang on a dimension which the result lacks, or has other cells along."""
    return {name: each for name, each in data.coords.items() if dimension not in each.dims}
