"""Files that name other files and addresses, made by code: whoever reads them must open nothing else."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import geopandas
import h5py
import numpy as np
import rasterio
import shapely
import xarray as xr
from moorage.formats.features import write_geopackage
from support.hostile_texts import MARK, OLD, Bait, definitions, hostile_texts

NETCDF, GEOTIFF = "application/x-netcdf", "image/tiff; application=geotiff"
GEOPACKAGE, GEOJSON = "application/geopackage+sqlite3", "application/geo+json"
TELLING = ("path", "url", "init", "nadgrids", "bound", "extension")
"""Hostile texts of each kind."""


@dataclass(frozen=True)
class HostileFile:
    """A file and how it is sent."""

    name: str
    media_type: str
    content: bytes
    is_refused: bool = True
    """Whether it cannot be read without what it names; one that can is read, and what it names is not."""


def hostile_grids(bait: Bait, folder: Path, *, has_time: bool) -> list[HostileFile]:
    """Grids, as they come to a method."""
    plain = plain_grid(has_time=has_time)
    return [*_netcdf(plain, bait), *_hdf5(plain, bait, folder), *_geotiff(bait, folder), *_virtual(bait)]


def hostile_stores(bait: Bait, folder: Path) -> Iterator[str]:
    """Zarr stores in *folder*, by name; their attributes can be mappings."""
    path, base = bait.file("zarr.wkt"), _base(has_time=True)
    mappings = {
        "path": {"crs_wkt": path},
        "curl": {"spatial_ref": f"/vsicurl/{bait.url('zarr')}"},
        "parameters": {"spatial_ref": {"proj": "longlat", "ellps": "clrk66", "nadgrids": path}},
        "init": {"crs_wkt": {"init": f"{path}:zz"}},
        "projjson": {"crs_wkt": json.loads(definitions(bait)["projjson"])},
    }
    for name, attrs in mappings.items():
        base.assign(crs=((), 0, attrs)).to_zarr(folder / f"{name}.zarr", zarr_format=2, consolidated=True)
        yield f"{name}.zarr"


def hostile_features(bait: Bait, folder: Path) -> list[HostileFile]:
    """Features, as they come to a method."""
    return [*_geojson(bait), *_geopackage(bait, folder), *_virtual_features(bait)]


# Grids


def _base(*, has_time: bool) -> xr.Dataset:
    """A small grid of points in degrees, with a grid mapping that says nothing yet."""
    lat, lon = np.arange(46.0, 52), np.arange(5.0, 13)
    values = np.random.default_rng(1).normal(280, 9, (24, lat.size, lon.size)).astype("f4")
    coords = {
        "time": ("time", np.arange(24.0), {"units": "days since 2001-01-01", "calendar": "standard"}),
        "lat": ("lat", lat, {"units": "degrees_north"}),
        "lon": ("lon", lon, {"units": "degrees_east"}),
    }
    tas = ("time", "lat", "lon"), values, {"units": "K", "grid_mapping": "crs"}
    grid = xr.Dataset({"tas": tas, "crs": ((), 0)}, coords)
    return grid if has_time else grid.isel(time=0, drop=True)


@cache
def plain_grid(*, has_time: bool) -> bytes:
    """A grid in which nothing is wrong."""
    grid = _base(has_time=has_time)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "grid.nc"
        grid.to_netcdf(path, engine="h5netcdf", encoding={name: {"_FillValue": None} for name in grid.variables})
        return path.read_bytes()


def _with(plain: bytes, attributes: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The grid with other attributes, by variable; ``/`` has those of the file."""
    content = BytesIO(plain)
    with h5py.File(content, "r+") as file:
        for name, attrs in attributes.items():
            file[name].attrs.update(attrs)
    return content.getvalue()


def _netcdf(plain: bytes, bait: Bait) -> Iterator[HostileFile]:
    for name, attributes in _systems(bait):
        yield HostileFile(name, NETCDF, _with(plain, attributes))
    for name, attributes in _words(bait):
        with h5py.File(BytesIO(plain)) as file:
            is_there = all(each in file for each in attributes)
        if is_there:
            yield HostileFile(name, NETCDF, _with(plain, attributes), is_refused=False)


