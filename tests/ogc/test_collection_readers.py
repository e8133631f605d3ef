"""What others read our collections with: GDAL, QGIS, OWSLib."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from pathlib import Path

import numpy as np
import pytest
import requests
import xarray as xr
from owslib.ogcapi.coverages import Coverages
from owslib.ogcapi.features import Features
from support.programs import program

SYSTEM_PYTHON = "/usr/bin/python3"


@pytest.fixture(scope="module")
def url(awkward_service):
    return awkward_service.url


def run(*command: str, **environment: str) -> str:
    """What a program prints."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=os.environ | environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# GDAL


@pytest.mark.parametrize("name", ["json", "gpkg", "fgb", "shp"])
def test_gdal_reads_all_features_page_by_page(url, name):
    told = run(program("ogrinfo"), "-ro", "-so", "-oo", "PAGE_SIZE=15", f"OAPIF:{url}", name)
    assert "Geometry: Point" in told
    assert "Feature Count: 40" in told
    assert "people: Integer" in told


def test_gdal_filters_by_place_and_column(url):
    told = run(program("ogrinfo"), "-ro", "-al", "-q", "-spat", "176", "-1", "176.6", "1", f"OAPIF:{url}", "gpkg")
    assert told.count("OGRFeature") == 3
    told = run(program("ogrinfo"), "-ro", "-q", "-where", "name = 'town 7'", f"OAPIF:{url}", "gpkg")
    assert "people (Integer) = 7000" in told


def test_gdal_lists_feature_collections_and_stands_those_that_do_not_open(url):
    told = run(program("ogrinfo"), "-ro", f"OAPIF:{url}")
    assert "squares" in told
    assert "torn" in told


def test_gdal_reads_a_coverage_as_geotiff_through_the_net(url, gdalinfo):
    place = f"/vsicurl/{url}/collections/utm/coverage?f=geotiff"
    told = json.loads(run(gdalinfo, "-json", "-stats", place))
    assert told["size"] == [10, 8]
    assert told["cornerCoordinates"]["upperLeft"] == [560000.0, 5938000.0]
    assert told["metadata"]["IMAGE_STRUCTURE"]["LAYOUT"] == "COG"
    assert told["bands"][0]["maximum"] == pytest.approx(7009.0)
    assert 'ID["EPSG",25832]' in told["coordinateSystem"]["wkt"]


def test_gdal_reads_a_downloaded_part_across_180_degrees(url, gdalinfo, tmp_path):
    query = {"f": "geotiff", "bbox": "175,-5,-175,5", "subset": "depth(5)", "properties": "salt"}
    (tmp_path / "part.tif").write_bytes(
        requests.get(f"{url}/collections/deep/coverage", params=query, timeout=60).content
    )
    told = json.loads(run(gdalinfo, "-json", str(tmp_path / "part.tif")))
    assert told["cornerCoordinates"]["upperLeft"] == [174.0, 6.0]
    assert told["cornerCoordinates"]["lowerRight"] == [186.0, -6.0]


# QGIS


def in_qgis(script: str, tmp_path: Path) -> dict:
    """What a script prints as JSON inside QGIS without a screen, with a home of its own."""
    program("qgis")
    head = "import json, sys\nfrom qgis.core import *\napp = QgsApplication([], False)\napp.initQgis()\n"
    (tmp_path / "look.py").write_text(head + textwrap.dedent(script) + "\nsys.stdout.flush()\nimport os\nos._exit(0)\n")
    home = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": ""}
    printed = run(SYSTEM_PYTHON, str(tmp_path / "look.py"), **home)
    found: dict = json.loads(printed.strip().splitlines()[-1])
    return found


def test_qgis_loads_features_as_a_layer(url, tmp_path):
    told = in_qgis(
        f"""
        layer = QgsVectorLayer("url='{url}' typename='gpkg'", "towns", "OAPIF")
        box = QgsFeatureRequest().setFilterRect(QgsRectangle(176, -1, 176.6, 1))
        print(json.dumps({{
            "valid": layer.isValid(), "crs": layer.crs().authid(), "fields": [each.name() for each in layer.fields()],
            "count": len(list(layer.getFeatures())), "near": sorted(each["name"] for each in layer.getFeatures(box)),
            "extent": layer.extent().toString(2),
        }}))
        """,
        tmp_path,
    )
    assert told["valid"]
    assert told["crs"] in ("OGC:CRS84", "EPSG:4326")
    assert {"name", "people", "founded"} <= set(told["fields"])
    assert told["count"] == 40
    assert told["near"] == ["town 0", "town 1", "town 2"]


def test_qgis_loads_a_coverage_as_a_raster(url, tmp_path):
    place = f"/vsicurl/{url}/collections/utm/coverage?f=geotiff"
    told = in_qgis(
        f"""
        layer = QgsRasterLayer("{place}", "height")
        value, ok = layer.dataProvider().sample(QgsPointXY(569500, 5937500), 1)
        print(json.dumps({{
            "valid": layer.isValid(), "crs": layer.crs().authid(), "value": value,
            "size": [layer.width(), layer.height()],
        }}))
        """,
        tmp_path,
    )
    assert told == {"valid": True, "crs": "EPSG:25832", "size": [10, 8], "value": 7009.0}


# OWSLib


def test_owslib_reads_coverages(url, tmp_path):
    client = Coverages(url)
    assert {"around", "deep", "utm"} <= set(client.coverages())
    assert "json" not in client.coverages()
    assert client.collection("deep")["extent"]["depth"]["interval"] == [[5.0, 500.0]]
    assert list(client.collection_schema("around")["properties"]) == ["heat", "mask"]
    answer = client.coverage(
        "around", properties=["heat"], subset={"lat": (0, 20), "lon": (-20, 20)}, datetime="2000-02"
    )
    document = json.load(answer)
    assert list(document["ranges"]) == ["heat"]
    assert document["domain"]["axes"]["x"]["values"] == [-15.0, -5.0, 5.0, 15.0]
    assert document["domain"]["axes"]["y"]["values"] == [15.0, 5.0]
    assert document["domain"]["axes"]["t"]["values"] == ["2000-02-29T00:00:00Z"]


def test_owslib_is_told_what_is_not_served(url):
    with pytest.raises(RuntimeError, match="scale-factor: not served here"):
        Coverages(url).coverage("around", scale_factor=2)


def test_owslib_reads_features(url):
    client = Features(url)
    assert {"json", "gpkg", "squares", "wells"} <= set(client.feature_collections())
    assert "people" in client.collection_queryables("gpkg")["properties"]
    page = client.collection_items("gpkg", bbox=[176, -1, 176.6, 1], datetime="2001-01-02/..", limit=5)
    assert [each["properties"]["name"] for each in page["features"]] == ["town 1", "town 2"]
    single = client.collection_item("gpkg", page["features"][0]["id"])
    assert single["properties"]["name"] == "town 1"


def test_xarray_opens_a_netcdf_answer_where_it_lies(url):
    place = f"{url}/collections/around/coverage?f=netcdf&properties=heat#mode=bytes"
    with xr.open_dataset(place, engine="netcdf4") as grid:
        assert np.isnan(grid.heat.sel(ost=5, nord=85, wann="2000-01-31").item())
        assert grid.heat.sel(ost=5, nord=75, wann="2000-01-31").item() == 75005
