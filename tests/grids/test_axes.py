"""Which dimension is which: at least what cf-xarray tells, in any order and by any name."""

from itertools import permutations

import cf_xarray  # noqa: F401 - gives grids their .cf
import numpy as np
import pytest
import xarray as xr
from cf_xarray.criteria import coordinate_criteria
from moorage.formats.axes import Axis, dimension

KINDS = {
    "X": Axis.X, "longitude": Axis.X, "Y": Axis.Y, "latitude": Axis.Y, "Z": Axis.Z, "vertical": Axis.Z,
    "T": Axis.T, "time": Axis.T,
}  # fmt: skip
INDICES = "cell index along"
"""Cells that are counted are no coordinates: a curvilinear grid has such dimensions."""
TIMES_OF_YEAR = ("month", "season", "dayofyear")
"""Times of the year are no dates: cf-xarray guesses that a month is one by its name alone."""
CRITERIA = sorted(
    {
        (kind, attribute, text)
        for kind, attributes in coordinate_criteria.items()
        for attribute, texts in attributes.items()
        for text in texts
        if not text.startswith(INDICES)
    }
)
NAMES = [
    "x", "lon", "longitude", "lon_0", "lon1", "nav_lon", "glamt", "rlon", "Longitude", "XLON",
    "y", "lat", "latitude", "lat_0", "lat1", "nav_lat", "gphit", "rlat", "LAT",
    "z", "lev", "level", "olev", "nav_lev", "gdept", "lv_ISBL0", "bottom_top", "sigma", "height", "hght", "altitude",
    "depth", "deptht", "isobaric", "isobaric1", "pres", "isotherm",
    "t", "time", "time1", "time_0",
]  # fmt: skip


def told(grid):
    """The dimensions that cf-xarray tells, each with its axes."""
    known = {**grid.cf.axes, **grid.cf.coordinates}
    return {(name, KINDS[kind]) for kind, names in known.items() for name in names if name in grid.dims}


def anonymous(sizes=(2, 3, 4, 5)):
    """A grid of which nothing tells what its dimensions are."""
    names = ("p", "q", "r", "s")
    coordinates = {name: (name, np.arange(float(size))) for name, size in zip(names, sizes, strict=True)}
    return xr.DataArray(np.zeros(sizes), coordinates, names, "field")


def test_nothing_is_made_of_names_that_say_nothing():
    assert [dimension(anonymous(), axis) for axis in Axis] == [None] * 4


@pytest.mark.parametrize(("kind", "attribute", "text"), CRITERIA)
def test_what_metadata_tells_cf_xarray_it_tells_here(kind, attribute, text):
    for name in anonymous().dims:
        grid = anonymous()
        grid[name].attrs[attribute] = text
        assert (name, KINDS[kind]) in told(grid)
        assert dimension(grid, KINDS[kind]) == name


@pytest.mark.parametrize("name", NAMES)
def test_what_a_name_tells_cf_xarray_it_tells_here(name):
    grid = anonymous().rename(q=name)
    (axis,) = {axis for found, axis in told(grid.cf.guess_coord_axis()) if found == name}
    assert dimension(grid, axis) == name
    assert dimension(grid.drop_vars(name), axis) == name


@pytest.mark.parametrize("name", ["zone", "member", "month", "season", "i", "j", "location", "band", "latent_heat"])
def test_other_names_tell_nothing(name):
    grid = anonymous().rename(q=name)
    assert [dimension(grid, axis) for axis in Axis] == [None] * 4


@pytest.mark.parametrize("order", list(permutations("pqrs")))
def test_the_order_of_the_dimensions_does_not_matter(order):
    grid = anonymous().transpose(*order)
    for name, axis in zip("pqrs", Axis, strict=True):
        grid[name].attrs["axis"] = axis.value
    assert [dimension(grid, axis) for axis in Axis] == list("pqrs")


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day"])
def test_dates_of_any_calendar_tell_time(calendar):
    dates = xr.date_range("2000-01-01", periods=3, calendar=calendar, use_cftime=calendar != "standard")
    assert dimension(anonymous().assign_coords(q=dates), Axis.T) == "q"


def test_an_axis_that_is_stated_goes_before_a_name():
    grid = anonymous().rename(p="lat", q="lon")
    grid["lat"].attrs["axis"], grid["lon"].attrs["axis"] = "X", "Y"
    assert (dimension(grid, Axis.X), dimension(grid, Axis.Y)) == ("lat", "lon")


@pytest.mark.parametrize(
    "file", ["coads_sst.nc", "cmip5_rcp85_precipitation_p25.nc", "era5_cities_daily.nc", "eraint_uvz.nc"]
)
def test_what_cf_xarray_tells_of_real_files_is_told_here(shared_data, file):
    with xr.open_dataset(shared_data / file) as grid:
        known = told(grid.cf.guess_coord_axis())
        assert known
        for variable in grid.data_vars.values():
            for name, axis in known:
                if name in variable.dims and name not in TIMES_OF_YEAR:
                    assert dimension(variable, axis) == name