def _systems(bait: Bait) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    """Wherever a grid can state its CRS."""
    texts = hostile_texts(bait)
    for name, text in texts.items():
        yield f"crs_wkt-{name}", {"crs": {"crs_wkt": text}}
    for name in TELLING:
        yield f"spatial_ref-{name}", {"crs": {"spatial_ref": texts[name]}}
        yield f"attribute-{name}", {"tas": {"grid_mapping": "none", "crs": texts[name]}}
        yield f"attribute-of-file-{name}", {"tas": {"grid_mapping": "none"}, "/": {"crs": texts[name]}}
    init = f"+init={bait.file('cf-init')}:zz"
    for key in ("geographic_crs_name", "horizontal_datum_name", "reference_ellipsoid_name", "prime_meridian_name"):
        yield key, {"crs": {"grid_mapping_name": "latitude_longitude", "semi_major_axis": 6.4e6, key: init}}


def _words(bait: Bait) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    """Attributes of CF and of others that name variables, files or people, and that nobody may open."""
    path, url = bait.file("words"), bait.url("words")
    yield "external-variables", {"/": {"external_variables": path, "references": url, "source": path}}
    for key in ("grid_mapping", "ancillary_variables", "standard_name", "long_name", "cell_methods", "units"):
        yield key, {"tas": {key: path}}
    yield "cell-measures", {"tas": {"cell_measures": f"area: {path}"}}
    yield "coordinates", {"tas": {"coordinates": f"{path} {url}"}}
    yield "units-of-axis", {"lat": {"units": url, "bounds": path, "formula_terms": f"a: {path}"}}
    yield "units-of-time", {"time": {"units": f"days since {path}"}}
    yield "calendar", {"time": {"calendar": path}}


def _hdf5(plain: bytes, bait: Bait, folder: Path) -> Iterator[HostileFile]:
    """Links of HDF5 to other files."""
    shape = 6, 8
    other = folder / f"{MARK}-other.h5"
    with h5py.File(other, "w") as file:
        file["v"] = np.zeros(shape, "f4")
    raw = bait.file("raw")

    def external(file: h5py.File) -> None:
        file["tas2"] = h5py.ExternalLink(str(other), "/v")

    def soft(file: h5py.File) -> None:
        file["a"] = h5py.SoftLink("/z/v")  # sorted before the link that it goes through
        file["z"] = h5py.ExternalLink(str(other), "/")

    def deep(file: h5py.File) -> None:
        file.create_group("g/h")["link"] = h5py.ExternalLink(str(other), "/v")

    def storage(file: h5py.File) -> None:
        file.create_dataset("tas2", shape, "f4", external=[(raw, 0, h5py.h5f.UNLIMITED)])

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout(shape, "f4")
        layout[...] = h5py.VirtualSource(str(other), "v", shape)
        file.create_virtual_dataset("tas2", layout)

    for change in (external, soft, deep, storage, virtual):
        content = BytesIO(plain)
        with h5py.File(content, "r+") as file:
            change(file)
        yield HostileFile(f"hdf5-{change.__name__}", NETCDF, content.getvalue())


def _geotiff(bait: Bait, folder: Path) -> Iterator[HostileFile]:
    path = bait.file("tiff.wkt")
    yield HostileFile("tiff-crs-tag", GEOTIFF, _tiff(folder, tags={"crs": path}))
    yield HostileFile("tiff-crs-tag-url", GEOTIFF, _tiff(folder, tags={"crs": bait.url("tiff")}))
    texts = definitions(bait)
    for name in ("datum-grids", "extension", "bound", "derived-pipeline", "derived-file"):
        yield HostileFile(f"tiff-{name}", GEOTIFF, _tiff(folder, crs=texts[name]), is_refused=False)
    yield HostileFile("tiff-citation", GEOTIFF, _cited(bait, folder), is_refused=False)
    items = {
        "OVERVIEWS": "OVERVIEW_FILE",
        "GEOLOCATION": "X_DATASET",
        "SUBDATASETS": "SUBDATASET_1_NAME",
        "xml:VRT": "x",
    }
    for domain, item in items.items():
        tiff = _tiff(folder, crs="EPSG:4326", domain=domain, tags={item: path})
        yield HostileFile(f"tiff-{domain}", GEOTIFF, tiff, is_refused=False)


