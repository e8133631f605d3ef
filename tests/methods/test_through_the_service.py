"""Every method that comes with the service, called through it: what a caller gets is what the function gives."""

from __future__ import annotations

import importlib
from contextlib import ExitStack
from pathlib import Path

import geopandas
import moorage
import numpy as np
import pandas as pd
import pytest
import rioxarray  # noqa: F401 - gives grids their .rio
import shapely
import xarray as xr
from catalogue_page import described, ours
from support.services import serve

DATASETS = ("daily", "other", "complete", "land", "classes")


def daily(seed: int) -> xr.Dataset:
    """Four years of daily temperatures on a grid of five degrees, some of them missing."""
    random = np.random.default_rng(seed)
    time = xr.date_range("2001-01-01", periods=4 * 365, calendar="noleap", use_cftime=True)
    values = 285 + 12 * np.cos(2 * np.pi * np.arange(time.size) / 365)[:, None, None]
    values = (values + random.normal(0, 4, (time.size, 6, 8))).astype("float32")
    values[random.random(values.shape) < 0.02] = np.nan
    coords = {
        "time": time,
        "lat": ("lat", 42.5 + 5 * np.arange(6.0), {"units": "degrees_north", "standard_name": "latitude"}),
        "lon": ("lon", -2.5 + 5 * np.arange(8.0), {"units": "degrees_east", "standard_name": "longitude"}),
    }
    attributes = {"units": "K", "standard_name": "air_temperature", "long_name": "air temperature", "history": "made"}
    return xr.Dataset({"tas": (("time", "lat", "lon"), values, attributes)}, coords)


def land() -> xr.Dataset:
    """A hill [m] on UTM zone 32."""
    y, x = np.mgrid[:30, :40]
    heights = (500 * np.exp(-((x - 18) ** 2 + (y - 14) ** 2) / 90)).astype("float32")
    coords = {
        "y": ("y", 5_400_000.0 - 100 * np.arange(30), {"standard_name": "projection_y_coordinate", "units": "m"}),
        "x": ("x", 500_000.0 + 100 * np.arange(40), {"standard_name": "projection_x_coordinate", "units": "m"}),
    }
    return xr.Dataset({"height": (("y", "x"), heights, {"units": "m"})}, coords).rio.write_crs("EPSG:25832")


