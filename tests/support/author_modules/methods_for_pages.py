"""Methods whose results and words pages must show, and never run."""

from typing import Annotated, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr
from moorage_processes import Media, process, progress

EVIL = (
    "</script><img src=x onerror=\"document.body.dataset.run='yes'\"><script>document.body.dataset.run='yes'</script>"
)


class Mirror(NamedTuple):
    """What was said, in every form.

    Parameters
    ----------
    text : the words.
    table : the words as a column and its cells.
    shapes : the words beside places.
    place : the box around them.
    site : the words as a page.
    """

    text: str
    table: pd.DataFrame
    shapes: gpd.GeoDataFrame
    place: shapely.Polygon
    site: Annotated[bytes, Media("text/html")]


@process(title=f"Mirror {EVIL}", keywords=[EVIL], version="1 <b>")
def mirror(text: str = EVIL) -> Mirror:
    """Give back words.

    ``code`` and *emphasis* are kept </script><img src=x onerror="document.body.dataset.run='yes'">.

    Parameters
    ----------
    text : any words </script><img src=x onerror="document.body.dataset.run='yes'">.
    """
    print(text)
    progress(0.5, text)
    shapes = gpd.GeoDataFrame({text: [text, 2.5]}, geometry=[shapely.Point(7, 50), shapely.Point(8, 51)], crs=4326)
    table = pd.DataFrame({text: [f"{number} {text}" for number in range(50)]})
    return Mirror(text, table, shapes, shapely.box(7, 50, 8, 51), f"<!doctype html>{text}".encode())


@process
def many_maps(count: int = 30) -> xr.DataArray:
    """More maps than one picture holds."""
    lat, lon = np.linspace(50, 51, 8), np.linspace(7, 8, 9)
    coords = {
        "step": np.arange(count),
        "lat": ("lat", lat, {"units": "degrees_north"}),
        "lon": ("lon", lon, {"units": "degrees_east"}),
    }
    values = np.arange(count * 72, dtype="float32").reshape(count, 8, 9)
    return xr.DataArray(values, coords, ("step", "lat", "lon"), name="height", attrs={"units": "m"})


@process
def broken_grid() -> Annotated[bytes, Media("application/x-netcdf")]:
    """A file that ends too early."""
    return b"\x89HDF\r\n\x1a\n" + bytes(100)


@process(sync=False)
def only_as_job(values: Annotated[list[float], "numbers"]) -> float:
    """Add numbers, but never while the caller waits."""
    return float(sum(values))
