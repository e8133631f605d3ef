"""A grid dataset as a coverage: what it is in words and numbers, and the part a request asks for as a file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Hashable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from moorage import formats
from moorage.formats import FormatError, Kind
from moorage.formats.axes import LONLAT, Axis, crs_of, dimension, is_horizontal, is_lonlat, is_time
from moorage.formats.coverages import moment_text

from moorage_processes.data.datasets import Dataset, DatasetUnavailableError
from moorage_processes.data.opening import open_grid
from moorage_processes.data.selection import axes_known, subset
from moorage_processes.errors import InputError, TooLargeError
from moorage_processes.ogc.collections.extents import Extents, extents

if TYPE_CHECKING:
    import xarray as xr

READING = RLock()
"""The NetCDF library must not be entered by two threads at once; it ends the process where it is."""
NUMBERS = "biuf"
MOST_BYTES = 10**8
JSON_BYTES = 20
"""About what one value takes in JSON."""
FEATURE_BYTES = 200
"""About what one cell takes as a feature of GeoJSON."""
COVERAGE_JSON = "application/prs.coverage+json"
MEDIA_TYPES = {
    "json": COVERAGE_JSON,
    "netcdf": "application/x-netcdf",
    "geotiff": "image/tiff; application=geotiff",
    "geojson": "application/geo+json",
    "png": "image/png",
}
"""The formats of a coverage by the name that ``f=`` takes."""
SUFFIXES = {"json": ".covjson", "netcdf": ".nc", "geotiff": ".tif", "geojson": ".geojson", "png": ".png"}
NAMES = {"coveragejson": "json", "covjson": "json", "cog": "geotiff", "tiff": "geotiff", "nc": "netcdf"}
"""Other names in use for them."""


@dataclass(frozen=True)
class Field:
    """A variable, as a schema tells it."""

    title: str
    type: str
    unit: str
    standard_name: str = ""

    def to_json(self) -> dict[str, str]:
        """As pygeoapi takes a field; always with a unit, which its EDR asks for."""
        document = {"title": self.title, "type": self.type, "x-ogc-unit": self.unit}
        if self.standard_name:
            document["x-ogc-definition"] = f"https://vocab.nerc.ac.uk/standard_name/{self.standard_name}/"
        return document


@dataclass(frozen=True)
class Coverage:
    """What a grid dataset holds; made once for each state of its file."""

    title: str
    fields: Mapping[str, Field]
    axes: tuple[str, ...]
    """All names by which an axis may be called."""
    sizes: Mapping[str, int]
    crs: Any
    extents: Extents = field(repr=False)
    one_map: Mapping[str, str] = field(default_factory=dict)
    """What to ask for to have the first map of the first variable."""


def describe(entry: Dataset) -> Coverage:
    """What a dataset holds; :class:`DatasetUnavailableError` where it does not open or is not a grid."""
    with opened(entry) as grid:
        return Coverage(
            title=str(grid.attrs.get("title", "")),
            fields={str(name): _field(grid[name]) for name in grid.data_vars},
            axes=tuple(axes_known(grid)),
            sizes={str(name): int(size) for name, size in grid.sizes.items()},
            crs=crs_of(grid),
            extents=extents(grid),
            one_map=_one_map(grid),
        )


def part(entry: Dataset, selection: Mapping[str, Any], form: str, limit: int = MOST_BYTES) -> bytes:
    """The part of a dataset that a *selection* asks for, in the format *form* of :data:`MEDIA_TYPES`.

    Parameters
    ----------
    entry : the dataset.
    selection : ``bbox``, ``bbox-crs``, ``datetime``, ``subset`` as
            :func:`moorage_processes.data.selection.subset` takes
        them, and ``properties``, the names of variables.
    form : what to write.
    limit : most bytes of the answer; more is refused before anything is read.

    Raises
    ------
    InputError
        where the selection does not fit the data, the answer would be too large, or the format cannot hold it.
    """
    return encode(values(entry, selection, form, limit), form)


def values(entry: Dataset, selection: Mapping[str, Any], form: str, limit: int = MOST_BYTES) -> xr.Dataset:
    """The same part, read into memory."""
    with opened(entry) as grid:
        chosen = subset(_chosen(grid, selection.get("properties")), selection, entry.id)
        _check_size(chosen, form, limit)
        try:
            return chosen.load()
        except (OSError, RuntimeError, ValueError) as error:
            raise DatasetUnavailableError(entry, error) from error


def encode(grid: xr.Dataset, form: str) -> bytes:
    """A grid in memory as the content of a file."""
    try:
        if form == "json":
            from moorage.formats.coverages import coverage_json  # noqa: PLC0415 - only where it is used

            return json.dumps(coverage_json(grid), allow_nan=False).encode()
        kind, value = (Kind.FEATURES, _cells(grid)) if form == "geojson" else (Kind.GRID, _single(grid, form))
        with tempfile.TemporaryDirectory() as folder, READING if form == "netcdf" else nullcontext():
            path = Path(folder) / "coverage"
            formats.write(value, path, formats.find(kind, form))
            return path.read_bytes()
    except FormatError as error:
        raise InputError(str(error), input="f") from error


@contextmanager
def opened(entry: Dataset) -> Iterator[xr.Dataset]:
    """The variables of a dataset that share one pair of horizontal axes, lazily, one reader at a time."""
    with _turn(entry), open_grid(entry) as grid:
        yield _on_one_grid(grid, entry)


def form_of(wish: str) -> str | None:
    """The format that a word or a media type means, or None."""
    word = wish.strip().lower()
    word = NAMES.get(word, word)
    bare = word.partition(";")[0].strip()
    known = {kind.partition(";")[0]: name for name, kind in MEDIA_TYPES.items()}
    known |= {"application/json": "json", "application/vnd.cov+json": "json", "application/netcdf": "netcdf"}
    return word if word in MEDIA_TYPES else known.get(bare)


# Reading


def _turn(entry: Dataset) -> AbstractContextManager[Any]:
    """One reader at a time, but for what is not read by the NetCDF library."""
    is_other = entry.engine in ("rasterio", "zarr") or entry.path.lower().endswith((".tif", ".tiff", ".zarr"))
    return nullcontext() if is_other else READING


def _on_one_grid(grid: xr.Dataset, entry: Dataset) -> xr.Dataset:
    """The numbers of a file on the axes of its stated, or its first, horizontal variable."""
    names = [name for name, array in grid.data_vars.items() if array.dtype.kind in NUMBERS and is_horizontal(array)]
    if entry.variable is not None and entry.variable not in names:
        raise DatasetUnavailableError(entry, f"there is no variable {entry.variable!r} on a map in it")
    if not names:
        held = ", ".join(map(str, grid.data_vars)) or "none"
        raise DatasetUnavailableError(
            entry, f"none of its variables is a map with x and y, or longitude and latitude ({held[:200]})"
        )
    first = grid[entry.variable or names[0]]
    ground = [dimension(first, axis) for axis in (Axis.X, Axis.Y)]
    alike = [name for name in names if set(ground) <= set(grid[name].dims)]
    if any(name not in grid.coords or grid[name].dtype.kind not in "iuf" for name in ground):
        raise DatasetUnavailableError(entry, f"its axes {ground} have no coordinates; a curvilinear grid is not served")
    if not is_lonlat(first) and crs_of(first) is None:
        raise DatasetUnavailableError(
            entry, "it states no coordinate reference system; give one with crs: in the configuration"
        )
    part = grid[alike]
    return part.rio.write_crs(LONLAT) if crs_of(part) is None else part


def _chosen(grid: xr.Dataset, properties: Any) -> xr.Dataset:
    names = list(properties or [])
    if unknown := [name for name in names if name not in grid.data_vars]:
        known = ", ".join(map(str, grid.data_vars))
        raise InputError(f"properties: there is no {', '.join(unknown)!r}; the data holds {known}", input="properties")
    return grid[names] if names else grid


def _check_size(grid: xr.Dataset, form: str, limit: int) -> None:
    cells = sum(array.size for array in grid.data_vars.values())
    size = {"json": cells * JSON_BYTES, "geojson": cells * FEATURE_BYTES}.get(form, int(grid.nbytes))
    if size > limit:
        raise TooLargeError(
            f"this answer would hold about {_readable(size)} and the service sends at most {_readable(limit)}; "
            "ask for less of it with bbox, datetime, subset or properties"
        )


def _readable(size: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} bytes"


def _field(array: xr.DataArray) -> Field:
    attrs = array.attrs
    title = str(attrs.get("long_name") or attrs.get("standard_name") or array.name)
    kind = "number" if array.dtype.kind == "f" else "integer"
    return Field(title, kind, str(attrs.get("units", "")), str(attrs.get("standard_name", "")))


def _one_map(grid: xr.Dataset) -> dict[str, str]:
    array = next(iter(grid.data_vars.values()))
    ground = (dimension(array, Axis.X), dimension(array, Axis.Y))
    first = {name: array[name].to_numpy()[0] for name in array.dims if name not in ground and name in array.coords}
    at = [f'{name}("{moment_text(value) if is_time(array[name]) else value}")' for name, value in first.items()]
    return {"properties": str(array.name)} | ({"subset": ",".join(at)} if at else {})


# Writing


def _single(grid: xr.Dataset, form: str) -> Any:
    """A lone variable as an array, which a GeoTIFF or a picture can have several maps of."""
    if form == "netcdf" or len(grid.data_vars) != 1:
        return grid
    (name,) = grid.data_vars
    return grid[name]


def _cells(grid: xr.Dataset) -> Any:
    """A map as points with its variables; cells without any value are left out."""
    import geopandas  # noqa: PLC0415 - only where it is used

    x, y = dimension(grid, Axis.X), dimension(grid, Axis.Y)
    flat = grid.squeeze(drop=True)
    extra: list[Hashable] = [name for name in flat.dims if name not in (x, y)]
    if extra:
        raise FormatError(f"GeoJSON holds one map, and this has several along {extra}; pick one with subset, or f=json")
    flat = flat.expand_dims([name for name in (y, x) if name not in flat.dims and name is not None])
    if x not in flat.coords or y not in flat.coords:
        flat = flat.assign_coords({x: grid[x], y: grid[y]})
    frame = flat.reset_coords(drop=True).to_dataframe().dropna(how="all").reset_index()
    points = geopandas.points_from_xy(frame.pop(str(x)), frame.pop(str(y)), crs=crs_of(grid))
    return geopandas.GeoDataFrame(frame, geometry=points)
