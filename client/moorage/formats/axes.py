"""Which dimension of a grid is which, and where on the Earth it lies: by CF metadata, then by common names."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from moorage.formats.crs import known

if TYPE_CHECKING:
    from collections.abc import Hashable

    import xarray as xr


class Axis(StrEnum):
    """The axes that maps and selections ask for."""

    X = "X"
    Y = "Y"
    Z = "Z"
    T = "T"


STANDARD_NAMES = {
    "longitude": Axis.X,
    "grid_longitude": Axis.X,
    "projection_x_coordinate": Axis.X,
    "projection_x_angular_coordinate": Axis.X,
    "latitude": Axis.Y,
    "grid_latitude": Axis.Y,
    "projection_y_coordinate": Axis.Y,
    "projection_y_angular_coordinate": Axis.Y,
    "air_pressure": Axis.Z,
    "height": Axis.Z,
    "altitude": Axis.Z,
    "depth": Axis.Z,
    "geopotential_height": Axis.Z,
    "height_above_geopotential_datum": Axis.Z,
    "height_above_reference_ellipsoid": Axis.Z,
    "height_above_mean_sea_level": Axis.Z,
    "model_level_number": Axis.Z,
    "atmosphere_ln_pressure_coordinate": Axis.Z,
    "atmosphere_sigma_coordinate": Axis.Z,
    "atmosphere_hybrid_sigma_pressure_coordinate": Axis.Z,
    "atmosphere_hybrid_height_coordinate": Axis.Z,
    "atmosphere_sleve_coordinate": Axis.Z,
    "ocean_sigma_coordinate": Axis.Z,
    "ocean_s_coordinate": Axis.Z,
    "ocean_s_coordinate_g1": Axis.Z,
    "ocean_s_coordinate_g2": Axis.Z,
    "ocean_sigma_z_coordinate": Axis.Z,
    "ocean_double_sigma_coordinate": Axis.Z,
    "time": Axis.T,
}
STATING = ("axis", "cartesian_axis", "grads_dim")
"""Attributes that name the axis itself, those of CF, of GFDL's models and of GrADS."""
AXIS_TYPES = {
    "Lon": Axis.X, "GeoX": Axis.X, "Lat": Axis.Y, "GeoY": Axis.Y, "Time": Axis.T,
    "GeoZ": Axis.Z, "Height": Axis.Z, "Pressure": Axis.Z,
}  # fmt: skip
"""What the attribute _CoordinateAxisType of netCDF-Java says."""
DEGREES = {
    Axis.X: {"degrees_east", "degree_east", "degrees_e", "degree_e", "degreese", "degreee"},
    Axis.Y: {"degrees_north", "degree_north", "degrees_n", "degree_n", "degreesn", "degreen"},
}
NAMES = {
    "x": Axis.X, "lon": Axis.X, "longitude": Axis.X, "rlon": Axis.X, "easting": Axis.X,
    "y": Axis.Y, "lat": Axis.Y, "latitude": Axis.Y, "rlat": Axis.Y, "northing": Axis.Y,
    "z": Axis.Z, "lev": Axis.Z, "level": Axis.Z, "plev": Axis.Z, "pressure_level": Axis.Z, "height": Axis.Z,
    "altitude": Axis.Z, "depth": Axis.Z,
    "time": Axis.T, "t": Axis.T, "valid_time": Axis.T,
}  # fmt: skip
PATTERNS = {
    Axis.X: re.compile(r"x?(nav_lon|longitude|lon|glam)[tuvfw]?(_[a-z0-9]+|[0-9]+)?"),
    Axis.Y: re.compile(r"y?(nav_lat|latitude|lat|gphi)[tuvfw]?(_[a-z0-9]+|[0-9]+)?"),
    Axis.Z: re.compile(
        r"z[tuvw]|z_[a-z0-9]+|z[0-9]+|nav_lev|gdep[a-z]?|lv_[a-z0-9]+|o*lev(el)?s?[0-9]*|bottom_top(_stag)?|sigma[0-9]*"
        r"|(height|hght|altitude|depth|isobaric|pressure|pres|isotherm)[tuvw]?(_[a-z0-9]+|[0-9]+)?"
    ),
    Axis.T: re.compile(r"time(_[a-z0-9]+|[0-9]+)?"),
}
"""Names as models and converters make them, such as nav_lon, lat_0, deptht or time1."""
LONLAT_NAMES = frozenset({"lon", "longitude", "lat", "latitude"})
PRESSURE = frozenset({"pa", "hpa", "mbar", "millibar", "millibars", "dbar", "bar"})
LONLAT = "EPSG:4326"