def _tiff(folder: Path, *, crs: str = "", tags: Mapping[str, str] | None = None, domain: str | None = None) -> bytes:
    path = folder / "grid.tif"
    path.unlink(missing_ok=True)
    options = {"driver": "GTiff", "width": 8, "height": 6, "count": 1, "dtype": "float32", "nodata": -9.0}
    place = rasterio.Affine(1, 0, 5, 0, -1, 52)
    shown = rasterio.crs.CRS.from_wkt(crs) if "[" in crs else crs or None
    with rasterio.open(path, "w", **options, transform=place, crs=shown) as file:
        file.write(np.arange(48, dtype="f4").reshape(1, 6, 8))
        file.update_tags(ns=domain, **(tags or {}))
    for sibling in folder.glob("grid.tif.*"):
        sibling.unlink()
    return path.read_bytes()


def _cited(bait: Bait, folder: Path) -> bytes:
    """A GeoTIFF with a definition of ESRI's, which GDAL reads, in place of the name of its CRS."""
    projection = 'PROJECTION["Mercator_1SP"],PARAMETER["scale_factor",1],UNIT["metre",1]'
    extension = f',EXTENSION["PROJ4","+proj=merc +ellps=WGS84 +nadgrids={bait.file("citation")}"]]'
    cited = f'ESRI PE String = PROJCS["x",{OLD},{projection}{extension}'
    name = "X" * len(cited)
    return _tiff(folder, crs=f'PROJCS["{name}",{OLD},{projection}]').replace(name.encode(), cited.encode(), 1)


def _virtual(bait: Bait) -> Iterator[HostileFile]:
    """Content that is read only by following it, under the names of other formats."""
    raster = (
        '<VRTDataset rasterXSize="8" rasterYSize="6"><VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
        '<SourceFilename relativeToVRT="0">{}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>'
    )
    references = json.dumps(
        {"version": 1, "refs": {".zgroup": '{"zarr_format": 2}', "tas/0.0": [bait.url("kerchunk"), 0, 9]}}
    )
    for name, text in (("vrt", raster.format(bait.file("vrt"))), ("vrt-url", raster.format(bait.url("vrt"))),
                       ("kerchunk", references), ("ncml", f'<netcdf location="{bait.file("ncml")}"/>'),
                       ("path", bait.file("content")), ("url", bait.url("content"))):  # fmt: skip
        yield HostileFile(f"{name}-as-tiff", GEOTIFF, text.encode())
        yield HostileFile(f"{name}-as-netcdf", NETCDF, text.encode())


# Features


def _geojson(bait: Bait) -> Iterator[HostileFile]:
    shape = {"type": "Point", "coordinates": [8.5, 49.5]}
    feature = {"type": "Feature", "properties": {"value": 1.0}, "geometry": shape}
    for name, text in hostile_texts(bait).items():
        crs = {"type": "name", "properties": {"name": text}}
        document = {"type": "FeatureCollection", "features": [feature] * 4, "crs": crs}
        yield HostileFile(f"geojson-{name}", GEOJSON, json.dumps(document).encode())
    linked = {"type": "link", "properties": {"href": bait.url("link"), "type": "esriwkt"}}
    document = {"type": "FeatureCollection", "features": [feature] * 4, "crs": linked}
    yield HostileFile("geojson-link", GEOJSON, json.dumps(document).encode())