def classes() -> xr.Dataset:
    """The same hill in steps of 100 m."""
    hill = land()
    steps = (hill.height // 100).astype("int16").rename("class").assign_attrs(units="1")
    return steps.to_dataset().rio.write_crs("EPSG:25832")


def zones() -> geopandas.GeoDataFrame:
    """Two squares on the hill."""
    squares = [shapely.box(501_000, 5_398_000, 502_500, 5_399_500), shapely.box(502_500, 5_398_000, 503_500, 5_399_000)]
    return geopandas.GeoDataFrame({"name": ["a", "b"]}, geometry=squares, crs="EPSG:25832")


STATIONS = geopandas.GeoDataFrame(
    {"name": ["a", "b", "c", "d"], "rain": [1.0, 3.0, 2.0, 5.0]},
    geometry=geopandas.points_from_xy([3.0, 12.0, 21.0, 30.0], [45.0, 61.0, 52.0, 47.0]),
    crs="EPSG:4326",
)
RECIPES = {
    "area-mean": ("daily", {}),
    "climate-index": ("daily", {"index": "summer-days"}),
    "climatology": ("daily", {"frequency": "season"}),
    "correlation-map": ("daily", {"other": "other"}),
    "ensemble-statistics": (["daily", "other"], {}),
    "eof": ("complete", {"modes": 2, "seasonal_cycle": "month"}),
    "interpolate-stations": (STATIONS, {"resolution": 1.0, "column": "rain", "crs": "EPSG:4326"}),
    "contours": ("land", {"interval": 100.0}),
    "percentile": ("daily", {"percentiles": [10.0, 90.0]}),
    "point-series": ("daily", {"points": STATIONS, "names": "name"}),
    "quicklook": ("land", {}),
    "regrid": ("daily", {"resolution": 2.5}),
    "temporal-resample": ("daily", {}),
    "threshold-exceedance": ("daily", {"threshold": 20.0, "threshold_unit": "degC"}),
    "polygonize": ("classes", {}),
    "reproject": ("land", {"crs": "EPSG:3035"}),
    "subset": ("daily", {"period": "2002", "bbox": moorage.BBox(0, 40, 20, 60)}),
    "terrain": ("land", {}),
    "trend": ("daily", {"method": "least-squares"}),
    "zonal-statistics": ("land", {"zones": zones()}),
}
"""For each method the dataset it is called with, and its other inputs."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("methods")
    datasets = {"daily": daily(1), "other": daily(2), "land": land(), "classes": classes()}
    datasets["complete"] = datasets["daily"].fillna(285.0)
    for name, grid in datasets.items():
        grid.to_netcdf(place / f"{name}.nc")
    return place


@pytest.fixture(scope="module")
def hub(folder):
    with serve(
        folder, ours=True, datasets={name: {"path": str(folder / f"{name}.nc")} for name in DATASETS}
    ) as service:
        yield moorage.connect(service.url, progress=False)


def test_every_method_is_called_here():
    assert sorted(RECIPES) == ours()


def fields(result) -> dict:
    """The outputs by name; one alone is the result."""
    return result._asdict() if hasattr(result, "_asdict") else {"result": result}


def assert_same(one, other):
    if isinstance(other, geopandas.GeoDataFrame):
        assert_same_features(one, other.to_crs(one.crs))
    elif isinstance(other, pd.DataFrame):
        numbers = other.select_dtypes("number")
        np.testing.assert_allclose(one[numbers.columns], numbers, rtol=1e-6)
    elif isinstance(other, bytes):
        assert one == other
    else:
        xr.testing.assert_allclose(one, other, rtol=0, atol=0)
        pairs = [(one, other)] if isinstance(other, xr.DataArray) else [(one[name], other[name]) for name in other]
        for got, array in pairs:
            assert got.dtype == array.dtype
            for name in ("units", "history", "references", "method", "cell_methods"):
                assert got.attrs.get(name) == array.attrs.get(name)


def assert_same_features(one, other):
    """GeoJSON turns rings round and has some digits."""
    assert (shapely.hausdorff_distance(one.geometry.to_numpy(), other.geometry.to_numpy()) < 1e-6).all()
    for name in other.columns.drop("geometry"):
        if other[name].dtype.kind in "iuf":
            np.testing.assert_allclose(one[name], other[name], rtol=1e-4)  # of zones so sent
        else:
            assert one[name].tolist() == other[name].tolist()


@pytest.fixture(scope="module")
def local(folder):
    """What the name of a dataset stands for here, and lists of names; anything else as it is."""
    with ExitStack() as stack:
        grids = {
            name: stack.enter_context(xr.open_dataset(folder / f"{name}.nc", decode_coords="all")) for name in DATASETS
        }

        def value(name, *, whole=False):
            if isinstance(name, list):
                return [value(each) for each in name]
            if not isinstance(name, str) or name not in grids:
                return name
            return grids[name] if whole else grids[name][next(iter(grids[name].data_vars))]

        yield value


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_caller_gets_what_the_function_gives(hub, local, name):
    data, others = RECIPES[name]
    address = described()[name].address
    function = getattr(importlib.import_module(address.module), address.name)
    first = next(iter(described()[name].description["inputs"]))
    here = function(
        **{first: local(data, whole=name == "subset")}, **{key: local(value) for key, value in others.items()}
    )
    there = hub[name](data, **others)
    several = fields(here)
    for output, value in several.items():
        if value is not None:
            assert_same(fields(there)[output] if len(several) > 1 else there, value)
