"""Methods of each kind the standard tells apart."""

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple

import geopandas
import numpy as np
import pandas as pd
import xarray as xr
from moorage_processes import BBox, InputError, Media, Unit, process
from pydantic import BaseModel, Field
from shapely import Point, Polygon
from shapely.geometry.base import BaseGeometry


@process(asynchronous=False)
def only_now(text: str) -> str:
    """Can be waited for only."""
    return text


@process(sync=False)
def only_later(text: str) -> str:
    """Can become a job only."""
    return text


class Said(NamedTuple):
    """What was sent.

    Parameters
    ----------
    message : the message.
    """

    message: str


@process
def echo_slowly(message: str, pause: Annotated[float, Unit("s")] = 0.0) -> Said:
    """Give back what was sent, after as long a pause as you like."""
    time.sleep(pause)
    return Said(message)


@process
def count_outlines(outlines: list[Polygon]) -> int:
    """How many outlines came."""
    return len(outlines)


@process
def count_boxes(boxes: list[BBox] | None = None) -> int:
    """How many boxes came, if any."""
    return len(boxes or ())


@process
def count_features(features: geopandas.GeoDataFrame) -> int:
    """How many features came, in whatever format."""
    return len(features)


@process
def size_of(content: Annotated[bytes, Media("application/octet-stream")]) -> int:
    """How many bytes came."""
    return len(content)


@process
def corners(box: BBox) -> BBox:
    """The box as it was understood."""
    return box


class Station(BaseModel):
    """A place where something is measured."""

    name: str
    height: float = 0.0


@process
def name_of(station: Station) -> str:
    """The name of a station."""
    return station.name


@process
def same(anything: str | float | dict[str, Any]) -> str | float | dict[str, Any]:
    """What came, whatever it is."""
    return anything


@process
def refuse(text: str = "") -> str:
    """Refuses the text only when it runs."""
    raise InputError("the period holds no data; it has 1990 to 1993", input="text")


@process
def fail() -> int:
    """Fails for a reason of its own."""
    raise RuntimeError("unseen")


class Ramp(NamedTuple):
    """A grid and what it says."""

    grid: xr.DataArray
    mean: float
    table: pd.DataFrame
    places: geopandas.GeoDataFrame


@process
def ramp(size: int = 4) -> Ramp:
    """Outputs of four kinds."""
    values = np.arange(size * size, dtype="float64").reshape(size, size)
    axes = {"lat": ("lat", np.linspace(-60, 60, size), {"units": "degrees_north"})}
    axes |= {"lon": ("lon", np.linspace(0, 270, size), {"units": "degrees_east"})}
    grid = xr.DataArray(values, axes, ("lat", "lon"), "ramp", {"units": "m"})
    places = geopandas.GeoDataFrame({"name": ["harbour"]}, geometry=[Point(10, 54)], crs="EPSG:4326")
    return Ramp(grid, float(values.mean()), pd.DataFrame({"row": range(size)}), places)


class Season(Enum):
    """A part of the year."""

    WINTER = "DJF"
    SUMMER = "JJA"


@dataclass(frozen=True)
class Period:
    """A stretch of time."""

    first: date
    last: date
    label: str | None = None


@process(keywords=["types"])
def every_type(
    flag: bool,  # noqa: FBT001 - one of each
    whole: Annotated[int, Field(gt=0, le=9)],
    real: Annotated[float, Field(ge=0, lt=1), Unit("m s-1")],
    word: Annotated[str, Field(pattern="^[a-z]+$")],
    choice: Literal["mean", "max"],
    level: Literal[1, 2, 3],
    season: Season,
    day: date,
    moment: datetime,
    span: timedelta,
    periods: list[Period],
    station: Station,
    named: dict[str, float],
    pair: tuple[float, float],
    either: int | str,
    place: Point,
    shape: BaseGeometry,
    box: BBox,
    octets: bytes,
    grid: xr.DataArray,
    cube: xr.Dataset,
    features: geopandas.GeoDataFrame,
    table: pd.DataFrame,
    maybe: float | None = None,
) -> Period:
    """One input of each type."""
    time.sleep(0)
    return Period(day, day)
