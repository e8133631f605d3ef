"""How long statistics of many zones take, from the call of a service to a table on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from figures import Figure, in_turn
from support.services import serve

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

SIDE = 5000
"""Rows and columns of the grid."""
ZONES = 10_000
CELL = 10.0
"""Size of a cell [m]."""
WEST, NORTH = 500_000.0, 5_000_000.0
CRS = "EPSG:25832"
STATISTICS = ("count", "mean", "min", "max", "std")


def zonal_statistics(folder: Path) -> Iterator[Figure]:
    """Ten thousand districts that tile a grid of 5000 x 5000 cells; both are files that lie beside the method."""
    import moorage

    grid, zones = landscape(folder), districts(folder)
    datasets = {"landscape": {"path": str(grid), "variable": "height"}, "districts": {"path": str(zones)}}
    with serve(folder / "ours", ours=True, datasets=datasets) as ours:
        hub = moorage.connect(ours.url)

        def here() -> None:
            hub["zonal-statistics"]("landscape", "districts").to_file(folder / "ours.fgb")

        here()  # a worker that is warm
        mine, theirs = in_turn(here, lambda: with_rasterstats(grid, zones, folder / "peer.fgb"), runs=1, warm=0)
    yield Figure("zonal-statistics", mine, theirs, "s", "at most 0.4x", "rasterstats, in one process")


def with_rasterstats(grid: Path, zones: Path, written: Path) -> None:
    """The same statistics of the cells whose centre lies in a zone, written to a file of the same kind."""
    import geopandas
    import pandas as pd
    from rasterstats import zonal_stats

    table = geopandas.read_file(zones)
    rows = zonal_stats(table, str(grid.with_suffix(".tif")), stats=STATISTICS)
    table.join(pd.DataFrame(rows, index=table.index)).to_file(written)


def landscape(folder: Path) -> Path:
    """A rough grid as NetCDF, and beside it as GeoTIFF, which rasterstats reads."""
    import numpy as np

    field = square(np.random.default_rng(0).random((SIDE, SIDE), dtype="float32") * 100)
    path = folder / "landscape.nc"
    field.to_netcdf(path)
    field.rio.to_raster(path.with_suffix(".tif"))
    return path


def square(heights: np.ndarray) -> xr.DataArray:
    """Heights on as many rows as columns, from the north west."""
    import numpy as np
    import rioxarray  # noqa: F401 - gives fields their .rio
    import xarray as xr

    steps = CELL * (np.arange(len(heights)) + 0.5)
    return xr.DataArray(heights, {"y": NORTH - steps, "x": WEST + steps}, ("y", "x"), "height").rio.write_crs(CRS)


def districts(folder: Path) -> Path:
    """The cells of a Voronoi diagram, with a corner every 50 m, as FlatGeobuf."""
    import geopandas
    import numpy as np
    import shapely

    extent = shapely.box(WEST, NORTH - SIDE * CELL, WEST + SIDE * CELL, NORTH)
    west, south, east, north = extent.bounds
    towns = np.random.default_rng(1).uniform((west, south), (east, north), (ZONES, 2))
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(towns)))
    shapes = shapely.segmentize(shapely.intersection(cells, extent), 50.0)
    path = folder / "districts.fgb"
    geopandas.GeoDataFrame({"district": np.arange(len(shapes))}, geometry=shapes, crs=CRS).to_file(path)
    return path