def _geopackage(bait: Bait, folder: Path) -> Iterator[HostileFile]:
    path = folder / "features.gpkg"
    path.unlink(missing_ok=True)
    points = shapely.points(np.column_stack([np.linspace(6, 12, 9), np.linspace(47, 51, 9)]))
    write_geopackage(geopandas.GeoDataFrame({"value": np.arange(9.0)}, geometry=points, crs="EPSG:25832"), path)
    plain = path.read_bytes()
    texts = hostile_texts(bait)
    changes = {f"definition-{name}": _redefined(text, "definition") for name, text in texts.items()}
    changes |= {f"definition-2-{name}": _redefined(texts[name], "definition_12_063") for name in TELLING}
    for name, change in {**changes, **_programs(bait)}.items():
        yield HostileFile(f"gpkg-{name}", GEOPACKAGE, _changed(plain, change))


def _changed(plain: bytes, change: Callable[[sqlite3.Connection], Any]) -> bytes:
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(plain)
        change(database)
        database.commit()
        return database.serialize()


def _redefined(text: str, column: str) -> Callable[[sqlite3.Connection], Any]:
    def change(file: sqlite3.Connection) -> None:
        if column not in [row[1] for row in file.execute("PRAGMA table_info(gpkg_spatial_ref_sys)")]:
            file.execute(f"ALTER TABLE gpkg_spatial_ref_sys ADD COLUMN {column} TEXT NOT NULL DEFAULT 'undefined'")
        file.execute("UPDATE gpkg_spatial_ref_sys SET organization = 'x' WHERE srs_id = 25832")
        file.execute(f"UPDATE gpkg_spatial_ref_sys SET {column} = ? WHERE srs_id = 25832", (text,))  # noqa: S608 - ours

    return change


def _programs(bait: Bait) -> dict[str, Callable[[sqlite3.Connection], Any]]:
    """What else a database can do when it is opened or read."""

    def schema(sql: str, kind: str, name: str) -> Callable[[sqlite3.Connection], Any]:
        """Put what SQLite itself would refuse into the schema."""

        def change(file: sqlite3.Connection) -> None:
            file.execute("PRAGMA writable_schema = ON")
            file.execute("DELETE FROM sqlite_master WHERE name = ?", (name,))
            file.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, 0, ?)", (kind, name, name, sql))

        return change

    def view(file: sqlite3.Connection) -> None:
        file.execute("ALTER TABLE features RENAME TO hidden")
        pixel = f"GDAL_GetPixelValue('{bait.file('pixel')}', 1, 'georef', 0, 0)"
        file.execute(f"CREATE VIEW features AS SELECT fid, geometry, {pixel} AS value FROM hidden")  # noqa: S608 - ours

    def contents(file: sqlite3.Connection) -> None:
        file.execute("ALTER TABLE gpkg_contents RENAME TO hidden")
        file.execute("CREATE VIEW gpkg_contents AS SELECT * FROM hidden")

    path = bait.file("virtual")
    return {
        "view": view,
        "contents-view": contents,
        "virtual-ogr": schema(f"CREATE VIRTUAL TABLE features USING VirtualOGR('{path}', 0, 'x')", "table", "features"),
        "virtual-shape": schema(
            f"CREATE VIRTUAL TABLE features USING VirtualShape('{path}', CP1252, 25832)", "table", "features"
        ),
    }


def _virtual_features(bait: Bait) -> Iterator[HostileFile]:
    layer = '<OGRVRTLayer name="x"><SrcDataSource>CSV:{}</SrcDataSource></OGRVRTLayer>'
    vrt = f"<OGRVRTDataSource><!--{{}}-->{layer}</OGRVRTDataSource>"
    for name, source in (("path", bait.file("ogr.csv")), ("url", bait.url("ogr"))):
        head = vrt.index("{}")
        text = vrt.format("-" * (68 - head) + "GPKG", source)
        yield HostileFile(f"ogr-vrt-{name}-as-geopackage", GEOPACKAGE, text.encode())
        yield HostileFile(f"ogr-vrt-{name}-as-geojson", GEOJSON, text.encode())
