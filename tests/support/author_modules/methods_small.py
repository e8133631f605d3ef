"""Methods that are done at once whatever they are given, but for a pause, one for each kind of input and output."""

import time
from datetime import date
from enum import StrEnum
from typing import Annotated, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from moorage_processes import BBox, InputError, Media, process
from pydantic import BaseModel, Field
from shapely import Polygon
from shapely.geometry import box


class Season(StrEnum):
    """Four of them."""

    WINTER = "winter"
    SUMMER = "summer"


class Gauge(BaseModel):
    """Where water is measured."""

    name: str
    level: float = 0.0


class Parts(NamedTuple):
    """One output of each kind.

    Parameters
    ----------
    area : of the outline.
    outline : as features.
    field : a grid.
    rows : a table.
    raw : bytes.
    """

    area: float
    outline: gpd.GeoDataFrame
    field: xr.DataArray
    rows: pd.DataFrame
    raw: Annotated[bytes, Media("application/octet-stream")]


@process
def parts(bounds: BBox, name: str = "a") -> Parts:
    """One output of each kind."""
    frame = gpd.GeoDataFrame({"name": [name]}, geometry=[box(0, 0, 1, 1)], crs="OGC:CRS84")
    field = xr.DataArray(np.ones((2, 2), "float32"), dims=("y", "x"), coords={"y": [1.0, 0.0], "x": [0.0, 1.0]})
    return Parts(bounds.east - bounds.west, frame, field, pd.DataFrame({"name": [1]}), b"raw")


@process
def choices(
    season: Season,
    day: date = date(2000, 1, 1),
    numbers: Annotated[list[float], Field(max_length=5)] | None = None,
    gauge: Gauge | None = None,
    outline: Polygon | None = None,
    loud: bool = False,  # noqa: FBT001, FBT002
) -> str:
    """Words about what was chosen."""
    return f"{season} {day} {len(numbers or ())} {gauge and gauge.name} {outline is not None} {loud}"


@process
def grid_mean(grid: xr.DataArray, weight: Annotated[float, Field(gt=0, le=2)] = 1.0) -> float:
    """The mean of a grid."""
    return float(grid.mean()) * weight


@process
def feature_count(features: gpd.GeoDataFrame) -> int:
    """How many features there are."""
    return len(features)


@process(sync=False)
def later(words: str = "later") -> str:
    """Only ever a job."""
    return words


@process(asynchronous=False)
def at_once(words: str = "now") -> str:
    """Never a job."""
    return words


@process
def refuse(period: str = "1990") -> int:
    """Always refuse, in words for the caller."""
    raise InputError("the period holds no data; it has 1991 to 1993", input="period")


@process
def linger(pause: Annotated[float, Field(ge=0, le=3600)] = 0.0) -> float:
    """Do nothing for a while."""
    time.sleep(pause)
    return pause
