"""The other methods of the catalogue, each beside the program of others that does the same.

Ours are called through a service that is warm, and leave their result there as a file; the others are processes. Both
read the same file, or the same values in the format that each reads.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from climate import NETCDF, RUNS, call, daily_maps
from figures import Figure, in_turn
from support.services import serve
from zones import CELL, CRS, NORTH, WEST, square

DAYS = 1095
STEPS, PLACES = 360, 250
SIDE = 3000
"""Rows and columns of the land."""
STATIONS = 300
GEOTIFF, GEOPACKAGE = "image/tiff; application=geotiff", "application/geopackage+sqlite3"
CDO = "cdo -s -O"
OVER_MEMBERS = ("ensmean", "ensstd1", "ensmin", "ensmax", "enspctl,90")
GRIDDED = (
    f"gdal_grid -q -a invdist:power=2 -zfield height -txe {WEST} {WEST + SIDE * CELL} "
    f"-tye {NORTH} {NORTH - SIDE * CELL} -outsize 600 600 -ot Float64 stations.fgb out.tif"
)


@dataclass(frozen=True)
class Pair:
    """One method, and the commands of others that do the same."""

    process: str
    against: str
    inputs: Mapping[str, Any]
    outputs: Sequence[str]
    commands: Sequence[str]
    media_type: str = NETCDF


PAIRS = (
    Pair(
        "subset",
        "cdo sellonlatbox",
        {"data": "days", "bbox": {"bbox": [-10.0, 35.0, 40.0, 70.0]}, "period": "2002-01-01/2002-12-31"},
        ("result",),
        (f"{CDO} sellonlatbox,-10,40,35,70 -selyear,2002 days.nc out.nc",),
    ),
    Pair(
        "point-series",
        "cdo remapnn",
        {"data": "days", "points": "places"},
        ("series",),
        (f"{CDO} remapnn,places.txt days.nc out.nc",),
    ),
    Pair(
        "threshold-exceedance",
        "cdo timmean of gtc",
        {"data": "days", "threshold": 290.0},
        ("result",),
        (f"{CDO} timmean -gtc,290 days.nc out.nc",),
    ),
    Pair(
        "climate-index",
        "cdo eca_su",
        {"data": "days", "index": "summer-days"},
        ("result",),
        (f"{CDO} eca_su days.nc out.nc",),
    ),
    Pair(
        "correlation-map",
        "cdo timcor",
        {"data": "days", "other": "gaps"},
        ("correlation",),
        (f"{CDO} timcor days.nc gaps.nc out.nc",),
    ),
    Pair("eof", "cdo eoftime", {"data": "steps"}, ("patterns",), (f"{CDO} eoftime,4 steps.nc values.nc out.nc",)),
    Pair(
        "ensemble-statistics",
        "cdo, five operators",
        {"members": ["steps", "member"], "percentiles": [90.0]},
        ("result",),
        tuple(f"{CDO} {what} steps.nc member.nc out.nc" for what in OVER_MEMBERS),
    ),
    Pair(
        "terrain",
        "gdaldem, three runs",
        {"dem": "land"},
        ("slope", "aspect", "hillshade"),
        tuple(f"gdaldem {what} -q land.tif out.tif" for what in ("slope", "aspect", "hillshade")),
        GEOTIFF,
    ),
    Pair(
        "reproject",
        "gdalwarp -et 0",
        {"data": "land", "crs": "EPSG:3035", "resolution": CELL},
        ("result",),
        (f"gdalwarp -q -overwrite -et 0 -r bilinear -t_srs EPSG:3035 -tr {CELL} {CELL} land.tif out.tif",),
        GEOTIFF,
    ),
    Pair(
        "contours",
        "gdal_contour",
        {"data": "land", "interval": 20.0},
        ("result",),
        ("gdal_contour -q -i 20 -a level land.tif out.gpkg",),
        GEOPACKAGE,
    ),
    Pair(
        "polygonize",
        "gdal_polygonize",
        {"data": "classes"},
        ("result",),
        ("gdal_polygonize.py -q classes.tif out.gpkg",),
        GEOPACKAGE,
    ),
    Pair(
        "interpolate-stations",
        "gdal_grid invdist",
        {"stations": "stations", "resolution": 50.0, "bounds": [WEST, NORTH - SIDE * CELL, WEST + SIDE * CELL, NORTH]},
        ("estimate",),
        (GRIDDED,),
        GEOTIFF,
    ),
)


def catalogue(folder: Path) -> Iterator[Figure]:
    """Each method beside its like."""
    climate_data(folder)
    land_data(folder)
    named = {
        "days": "days.nc", "gaps": "gaps.nc", "steps": "steps.nc",
        "member": "member.nc", "places": "places.fgb",
        "land": "land.tif", "classes": "classes.tif", "stations": "stations.fgb",
    }  # fmt: skip
    with serve(
        folder / "ours", ours=True, datasets={name: str(folder / file) for name, file in named.items()}
    ) as service:
        for pair in PAIRS:
            outputs = dict.fromkeys(pair.outputs, pair.media_type)
            ours, peer = in_turn(
                lambda pair=pair, outputs=outputs: call(service, pair.process, pair.inputs, outputs),
                lambda pair=pair: others(pair, folder),
                runs=RUNS,
                warm=1,
            )
            yield Figure(pair.process, ours, peer, "s", "", pair.against)


def others(pair: Pair, folder: Path) -> None:
    """The same by the commands of others, one after the other."""
    (folder / "out.gpkg").unlink(missing_ok=True)
    for command in pair.commands:
        subprocess.run(command.split(), cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


# Data


def climate_data(folder: Path) -> None:
    """Daily maps with and without gaps, fewer of them for patterns and members, and places on them."""
    import geopandas

    daily_maps(folder / "days.nc", DAYS)
    daily_maps(folder / "gaps.nc", DAYS, gaps=0.1)
    daily_maps(folder / "steps.nc", STEPS)
    daily_maps(folder / "member.nc", STEPS, gaps=0.1)
    longitude, latitude = np.random.default_rng(2).uniform((0.0, -60.0), (360.0, 75.0), (PLACES, 2)).T
    table = geopandas.GeoDataFrame(
        {"name": [f"place {number}" for number in range(PLACES)]},
        geometry=geopandas.points_from_xy((longitude + 180) % 360 - 180, latitude),
        crs="OGC:CRS84",
    )
    table.to_file(folder / "places.fgb")
    words = (" ".join(map(str, values)) for values in (longitude, latitude))
    (folder / "places.txt").write_text(
        "gridtype = unstructured\ngridsize = {}\nxvals = {}\nyvals = {}\n".format(PLACES, *words)
    )


def land_data(folder: Path) -> None:
    """Rolling hills as GeoTIFF, the same in classes of 100 m, and stations on them."""
    import geopandas
    from scipy.ndimage import gaussian_filter

    random = np.random.default_rng(3)
    rough = sum(gaussian_filter(random.normal(size=(SIDE, SIDE)), width) * width**1.8 for width in (5, 20, 80, 200))
    heights = (500 + 150 * rough / rough.std()).astype("float32")
    land = square(heights).assign_attrs(units="m")
    land.rio.to_raster(folder / "land.tif")
    (land // 100).astype("int16").rename("class").rio.to_raster(folder / "classes.tif")
    rows, columns = random.integers(0, SIDE, (2, STATIONS))
    geopandas.GeoDataFrame(
        {"height": heights[rows, columns].astype(float)},
        geometry=geopandas.points_from_xy(WEST + CELL * (columns + 0.5), NORTH - CELL * (rows + 0.5)),
        crs=CRS,
    ).to_file(folder / "stations.fgb")
