"""The coast by Vancouver: the relief of land and sea that ships with matplotlib."""

from __future__ import annotations

import numpy as np
import rioxarray  # noqa: F401 - gives fields their .rio
import xarray as xr
from matplotlib.cbook import get_sample_data


def coast() -> xr.DataArray:
    """Heights above the sea [m], negative below, on dimensions (lat, lon), first row south.

    Longitudes go from 0 to 360; latitudes are spaced as the rows of a Mercator map, the closer the farther north. The
    file states neither CRS, unit, datum nor source; what is taken for granted is said in the attributes.
    """
    with np.load(get_sample_data("topobathy.npz", asfileobj=False)) as sample:
        heights, longitude, latitude = (sample[name] for name in ("topo", "longitude", "latitude"))
    coordinates = {
        "lat": ("lat", latitude.astype("float64"), {"standard_name": "latitude", "units": "degrees_north"}),
        "lon": ("lon", longitude.astype("float64"), {"standard_name": "longitude", "units": "degrees_east"}),
    }
    attributes = {
        "long_name": "height above the sea",
        "standard_name": "surface_altitude",
        "units": "m",
        "source": "topobathy.npz of matplotlib's sample data",
        "comment": "the sample states no CRS, unit, vertical datum or origin; WGS 84 and metres are assumed",
    }
    relief = xr.DataArray(heights, coordinates, ("lat", "lon"), "height", attributes)
    located: xr.DataArray = relief.rio.write_crs("EPSG:4326")
    return located
