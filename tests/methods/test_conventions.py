"""What holds for every method that takes a grid, however the grid is written down."""

import contextlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass, field

import geopandas
import moorage
import numpy as np
import pandas as pd
import pytest
import rioxarray  # noqa: F401 - gives grids their .rio
import shapely
import xarray as xr
from catalogue_page import described, ours
from moorage.formats.axes import Axis, dimension
from moorage_processes import InputError

NO_GRID = {"interpolate-stations"}
"""Methods that take no grid."""
ORIGIN = {"history": "measured", "source": "a model"}


@dataclass(frozen=True)
class Recipe:
    """How a method is called in this sweep."""

    inputs: dict = field(default_factory=dict)
    has_time: bool = True
    """Whether its data may have a time axis; a single step is taken where not."""
    whole: bool = False
    """Whether its data must be whole numbers."""
    several: Callable[[xr.DataArray], dict] | None = None
    """All its inputs, made of the grid, where it takes several."""


POINTS = geopandas.GeoDataFrame({"name": ["a", "b"]}, geometry=shapely.points([[22, 42], [41, 21]]), crs="EPSG:4326")
ZONES = geopandas.GeoDataFrame({"zone": ["a"]}, geometry=[shapely.box(11, 11, 48, 39)], crs="EPSG:4326")
RECIPES = {
    "area-mean": Recipe(),
    "climate-index": Recipe({"index": "summer-days"}),
    "climatology": Recipe(),
    "contours": Recipe({"levels": [290.0]}, has_time=False),
    "correlation-map": Recipe(several=lambda data: {"data": data, "other": index_of(data)}),
    "ensemble-statistics": Recipe(several=lambda data: {"members": [data, (data + 2).assign_attrs(data.attrs)]}),
    "eof": Recipe(),
    "percentile": Recipe({"percentiles": [10.0, 90.0]}),
    "point-series": Recipe({"points": POINTS}),
    "polygonize": Recipe(has_time=False, whole=True),
    "quicklook": Recipe({"width": 300, "step": 0}),
    "regrid": Recipe({"resolution": 20.0}),
    "reproject": Recipe({"crs": "EPSG:3857", "bounds": moorage.BBox(10, 10, 50, 45), "resolution": 5e5}),
    "subset": Recipe({"bbox": moorage.BBox(5, 5, 45, 45)}),
    "temporal-resample": Recipe({"frequency": "year"}),
    "terrain": Recipe({"crs": "EPSG:25832"}, has_time=False),
    "threshold-exceedance": Recipe({"threshold": 290.0}),
    "trend": Recipe(),
    "zonal-statistics": Recipe({"zones": ZONES}, has_time=False),
}
"""One line for each method that takes a grid."""
TIMED = [name for name, recipe in RECIPES.items() if recipe.has_time]
FIELDS = [
    name for name in RECIPES if name not in ("quicklook", "point-series", "contours", "polygonize", "zonal-statistics")
]
TURNING = [name for name in RECIPES if name != "terrain"]
CUT_AT_THE_SEAM = ("contours", "polygonize", "quicklook")
"""What these give ends where the grid ends, which is elsewhere where longitudes begin elsewhere."""


