"""Data small enough to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr


def sea_surface() -> xr.Dataset:
    """Two fields on 4 x 8 cells for twelve months, small enough to look at."""
    # slow, and most tests want no data
    import numpy as np
    import xarray as xr

    time = xr.date_range("2000-01-01", periods=12, freq="MS")
    lat, lon = np.array([-60.0, -20.0, 20.0, 60.0]), np.arange(22.5, 360.0, 45.0)
    values = np.arange(12 * 4 * 8, dtype="float32").reshape(12, 4, 8)
    coords = {
        "time": time,
        "lat": ("lat", lat, {"units": "degrees_north"}),
        "lon": ("lon", lon, {"units": "degrees_east"}),
    }
    dims = ("time", "lat", "lon")
    return xr.Dataset(
        {"sst": (dims, values, {"units": "degC"}), "wind": (dims, values * 2, {"units": "m s-1"})}, coords
    )
