"""Grids as cloud-optimised GeoTIFF, for geographic information systems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
import rioxarray  # noqa: F401 - gives grids their .rio
import xarray as xr
from rasterio.enums import MaskFlags
from rasterio.transform import from_origin

from moorage.formats import FormatError
from moorage.formats.axes import Axis, crs_of, dimension
from moorage.formats.crs import known, settle
from moorage.formats.unpacked import check_unpacked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rasterio.windows import Window

UNEVEN = 0.05
"""How far a cell may lie from its place in an even row, in cells; float32 longitudes need some."""
MARKS = ("_FillValue", "missing_value", "nodata")
GDAL_TAGS = ("AREA_OR_POINT", "STATISTICS_", "OVR_", "TIFFTAG_")
"""What GDAL notes for itself among the tags of a file."""
BAND = "band"


# Writing


def write_geotiff(value: object, path: Path) -> None:
    """Write a map, a stack of maps or a Dataset of maps as a cloud-optimised GeoTIFF, north up.

    The grid has a CRS and even rows and columns. Bands are named after the third dimension or the variables of
    a Dataset. Cells without a value are NaN, or hold the number that the grid's ``_FillValue`` states.
    """
    stack, names, units = _bands(value)
    crs = crs_of(stack)
    if crs is None:
        raise FormatError(
            "a GeoTIFF needs a coordinate reference system and the grid states none; "
            "give it one with .rio.write_crs('EPSG:...'), or ask for netcdf"
        )
    stack, transform = _north_up(stack)
    values, nodata = _values(stack)
    count, height, width = values.shape
    is_measured = values.dtype.kind == "f"
    options: dict[str, Any] = {
        "driver": "COG", "count": count, "height": height, "width": width, "dtype": values.dtype,
        "crs": crs, "transform": transform, "nodata": nodata,
        "compress": "DEFLATE", "level": 1, "predictor": "NO" if values.dtype.kind == "c" else "YES",
        "num_threads": "ALL_CPUS", "bigtiff": "IF_SAFER",
        # measurements may be averaged in the overviews; classes and counts must not be mixed
        "overview_resampling": "AVERAGE" if is_measured else "NEAREST",
    }  # fmt: skip
    with rasterio.open(path, "w", **options) as file:
        file.write(values)
        file.descriptions = names
        file.units = units
        file.update_tags(**_tags(stack))


def _bands(value: object) -> tuple[xr.DataArray, list[str], list[str]]:
    """Maps as one array (band, y, x), the names of the bands, and their units."""
    if isinstance(value, xr.Dataset):
        arrays = [_layers(array)[0] for array in value.data_vars.values()]
        if not arrays or any(array.shape[0] != 1 or array.dims[1:] != arrays[0].dims[1:] for array in arrays):
            raise FormatError("the bands of a GeoTIFF are maps of one grid; give one variable, or ask for netcdf")
        names = [str(name) for name in value.data_vars]
        units = [str(array.attrs.get("units", "")) for array in value.data_vars.values()]
        plain = [array.drop_vars([array.dims[0]], errors="ignore").rename({array.dims[0]: BAND}) for array in arrays]
        return xr.concat(plain, BAND, combine_attrs="drop_conflicts"), names, units
    if not isinstance(value, xr.DataArray):
        raise FormatError(f"a grid is an xarray DataArray or Dataset, not a {type(value).__name__}")
    stack, names = _layers(value)
    return stack, names, [str(value.attrs.get("units", ""))] * len(names)


def _layers(array: xr.DataArray) -> tuple[xr.DataArray, list[str]]:
    """One variable as (band, y, x), and the names of its bands."""
    x, y = dimension(array, Axis.X), dimension(array, Axis.Y)
    if x is None or y is None:
        raise FormatError(f"a GeoTIFF is a map, and {_called(array)} has no x and y; ask for netcdf")
    array = array.squeeze([name for name in array.dims if name not in (x, y) and array.sizes[name] == 1])
    others = [name for name in array.dims if name not in (x, y)]
    if len(others) > 1:
        raise FormatError(f"a GeoTIFF has one dimension besides x and y, and {_called(array)} has {others}")
    if not others:
        return array.expand_dims(BAND).transpose(BAND, y, x), [str(array.name or array.attrs.get("long_name", ""))]
    along = array[others[0]]
    named = [str(text) for text in along.to_numpy()]
    if along.dtype.kind == "M":
        named = [text.removesuffix("T00:00:00") for text in np.datetime_as_string(along, unit="s")]
    return array.transpose(others[0], y, x), named


def _north_up(stack: xr.DataArray) -> tuple[xr.DataArray, Any]:
    """The stack with its first row in the north and its first column in the west, and its affine transform."""
    _, y, x = stack.dims
    steps = {name: _step(stack[name]) for name in (x, y)}
    known = [abs(step) for step in steps.values() if step is not None]
    if not known:
        raise FormatError("the grid is a single cell, whose size nothing tells; ask for netcdf")
    width, height = steps[x] or known[0], steps[y] or -known[0]
    if width < 0 or height > 0:
        stack = stack.isel(
            {x: slice(None, None, 1 if width > 0 else -1), y: slice(None, None, -1 if height > 0 else 1)}
        )
    width, height = abs(width), abs(height)
    west, north = float(stack[x][0]) - width / 2, float(stack[y][0]) + height / 2
    return stack, from_origin(west, north, width, height)


def _step(coordinate: xr.DataArray) -> float | None:
    """The distance from one cell to the next; None for a single cell."""
    centres = coordinate.to_numpy().astype("float64")
    if len(centres) == 1:
        return None
    even = np.linspace(centres[0], centres[-1], len(centres))
    step = float(even[1] - even[0])
    if step == 0 or not np.all(np.abs(centres - even) <= UNEVEN * abs(step)):
        raise FormatError(f"the cells of a GeoTIFF are evenly spaced, and {coordinate.name} is not; ask for netcdf")
    return step


def _values(stack: xr.DataArray) -> tuple[np.ndarray[Any, Any], float | None]:
    """The values in a type GeoTIFF has, and the number that stands for a missing one."""
    values = stack.to_numpy()
    if values.dtype.kind not in "biufc" or values.dtype.itemsize > 16:  # noqa: PLR2004 - complex128
        raise FormatError(f"a GeoTIFF holds numbers, and {_called(stack)} is {values.dtype}; ask for netcdf")
    if values.dtype.kind == "b":
        values = values.astype("uint8")
    if values.dtype == np.float16:
        values = values.astype("float32")
    mark = next((stack.attrs[key] for key in MARKS if key in stack.attrs), None)
    if mark is not None and values.dtype.kind in "iuf" and values.dtype.type(mark) == mark:
        if values.dtype.kind == "f":
            values = np.where(np.isnan(values), values.dtype.type(mark), values)
        return values, mark
    return values, np.nan if values.dtype.kind == "f" else None


def _tags(stack: xr.DataArray) -> dict[str, str]:
    own = {"units", "grid_mapping", "scale_factor", "add_offset", *MARKS}
    return {
        str(key): str(item)
        for key, item in stack.attrs.items()
        if key not in own and isinstance(item, str | int | float | np.number)
    }


def _called(array: xr.DataArray) -> str:
    return "the grid" if array.name is None else str(array.name)


# Reading


def read_geotiff(path: Path, type_name: str) -> xr.DataArray | xr.Dataset:
    """A map (y, x), a stack of maps (band, y, x), or a Dataset with a variable for each band, in memory.

    Cells without a value are NaN, and packed values unpacked, as from a NetCDF file.
    """
    with rasterio.open(path, driver="GTiff", num_threads="ALL_CPUS") as file:
        check_unpacked(file.count * file.height * file.width * dtype_of(file).itemsize)
        return maps(file, unpacked(file), type_name)


def maps(file: Any, values: Any, type_name: str) -> xr.DataArray | xr.Dataset:
    """What :func:`read_geotiff` gives for an open file, with its *values* (band, y, x) in memory or read later."""
    stack = _stack(file, values)
    names, units = list(file.descriptions), list(file.units)
    if type_name != "xarray.DataArray":
        return _variables(stack, names, units)
    if len(set(units)) == 1 and units[0]:
        stack.attrs["units"] = units[0]
    if len(names) == 1:
        return stack[0].rename(names[0])
    return stack.assign_coords(
        {BAND: range(1, len(names) + 1)} | ({"description": (BAND, names)} if all(names) else {})
    )


def _variables(stack: xr.DataArray, names: list[str | None], units: list[str | None]) -> xr.Dataset:
    called = [name or f"{BAND}_{number}" for number, name in enumerate(names, 1)]
    if len(set(called)) < len(called):
        raise FormatError(f"bands become variables by their names, and these are {', '.join(called)}")
    maps = {name: stack[number].drop_attrs(deep=False) for number, name in enumerate(called)}
    for array, unit in zip(maps.values(), units, strict=True):
        array.attrs |= {"units": unit} if unit else {}
    return xr.Dataset(maps, attrs=stack.attrs)


def _stack(file: Any, values: Any) -> xr.DataArray:
    """All bands (band, y, x) on their coordinates."""
    transform = file.transform
    if not transform.is_rectilinear:
        raise FormatError("the GeoTIFF is rotated; turn it north up first (gdalwarp does)")
    coords = {
        "y": transform.f + transform.e * (np.arange(file.height) + 0.5),
        "x": transform.c + transform.a * (np.arange(file.width) + 0.5),
    }
    stack = xr.DataArray(values, coords, (BAND, "y", "x"), attrs=_attributes(file.tags()))
    if file.nodata is not None:
        stack.encoding["_FillValue"] = file.nodata
    settle(stack)
    if file.crs is not None:
        known(file.crs)
        # in place: rioxarray would copy the values twice
        stack.rio.write_crs(file.crs, inplace=True).rio.write_coordinate_system(inplace=True)
    return stack


def unpacked(file: Any, bands: Sequence[int] | None = None, window: Window | None = None) -> np.ndarray[Any, Any]:
    """The values (band, y, x) as measured: NaN where there is none, scale and offset applied.

    Parameters
    ----------
    file : open.
    bands : their numbers, from 1; all where None.
    window : the rows and columns; all where None.
    """
    chosen = list(file.indexes if bands is None else bands)
    values: np.ndarray[Any, Any] = file.read(chosen, window=window)
    flags = _flags(file)
    if values.dtype == dtype_of(file) and not _is_packed(file) and (not flags or _is_marked_by_nan(file, flags)):
        return values
    missing = file.read_masks(chosen, window=window) == 0 if flags else None
    if values.dtype.kind in "iu":
        values = values.astype(dtype_of(file))
    if _is_packed(file):
        places = [number - 1 for number in chosen]
        scales, offsets = (np.array(each)[places, None, None] for each in (file.scales, file.offsets))
        values = (values * scales + offsets).astype(values.dtype)
    if missing is not None:
        values[missing] = np.nan
    return values


def dtype_of(file: Any) -> np.dtype[Any]:
    """What :func:`unpacked` gives."""
    stored = np.result_type(*file.dtypes)
    if stored.kind not in "iu" or not (_is_packed(file) or _flags(file)):
        return stored
    return np.dtype("float32" if stored.itemsize <= 2 else "float64")  # noqa: PLR2004 - 24 bits hold it


def _flags(file: Any) -> set[MaskFlags]:
    """How the file says which values are missing."""
    return {flag for band in file.mask_flag_enums for flag in band} - {MaskFlags.all_valid}


def _is_marked_by_nan(file: Any, flags: set[MaskFlags]) -> bool:
    return flags == {MaskFlags.nodata} and bool(np.isnan(file.nodata))


def _is_packed(file: Any) -> bool:
    return any(scale != 1 for scale in file.scales) or any(offset != 0 for offset in file.offsets)


def _attributes(tags: dict[str, str]) -> dict[str, str | int | float]:
    return {key: _number_or_text(text) for key, text in tags.items() if not key.startswith(GDAL_TAGS)}


def _number_or_text(text: str) -> str | int | float:
    """A number where the text is exactly how Python writes one, so that a code such as 007 stays text."""
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if str(number) == text:
            return number
    return text
