"""What a value looks like in a file: which types there are, and in which formats each is written and read.

One table for both sides of a call, so what one writes the other reads. The libraries behind a format are
imported when it is first used.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Kind(StrEnum):
    """The families of values that travel."""

    VALUE = "value"  # numbers, text, dates, lists, records: JSON
    BBOX = "bbox"  # a bounding box
    BYTES = "bytes"  # encoded content that the method reads itself
    GEOMETRY = "geometry"  # one shapely geometry
    FEATURES = "features"  # geometries with attributes
    GRID = "grid"  # arrays with coordinates
    ARRAY = "array"  # numbers in rows, without coordinates
    TABLE = "table"  # rows and columns
    FIGURE = "figure"  # a drawing, for looking at


KINDS: dict[str, Kind] = {
    "xarray.DataArray": Kind.GRID,
    "xarray.Dataset": Kind.GRID,
    "geopandas.GeoDataFrame": Kind.FEATURES,
    "pandas.DataFrame": Kind.TABLE,
    "moorage.BBox": Kind.BBOX,
    "numpy.ndarray": Kind.ARRAY,
    "matplotlib.figure.Figure": Kind.FIGURE,
    "builtins.bytes": Kind.BYTES,
    "pathlib.Path": Kind.BYTES,  # it travels as its content
}
"""Type name, as :func:`type_name` gives it, to kind; geometries and plain values are told by rule."""


@dataclass(frozen=True)
class Format:
    """One way to write a kind of value into a file."""

    name: str
    """Short name, as in ``format="netcdf"``."""
    media_type: str
    suffix: str
    kind: Kind
    module: str
    """The module of this package with ``read_<name>(path, type_name)`` and ``write_<name>(value, path)``."""
    magic: tuple[bytes, ...] = ()
    """First bytes by which a file of this format is known."""
    readable: bool = True
    aliases: tuple[str, ...] = ()
    """Other names and media types in use for it."""

    @property
    def names(self) -> frozenset[str]:
        """Everything this format answers to, in lower case."""
        bare = self.media_type.partition(";")[0]
        return frozenset({self.name, self.media_type, bare, self.suffix.lstrip("."), *self.aliases})


class FormatError(ValueError):
    """A file that is broken or holds something else, or a value that a format cannot hold.

    The message is a sentence for the person who sent the file or asked for the format.
    """


FORMATS: tuple[Format, ...] = (
    Format(
        "netcdf",
        "application/x-netcdf",
        ".nc",
        Kind.GRID,
        "grids",
        magic=(b"\x89HDF\r\n\x1a\n", b"CDF\x01", b"CDF\x02", b"CDF\x05"),
        aliases=("application/netcdf", "application/x-netcdf4", "application/x-hdf5", "netcdf4"),
    ),
    Format(
        "geotiff",
        "image/tiff; application=geotiff",
        ".tif",
        Kind.GRID,
        "rasters",
        magic=(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        aliases=("cog", "tiff", "image/geotiff"),
    ),
    Format("png", "image/png", ".png", Kind.GRID, "pictures", magic=(b"\x89PNG\r\n\x1a\n",), readable=False),
    Format(
        "geojson",
        "application/geo+json",
        ".geojson",
        Kind.FEATURES,
        "features",
        aliases=("application/vnd.geo+json", "application/json"),
    ),
    Format(
        "geopackage",
        "application/geopackage+sqlite3",
        ".gpkg",
        Kind.FEATURES,
        "features",
        magic=(b"SQLite format 3\0",),
        aliases=("application/geopackage+vnd.sqlite3", "application/x-sqlite3"),
    ),
    Format(
        "geometry",
        "application/geo+json",
        ".geojson",
        Kind.GEOMETRY,
        "features",
        aliases=("application/vnd.geo+json", "application/json"),
    ),
    Format("csv", "text/csv", ".csv", Kind.TABLE, "tables"),
    Format("records", "application/json", ".json", Kind.TABLE, "tables"),
    Format("npy", "application/x-npy", ".npy", Kind.ARRAY, "arrays", magic=(b"\x93NUMPY",)),
    Format("numbers", "application/json", ".json", Kind.ARRAY, "arrays"),
    Format(
        "figure_png",
        "image/png",
        ".png",
        Kind.FIGURE,
        "figures",
        magic=(b"\x89PNG\r\n\x1a\n",),
        readable=False,
        aliases=("png",),
    ),
    Format(
        "figure_svg",
        "image/svg+xml",
        ".svg",
        Kind.FIGURE,
        "figures",
        magic=(b"<?xml", b"<svg"),
        readable=False,
        aliases=("svg",),
    ),
)
"""The first format of a kind is its default."""

_TOP_PACKAGES = frozenset({"xarray", "geopandas", "pandas", "shapely", "moorage", "numpy", "pathlib"})
_GEOMETRIES = frozenset(
    {
        "Geometry",
        "BaseGeometry",
        "BaseMultipartGeometry",
        "Point",
        "LineString",
        "LinearRing",
        "Polygon",
        "MultiPoint",
        "MultiLineString",
        "MultiPolygon",
        "GeometryCollection",
    }
)


def type_name(annotation: type) -> str:
    """The name of a type in formats and descriptions, such as ``xarray.DataArray`` or ``builtins.int``.

    Types of the field go by the package people import them from, wherever they are defined inside it.
    """
    module = annotation.__module__
    top = module.partition(".")[0]
    return f"{top if top in _TOP_PACKAGES else module}.{annotation.__qualname__}"


def kind_of(name: str) -> Kind:
    """The kind of a type, by its name; a plain value when nothing else is known about it."""
    package, _, short = name.partition(".")
    if package == "shapely" and short in _GEOMETRIES:
        return Kind.GEOMETRY
    return KINDS.get(name, Kind.VALUE)


def formats_of(kind: Kind, *, writable: bool) -> tuple[Format, ...]:
    """The formats a kind can be written to (*writable*) or read from, its default first."""
    return tuple(fmt for fmt in FORMATS if fmt.kind is kind and (writable or fmt.readable))


def find(kind: Kind, wanted: str) -> Format:
    """The format of *kind* with this short name or media type.

    Parameters of a media type are looked at only where the whole of it is known, and ignored otherwise.

    Raises
    ------
    FormatError
        If *kind* has no such format; the message names those it has.
    """
    candidates = formats_of(kind, writable=True)
    full = ";".join(part.strip() for part in wanted.lower().split(";"))
    for key in (full, full.partition(";")[0]):
        for fmt in candidates:
            if key in {name.replace("; ", ";") for name in fmt.names}:
                return fmt
    known = ", ".join(f"{fmt.name} ({fmt.media_type})" for fmt in candidates) or "none: it travels as JSON"
    raise FormatError(f"there is no format {wanted!r} for a {kind}; the formats are {known}")


def sniff(head: bytes, kind: Kind) -> Format | None:
    """The format of *kind* that begins with these bytes, or None; a few hundred bytes are enough.

    Text is told by its first sign: an object or a list is JSON, other readable text can only be a table.
    """
    candidates = formats_of(kind, writable=True)
    for fmt in candidates:
        if head.startswith(fmt.magic):
            return fmt
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text or b"\0" in text:
        return None
    is_json = text[:1] in (b"{", b"[")
    return next((fmt for fmt in candidates if not fmt.magic and fmt.suffix.endswith("json") is is_json), None)


def write(value: object, path: Path, fmt: Format) -> None:
    """Write *value* to the file *path*.

    Raises
    ------
    FormatError
        If the format cannot hold this value, with what would be right.
    """
    _function(fmt, "write")(value, path)


def read(path: Path, fmt: Format, type_name: str) -> Any:
    """The value in the file *path* as a *type_name*, wholly in memory; the file may be removed afterwards.

    Raises
    ------
    FormatError
        If the file is broken, or holds something that is no *type_name*.
    """
    if not fmt.readable:
        raise FormatError(f"{fmt.name} is for looking at; data cannot be read from it")
    reader = _function(fmt, "read")
    try:
        return reader(path, type_name)
    except (FormatError, ImportError, MemoryError, FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # libraries meet a broken file with OSError, KeyError, RuntimeError and more
        raise FormatError(f"the content is no {fmt.name} file, or a broken one ({fmt.media_type})") from error


def _function(fmt: Format, verb: str) -> Callable[..., Any]:
    """The function that reads or writes *fmt*; its libraries are imported here."""
    try:
        module = import_module(f"moorage.formats.{fmt.module}")
    except ModuleNotFoundError as error:
        raise ImportError(
            f'{fmt.name} needs {error.name}, which is not installed: pip install "moorage[data]"'
        ) from error
    function: Callable[..., Any] = getattr(module, f"{verb}_{fmt.name}")
    return function
