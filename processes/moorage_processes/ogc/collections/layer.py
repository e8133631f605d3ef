"""Features, or a table, as a layer: what a file holds, and columns of it. GDAL reads them where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from moorage.formats.crs import known

from moorage_processes.data.datasets import Dataset, DatasetUnavailableError
from moorage_processes.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

WORLD = (-180.0, -90.0, 180.0, 90.0)
CSV = {"AUTODETECT_TYPE": "YES", "EMPTY_STRING_AS_NULL": "YES"}


@dataclass(frozen=True)
class Layer:
    """What a file of features, or a table, holds; made once for each state of the file."""

    fields: Mapping[str, Mapping[str, str]]
    """Columns as JSON Schema tells them."""
    count: int
    bbox: tuple[float, float, float, float] | None
    """In longitude and latitude; None for a table, and where there is no feature."""
    crs: str | None
    time_field: str | None
    dates: tuple[datetime, datetime] | None
    """First and last."""
    is_random: bool
    """Whether single features can be read without those before them."""
    geometry: str = ""
    """Kind of geometry as GDAL calls it; empty for a table."""


def describe(entry: Dataset) -> Layer:
    """What a dataset holds; :class:`DatasetUnavailableError` where it does not open."""
    import pyogrio  # noqa: PLC0415 - slow, and only where there are features

    try:
        options = _options(entry)
        info = pyogrio.read_info(entry.path, force_feature_count=True, force_total_bounds=True, **options)
        fields = {str(name): _field(kind) for name, kind in zip(info["fields"], info["dtypes"], strict=True)}
        time_field = _time_field(entry, fields)
        return Layer(
            fields=fields,
            count=int(info["features"]),
            bbox=_bbox(info["total_bounds"], info["crs"] or entry.crs),
            crs=info["crs"] or entry.crs,
            time_field=time_field,
            dates=None if time_field is None else _dates(read_columns(entry, [time_field])[time_field]),
            is_random=bool(info["capabilities"]["random_read"]),
            geometry=str(info["geometry_type"] or ""),
        )
    except InputError:
        raise
    except Exception as error:  # libraries meet a broken file with RuntimeError, ValueError and more
        raise DatasetUnavailableError(entry, error) from error


# What there is


def _options(entry: Dataset) -> dict[str, Any]:
    return {**(CSV if entry.path.lower().endswith(".csv") else {}), **entry.options}


def _field(kind: str) -> dict[str, str]:
    """A column as JSON Schema tells it."""
    if kind.startswith("datetime64"):
        return {"type": "string", "format": "date" if kind == "datetime64[D]" else "date-time"}
    if kind == "bool":
        return {"type": "boolean"}
    if kind.startswith("list"):
        return {"type": "array"}
    return {"type": "integer" if "int" in kind else "number" if "float" in kind else "string"}


def _time_field(entry: Dataset, fields: Mapping[str, Mapping[str, str]]) -> str | None:
    """The column that tells when: the one stated, or the only one with dates."""
    if entry.time_field is not None:
        if entry.time_field not in fields:
            raise DatasetUnavailableError(entry, f"there is no column {entry.time_field!r} in it")
        return entry.time_field
    dated = [name for name, each in fields.items() if each.get("format") in ("date", "date-time")]
    return dated[0] if len(dated) == 1 else None


def _bbox(bounds: Any, crs: str | None) -> tuple[float, float, float, float] | None:
    if bounds is None or not np.isfinite(bounds).all():
        return None
    west, south, east, north = (float(number) for number in bounds)
    if crs is not None and not is_lonlat(crs):
        from pyproj import Transformer  # noqa: PLC0415 - only where something is to be transformed

        moved = Transformer.from_crs(crs, "OGC:CRS84", always_xy=True).transform_bounds(west, south, east, north)
        if not np.isfinite(moved).all():
            return WORLD
        west, south, east, north = (round(float(number), 6) for number in moved)
    return west, south, east, north


def is_lonlat(crs: str | None) -> bool:
    """Whether a CRS is longitude and latitude on WGS 84, as is one that nobody states."""
    from pyproj import CRS  # noqa: PLC0415 - only where it is asked for

    return crs is None or known(crs).equals(CRS("OGC:CRS84"), ignore_axis_order=True)


def _dates(column: pd.Series[Any]) -> tuple[datetime, datetime] | None:
    times = moments(column)
    times = times[~np.isnat(times)]
    if not len(times):
        return None
    first, last = (each.astype("datetime64[us]").item().replace(tzinfo=UTC) for each in (times.min(), times.max()))
    return first, last


def moments(column: pd.Series[Any]) -> NDArray[np.datetime64]:
    """A column of dates as numpy has them, in UTC."""
    import pandas as pd  # noqa: PLC0415 - slow, and only where there are features

    times = pd.to_datetime(column, utc=True, errors="coerce", format=None if column.dtype.kind == "M" else "ISO8601")
    moments: NDArray[np.datetime64] = times.dt.tz_localize(None).to_numpy()
    return moments


def read_columns(entry: Dataset, columns: Sequence[str] | None, *, geometry: bool = False, **options: Any) -> Any:
    """Columns of the features, by the numbers GDAL knows them by."""
    import pyogrio.errors  # noqa: PLC0415 - slow, and only where there are features

    wanted = None if columns is None else list(columns)
    options = {**_options(entry), **options}
    try:
        return pyogrio.read_dataframe(entry.path, columns=wanted, read_geometry=geometry, fid_as_index=True, **options)
    except pyogrio.errors.FeatureError:
        raise
    except Exception as error:  # the file may have changed since it was described
        raise DatasetUnavailableError(entry, error) from error