def axis_of(coordinate: xr.DataArray) -> Axis | None:
    """The axis a coordinate stands for, or None."""
    if stated := _stated(coordinate):
        return stated
    unit = str(coordinate.attrs.get("units", "")).lower()
    for axis, spellings in DEGREES.items():
        if unit in spellings:
            return axis
    if is_time(coordinate):
        return Axis.T
    if unit in PRESSURE or str(coordinate.attrs.get("positive", "")).lower() in ("up", "down"):
        return Axis.Z
    return STANDARD_NAMES.get(str(coordinate.attrs.get("long_name", ""))) or _named(coordinate.name)


def _stated(coordinate: xr.DataArray) -> Axis | None:
    """The axis that metadata names outright."""
    for key in STATING:
        stated = str(coordinate.attrs.get(key, "")).upper()
        if stated in set(Axis):
            return Axis(stated)
    standard_name, kind = (str(coordinate.attrs.get(key, "")) for key in ("standard_name", "_CoordinateAxisType"))
    return STANDARD_NAMES.get(standard_name) or AXIS_TYPES.get(kind)


def _named(name: Hashable) -> Axis | None:
    """The axis that a name tells."""
    word = str(name).lower()
    if word in NAMES:
        return NAMES.get(word)
    return next((axis for axis, pattern in PATTERNS.items() if pattern.fullmatch(word)), None)


def is_time(array: xr.DataArray | xr.Variable) -> bool:
    """Whether the values are dates, of numpy or of a calendar of cftime."""
    if array.dtype.kind == "O" and array.size:
        return hasattr(array[(0,) * array.ndim].values.item(), "calendar")
    return bool(array.dtype.kind == "M")


def dimension(grid: xr.DataArray | xr.Dataset, axis: Axis) -> Hashable | None:
    """The dimension of *grid* that stands for *axis*, or None."""
    return next((name for name in grid.dims if axis_of_dimension(grid, name) is axis), None)


def axis_of_dimension(grid: xr.DataArray | xr.Dataset, name: Hashable) -> Axis | None:
    """The axis that a dimension stands for, with or without a coordinate, or None."""
    coordinate = grid.coords.get(name)
    return _named(name) if coordinate is None else axis_of(coordinate)


def is_horizontal(grid: xr.DataArray) -> bool:
    """Whether a variable has both horizontal axes."""
    return dimension(grid, Axis.X) is not None and dimension(grid, Axis.Y) is not None


def in_degrees(grid: xr.DataArray | xr.Dataset) -> bool:
    """Whether the coordinates themselves say that they are longitudes and latitudes."""
    for axis, standard_name in ((Axis.X, "longitude"), (Axis.Y, "latitude")):
        name = dimension(grid, axis)
        attrs = grid[name].attrs if name in grid.coords else {}
        unit = str(attrs.get("units", "")).lower()
        if attrs.get("standard_name") != standard_name and unit not in DEGREES[axis]:
            return False
    return True


def crs_of(grid: xr.DataArray | xr.Dataset) -> Any:
    """The rasterio CRS of a grid, as stated or as its coordinates imply; None where neither tells."""
    import rioxarray  # noqa: F401, PLC0415 - gives grids their .rio, at a cost of a second
    from rasterio.crs import CRS  # noqa: PLC0415 - the same

    if grid.rio.crs is not None:
        return grid.rio.crs
    return CRS.from_epsg(4326) if in_degrees(grid) else None


def is_lonlat(grid: xr.DataArray | xr.Dataset) -> bool:
    """Whether the horizontal axes are longitude and latitude of the Earth as it is, not of a rotated one."""
    crs = crs_of(grid)
    if crs is not None:
        stated = known(crs)
        return bool(stated.is_geographic and not stated.is_derived)
    return all(str(dimension(grid, axis)).lower() in LONLAT_NAMES for axis in (Axis.X, Axis.Y))
