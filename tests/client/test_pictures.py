"""Pictures of grids. What they look like is judged by eye; here is what must hold of each."""

from __future__ import annotations

import subprocess
import sys

import cftime
import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import rioxarray  # noqa: F401 - gives grids their .rio
import xarray as xr
from moorage.formats import FormatError, Kind, find, write
from moorage.formats.colours import colours_of
from moorage.formats.labels import heading, meridian, parallel, quantity
from moorage.formats.pictures import picture_of
from moorage.formats.scales import Scale

PNG = find(Kind.GRID, "png")


def field(values=None, name="t", **attrs) -> xr.DataArray:
    lat = xr.Variable("lat", np.linspace(-80, 80, 9), {"units": "degrees_north"})
    lon = xr.Variable("lon", np.linspace(0, 350, 12), {"units": "degrees_east"})
    values = np.arange(108.0).reshape(9, 12) if values is None else values
    return xr.DataArray(values, {"lat": lat, "lon": lon}, ("lat", "lon"), name=name, attrs=attrs)


noleap = [cftime.DatetimeNoLeap(2000, month, 1) for month in range(1, 13)]
DRAWABLE = {
    "map": field(),
    "map of one value": field(np.full((9, 12), 5)),
    "map without a value": field(np.full((9, 12), np.nan)),
    "yes and no": field() > 50,
    "months": field().expand_dims(month=np.arange(1, 13)),
    "projected": field().rename(lat="y", lon="x").drop_attrs().rio.write_crs(3413),
    "uneven": field().assign_coords(lat=np.arange(9) ** 2),
    "no coordinates": field().drop_vars(["lat", "lon"]),
    "section": field().rename(lon="depth"),
    "through time": field().rename(lon="time").assign_coords(time=noleap),
    "one step of time": field().expand_dims(time=[pd.Timestamp("2000-01-01")]),
    "series": xr.DataArray(np.arange(12.0), {"time": pd.date_range("2000", periods=12)}, name="v"),
    "series of a model": xr.DataArray(np.arange(12.0), {"time": noleap}, name="v"),
    "series by station": xr.DataArray(np.ones((2, 5)), {"station": ["a", "b"]}, ("station", "time")),
    "series with gaps only": xr.DataArray(np.full(4, np.nan), dims="x"),
    "one variable of a dataset": field().to_dataset(),
}


@pytest.mark.parametrize("grid", DRAWABLE.values(), ids=DRAWABLE.keys())
def test_a_picture_is_drawn(grid, tmp_path):
    write(grid, tmp_path / "picture.png", PNG)
    height, width, _ = matplotlib.image.imread(tmp_path / "picture.png").shape
    assert 400 < height < 2000
    assert 600 < width < 2000


@pytest.mark.parametrize(
    ("grid", "sentence"),
    [
        (field().expand_dims(time=2, level=3), r"time \(2\), level \(3\)"),
        (field().expand_dims(time=13), "up to 12"),
        (field()[:1, :1], "more than one"),
        (field().astype(str), "numbers"),
        (xr.Dataset({"a": field(), "b": field()}), "a, b"),
    ],
)
def test_what_no_picture_shows_is_said(grid, sentence, tmp_path):
    with pytest.raises(FormatError, match=sentence):
        write(grid, tmp_path / "picture.png", PNG)


@pytest.mark.parametrize("rows", [slice(None), slice(3, 6), slice(4, 6)])
@pytest.mark.parametrize("months", [1, 12])
def test_maps_leave_no_gap_below_their_title(rows, months):
    figure = picture_of(field()[rows].expand_dims(month=np.arange(1, months + 1)))
    figure.draw_without_rendering()
    given, taken = (figure.axes[0].get_position(original=each).height for each in (True, False))
    assert given - taken < 0.01


def test_drawing_leaves_no_trace_in_the_process(tmp_path):
    code = f"""
import sys, xarray, moorage.formats as f
from pathlib import Path
grid = xarray.DataArray([[1, 2], [3, 4.0]], dims=("y", "x"))
f.write(grid, Path({str(tmp_path / "p.png")!r}), f.find(f.Kind.GRID, "png"))
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"PATH": "/usr/bin:/bin"})


@pytest.mark.parametrize(
    ("grid", "name"),
    [
        (field(name="precipitation"), "viridis"),
        (field(long_name="Temperature anomaly"), "RdBu_r"),
        (field(np.linspace(-5, 9, 108).reshape(9, 12)), "RdBu_r"),
        (field(np.linspace(-0.1, 9, 108).reshape(9, 12)), "viridis"),
        (field(np.linspace(-4000, 3000, 108).reshape(9, 12), standard_name="surface_altitude"), "BrBG_r"),
        (field(long_name="Aspect, clockwise from north"), "twilight"),
        (field(name="hillshade"), "gray"),
    ],
)
def test_colours_suit_the_quantity(grid, name):
    assert colours_of(grid).name == name


def test_diverging_colours_meet_at_zero():
    colours = colours_of(field(np.linspace(-5, 9, 108).reshape(9, 12)))
    assert (colours.low, colours.high) == (-9, 9)


def test_a_single_outlier_does_not_take_all_colours():
    values = np.linspace(0, 1, 1080).reshape(90, 12)
    values[3, 3] = 1e6
    colours = colours_of(xr.DataArray(values))
    assert colours.high < 1.1
    assert colours.extend in ("max", "both")


@pytest.mark.parametrize(
    ("attrs", "words"),
    [
        ({"long_name": "mass flux", "units": "kg m-2 s-1"}, "Mass flux [kg m⁻² s⁻¹]"),
        ({"standard_name": "air_temperature", "units": "degC"}, "Air temperature [°C]"),
        ({"long_name": "SEA LEVEL", "units": "1"}, "Sea level"),
        ({"units": "m s**-1"}, "T_max [m s⁻¹]".replace("_", " ")),
    ],
)
def test_quantities_are_written_as_people_write_them(attrs, words):
    assert quantity(xr.DataArray(1.0, name="t_max", attrs=attrs)) == words


def test_places_are_written_with_their_side():
    assert [meridian(degrees) for degrees in (0, 190, 350, 180, -12.5)] == ["0°", "170°W", "10°W", "180°", "12.5°W"]
    assert [parallel(degrees) for degrees in (0, -53.5, 90)] == ["0°", "53.5°S", "90°N"]
    assert heading(xr.DataArray(0, name="sea_ice")) == "Sea ice"


def test_dates_of_a_model_calendar_keep_their_part_of_the_year():
    scale = Scale.of(DRAWABLE["series of a model"], "time")
    assert np.diff(scale.positions).min() > 27
    assert scale.positions[0] == pytest.approx(pd.Timestamp("2000-01-01").timestamp() / 86400)
