"""A coordinate reference system is read from text alone, and what is legal stays so."""

from __future__ import annotations

import json

import numpy as np
import pyproj
import pytest
import rasterio.crs
import rioxarray  # noqa: F401 - gives grids their .rio
import xarray as xr
from moorage.formats.crs import CrsError, known, settle
from support.hostile_texts import Bait, hostile_texts

WEB = rasterio.crs.CRS.from_epsg(3857)
ROTATED = {"grid_mapping_name": "rotated_latitude_longitude", "grid_north_pole_latitude": 39.25,
           "grid_north_pole_longitude": -162.0}  # fmt: skip
OLD_BRITISH = (
    'PROJCS["OSGB",GEOGCS["OSGB 1936",DATUM["OSGB_1936",SPHEROID["Airy 1830",6377563.396,299.3249646],'
    'TOWGS84[446.448,-125.157,542.06,0.15,0.247,0.842,-20.489]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],'
    'PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",49],PARAMETER["central_meridian",-2],'
    'PARAMETER["scale_factor",0.9996012717],PARAMETER["false_easting",400000],PARAMETER["false_northing",-100000],'
    'UNIT["metre",1]]'
)
LEGAL = [
    ("EPSG:25832", "ETRS89 / UTM zone 32N"),
    ("epsg:4326", "WGS 84"),
    (4326, "WGS 84"),
    (np.int32(4326), "WGS 84"),
    ("OGC:CRS84", "WGS 84 (CRS84)"),
    ("urn:ogc:def:crs:EPSG::25832", "ETRS89 / UTM zone 32N"),
    ("http://www.opengis.net/def/crs/EPSG/0/25832", "ETRS89 / UTM zone 32N"),
    ("https://www.opengis.net/def/crs/OGC/1.3/CRS84", "WGS 84 (CRS84)"),
    ("ESRI:54009", "World_Mollweide"),
    ("EPSG:4326+5773", "WGS 84 + EGM96 height"),
    ("WGS 84 / UTM zone 33N", "WGS 84 / UTM zone 33N"),
    ("+init=epsg:4326", "WGS 84"),
    ({"init": "epsg:4326"}, "WGS 84"),
    ("+proj=utm +zone=33 +datum=WGS84 +units=m +no_defs", "unknown"),
    ({"proj": "utm", "zone": 33}, "unknown"),
    ("+proj=longlat +ellps=clrk66 +nadgrids=@null", "unknown"),
    ("+proj=laea +lat_0=52 +lon_0=10 +ellps=GRS80 +towgs84=0,0,0,0,0,0,0", "unknown"),
    (WEB, "WGS 84 / Pseudo-Mercator"),
    (WEB.to_wkt(), "WGS 84 / Pseudo-Mercator"),
    (pyproj.CRS(5514).to_wkt("WKT1_ESRI"), "S-JTSK / Krovak East North"),
    (pyproj.CRS(7405).to_json_dict(), "OSGB36 / British National Grid + ODN height"),
    (pyproj.CRS.from_cf(ROTATED).to_wkt(), "undefined"),
    (pyproj.CRS("+proj=ob_tran +o_proj=longlat +o_lon_p=-162 +o_lat_p=39.25 +lon_0=180").to_wkt(), "unnamed"),
    (OLD_BRITISH, "OSGB"),
]
NOTES = ["Lambert, see the handbook", "WGS84 / none", "", "unknown"]


@pytest.fixture
def bait(tmp_path):
    return Bait(tmp_path, 9)


@pytest.mark.parametrize(("given", "name"), LEGAL, ids=[str(given)[:20] for given, _ in LEGAL])
def test_what_is_legal_is_known(given, name):
    assert known(given).name == name


def test_every_kind_of_the_registry_is_known_in_every_kind_of_wkt():
    for info in pyproj.database.query_crs_info(auth_name="EPSG")[::101]:
        crs = pyproj.CRS.from_authority(info.auth_name, info.code)
        for version in ("WKT2_2019", "WKT1_GDAL"):
            try:
                wkt = crs.to_wkt(version)
            except pyproj.exceptions.CRSError:
                continue
            assert wkt is None or known(wkt).type_name == pyproj.CRS.from_wkt(wkt).type_name


def test_what_names_a_file_or_an_address_is_refused_with_what_is_expected(bait):
    for name, text in hostile_texts(bait).items():
        with pytest.raises(CrsError, match=r"(is not known|none is opened); write it as EPSG:25832, as WKT") as refused:
            known(text)
        assert len(str(refused.value)) < 220, name


@pytest.mark.parametrize(
    "given", [None, b"EPSG:4326", 4326.5, [4326], "", "{", '{"type": 3}', "EPSG:", "moon", "x" * 200_000]
)
def test_what_is_no_crs_is_refused(given):
    with pytest.raises(CrsError, match="write it as EPSG:25832"):
        known(given)


def test_a_definition_without_places_is_refused():
    with pytest.raises(CrsError, match="states no places"):
        known('TIMECRS["x",TDATUM["d"],CS[TemporalDateTime,1],AXIS["t",future]]')


def grid(**attrs):
    coords = {"y": [1.0, 2.0], "x": [1.0, 2.0], "spatial_ref": ((), 0, attrs)}
    return xr.DataArray(np.zeros((2, 2)), coords, ("y", "x"))


def test_a_grid_keeps_the_wkt_that_it_states():
    wkt = pyproj.CRS(25832).to_wkt()
    stated = grid(crs_wkt=wkt, spatial_ref=wkt)
    settle(stated)
    assert stated.spatial_ref.attrs == {"crs_wkt": wkt, "spatial_ref": wkt}
    assert stated.rio.crs.to_epsg() == 25832


@pytest.mark.parametrize("given", ["EPSG:25832", 25832, pyproj.CRS(25832).to_json(), "+proj=utm +zone=32 +ellps=GRS80"])
def test_a_grid_that_states_its_crs_otherwise_states_it_as_wkt(given):
    stated = grid(crs_wkt=given)
    settle(stated)
    assert stated.spatial_ref.attrs["crs_wkt"].startswith("PROJCRS[")
    assert stated.rio.crs.is_projected


@pytest.mark.parametrize("note", NOTES)
def test_a_note_in_the_attribute_crs_is_no_name_of_a_file(note):
    noted = grid().drop_vars("spatial_ref").assign_attrs(crs=note)
    settle(noted)
    assert noted.rio.crs is None


def test_a_hostile_mapping_of_a_zarr_store_is_refused(bait):
    for mapping in (
        {"proj": "longlat", "nadgrids": bait.file("grid")},
        {"init": bait.file("init") + ":zz"},
        json.loads(hostile_texts(bait)["projjson"]),
    ):
        with pytest.raises(CrsError, match="the attribute crs_wkt .* none is opened"):
            settle(grid(crs_wkt=mapping))


def test_names_of_a_grid_mapping_are_names():
    settle(
        grid(
            grid_mapping_name="latitude_longitude", geographic_crs_name="WGS 84", horizontal_datum_name="World (sphere)"
        )
    )
    for key, text in {"geographic_crs_name": "+init=/etc/passwd:x", "geoid_name": "PROJ /etc/passwd"}.items():
        with pytest.raises(CrsError, match=f"the attribute {key} is not a name but a definition"):
            settle(grid(grid_mapping_name="latitude_longitude", **{key: text}))
