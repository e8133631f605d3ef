"""Features as GeoJSON and GeoPackage, and single geometries as GeoJSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pandas.api.types import is_datetime64_any_dtype
from pyproj import CRS

from moorage.formats import FormatError, antimeridian
from moorage.formats.crs import known
from moorage.formats.geopackages import check_contents
from moorage.formats.rows import cells, dated, flat
from moorage.formats.unpacked import check_unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LONLAT = "OGC:CRS84"
GEOJSON_GROWTH, GEOPACKAGE_GROWTH = 6, 2
"""Bytes of memory for one of a file, at least: measured with points and polygons, 6.4 to 7.8 and 2.4 to 2.6."""
PASSED_ON = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "float32", "float64")
"""Types of columns that a GeoPackage holds as they are."""
PIECES = 64
"""Into how many pieces an edge is cut to see which way round the Earth it goes."""


def write_geojson(value: object, path: Path) -> None:
    """Write features as GeoJSON (RFC 7946): longitude and latitude on WGS 84, every digit kept.

    Features in another CRS are transformed; those that state none must lie within degrees. Shapes across
    180 degrees are cut there. Missing numbers are null, dates ISO 8601.
    """
    frame = _frame(value)
    shapes = geojson_texts(lonlat(frame.geometry))
    table = flat(pd.DataFrame(frame.drop(columns=frame.geometry.name)))
    columns = [cells(table[name]) for name in table.columns]
    rows = zip(*columns, strict=True) if columns else ([()] * len(frame))
    with path.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for number, (shape, row) in enumerate(zip(shapes, rows, strict=True)):
            properties = json.dumps(dict(zip(table.columns, row, strict=True)), ensure_ascii=False, allow_nan=False)
            file.write("," if number else "")
            file.write(f'\n{{"type": "Feature", "properties": {properties}, "geometry": {shape}}}')
        file.write("\n]}\n")


def read_geojson(path: Path, type_name: str) -> gpd.GeoDataFrame:  # noqa: ARG001 - one type only
    """The features of a GeoJSON file, in longitude and latitude, or in the CRS that older files name.

    A single feature or geometry is a table of one row. ISO dates become times.
    """
    check_unpacked(path.stat().st_size * GEOJSON_GROWTH)
    document = _object(path)
    features = _features(document)
    table = dated(pd.DataFrame([feature.get("properties") or {} for feature in features], index=range(len(features))))
    if "id" not in table.columns and features and all("id" in feature for feature in features):
        table.insert(0, "id", [feature["id"] for feature in features])
    shapes = [_shape(feature.get("geometry")) for feature in features]
    stated = document.get("crs") or {}
    named = (stated.get("properties") or {}).get("name")
    if stated and named is None:
        raise FormatError("the member 'crs' has no name, and links are not followed; give longitude and latitude")
    return gpd.GeoDataFrame(table, geometry=shapes, crs=known(_usual(named)))


def write_geopackage(value: object, path: Path) -> None:
    """Write features as the only layer of a GeoPackage, in their own CRS."""
    frame = _frame(value)
    geometry = frame.geometry.name
    table = flat(pd.DataFrame(frame.drop(columns=geometry)))
    for name in table.columns:
        table[name] = _storable(table[name])
    table[geometry] = np.asarray(frame.geometry)
    whole = gpd.GeoDataFrame(table, geometry=geometry, crs=frame.crs)
    taken = {name.lower() for name in table.columns}
    options = {"GEOMETRY_NAME": geometry, "FID": "fid" if "fid" not in taken else "feature_id"}
    whole.to_file(
        path, driver="GPKG", layer="features", engine="pyogrio", layer_options=options, promote_to_multi=False
    )


def read_geopackage(path: Path, type_name: str) -> gpd.GeoDataFrame:  # noqa: ARG001 - one type only
    """The features in the first layer of a GeoPackage."""
    check_contents(path)
    check_unpacked(path.stat().st_size * GEOPACKAGE_GROWTH)
    frame = gpd.read_file(path, engine="pyogrio")
    if not isinstance(frame, gpd.GeoDataFrame):
        raise FormatError("the GeoPackage holds a table without geometries")
    if frame.crs is not None:
        known(frame.crs)
    return frame


def write_geometry(value: object, path: Path) -> None:
    """Write one geometry, in longitude and latitude, as GeoJSON."""
    if not isinstance(value, shapely.Geometry):
        raise FormatError(f"a geometry is one of shapely's, not a {type(value).__name__}")
    (text,) = geojson_texts(np.array([value], dtype=object))
    path.write_text(text, encoding="utf-8")


def read_geometry(path: Path, type_name: str) -> Any:
    """The geometry in a GeoJSON file that holds one, be it the geometry itself or the only feature."""
    features = _features(_object(path))
    if len(features) != 1:
        raise FormatError(f"one geometry is wanted and the GeoJSON holds {len(features)}")
    geometry = _shape(features[0].get("geometry"))
    wanted = type_name.rpartition(".")[2]
    if not isinstance(geometry, getattr(shapely, wanted, shapely.Geometry)):
        raise FormatError(f"a {wanted} is wanted and the GeoJSON holds a {getattr(geometry, 'geom_type', 'null')}")
    return geometry


# Writing


def _frame(value: object) -> gpd.GeoDataFrame:
    if not isinstance(value, gpd.GeoDataFrame):
        raise FormatError(f"features are a geopandas GeoDataFrame, not a {type(value).__name__}")
    if value.active_geometry_name is None:
        raise FormatError("the features have no geometries; name their column with .set_geometry(...)")
    return value


def lonlat(shapes: gpd.GeoSeries) -> Any:
    """The geometries in longitude and latitude, cut at 180 degrees."""
    moved = np.asarray(shapes)
    if shapes.crs is None:
        west, south, east, north = shapes.total_bounds
        if not (np.isnan(west) or (west >= -180 and east <= 360 and south >= -90 and north <= 90)):  # noqa: PLR2004
            raise FormatError(
                "GeoJSON is in longitude and latitude, and these features state no coordinate reference system; "
                "give them one with .set_crs('EPSG:...')"
            )
    elif not shapes.crs.equals(CRS(LONLAT), ignore_axis_order=True):
        moved = _transformed(shapes)
    return np.array([antimeridian.folded(shape) for shape in moved], dtype=object)


def _transformed(shapes: gpd.GeoSeries) -> Any:
    """The geometries in longitude and latitude; edges that cross 180 degrees go on beyond it."""
    moved = np.array(shapes.to_crs(LONLAT))
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise FormatError("some of the features lie where their coordinate reference system is not defined")
    # An edge that seems to go most of the way round the Earth either does, or crosses 180 degrees: its points tell.
    (doubtful,) = antimeridian.leaping(moved).nonzero()
    if len(doubtful):
        box = shapely.bounds(np.asarray(shapes)[doubtful])
        step = np.maximum(box[:, 2:] - box[:, :2], 1e-9).max(axis=1) / PIECES
        fine = shapely.segmentize(np.asarray(shapes)[doubtful], step)
        fine = np.asarray(gpd.GeoSeries(fine, crs=shapes.crs).to_crs(LONLAT))
        for number in antimeridian.leaping(fine).nonzero()[0]:
            moved[doubtful[number]] = antimeridian.unrolled(fine[number])
    return moved


def _storable(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column in a type a GeoPackage has; what is nested is written as JSON."""
    if column.dtype in PASSED_ON or isinstance(column.dtype, pd.StringDtype) or is_datetime64_any_dtype(column.dtype):
        return column
    simple = pd.Series(cells(column))
    if simple.dtype in PASSED_ON:
        return simple
    return simple.map(lambda cell: cell if cell is None or isinstance(cell, str) else json.dumps(cell))


def geojson_texts(shapes: Any) -> list[str]:
    """GeoJSON of each geometry; rings of areas counter-clockwise, those of holes clockwise."""
    return [text or "null" for text in shapely.to_geojson(shapely.orient_polygons(shapes))]


# Reading


def _object(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_bytes())
    if not isinstance(document, dict) or "type" not in document:
        raise FormatError("GeoJSON is an object with a 'type'")
    return document


def _features(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The features of any GeoJSON object."""
    if document["type"] == "FeatureCollection":
        features: Sequence[Mapping[str, Any]] = document["features"]
        return features
    return [document if document["type"] == "Feature" else {"geometry": document}]


def _usual(crs: Any) -> Any:
    """EPSG:4326 for the one that GeoJSON has: geopandas takes both for x, y and warns where they meet."""
    return "EPSG:4326" if crs is None or str(crs).endswith("CRS84") else crs


def _shape(geometry: Mapping[str, Any] | None) -> Any:
    return None if geometry is None else shapely.geometry.shape(dict(geometry))
