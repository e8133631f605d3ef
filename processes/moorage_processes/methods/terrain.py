"""Shape of the land: slope, aspect and hillshade of an elevation model."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import Field

from moorage_processes import InputError, Unit, process, progress
from moorage_processes.authoring.result_size import check_room
from moorage_processes.cf.provenance import MethodReference
from moorage_processes.grids.horizontal import Ellipsoid, HorizontalGrid, Numbers, flat, horizontal_grid
from moorage_processes.methods.streaming.blocks import numbers

BLOCK = 2**18
"""Cells worked on at once: few enough that what is computed of them stays in the caches of a processor."""
METRES = {
    "m": 1.0, "metre": 1.0, "metres": 1.0, "meter": 1.0, "meters": 1.0, "km": 1000.0,
    "ft": 0.3048, "foot": 0.3048, "feet": 0.3048,
}  # fmt: skip
Gradient = Literal["horn", "zevenbergen-thorne"]
SIDE: dict[Gradient, float] = {"horn": 1.0, "zevenbergen-thorne": 0.0}
"""Weight of the rows and columns beside that of the cell, which has 2."""
METHODS = {
    "horn": MethodReference(
        "terrain",
        "Horn (1981): Hill shading and the reflectance map. Proc. IEEE 69(1), 14-47, doi:10.1109/PROC.1981.11918",
    ),
    "zevenbergen-thorne": MethodReference(
        "terrain",
        "Zevenbergen and Thorne (1987): Quantitative analysis of land surface topography. Earth Surf. Process. "
        "Landforms 12(1), 47-56, doi:10.1002/esp.3290120107",
    ),
}

ATTRIBUTES = {
    "slope": {"long_name": "slope", "standard_name": "ground_slope_angle", "units": "degree"},
    "aspect": {"long_name": "aspect", "standard_name": "ground_slope_direction", "units": "degree"},
    "hillshade": {"long_name": "hillshade", "units": "1"},
}


class Terrain(NamedTuple):
    """The shape of the land, on the grid of the elevation model.

    Parameters
    ----------
    slope : steepness [degree], 0 on level ground, 90 on a wall.
    aspect : direction the slope faces, downhill [degree], clockwise from north (the grid's north in a projected CRS);
        missing on level ground.
    hillshade : brightness under the sun, whole numbers from 1 (in shade) to 255 (facing the sun).
    """

    slope: Annotated[xr.DataArray, Unit("degree")]
    aspect: Annotated[xr.DataArray, Unit("degree")]
    hillshade: Annotated[xr.DataArray, Unit("1")]


@process
def terrain(
    dem: xr.DataArray,
    z_factor: Annotated[float, Field(gt=0)] = 1.0,
    azimuth: Annotated[float, Field(ge=0, le=360), Unit("degree")] = 315.0,
    altitude: Annotated[float, Field(ge=0, le=90), Unit("degree")] = 45.0,
    crs: str | None = None,
    gradient: Gradient = "horn",
) -> Terrain:
    """Slope, aspect and hillshade of an elevation model.

    Parameters
    ----------
    dem : elevations on evenly spaced rows and columns, in the unit they state (m, km or ft; metres where none is
        stated).
    z_factor : factor on elevations, to exaggerate the relief.
    azimuth : direction of the sun, clockwise from north.
    altitude : height of the sun above the horizon.
    crs : CRS of the elevation model, as EPSG:25832, where it does not state one; longitude and latitude in the units
        of CF are taken on WGS 84.
    gradient : how it is taken: horn, over three rows and columns, which is steadier on rough land; or
        zevenbergen-thorne, over the cell's own row and column, which is closer on smooth land.

    Returns
    -------
    Slope [degree], aspect [degree] and hillshade, in single precision, on the dimensions of *dem*.

    Raises
    ------
    InputError
        where the CRS is unknown, the grid uneven or curvilinear, or the unit no length.

    Notes
    -----
    The gradient is Horn's (1981): differences over three rows and columns, weighted 1, 2, 1; or that of Zevenbergen
    and Thorne (1987): the difference between the two neighbours in the cell's own row, and in its own column. Where
    one of the nine cells is missing, and along the outer edge, all three results are missing. Hillshade is GDAL's,
    ``1 + 254 max(0, cos i)`` rounded, with *i* the angle between the sun and the normal of the surface.

    Along longitude and latitude a cell is as wide and high as on the CRS's ellipsoid at its own row (Snyder 1987,
    Map projections: a working manual, USGS Professional Paper 1395, equations 4-19 and 4-21): per degree,
    ``pi/180 a cos(phi) / (1 - e2 sin(phi)^2)^0.5`` along a parallel and
    ``pi/180 a (1 - e2) / (1 - e2 sin(phi)^2)^1.5`` along a meridian. At the poles results are missing. Edges are not
    joined across the antimeridian. In a projected CRS a metre of the map is a metre: far from where its scale is
    true, as in Web Mercator, slopes come out too gentle.

    A model that is opened lazily is read block by block; only the results need to fit into memory.

    References
    ----------
    .. [1] Horn, B. K. P. (1981): Hill shading and the reflectance map. Proceedings of the IEEE 69(1), 14-47.
       doi:10.1109/PROC.1981.11918
    .. [2] Zevenbergen, L. W. and Thorne, C. R. (1987): Quantitative analysis of land surface topography. Earth
       Surface Processes and Landforms 12(1), 47-56. doi:10.1002/esp.3290120107
    """
    grid = horizontal_grid(dem, "dem", crs)
    field = flat(dem, grid, "dem")
    scale = z_factor * _metres(dem)
    widths, heights = _cell_size(grid)
    shape = (len(ATTRIBUTES), *field.shape)
    check_room(shape, 4, f"three grids of {field.shape[0]} x {field.shape[1]} cells", input="dem")
    layers: npt.NDArray[np.float32] = np.full(shape, np.nan, dtype=np.float32)
    inner = range(1, field.shape[0] - 1)
    rows = max(1, BLOCK // field.shape[1])
    for start in progress.track(inner[::rows], "slope, aspect and hillshade"):
        stop = min(start + rows, inner.stop)
        z = numbers(field[start - 1 : stop + 1]).astype(np.float64) * scale
        rise = _gradient(z, widths[start:stop, np.newaxis], heights[start:stop, np.newaxis], SIDE[gradient])
        layers[:, start:stop, 1:-1] = _slope(*rise), _aspect(*rise), _hillshade(*rise, azimuth, altitude)
    options = f"gradient={gradient}, z_factor={z_factor:g}, azimuth={azimuth:g}, altitude={altitude:g}"
    return _described(layers, dem, field, grid, METHODS[gradient], options)


def metres_per_degree(latitude: Numbers, ellipsoid: Ellipsoid) -> tuple[Numbers, Numbers]:
    """Length of a degree of longitude and of a degree of latitude [m] at each *latitude* [degree]."""
    a, e2 = ellipsoid
    phi = np.radians(latitude)
    bulge = 1 - e2 * np.sin(phi) ** 2
    return np.radians(a * np.cos(phi) / bulge**0.5), np.radians(a * (1 - e2) / bulge**1.5)


def _cell_size(grid: HorizontalGrid) -> tuple[Numbers, Numbers]:
    """Signed width and height [m] of the cells of each row."""
    if grid.crs.is_geographic:
        longitude, latitude = metres_per_degree(grid.rows, grid.ellipsoid)
        longitude[np.abs(grid.rows) >= 90] = np.nan  # noqa: PLR2004 - no east at the poles
        return longitude * grid.dx, latitude * grid.dy
    metre = grid.crs.axis_info[0].unit_conversion_factor
    return np.full(grid.rows.size, grid.dx * metre), np.full(grid.rows.size, grid.dy * metre)


def _gradient(z: Numbers, width: Numbers, height: Numbers, side: float) -> tuple[Numbers, Numbers]:
    """Rise per metre towards east and towards north of the inner cells of *z*; those beside weigh *side*."""
    columns = side * z[:-2] + 2 * z[1:-1] + side * z[2:]
    rows = side * z[:, :-2] + 2 * z[:, 1:-1] + side * z[:, 2:]
    over = 2 * (2 + 2 * side)
    east, north = (columns[:, 2:] - columns[:, :-2]) / (over * width), (rows[2:] - rows[:-2]) / (over * height)
    # the middle cell has no weight, but where it is missing a slope has no meaning
    missing = np.isnan(z[1:-1, 1:-1])
    return np.where(missing, np.nan, east), np.where(missing, np.nan, north)


def _slope(east: Numbers, north: Numbers) -> Numbers:
    return np.degrees(np.arctan(np.hypot(east, north)))


def _aspect(east: Numbers, north: Numbers) -> npt.NDArray[np.float32]:
    facing = (np.degrees(np.arctan2(-east, -north)) % 360.0).astype(np.float32)
    facing[facing == 360] = 0.0  # noqa: PLR2004 - a hair west of north, rounded to single precision
    facing[(east == 0) & (north == 0)] = np.nan
    return facing


def _hillshade(east: Numbers, north: Numbers, azimuth: float, altitude: float) -> Numbers:
    towards, up = np.radians(azimuth), np.radians(altitude)
    rise = east * np.sin(towards) + north * np.cos(towards)
    light = (np.sin(up) - np.cos(up) * rise) / np.sqrt(1 + east**2 + north**2)
    shade: Numbers = np.floor(1.5 + 254 * np.maximum(light, 0))
    return shade


def _metres(dem: xr.DataArray) -> float:
    unit = str(dem.attrs.get("units", "m"))
    if unit.lower() not in METRES:
        raise InputError(f"dem is in {unit!r}; it takes elevations in m, km or ft", input="dem")
    return METRES[unit.lower()]


def _described(
    layers: npt.NDArray[np.float32],
    dem: xr.DataArray,
    field: xr.DataArray,
    grid: HorizontalGrid,
    method: MethodReference,
    options: str,
) -> Terrain:
    """The layers as fields on the axes of *dem*, in its order, that say what they are."""
    order = [name for name in dem.dims if name in field.dims]
    results = []
    for (name, attributes), layer in zip(ATTRIBUTES.items(), layers, strict=True):
        result = xr.DataArray(layer, field.coords, field.dims, name).transpose(*order)
        result.rio.write_crs(grid.crs, inplace=True)
        results.append(method.derived(result, dem, options, **attributes, grid_mapping=result.rio.grid_mapping))
    return Terrain(*results)
