"""Many features of GeoJSON, read several times as fast as by GDAL: polygons and points as arrays."""

from __future__ import annotations

import gc
import json
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import geopandas as gpd

LARGE, LARGEST = 5_000_000, 150_000_000
"""Bytes from which on the difference is felt, and up to which the text fits into memory as Python has it."""
LONLAT = ("urn:ogc:def:crs:OGC:1.3:CRS84", "OGC:CRS84", "EPSG:4326", "urn:ogc:def:crs:EPSG::4326")
POLYGONS = frozenset({"Polygon", "MultiPolygon"})


def read_polygons(path: Path) -> gpd.GeoDataFrame | None:
    """The polygons of a large file of GeoJSON; None where it is small, has other shapes, or states another CRS."""
    if not LARGE <= path.stat().st_size <= LARGEST:
        return None
    document = _parsed(path)
    features = document.get("features") if isinstance(document, dict) else None
    if not features or not _is_lonlat(document.get("crs")):
        return None
    geometries = [each.get("geometry") or {} for each in features]
    if {each.get("type") for each in geometries} - POLYGONS:
        return None
    try:
        return _frame(features, geometries)
    except (TypeError, ValueError, KeyError):
        return None  # positions of several lengths, and what is broken, are GDAL's


def _parsed(path: Path) -> Any:
    """What the file says."""
    # millions of small lists, none of which is garbage
    gc.disable()
    try:
        return json.loads(path.read_bytes())
    finally:
        gc.enable()


def _is_lonlat(crs: Any) -> bool:
    """Whether an old member ``crs`` says what is the rule anyway."""
    return crs is None or (crs.get("properties") or {}).get("name") in LONLAT


def _frame(features: list[Any], geometries: list[Any]) -> gpd.GeoDataFrame:
    import geopandas as gpd  # noqa: PLC0415 - slow, and only where there are features
    import pandas as pd  # noqa: PLC0415 - the same
    import shapely  # noqa: PLC0415 - the same

    several = [each["coordinates"] if each["type"] == "MultiPolygon" else [each["coordinates"]] for each in geometries]
    polygons = list(chain.from_iterable(several))
    rings = list(chain.from_iterable(polygons))
    count = sum(map(len, rings))
    numbers = np.fromiter(chain.from_iterable(chain.from_iterable(rings)), "float64").reshape(count, -1)[:, :2]
    offsets = tuple(_offsets(each) for each in (rings, polygons, several))
    shapes = shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, numbers, offsets)
    is_one = np.array([each["type"] == "Polygon" for each in geometries])
    shapes[is_one] = shapely.get_geometry(shapes[is_one], 0)
    table = pd.DataFrame.from_records([each.get("properties") or {} for each in features])
    return gpd.GeoDataFrame(table, geometry=shapes, crs="OGC:CRS84")


def _offsets(parts: list[Any]) -> Any:
    return np.concatenate([[0], np.cumsum([len(each) for each in parts])])
