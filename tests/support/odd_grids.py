"""Grids as people really have them: odd names and orders, other calendars and projections, broken files."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import geopandas as gpd
import numpy as np
import rioxarray  # noqa: F401 - gives grids their .rio
import shapely
import xarray as xr

UTM = "EPSG:25832"


def place(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """A number that tells where a cell lies, whichever way its longitude is counted."""
    return np.round(lat) * 1000 + np.round((lon + 180) % 360 - 180)


def around() -> xr.Dataset:
    """Ten degrees, longitudes from 0 to 360, latitudes descending, axes in an odd order under odd names."""
    east, north = np.arange(5.0, 360, 10), np.arange(85.0, -90, -10)
    values = place(*np.meshgrid(east, north, indexing="ij"))
    values = np.repeat(values[:, None, :], 3, axis=1) + np.array([0.0, 0.25, 0.5])[:, None]
    when = np.array(["2000-01-31", "2000-02-29", "2000-03-31"], dtype="datetime64[ns]")
    values[0, 0, 0] = np.nan
    grid = xr.Dataset(
        {"heat": (("ost", "wann", "nord"), values.astype("float32"), {"units": "K", "long_name": "Heat"})},
        {
            "ost": ("ost", east, {"units": "degrees_east"}),
            "nord": ("nord", north, {"units": "degrees_north"}),
            "wann": ("wann", when, {"standard_name": "time"}),
        },
        {"title": "All around the Earth"},
    )
    grid["mask"] = (("nord", "ost"), np.ones((18, 36), dtype="int8"), {"long_name": "Land"})
    return grid


def deep() -> xr.Dataset:
    """An ocean with depths and no time, packed into whole numbers, on a part of the Earth across 180 degrees."""
    lon, lat, depth = np.arange(171.0, 190.0, 2), np.arange(-9.0, 10.0, 2), np.array([5.0, 50.0, 500.0])
    values = np.broadcast_to(place(*np.meshgrid(lon, lat)), (3, 10, 10)) / 100 - depth[:, None, None]
    coords = {
        "depth": ("depth", depth, {"units": "m", "positive": "down"}),
        "lat": ("lat", lat, {"units": "degrees_north"}),
        "lon": ("lon", lon, {"units": "degrees_east"}),
    }
    grid = xr.Dataset({"salt": (("depth", "lat", "lon"), values, {"standard_name": "sea_water_salinity"})}, coords)
    grid["salt"].encoding = {"dtype": "int16", "scale_factor": 0.02, "_FillValue": np.int16(-32768)}
    return grid


def calendar(name: str) -> xr.Dataset:
    """A year of months of a calendar, each at its last day that all calendars count to 30."""
    time = xr.date_range(
        "2001-01-30" if name == "360_day" else "2001-01-28", periods=12, freq="30D", calendar=name, use_cftime=True
    )
    values = np.arange(12.0)[:, None, None] * np.ones((12, 2, 3))
    coords = {"time": time, "lat": [10.0, 20.0], "lon": [0.0, 10.0, 20.0]}
    return xr.Dataset({"t2m": (("time", "lat", "lon"), values, {"units": "degC"})}, coords)


def projected() -> xr.Dataset:
    """A kilometre grid in UTM, north of Hamburg; first row in the south."""
    x, y = np.arange(560500.0, 570500, 1000), np.arange(5930500.0, 5938500, 1000)
    grid = xr.Dataset(
        {"height": (("y", "x"), np.add.outer(y - y[0], (x - x[0]) / 1000), {"units": "m"})}, {"y": y, "x": x}
    )
    return grid.rio.write_crs(UTM)


def curvilinear() -> xr.Dataset:
    """An ocean model's grid: longitude and latitude are fields of their own."""
    lon, lat = np.meshgrid(np.arange(4.0), np.arange(3.0))
    coords = {"lon": (("y", "x"), lon), "lat": (("y", "x"), lat)}
    return xr.Dataset({"ssh": (("y", "x"), np.zeros((3, 4)))}, coords)


