"""A part of a grid is cut where it lies on the Earth, in any calendar, along any axis."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from moorage_processes.data.period import Period
from moorage_processes.data.selection import axes_known, subset
from moorage_processes.errors import InputError
from support import odd_grids

AROUND = odd_grids.around()


def cut(grid: xr.Dataset, **selection: object) -> xr.Dataset:
    """The part, with the keys of a request."""
    return subset(grid, {key.replace("_", "-"): value for key, value in selection.items()}, "grid")


@pytest.mark.parametrize(
    ("box", "lons"),
    [
        ([0, -10, 20, 10], [5, 15]),
        ([-20, -10, 20, 10], [-15, -5, 5, 15]),
        ([-20, -10, -10, 10], [-15]),
        ([170, -10, -170, 10], [175, 185]),
        ([350, -10, 370, 10], [355, 365]),
        ([-180, -10, 180, 10], list(np.arange(-175.0, 180, 10))),
        ([0, -10, 360, 10], list(np.arange(5.0, 360, 10))),
    ],
)
def test_longitudes_are_compared_around_the_earth_and_come_in_the_range_of_the_box(box, lons):
    part = cut(AROUND, bbox=box)
    assert part.ost.values.tolist() == lons
    assert part.nord.values.tolist() == [5, -5]
    heat = part.heat.isel(wann=1).transpose("nord", "ost").values
    assert np.array_equal(heat, odd_grids.place(*np.meshgrid(part.ost, part.nord)).astype("float32") + 0.25)


@given(st.floats(-180, 180), st.floats(0.5, 360), st.sampled_from([0.0, -180.0, 90.0]))
def test_a_box_holds_the_same_cells_however_the_data_counts_longitudes(west, width, start):
    lon = (np.arange(2.5, 360, 5) + start + 360 * (start < 0)) % 360 + min(0, start)
    grid = xr.Dataset({"v": (("lat", "lon"), np.zeros((1, 72)))}, {"lat": [0.0], "lon": np.sort(lon)})
    east = west + width if west + width <= 180 else west + width - 360
    wanted = sorted((each + 180) % 360 - 180 for each in lon if (each - west) % 360 <= (east - west) % 360)
    if width == 360 or not wanted:
        return
    part = cut(grid, bbox=[west, -1, east, 1])
    assert sorted((part.lon.values + 180) % 360 - 180) == wanted
    assert (np.diff(part.lon) > 0).all()


def test_a_grid_that_has_the_meridian_of_180_degrees_on_both_sides_keeps_both():
    grid = xr.Dataset({"v": (("lat", "lon"), np.zeros((1, 5)))}, {"lat": [0.0], "lon": [-180.0, -90, 0, 90, 180]})
    assert cut(grid, bbox=[-180, -1, 180, 1]).lon.values.tolist() == [-180, -90, 0, 90, 180]


def test_nothing_is_read_to_cut(tmp_path):
    AROUND.to_netcdf(tmp_path / "around.nc")
    with xr.open_dataset(tmp_path / "around.nc") as grid:
        part = cut(grid, bbox=[-20, -10, 20, 10], datetime="2000-02", subset={"x": [-15]})
        assert not part.heat._in_memory
        assert part.heat.size == 2


@pytest.mark.parametrize(
    ("period", "months"),
    [
        ("2000-02-29", [2]),
        ("2000-02", [2]),
        ("2000-02-29T00:00:00Z", [2]),
        ("2000-02-29T02:00:00+02:00", [2]),
        ("2000", [1, 2, 3]),
        ("2000-01-31/2000-02-29", [1, 2]),
        ("../2000-02", [1, 2]),
        ("2000-02/..", [2, 3]),
        ("2000-02/", [2, 3]),
        ("/9999-12-31T23:59:59Z", [1, 2, 3]),
        ("2000-02/9999", [2, 3]),
        ("0001-01-01T00:00:00+05:00/2000-01", [1]),
    ],
)
def test_instants_and_intervals_with_open_ends_pick_times(period, months):
    assert cut(AROUND, datetime=period).wann.dt.month.values.tolist() == months


@pytest.mark.parametrize(
    "period",
    ["soon", "2000-13", "2000-02-40", "2000/1999", "1990", "2000-02-28T12:00:00Z", "/", "10000/10001", "999999"],
)
def test_a_period_that_is_none_or_empty_is_told(period):
    if period == "/":
        assert cut(AROUND, datetime=period).sizes["wann"] == 3
        return
    with pytest.raises(InputError, match="not an instant or start/end|does not meet the data, which has 2000-01-31"):
        cut(AROUND, datetime=period)


@pytest.mark.parametrize(
    ("calendar", "period", "count"),
    [
        ("360_day", "2001-02-30", 1),
        ("360_day", "2001-01-31/2001-02-30", 2),
        ("360_day", "2001", 12),
        ("noleap", "2001-01-28/2001-02-29", 2),
        ("noleap", "2001-12/..", 1),
    ],
)
def test_dates_of_other_calendars_are_dates(calendar, period, count):
    """A day that a calendar lacks is the last of its month, as the end of an interval means it."""
    assert cut(odd_grids.calendar(calendar), datetime=period).sizes["time"] == count


def test_a_box_is_carried_over_to_the_projection_of_the_data():
    part = cut(odd_grids.projected(), bbox=[9.95, 53.52, 9.98, 53.55])
    assert 0 < part.sizes["x"] < 10
    assert 0 < part.sizes["y"] < 8
    whole = cut(odd_grids.projected(), bbox=[9, 53, 11, 54])
    assert dict(whole.sizes) == {"x": 10, "y": 8}


@pytest.mark.parametrize("crs", ["EPSG:25832", "http://www.opengis.net/def/crs/EPSG/0/25832", "[EPSG:25832]"])
def test_a_box_may_be_given_in_the_projection_itself(crs):
    part = cut(odd_grids.projected(), bbox=[560000, 5930000, 562000, 5931000], bbox_crs=crs)
    assert part.x.values.tolist() == [560500, 561500]
    assert part.y.values.tolist() == [5930500]


def test_a_box_in_a_crs_of_latitude_and_longitude_begins_with_the_latitude():
    crs = "http://www.opengis.net/def/crs/EPSG/0/4326"
    part = cut(AROUND, bbox=[20, -10, 40, 10], bbox_crs=crs)
    assert part.nord.values.tolist() == [35, 25]
    assert part.ost.values.tolist() == [-5, 5]


def test_a_box_in_metres_picks_degrees():
    crs = "http://www.opengis.net/def/crs/EPSG/0/3857"
    assert cut(AROUND, bbox=[0, 0, 2e6, 2e6], bbox_crs=crs).ost.values.tolist() == [5, 15]


@pytest.mark.parametrize(
    ("ranges", "sizes"),
    [
        ({"depth": ["50"]}, {"depth": 1}),
        ({"z": ["5", "50"]}, {"depth": 2}),
        ({"DEPTH": ["*", "60"]}, {"depth": 2}),
        ({"depth": ["500", "5"]}, {"depth": 3}),
        ({"lat": ["-4", "4"], "lon": ["175", "-175"]}, {"lat": 4, "lon": 6}),
        ({"Lon": ["-179"], "Lat": ["0.2"]}, {"lon": 1, "lat": 1}),
    ],
)
def test_every_axis_is_cut_by_its_own_name_or_the_usual_one(ranges, sizes):
    part = cut(odd_grids.deep(), subset=ranges)
    assert {name: part.sizes[name] for name in sizes} == sizes


def test_a_single_place_is_the_cell_it_lies_in():
    part = cut(AROUND, subset={"lon": ["-12"], "lat": ["81"], "time": ["2000-02"]})
    assert (part.ost.item(), part.nord.item()) == (345, 85)


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ({"subset": {"depth": ["7"]}}, r"depth \(7\) does not meet the data, which has 5.0, 50.0, 500.0"),
        ({"subset": {"height": ["7"]}}, "there is no axis 'height'; the data has depth, lat, lon"),
        ({"subset": {"lat": ["north"]}}, "lat takes a number or low:high, not 'north'"),
        ({"subset": {"lat": ["50"]}}, "does not meet the data"),
        ({"datetime": "2000"}, "no time axis"),
        ({"bbox": ["a", "b", "c", "d"]}, "is four numbers"),
        ({"bbox": [0, 0, float("nan"), 1]}, "finite"),
        ({"bbox": [0, 10, 1, 0]}, "lies north of its north"),
        ({"bbox": [0, 0, 1, 1], "bbox-crs": "moon"}, "'bbox-crs' 'moon' is not known"),
        ({"bbox": [0, 0, 1, 1]}, "does not meet the data"),
    ],
)
def test_what_does_not_fit_the_data_is_told_with_what_would(selection, words):
    with pytest.raises(InputError, match=words):
        subset(odd_grids.deep(), selection, "grid")


def test_a_box_with_heights_cuts_levels_too():
    assert cut(odd_grids.deep(), bbox=[170, -5, 0, -170, 5, 60]).depth.values.tolist() == [5, 50]


def test_all_names_of_an_axis_are_known():
    assert axes_known(AROUND)[:3] == ["ost", "wann", "nord"]
    assert {"lon", "lat", "t", "x", "y"} <= set(axes_known(AROUND))
    assert "z" not in axes_known(AROUND)


def test_an_open_period_holds_all():
    assert Period.read("../..").places(AROUND.wann.values).tolist() == [0, 1, 2]
