"""A piece of the Appalachians: the elevation model that ships with matplotlib, and the catchments of its land."""

from __future__ import annotations

import heapq

import geopandas
import numpy as np
import numpy.typing as npt
import rasterio.features
import rioxarray  # noqa: F401 - gives fields their .rio
import shapely
import xarray as xr
from matplotlib.cbook import get_sample_data
from rasterio.transform import from_bounds

STREAM = 2000
"""Cells that must drain through one cell for a stream to begin there; about 14 km2."""
OUT, DRY = -1, -2
"""Instead of the cell downstream: water leaves the model here; none has come by yet."""
SMALLEST = 4.0
"""Area [km2] below which a catchment, mostly a sliver between two confluences, is left out."""


def elevation_model() -> xr.DataArray:
    """Elevations [m] around the Jacksboro fault, Tennessee, on dimensions (lat, lon), first row north.

    The file gives the outer edges of the cells (its ``ymin`` and ``ymax`` are swapped), 3 arc seconds apart, and
    neither CRS, unit, datum nor source; what is taken for granted is said in the attributes.
    """
    with np.load(get_sample_data("jacksboro_fault_dem.npz", asfileobj=False)) as sample:
        elevation = sample["elevation"]
        west, north = float(sample["xmin"]), float(sample["ymin"])
        width, height = float(sample["dx"]), float(sample["dy"])
    rows, columns = elevation.shape
    latitude = north - height * (np.arange(rows) + 0.5)
    longitude = west + width * (np.arange(columns) + 0.5)
    coordinates = {
        "lat": ("lat", latitude, {"standard_name": "latitude", "units": "degrees_north"}),
        "lon": ("lon", longitude, {"standard_name": "longitude", "units": "degrees_east"}),
    }
    attributes = {
        "long_name": "elevation",
        "units": "m",
        "source": "jacksboro_fault_dem.npz of matplotlib's sample data",
        "comment": "the sample states no CRS, unit, vertical datum or origin; WGS 84 and metres are assumed",
    }
    model = xr.DataArray(elevation, coordinates, ("lat", "lon"), "elevation", attributes)
    located: xr.DataArray = model.rio.write_crs("EPSG:4326")
    return located


def catchments(dem: xr.DataArray) -> geopandas.GeoDataFrame:
    """The catchments of the streams of an elevation model (lat, lon), one polygon each, with their area [km2].

    Water runs down to the lowest way out, over the rim of every hollow (priority flood, Barnes, Lehman and Mulla
    2014, Computers & Geosciences 62, 117-127); a catchment is what drains into one reach of a stream between two
    confluences, or between a confluence and the edge of the model.
    """
    downstream, order = _drainage(dem.to_numpy())
    labels = _reaches(downstream, order).reshape(dem.shape)
    west, east = float(dem.lon[0]), float(dem.lon[-1])
    north, south = float(dem.lat[0]), float(dem.lat[-1])
    half = (north - south) / (dem.sizes["lat"] - 1) / 2
    place = from_bounds(west - half, south - half, east + half, north + half, *reversed(dem.shape))
    shapes = rasterio.features.shapes(labels, mask=labels > 0, transform=place)
    outlines = geopandas.GeoDataFrame.from_records(
        ((label, shapely.geometry.shape(outline)) for outline, label in shapes), columns=["label", "geometry"]
    )
    zones = outlines.set_geometry("geometry", crs=dem.rio.crs).dissolve("label")
    zones["area"] = zones.to_crs(zones.estimate_utm_crs()).area / 1e6
    zones = zones[zones["area"] >= SMALLEST].sort_values("area", ascending=False, ignore_index=True)
    return zones.assign(catchment=range(1, len(zones) + 1))[["catchment", "area", "geometry"]]


def _drainage(elevation: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.int64], list[int]]:
    """For each cell, counted along the rows, the one it drains into, or OUT; and all cells from the outlets up."""
    rows, columns = elevation.shape
    heights = elevation.ravel().tolist()
    downstream = [DRY] * len(heights)
    inner = np.zeros(elevation.shape, dtype=bool)
    inner[1:-1, 1:-1] = True
    waiting = [(heights[cell], cell) for cell in np.flatnonzero(~inner).tolist()]
    for _, cell in waiting:
        downstream[cell] = OUT
    heapq.heapify(waiting)
    order = []
    while waiting:
        level, cell = heapq.heappop(waiting)
        order.append(cell)
        row, column = divmod(cell, columns)
        for below in range(max(row - 1, 0), min(row + 2, rows)):
            for beside in range(max(column - 1, 0), min(column + 2, columns)):
                upstream = below * columns + beside
                if downstream[upstream] == DRY:
                    downstream[upstream] = cell
                    heapq.heappush(waiting, (max(level, heights[upstream]), upstream))
    return np.array(downstream), order


def _reaches(downstream: npt.NDArray[np.int64], order: list[int]) -> npt.NDArray[np.int32]:
    """For each cell the number of the reach it drains into, 0 where it reaches the edge without a stream."""
    drained = np.ones(downstream.size, dtype=np.int64)
    for cell in reversed(order):
        if downstream[cell] >= 0:
            drained[downstream[cell]] += drained[cell]
    is_stream = drained >= STREAM
    inflows = np.bincount(downstream[is_stream & (downstream >= 0)], minlength=downstream.size)
    labels = np.zeros(downstream.size, dtype=np.int32)
    last = 0
    for cell in order:
        below = downstream[cell]
        if is_stream[cell] and (below < 0 or inflows[below] > 1):
            last += 1
            labels[cell] = last
        elif below >= 0:
            labels[cell] = labels[below]
    return labels