def grid(name, calendar="noleap"):
    """400 days around the Earth in steps of 10 degrees, as the recipe of a method wants them."""
    recipe = RECIPES[name]
    time = xr.date_range("2001-01-01", periods=400, calendar=calendar, use_cftime=True)
    latitude, longitude = np.arange(-85.0, 90, 10), np.arange(5.0, 360, 10)
    values = 292 + 8 * np.cos(np.arange(400) / 58)[:, None, None] - np.abs(latitude)[:, None] / 5
    values = values + np.random.default_rng(3).normal(0, 3, (400, latitude.size, longitude.size))
    coords = {
        "time": time,
        "lat": ("lat", latitude, {"units": "degrees_north", "standard_name": "latitude"}),
        "lon": ("lon", longitude, {"units": "degrees_east", "standard_name": "longitude"}),
    }
    data = xr.DataArray(values.astype("float32"), coords, ("time", "lat", "lon"), "tas", {"units": "K", **ORIGIN})
    if name == "terrain":
        return on_utm(data)
    if not recipe.has_time:
        data = data.isel(time=0, drop=True)
    return (data // 5).astype("int32").assign_attrs(data.attrs) if recipe.whole else data


def on_utm(data):
    heights = data.isel(time=0, drop=True).rename(lat="y", lon="x").assign_attrs(units="m")
    y = ("y", 5e6 + 100.0 * np.arange(heights.sizes["y"]), {"units": "m"})
    return heights.assign_coords(y=y, x=("x", 5e5 + 100.0 * np.arange(heights.sizes["x"]), {"units": "m"}))


def call(name, data):
    """The outputs of a method by name."""
    address = described()[name].address
    function = getattr(importlib.import_module(address.module), address.name)
    if several := RECIPES[name].several:
        return named(function(**several(data)))
    first = next(iter(described()[name].description["inputs"]))
    given = data.to_dataset().assign_attrs(ORIGIN) if name == "subset" else data
    return named(function(**{first: given}, **RECIPES[name].inputs))


def named(result):
    outputs = result._asdict() if hasattr(result, "_asdict") else {"result": result}
    return {key: plain(value) for key, value in outputs.items() if value is not None}


def plain(value):
    """The field; of a dataset, which says itself where it comes from, with what that says."""
    if not isinstance(value, xr.Dataset):
        return value
    return value["tas" if "tas" in value else "mean"].assign_attrs(value.attrs)


def index_of(data):
    """A series: the mean of all cells."""
    return data.mean([name for name in data.dims if name != dimension(data, Axis.T)])


def standard(value, names=None):
    """Values in one order of dimensions and cells, for comparison."""
    value = value.rename({old: new for old, new in (names or {}).items() if old in value.dims})
    for along in ("lat", "lon", "y", "x"):
        if along in value.dims and along in value.coords:
            if along == "lon":
                value = value.assign_coords(lon=value.lon % 360)
            value = value.sortby(along)
    return value.transpose(*sorted(value.dims, key=str))


def assert_alike(one, other, names=None):
    assert one.keys() == other.keys()
    for key, value in one.items():
        if isinstance(value, xr.DataArray):
            mine, theirs = standard(value), standard(other[key], names)
            np.testing.assert_allclose(theirs.to_numpy(), mine.to_numpy(), rtol=2e-5, atol=2e-4, err_msg=key)
        elif isinstance(value, geopandas.GeoDataFrame):
            assert_alike_features(value, other[key])
        elif isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, other[key], rtol=1e-5, check_like=True)
        else:
            assert value == other[key]


def assert_alike_features(one, other):
    """Features of the same size, in any order."""
    assert len(one) == len(other)
    mine, theirs = (np.sort(shapely.area(each.geometry) + shapely.length(each.geometry)) for each in (one, other))
    np.testing.assert_allclose(theirs, mine, rtol=1e-6)
    for column in one.columns.drop("geometry"):
        if one[column].dtype.kind in "iuf":
            np.testing.assert_allclose(np.sort(other[column]), np.sort(one[column]), rtol=1e-5)


@pytest.fixture(scope="module")
def usual():
    """What each method makes of the grid as it is usually written; computed once."""
    known = {}

    def of(name):
        if name not in known:
            known[name] = call(name, grid(name))
        return known[name]

    return of


def test_every_method_that_takes_a_grid_has_a_recipe():
    without = set(ours()) - NO_GRID - set(RECIPES)
    assert not without, f"give {sorted(without)} a line in RECIPES of tests/methods/test_conventions.py"


