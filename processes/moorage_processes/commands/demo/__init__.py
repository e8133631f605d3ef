"""The demonstration: what a caller does with a service, on the relief of two real pieces of land and sea."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import moorage

from moorage_processes.commands.demo.chart import chart
from moorage_processes.commands.demo.jacksboro import catchments, elevation_model
from moorage_processes.commands.demo.picture import poster
from moorage_processes.commands.demo.vancouver import coast
from moorage_processes.commands.demo.weather import weather

MODEL, CONFIGURATION, MAP = "jacksboro.nc", "demo.yml", "jacksboro.png"
COAST, CHART = "vancouver.nc", "vancouver.png"
CATCHMENTS, WEATHER = "catchments.geojson", "weather.nc"
EVEN = 1 / 60
"""Degrees between the rows and columns of the chart."""
DATASETS = f"""\
datasets:
  jacksboro:
    path: {MODEL}
    title: Elevation around the Jacksboro fault, Tennessee
  vancouver:
    path: {COAST}
    title: Relief of land and sea by Vancouver
  catchments:
    path: {CATCHMENTS}
    title: Catchments around the Jacksboro fault
  weather:
    path: {WEATHER}
    title: Made-up daily temperatures around the Jacksboro fault
"""


def run(url: str, directory: Path, print: Callable[[str], object] = print) -> None:  # noqa: A002 - what it stands for
    """Call four processes of the service at *url*, and draw what they say.

    Parameters
    ----------
    url : a service that has our own methods.
    directory : where the maps, their data and a configuration that names these are written.
    print : told what is done, line by line.
    """
    hub = moorage.connect(url)
    print(f"The service at {url} offers: {', '.join(hub.processes)}")
    directory.mkdir(parents=True, exist_ok=True)
    _land(hub, directory, print)
    _sea(hub, directory, print)
    (directory / CONFIGURATION).write_text(DATASETS, encoding="utf-8")
    print(_how_to_go_on(directory))


def _land(hub: moorage.Service, directory: Path, print: Callable[[str], object]) -> None:  # noqa: A002 - the same
    """How steep the land is."""
    dem = elevation_model()
    zones = catchments(dem)
    print(f"An elevation model, {' x '.join(str(size) for size in dem.shape)} cells, and its {len(zones)} catchments.")
    print("terrain: slope, aspect and hillshade of the elevation model")
    shape = hub.terrain(dem)
    print("zonal_statistics: the slope of each catchment")
    slopes = hub.zonal_statistics(shape.slope, zones, statistics=["mean", "stdev", "max"])
    steepest = slopes.loc[slopes["mean"].idxmax()]
    print(f"Steepest is catchment {steepest['catchment']}, with a mean slope of {steepest['mean']:.1f} degrees.")
    poster(dem, shape.slope, shape.hillshade, slopes).savefig(directory / MAP)
    dem.to_netcdf(directory / MODEL)
    # for the methods that a colleague tries next
    zones.to_file(directory / CATCHMENTS, driver="GeoJSON")
    weather(dem).to_netcdf(directory / WEATHER)


def _sea(hub: moorage.Service, directory: Path, print: Callable[[str], object]) -> None:  # noqa: A002 - the same
    """How deep the sea is."""
    relief = coast()
    print(f"The coast by Vancouver, {' x '.join(str(size) for size in relief.shape)} cells in rows of a Mercator map.")
    print("regrid: the same on even rows")
    even = hub.regrid(relief, resolution=EVEN)
    print("contours: lines of equal depth and height, every 100 m")
    lines = hub.contours(even, interval=100.0)
    print(f"{len(lines)} levels from {lines['level'].min():.0f} to {lines['level'].max():.0f} m.")
    chart(even, lines).savefig(directory / CHART)
    relief.to_netcdf(directory / COAST)


def _how_to_go_on(directory: Path) -> str:
    return f"""
Look at     {directory / MAP} and {directory / CHART}
Serve it    moorage serve --config {directory / CONFIGURATION}
Call it     python -c "import moorage; print(moorage.connect('http://localhost:5000').terrain('jacksboro').slope)"
Add a method of your own: a typed function with @process in a file, say relief.py, and
            moorage serve relief.py --config {directory / CONFIGURATION}
"""
