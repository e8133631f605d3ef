"""Texts that a library takes for the name of a file or an address, where a coordinate reference system is expected."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pyproj

MARK = "moorage-bait"
"""In the name of each file and address that a hostile text names; whoever opens one gives itself away."""
AXES = 'CS[ellipsoidal,2],AXIS["lat",north],AXIS["lon",east],UNIT["degree",0.0174532925199433]'
DATUM = 'DATUM["d",ELLIPSOID["s",6378137,298.25]]'
WGS84 = f'GEOGCRS["WGS 84",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563]],{AXES}]'
OLD_AXES = 'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]'
OLD = f'GEOGCS["x",DATUM["d",SPHEROID["s",6378137,298.25]],{OLD_AXES}]'


@dataclass(frozen=True)
class Bait:
    """What hostile texts name.

    Parameters
    ----------
    folder : where files lie that can be opened.
    port : of 127.0.0.1, where nobody listens.
    """

    folder: Path
    port: int

    def file(self, name: str) -> str:
        """A file that holds what a text of its kind may name: a CRS, or a line of an init file."""
        path = self.folder / f"{MARK}-{name}"
        if not path.exists():
            path.write_text(pyproj.CRS("EPSG:4258").to_wkt() if name.endswith("wkt") else "<zz> +proj=longlat <>\n")
        return str(path)

    def url(self, name: str) -> str:
        """An address."""
        return f"http://127.0.0.1:{self.port}/{MARK}-{name}"


def derived(method: str) -> str:
    """A CRS that is derived from another by *method*."""
    return f'GEOGCRS["x",BASEGEOGCRS["b",{DATUM}],DERIVINGCONVERSION["c",{method}],{AXES}]'


def _printed(text: str) -> str:
    """A definition in typographic quotation marks, which PROJ reads as well."""
    return re.sub('"([^"]*)"', "\u201c\\1\u201d", text)


def bound(parameter: str) -> str:
    """A CRS bound to WGS 84 by a method that reads a file."""
    shift = f'ABRIDGEDTRANSFORMATION["t",METHOD["NTv2",ID["EPSG",9615]],{parameter}]'
    return f'BOUNDCRS[SOURCECRS[GEOGCRS["x",{DATUM},{AXES}]],TARGETCRS[{WGS84}],{shift}]'


def names(bait: Bait) -> dict[str, str]:
    """Texts that are nothing but a name."""
    return {
        "path": bait.file("path.wkt"),
        "url": bait.url("url"),
        "https": f"https://127.0.0.1:{bait.port}/{MARK}",
        "file-url": f"file://{bait.file('file-url.wkt')}",
        "curl": f"/vsicurl/{bait.url('curl')}",
        "streaming": f"/vsicurl_streaming/{bait.url('streaming')}",
        "zip": f"/vsizip/{bait.file('zip.wkt')}/a.wkt",
        "subfile": f"/vsisubfile/0_500,{bait.file('subfile.wkt')}",
        "esri": f"ESRI::{bait.file('esri.wkt')}",
        "spaces": f"  {bait.file('spaces.wkt')}",
    }


def proj_strings(bait: Bait) -> dict[str, str]:
    """Texts for PROJ that name a file beside what they are."""
    return {
        "init": f"+init={bait.file('init')}:zz",
        "init-bare": f"init={bait.file('init-bare')}:zz",
        "nadgrids": f"+proj=longlat +ellps=clrk66 +nadgrids={bait.file('nadgrids')}",
        "nadgrids-optional": f"+proj=longlat +ellps=clrk66 +nadgrids=@{bait.file('optional')}",
        "geoidgrids": f"+proj=longlat +ellps=GRS80 +geoidgrids={bait.file('geoidgrids')} +vunits=m",
        "shift": f"+proj=pipeline +step +proj=hgridshift +grids={bait.file('shift')}",
        "wkt-like": f"x[ +proj=longlat +ellps=clrk66 +nadgrids={bait.file('wkt-like')}",
        "json-parameters": json.dumps({"proj": "longlat", "ellps": "clrk66", "nadgrids": bait.file("json")}),
        "json-init": json.dumps({"init": f"{bait.file('json-init')}:zz"}),
        "after-uri": f"http://www.opengis.net/ +proj=longlat +ellps=clrk66 +nadgrids={bait.file('after-uri')}",
        "triangles": f"+proj=tinshift +file={bait.file('triangles')} +type=crs",
    }


def definitions(bait: Bait) -> dict[str, str]:
    """Definitions as WKT or PROJJSON in which a file is named somewhere."""
    file = 'PARAMETERFILE["Latitude and longitude difference file","{}"]'
    vertical = 'VERT_CS["v",VERT_DATUM["y",2005,EXTENSION["PROJ4_GRIDS","{}"]],UNIT["m",1]]'
    up = 'CS[vertical,1],AXIS["up",up],UNIT["m",1]'
    grids = OLD.replace("298.25]]", '298.25],EXTENSION["PROJ4_GRIDS","{}"]]')
    extended = f'{OLD[:-1]},EXTENSION["PROJ4","+proj=longlat +ellps=WGS84 +nadgrids={{}}"]]'
    rotation = 'METHOD["PROJ ob_tran o_proj=longlat"],PARAMETER["o_lat_p",30],PARAMETER["nadgrids={} +q",0]'
    pipeline = 'METHOD["PROJ-based operation method: +proj=pipeline +step +proj=hgridshift +grids={}"]'
    model = f'VERTCRS["v",VDATUM["d"],{up},GEOIDMODEL["PROJ {{}}"]]'
    texts = {
        "datum-grids": grids.format(bait.file("datum-grids")),
        "extension": extended.format(bait.file("extension")),
        "extension-url": extended.format(bait.url("extension")),
        "printed-quotes": _printed(extended).format(bait.file("printed")),
        "vertical-grids": f'COMPD_CS["c",{OLD},{vertical.format(bait.file("vertical-grids"))}]',
        "bound": bound(file.format(bait.file("bound"))),
        "derived-file": derived(f'METHOD["NTv2",ID["EPSG",9615]],{file.format(bait.file("derived"))}'),
        "derived-pipeline": derived(pipeline.format(bait.file("pipeline"))),
        "derived-parameter": derived(rotation.format(bait.file("parameter"))),
        "geoid-model": f'COMPOUNDCRS["c",GEOGCRS["x",{DATUM},{AXES}],{model.format(bait.file("geoid-model"))}]',
    }
    json_of = pyproj.CRS(texts["bound"]).to_json()
    return texts | {"projjson": json_of, "projjson-indented": json.dumps(json.loads(json_of), indent=2)}


def hostile_texts(bait: Bait) -> dict[str, str]:
    """All of them, by what they are."""
    return names(bait) | proj_strings(bait) | definitions(bait)
