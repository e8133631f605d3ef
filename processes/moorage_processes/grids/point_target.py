"""The grid that scattered points are brought onto."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import rioxarray  # noqa: F401 - gives fields their .rio
import xarray as xr
from pyproj import CRS

from moorage_processes.errors import InputError
from moorage_processes.grids.crs import given_crs
from moorage_processes.grids.horizontal import FULL_CIRCLE, Numbers

if TYPE_CHECKING:
    import geopandas

WIDEST = 12.0
"""Degrees that points may lie apart for one zone of UTM: two zones, where a distance is wrong by some thousandths."""
POLAR = 80.0
"""Degrees of latitude beyond which UTM has no zones."""
SNAP = 1e-9
BOX = 4


@dataclass(frozen=True)
class PointTarget:
    """An evenly spaced grid and the stations on its map."""

    columns: Numbers
    """Cell centres along x."""
    rows: Numbers
    """Cell centres along y, north first."""
    crs: CRS
    stations: Numbers
    """x and y of each station; longitudes do not jump from one to the next column."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows.size, self.columns.size

    def field(self, values: Numbers, name: str) -> xr.DataArray:
        """Values (rows, columns) as a field that knows where it lies."""
        if self.crs.is_geographic:
            y, x = "lat", "lon"
            about = ({"units": "degrees_north", "standard_name": "latitude"},
                     {"units": "degrees_east", "standard_name": "longitude"})  # fmt: skip
        else:
            y, x = "y", "x"
            unit = self.crs.axis_info[0].unit_name.replace("metre", "m")
            about = ({"units": unit, "standard_name": "projection_y_coordinate"},
                     {"units": unit, "standard_name": "projection_x_coordinate"})  # fmt: skip
        coordinates = {y: (y, self.rows, about[0]), x: (x, self.columns, about[1])}
        field = xr.DataArray(values, coordinates, (y, x), name)
        # in place: it copies the values otherwise
        field.rio.write_crs(self.crs, inplace=True)
        return field


def target_crs(points: geopandas.GeoSeries, given: str | None) -> CRS:
    """The CRS of the grid: that which is given, or one that fits the points."""
    if given is not None:
        crs = given_crs(given, "crs")
        if not (crs.is_projected or crs.is_geographic) or (crs.is_derived and crs.is_geographic):
            raise InputError(f"crs {crs.name!r} is neither projected nor longitude and latitude", input="crs")
        return crs
    stated = CRS(points.crs)
    if stated.is_projected:
        return stated
    lonlat = points.to_crs("EPSG:4326")
    span = np.ptp(unwrapped(lonlat.x.to_numpy().astype(np.float64)))
    if span > WIDEST or lonlat.y.abs().max() > POLAR:
        return CRS("EPSG:4326")
    return CRS(lonlat.estimate_utm_crs())


def unwrapped(longitudes: Numbers) -> Numbers:
    """Longitudes cut where the gap between them is widest, so that they do not jump."""
    turned = longitudes % FULL_CIRCLE
    ordered = np.sort(turned)
    gaps = np.diff(ordered, append=ordered[0] + FULL_CIRCLE)
    start = ordered[(int(gaps.argmax()) + 1) % ordered.size]
    origin = start - FULL_CIRCLE if start >= FULL_CIRCLE / 2 else start
    shifted: Numbers = (turned - start) % FULL_CIRCLE + origin
    return shifted


def target_of(points: geopandas.GeoSeries, crs: CRS, resolution: float, bounds: list[float] | None) -> PointTarget:
    """The grid of cells of *resolution* within *bounds*, or around the points."""
    stations: Numbers = np.stack([points.x.to_numpy(), points.y.to_numpy()], axis=1).astype(np.float64)
    if not np.isfinite(stations).all():
        raise InputError(f"some stations lie where {crs.name!r} is not defined; give another crs", input="crs")
    if crs.is_geographic:
        stations[:, 0] = unwrapped(stations[:, 0])
    west, south, east, north = _box(stations, resolution) if bounds is None else _checked(bounds)
    columns, rows = (max(1, int(np.ceil(length / resolution - SNAP))) for length in (east - west, north - south))
    if crs.is_geographic and (south < -FULL_CIRCLE / 4 - SNAP or north > FULL_CIRCLE / 4 + SNAP):
        south, north = max(south, -FULL_CIRCLE / 4), min(north, FULL_CIRCLE / 4)
        rows = max(1, int((north - south) / resolution + SNAP))
    if max(rows, columns) > 1e7:  # noqa: PLR2004 - more than any grid has
        raise InputError(f"the grid would have {rows} x {columns} cells; take a coarser resolution", input="resolution")
    x: Numbers = west + (np.arange(columns, dtype=np.float64) + 0.5) * resolution
    y: Numbers = north - (np.arange(rows, dtype=np.float64) + 0.5) * resolution
    return PointTarget(x, y, crs, stations)


def _box(stations: Numbers, resolution: float) -> tuple[float, float, float, float]:
    """Around the stations, to whole cells."""
    west, south = (np.floor(stations.min(0) / resolution + SNAP) * resolution).tolist()
    east, north = (np.ceil(stations.max(0) / resolution - SNAP) * resolution).tolist()
    return west, south, max(east, west + resolution), max(north, south + resolution)


def _checked(bounds: list[float]) -> tuple[float, float, float, float]:
    if len(bounds) != BOX or not np.isfinite(bounds).all():
        raise InputError("bounds are west, south, east and north in the CRS of the grid", input="bounds")
    west, south, east, north = bounds
    if west >= east or south >= north:
        raise InputError(f"bounds {bounds} are empty: west is below east, and south below north", input="bounds")
    return west, south, east, north
