"""Methods on arrays and features: a few that behave, and one that does not let go of its processor."""

import time
from datetime import date, datetime
from typing import Annotated, Literal

import geopandas
import numpy as np
import pandas as pd
import shapely
import xarray as xr
from moorage_processes import BBox, Media, process, progress
from pydantic import BaseModel


@process
def burn(size: int = 20_000) -> float:
    """Stay in one call of numpy's C code for minutes."""
    square = np.ones((size, size))
    return float((square @ square @ square @ square).sum())


@process
def grid(size: int = 100) -> xr.DataArray:
    """A grid of ones."""
    return xr.DataArray(np.ones((size, size), "float32"), dims=("y", "x"), name="ones")


@process
def random_number(pause: float = 0.0) -> float:
    """A number that no other child draws, after a pause [s]."""
    time.sleep(pause)
    return float(np.random.random())  # noqa: NPY002


@process(sync=False)
def noise(size: int = 1500, pause: float = 0.0) -> xr.DataArray:
    """Random numbers on a map from 60 N 0 E on, 0.01 degrees a cell, which no compression makes small; after a pause.

    Only as a job that is followed, as anything of this size should be.
    """
    for fraction in (0.25, 0.5, 0.75):
        progress(fraction, "rolling dice")
        time.sleep(pause / 3)
    values = np.random.default_rng(0).normal(size=(size, size)).astype("float32")
    steps = (np.arange(size) + 0.5) * 0.01
    coords = {
        "lat": ("lat", 60 - steps, {"units": "degrees_north"}),
        "lon": ("lon", steps, {"units": "degrees_east"}),
    }
    return xr.DataArray(values, coords, ("lat", "lon"), name="noise")


@process(sync=False)
def places(count: int = 100) -> geopandas.GeoDataFrame:
    """Points along the diagonal from 0 N 0 E on, a degree apart, with names and numbers; only as a job."""
    degrees = np.arange(count, dtype=float) % 90
    columns = {"name": [f"place {number}" for number in range(count)], "number": range(count)}
    return geopandas.GeoDataFrame(columns, geometry=geopandas.points_from_xy(degrees, degrees), crs="EPSG:4326")


class Station(BaseModel):
    """Where somebody measures.

    Parameters
    ----------
    name : of the place.
    depths : levels [m].
    kept : what else is known of it.
    """

    name: str
    depths: list[float] = []
    kept: dict[str, int] = {}


@process
def take_everything(
    grid: xr.DataArray | None = None,
    grids: xr.Dataset | None = None,
    features: geopandas.GeoDataFrame | None = None,
    table: pd.DataFrame | None = None,
    shape: shapely.Geometry | None = None,
    box: BBox | None = None,
    image: Annotated[bytes, Media("image/tiff")] | None = None,
    station: Station | None = None,
    day: date | None = None,
    moment: datetime | None = None,
    colour: Literal["red", "green"] = "red",
    numbers: list[float] | None = None,
    either: str | int | None = None,
    flag: bool = False,  # noqa: FBT001, FBT002 - so are the inputs of authors
) -> str:
    """Take an input of each kind, and tell which came."""
    return ", ".join(sorted(name for name, value in locals().items() if value is not None))