def months() -> xr.Dataset:
    """Times counted in months, a unit without a length."""
    grid = around()[["heat"]].isel(wann=slice(0, 2)).drop_vars("wann")
    return grid.assign_coords(wann=("wann", [0.5, 1.5], {"units": "months since 2000-01-01", "calendar": "standard"}))


def write_all(folder: Path) -> dict[str, object]:
    """All of them as files in *folder*, and what the configuration says of them."""
    grids = {
        "around": around(), "deep": deep(), "noleap": calendar("noleap"), "thirty": calendar("360_day"),
        "utm": projected(), "curved": curvilinear(), "months": months(),
    }  # fmt: skip
    for name, grid in grids.items():
        grid.to_netcdf(folder / f"{name}.nc", format="NETCDF3_64BIT" if name == "deep" else "NETCDF4")
    whole = (folder / "deep.nc").read_bytes()
    (folder / "short.nc").write_bytes(whole[: len(whole) // 2])
    whole = (folder / "around.nc").read_bytes()
    (folder / "cut.nc").write_bytes(whole[: len(whole) // 2])
    (folder / "noise.nc").write_bytes(zlib.compress(whole))
    named: dict[str, object] = {name: f"{name}.nc" for name in (*grids, "short", "cut", "noise")}
    unplaced = projected().drop_vars("spatial_ref")
    unplaced.to_netcdf(folder / "unplaced.nc")
    named |= {"unplaced": "unplaced.nc", "placed": {"path": "unplaced.nc", "crs": UTM}}
    named["later"] = "later.nc"
    return named | write_features(folder)


def towns() -> gpd.GeoDataFrame:
    """Forty towns in a row along the equator from 176 degrees east to 176 west, each with a day of its own."""
    number = np.arange(40)
    lon = (176.1 + number * 0.2 + 180) % 360 - 180
    days = np.datetime64("2001-01-01") + number.astype("timedelta64[D]")
    columns = {
        "name": [f"town {each}" for each in number],
        "people": number * 1000,
        "height": np.where(number % 4 == 0, np.nan, number / 2),
        "port": number % 2 == 0,
        "founded": days.astype("datetime64[ms]"),
    }
    return gpd.GeoDataFrame(columns, geometry=shapely.points(lon, 0.0 * lon), crs="EPSG:4326")


def write_features(folder: Path) -> dict[str, object]:
    """The towns in all formats of features, squares in UTM, and a table."""
    frame = towns()
    frame.to_file(folder / "towns.geojson", driver="GeoJSON")
    frame.to_file(folder / "towns.gpkg", driver="GPKG")
    frame.to_file(folder / "towns.fgb", driver="FlatGeobuf", layer_options={"SPATIAL_INDEX": "NO"})
    frame.assign(founded=frame.founded.dt.strftime("%Y-%m-%d")).to_file(folder / "towns.shp")
    squares = shapely.box(560000 + np.arange(3) * 1000, 5930000, 560500 + np.arange(3) * 1000, 5930500)
    gpd.GeoDataFrame({"code": ["a", "b", "c"]}, geometry=squares, crs=UTM).to_file(folder / "squares.gpkg")
    (folder / "wells.csv").write_text("well,depth,drilled\nA1,12.5,1990-05-01\nB2,,1991-06-02\nC3,7,1992-07-03\n")
    (folder / "torn.geojson").write_text(json.dumps({"type": "FeatureCollection"})[:-3])
    return {
        "json": {"path": "towns.geojson", "title": "Towns", "description": "All in a row."},
        "gpkg": "towns.gpkg",
        "fgb": "towns.fgb",
        "shp": {"path": "towns.shp", "time_field": "founded"},  # as text, as such files have dates
        "by-name": {"path": "towns.gpkg", "id_field": "name"},
        "squares": "squares.gpkg",
        "wells": "wells.csv",
        "torn": "torn.geojson",
    }
