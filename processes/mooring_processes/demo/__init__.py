"""The demonstration: what a caller does with a service, on a real elevation model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mooring

from mooring_processes.demo.jacksboro import catchments, elevation_model
from mooring_processes.demo.picture import poster

MODEL, CONFIGURATION, MAP = "jacksboro.nc", "demo.yml", "jacksboro.png"
DATASETS = f"""\
datasets:
  jacksboro:
    path: {MODEL}
    title: Elevation around the Jacksboro fault, Tennessee
"""


def run(url: str, directory: Path, print: Callable[[str], object] = print) -> None:  # noqa: A002 - what it stands for
    """Call two processes of the service at *url* with the elevation model, and draw what they say.

    Parameters
    ----------
    url : a service that has our own methods.
    directory : where the map, the elevation model and a configuration that names it are written.
    print : told what is done, line by line.
    """
    dem = elevation_model()
    zones = catchments(dem)
    print(f"An elevation model, {' x '.join(str(size) for size in dem.shape)} cells, and its {len(zones)} catchments.")
    hub = mooring.connect(url)
    print(f"The service at {url} offers: {', '.join(hub.processes)}")
    print("terrain: slope, aspect and hillshade of the elevation model")
    shape = hub.terrain(dem)
    print("zonal_statistics: the slope of each catchment")
    slopes = hub.zonal_statistics(shape.slope, zones, statistics=["mean", "stdev", "max"])
    steepest = slopes.loc[slopes["mean"].idxmax()]
    print(f"Steepest is catchment {steepest['catchment']}, with a mean slope of {steepest['mean']:.1f} degrees.")
    directory.mkdir(parents=True, exist_ok=True)
    poster(dem, shape.slope, shape.hillshade, slopes).savefig(directory / MAP)
    dem.to_netcdf(directory / MODEL)
    (directory / CONFIGURATION).write_text(DATASETS, encoding="utf-8")
    print(_how_to_go_on(directory))


def _how_to_go_on(directory: Path) -> str:
    return f"""
Look at     {directory / MAP}
Serve it    mooring serve --config {directory / CONFIGURATION}
Call it     python -c "import mooring; print(mooring.connect('http://localhost:5000').terrain('jacksboro').slope)"
Add a method of your own: a typed function with @process in a file, say relief.py, and
            mooring serve relief.py --config {directory / CONFIGURATION}
"""
