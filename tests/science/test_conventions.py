"""What holds for all methods that take a grid: names, order, direction, calendars, provenance, and untouched input.

A method that is new enters by itself, and needs one line in RECIPES: a small grid, and what else it is called with.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import geopandas
import numpy as np
import pytest
import rioxarray  # noqa: F401 - gives grids their .rio
import shapely
import xarray as xr
from mooring.formats import Kind
from mooring_processes import InputError
from mooring_processes.describing import describe, installed_sources

ATTRIBUTES = {
    "units": "m", "long_name": "height of something", "history": "measured long ago", "source": "a balloon",
    "_FillValue": np.float32(-999.0),
}  # fmt: skip
NAMES = {
    "lat, lon": ("lat", "lon", {}, {}),
    "latitude, longitude": ("latitude", "longitude", {}, {}),
    "y, x with units": ("y", "x", {"units": "degrees_north"}, {"units": "degrees_east"}),
    "COADSY, COADSX": ("COADSY", "COADSX", {"units": "degrees_north"}, {"units": "degrees_east"}),
}
UNITS = ({"units": "degrees_north"}, {"units": "degrees_east"})
CALENDARS = ["standard", "noleap", "360_day", "julian"]


def cube(rows=6, columns=8, steps=36, calendar="standard", dtype="float32", west=20.0):
    """A rough field (time, lat, lon) in the north, monthly, some values missing."""
    random = np.random.default_rng(12)
    values = random.normal(100, 10, (steps, rows, columns)) + 30 * np.arange(rows)[:, None]
    time = xr.date_range("2000-01-15", periods=steps, freq="30D", calendar=calendar, use_cftime=calendar != "standard")
    latitude = xr.Variable("lat", 40.0 + np.arange(rows), UNITS[0])
    longitude = xr.Variable("lon", west + np.arange(columns), UNITS[1])
    coordinates = {"time": time, "lat": latitude, "lon": longitude}
    values[3, 2, 5] = np.nan
    return xr.DataArray(values.astype(dtype), coordinates, ("time", "lat", "lon"), "h", dict(ATTRIBUTES))


def plane(**options):
    """One step of it."""
    return cube(**options).isel(time=0, drop=True)


def index(data):
    """An index at the dates of some data."""
    t = next(name for name in data.dims if data[name].dtype.kind in "MO")
    return data.mean([name for name in data.dims if name != t], keep_attrs=True)


def zones(data):
    """Two polygons inside of some data."""
    x, y = (float(data[name].min()) for name in data.dims[::-1][:2])
    shapes = [shapely.box(x + 0.2, y + 0.3, x + 3.1, y + 2.4), shapely.box(x + 3.3, y + 1.4, x + 5.6, y + 4.0)]
    return geopandas.GeoDataFrame({"name": ["one", "other"]}, geometry=shapes, crs="EPSG:4326")


@dataclass(frozen=True)
class Recipe:
    """How a method is called on a small grid, and which conventions do not mean anything for it."""

    grid: Callable[..., xr.DataArray] = cube
    input: str = "data"
    arguments: Callable[[xr.DataArray], dict[str, Any]] = field(default=lambda _: {})
    """The other inputs, made of the grid as it was first made."""
    many: bool = False
    """Whether the input is a list of grids; the second is the grid shifted."""
    needs_crs: bool = False
    """Whether longitude and latitude must be told by units or a CRS, names not being enough."""
    skips: frozenset[str] = frozenset()
    """Of turned (upside down), round (longitudes), precision, provenance, lazy, curvilinear."""


RECIPES: dict[str, Recipe] = {
    "climatology": Recipe(),
    "terrain": Recipe(plane, "dem", needs_crs=True, skips=frozenset({"precision"})),
    "zonal-statistics": Recipe(
        plane, "grid", lambda grid: {"zones": zones(grid)}, needs_crs=True, skips=frozenset({"precision", "provenance"})
    ),
    "eof": Recipe(arguments=lambda _: {"modes": 2}),
    "correlation-map": Recipe(arguments=lambda data: {"other": index(data)}),
    "ensemble-statistics": Recipe(input="members", many=True),
}


@cache
def processes():
    """All methods that take a grid, of whatever is installed."""
    found = describe([], installed_sources())
    return {each.id: each for each in found if any(one.kind is Kind.GRID for one in each.inputs.values())}


METHODS = sorted(processes())
TIMED = [name for name in METHODS if name not in RECIPES or RECIPES[name].grid is cube]


def recipe_of(name):
    assert name in RECIPES, f"the process {name} takes a grid and has no recipe here: give it a line in RECIPES"
    return RECIPES[name]


def without(convention, names=METHODS):
    return [name for name in names if name not in RECIPES or convention not in RECIPES[name].skips]


def called(name, grid, plain=None):
    """The outputs by name, of a grid, and of what else the recipe makes of the *plain* one."""
    recipe = recipe_of(name)
    given = [grid, (grid + 1).assign_attrs(grid.attrs)] if recipe.many else grid
    others = recipe.arguments(recipe.grid() if plain is None else plain)
    return dict(processes()[name].call({recipe.input: given, **others}))


def arrays(outputs):
    """All grids among the outputs, in the order in which they come."""
    found = []
    for each in outputs.values():
        found += [each] if isinstance(each, xr.DataArray) else []
        found += list(each.data_vars.values()) if isinstance(each, xr.Dataset) else []
    return found


def tables(outputs):
    return [each for each in outputs.values() if isinstance(each, geopandas.GeoDataFrame)]


def assert_same(result, expected, rename=None, tolerance=2e-5):
    """The same values at the same places, whatever the order and the names."""
    one, other = arrays(result), arrays(expected)
    assert len(one) == len(other)
    for has, expectation in zip(one, other, strict=True):
        wanted = expectation
        here = has.rename({key: value for key, value in (rename or {}).items() if key in has.dims})
        assert set(here.dims) == set(wanted.dims)
        for each in set(here.dims) & set(here.indexes) & {"lat", "lon"}:
            here, wanted = here.sortby(each), wanted.sortby(each)
        np.testing.assert_allclose(
            here.transpose(*wanted.dims), wanted, rtol=tolerance, atol=tolerance * (1 + _size(wanted))
        )
    for has, wanted in zip(tables(result), tables(expected), strict=True):
        numeric = wanted.select_dtypes("number").columns
        np.testing.assert_allclose(has[numeric], wanted[numeric], rtol=tolerance)
        assert list(has.columns) == list(wanted.columns)


def _size(values):
    return float(abs(values).max()) if values.dtype.kind in "iuf" and values.size else 0.0


@pytest.mark.parametrize("name", METHODS)
def test_each_method_that_takes_a_grid_has_a_recipe_and_works(name):
    outputs = called(name, recipe_of(name).grid())
    assert set(outputs) == set(processes()[name].outputs)
    for each in arrays(outputs):
        assert each.dtype.kind not in "iuf" or each.notnull().any()


@pytest.mark.parametrize("name", METHODS)
def test_any_order_of_dimensions_gives_the_same_values(name):
    grid = recipe_of(name).grid()
    expected = called(name, grid)
    for order in (grid.dims[::-1], (*grid.dims[1:], grid.dims[0])):
        assert_same(called(name, grid.transpose(*order)), expected)


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("name", METHODS)
def test_any_names_of_axes_give_the_same_values(name, names):
    y, x, of_y, of_x = NAMES[names]
    grid = recipe_of(name).grid()
    named = grid.rename(lat=y, lon=x)
    named[y].attrs, named[x].attrs = of_y, of_x
    if not of_y and recipe_of(name).needs_crs:
        named = named.rio.write_crs("EPSG:4326")
    assert_same(called(name, named), called(name, grid), {y: "lat", x: "lon"})


@pytest.mark.parametrize("name", without("turned"))
def test_latitudes_may_rise_or_fall(name):
    grid = recipe_of(name).grid()
    assert_same(called(name, grid.isel(lat=slice(None, None, -1))), called(name, grid))


@pytest.mark.parametrize("name", without("round"))
def test_longitudes_may_go_to_180_or_to_360(name):
    recipe = recipe_of(name)
    grid = recipe.grid(west=-100.0)
    round_grid = grid.assign_coords(lon=("lon", grid.lon.to_numpy() + 360, grid.lon.attrs))
    result = called(name, round_grid, grid)
    for each in arrays(result):
        if "lon" in each.coords:
            each["lon"] = (each.lon + 180) % 360 - 180
    assert_same(result, called(name, grid, grid))


@pytest.mark.parametrize("calendar", CALENDARS)
@pytest.mark.parametrize("name", TIMED)
def test_any_calendar_will_do(name, calendar):
    grid = recipe_of(name).grid(calendar=calendar)
    for each in arrays(called(name, grid, grid)):
        if "time" in each.dims:
            assert each.time.dt.calendar == grid.time.dt.calendar
        assert each.dtype.kind not in "iuf" or each.notnull().any()


@pytest.mark.parametrize("name", without("provenance"))
def test_results_say_where_they_come_from(name):
    for each in arrays(called(name, recipe_of(name).grid())):
        attributes = each.attrs
        assert attributes["history"].startswith(f"{ATTRIBUTES['history']}\n{name}, Mooring ")
        assert attributes["method"].startswith(f"{name}, Mooring ")
        assert attributes["references"]
        assert attributes["source"] == ATTRIBUTES["source"]
        assert "units" in attributes
        assert "_FillValue" not in attributes


@pytest.mark.parametrize("name", METHODS)
def test_what_is_given_is_never_changed(name):
    grid = recipe_of(name).grid().assign_coords(altitude=2.0)
    grid.encoding = {"dtype": "int16", "scale_factor": 0.5}
    grid.lat.encoding = {"zlib": True}
    before, encoding = grid.copy(deep=True), dict(grid.encoding)
    grid.data.setflags(write=False)
    called(name, grid, before)
    xr.testing.assert_identical(grid, before)
    assert grid.encoding == encoding
    assert grid.lat.encoding == {"zlib": True}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", without("precision"))
def test_results_have_the_precision_of_the_data(name, dtype):
    whole = [each for each in arrays(called(name, recipe_of(name).grid(dtype=dtype))) if each.dtype.kind == "f"]
    assert str(whole[0].dtype) == dtype


@pytest.mark.parametrize("name", without("lazy"))
def test_a_file_opened_lazily_and_an_array_of_dask_give_the_same(name, tmp_path):
    grid = recipe_of(name).grid()
    stored = grid.drop_attrs(deep=False).assign_attrs({k: v for k, v in grid.attrs.items() if k != "_FillValue"})
    stored.to_netcdf(tmp_path / "grid.nc")
    expected = called(name, stored)
    with xr.open_dataset(tmp_path / "grid.nc") as opened:
        assert_same(called(name, opened.h), expected, tolerance=1e-12)
    with xr.open_dataset(tmp_path / "grid.nc", chunks={"lat": 3, "lon": 3}) as chunked:
        assert_same(called(name, chunked.h), expected, tolerance=1e-12)


@pytest.mark.parametrize("name", without("curvilinear"))
def test_a_curvilinear_grid_is_taken_or_refused_with_a_sentence(name):
    grid = recipe_of(name).grid()
    two = xr.broadcast(grid.lat.drop_vars("lat"), grid.lon.drop_vars("lon"))
    latitude, longitude = (
        each.rename(lat="row", lon="column").assign_attrs(units) for each, units in zip(two, UNITS, strict=True)
    )
    bent = grid.drop_vars(["lat", "lon"]).rename(lat="row", lon="column")
    bent = bent.assign_coords(lat=latitude + 0.1 * longitude.to_numpy(), lon=longitude)
    bent.lat.attrs, bent.lon.attrs = UNITS
    try:
        outputs = called(name, bent, grid)
    except InputError as refused:
        complete = len(refused.detail) > 20 and refused.input is not None
    else:
        complete = any({"row", "column"} <= set(each.dims) for each in arrays(outputs))
    assert complete


def test_a_recipe_is_of_a_method_that_there_is():
    assert set(RECIPES) <= set(METHODS)