@pytest.mark.parametrize("name", RECIPES)
def test_any_order_of_the_dimensions_gives_the_same(usual, name):
    data = grid(name)
    assert_alike(usual(name), call(name, data.transpose(*reversed(data.dims))))


@pytest.mark.parametrize("names", [("latitude", "longitude"), ("COADSY", "COADSX")], ids=lambda names: names[0])
@pytest.mark.parametrize("name", [name for name in RECIPES if name != "terrain"])
def test_axes_may_have_any_name(usual, name, names):
    y, x = names
    result = call(name, grid(name).rename(lat=y, lon=x))
    if name != "quicklook":  # which writes the names on the map
        assert_alike(usual(name), result, {y: "lat", x: "lon"})


@pytest.mark.parametrize("name", TURNING)
def test_latitudes_may_descend(usual, name):
    assert_alike(usual(name), call(name, grid(name).isel(lat=slice(None, None, -1))))


@pytest.mark.parametrize("name", [name for name in TURNING if name not in CUT_AT_THE_SEAM])
def test_longitudes_may_go_from_minus_180_to_180(usual, name):
    data = grid(name)
    longitude = ((data.lon + 180) % 360 - 180).assign_attrs(data.lon.attrs)
    assert_alike(usual(name), call(name, data.assign_coords(lon=longitude).sortby("lon")))


@pytest.mark.parametrize("calendar", ["360_day", "standard", "all_leap"])
@pytest.mark.parametrize("name", TIMED)
def test_any_calendar_is_taken(name, calendar):
    assert call(name, grid(name, calendar))


@pytest.mark.parametrize("name", FIELDS)
def test_results_say_where_they_come_from(usual, name):
    for key, value in usual(name).items():
        attributes = value.attrs
        assert str(attributes["history"]).startswith("measured\n"), key
        assert attributes["source"] == "a model", key
        assert attributes["references"], key
        assert attributes["method"].startswith(f"{name}, Moorage "), key
        assert attributes.get("units"), f"{key} has no units"


@pytest.mark.parametrize("name", RECIPES)
def test_the_data_are_never_changed(name):
    data, before = grid(name), grid(name)
    data.encoding = {"dtype": "int16", "scale_factor": 0.1}
    call(name, data)
    xr.testing.assert_identical(data, before)
    assert data.encoding == {"dtype": "int16", "scale_factor": 0.1}


DOUBLE = {"variance_fraction", "variance_error", "slope", "intercept", "p_value"}
"""Outputs that are in double precision whatever the data are, as the docstrings of their methods say."""


@pytest.mark.parametrize("name", FIELDS)
def test_single_precision_stays_single(usual, name):
    for key, value in usual(name).items():
        if value.dtype.kind == "f" and key not in DOUBLE:
            assert value.dtype == "float32", key


@pytest.mark.parametrize("name", RECIPES)
def test_a_file_opened_lazily_gives_the_same(usual, name, tmp_path):
    grid(name).to_dataset().to_netcdf(tmp_path / "grid.nc")
    with xr.open_dataset(tmp_path / "grid.nc") as opened:
        assert_alike(usual(name), call(name, opened.tas))


@pytest.mark.parametrize("name", RECIPES)
def test_dask_arrays_give_the_same(usual, name):
    data = grid(name)
    assert_alike(usual(name), call(name, data.chunk(dict.fromkeys(data.dims, 7))))


@pytest.mark.parametrize("name", RECIPES)
def test_curvilinear_grids_are_taken_or_refused_in_words(name):
    data = grid(name)
    y, x = data.dims[-2:]
    latitude, longitude = (values.to_numpy() for values in xr.broadcast(data[y], data[x]))
    bent = data.drop_vars([y, x]).rename({y: "j", x: "i"}).assign_coords(
        lat=(("j", "i"), latitude, {"units": "degrees_north"}), lon=(("j", "i"), longitude, {"units": "degrees_east"})
    )  # fmt: skip
    with contextlib.suppress(InputError):
        assert call(name, bent)
