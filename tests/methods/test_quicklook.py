"""Quicklooks: what they show, what they say, and how little they read."""

from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.image import imread
from moorage_processes import InputError
from moorage_processes.methods import quicklook as module
from moorage_processes.methods.quicklook import quicklook

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were drawn."""
    figures = []
    usual = module.picture_of
    monkeypatch.setattr(module, "picture_of", lambda *given: figures.append(usual(*given)) or figures[-1])
    return figures


def maps(steps=3, rows=12, columns=24):
    """Maps of the whole Earth with values from -10 to 30, one a month."""
    values = np.random.default_rng(0).uniform(-10, 30, (steps, rows, columns))
    latitude = xr.Variable("lat", np.linspace(-82.5, 82.5, rows), {"units": "degrees_north"})
    longitude = xr.Variable("lon", np.arange(columns) * 360.0 / columns, {"units": "degrees_east"})
    time = xr.date_range("2000-01-01", periods=steps, freq="MS")
    coordinates = {"time": time, "lat": latitude, "lon": longitude}
    about = {"units": "degC", "long_name": "air temperature"}
    return xr.DataArray(values, coordinates, ("time", "lat", "lon"), "t", about)


def words(figure):
    """All that is written in a picture."""
    return " | ".join(text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text())


def pixels(content):
    return imread(BytesIO(content), format="png")


@pytest.mark.parametrize("width", [400, 1200])
def test_a_map_is_a_png_of_the_width_that_was_asked_for(width):
    content = quicklook(maps()[0], width=width)
    assert content.startswith(PNG)
    assert abs(pixels(content).shape[1] - width) <= 1


def test_a_map_says_what_it_shows_in_which_unit_and_when(drawn):
    quicklook(maps(), step=1)
    for said in ("Air temperature", "°C", "2000-02-01", "60°E", "30°N"):
        assert said in words(drawn[0])


def test_a_title_and_colours_may_be_chosen(drawn):
    quicklook(maps(), step=0, title="A warm day", colours="magma", lowest=0, highest=20)
    image = drawn[0].axes[0].images[0]
    assert (image.get_cmap().name, image.get_clim()) == ("magma", (0, 20))
    assert "A warm day" in words(drawn[0])
    assert "Air temperature" not in words(drawn[0])


def test_one_end_of_the_colours_may_be_left_to_the_data(drawn):
    field = abs(maps()[0])
    quicklook(field, lowest=-5)
    low, high = drawn[0].axes[0].images[0].get_clim()
    assert low == -5
    assert high == pytest.approx(float(field.max()))


def test_anomalies_are_blue_and_red_about_zero(drawn):
    quicklook((maps()[0] * 0.1).rename("t_anomaly"))
    image = drawn[0].axes[0].images[0]
    assert image.get_cmap().name == "RdBu_r"
    assert sum(image.get_clim()) == 0


def test_classes_have_a_colour_and_a_name_each(drawn):
    classes = (maps()[0] > 10).astype("int16") + 1
    classes.attrs = {"flag_values": np.array([1, 2], "int16"), "flag_meanings": "cold very_warm", "long_name": "zones"}
    quicklook(classes)
    assert "cold" in words(drawn[0])
    assert "very warm" in words(drawn[0])
    assert drawn[0].axes[0].images[0].get_cmap().N == 2


def test_a_date_picks_the_map_that_lies_in_it(drawn):
    quicklook(maps(), datetime="2000-03")
    assert "2000-03-01" in words(drawn[0])
    assert len(drawn[0].axes) == 2


def test_up_to_twelve_maps_share_a_picture_and_of_more_the_first_is_drawn_and_said_so(drawn):
    quicklook(maps(12))
    quicklook(maps(13))
    assert len(drawn[0].axes) == 13
    assert len(drawn[1].axes) == 2
    assert "first of 13 along time" in words(drawn[1])
    assert "2000-01-01" in words(drawn[1])


def test_a_series_is_a_line_over_its_dates(drawn):
    quicklook(maps(36)[:, 3, 4])
    (line,) = drawn[0].axes[0].lines
    np.testing.assert_array_equal(line.get_ydata(), maps(36)[:, 3, 4])
    assert drawn[0].axes[0].get_ylabel() == "°C"


def test_a_projected_grid_is_drawn_in_its_crs_which_is_named(drawn):
    x = np.linspace(-3.8e6, 3.8e6, 20)
    polar = xr.DataArray(np.ones((20, 20)), {"y": x[::-1], "x": x}, ("y", "x"), "ice").rio.write_crs("EPSG:3413")
    quicklook(polar)
    assert "Polar Stereographic North (EPSG:3413)" in words(drawn[0])
    assert "easting [km]" in words(drawn[0])


def test_any_order_of_axes_gives_the_same_picture():
    field = maps(3)
    expected = pixels(quicklook(field, step=2))
    np.testing.assert_array_equal(pixels(quicklook(field.transpose("lon", "time", "lat"), step=2)), expected)
    np.testing.assert_array_equal(pixels(quicklook(field[:, ::-1], step=-1)), expected)


def test_missing_cells_are_hatched_whatever_stands_for_them(drawn):
    field = maps()[0]
    quicklook(field.where(field > 0))
    quicklook(field.where(field > 0, -999).assign_attrs(_FillValue=-999.0))
    for figure in drawn:
        assert "hatched: no value" in words(figure)
        assert figure.axes[0].images[0].get_array().min() > 0


def test_of_a_large_grid_only_some_cells_are_read(drawn, tmp_path, monkeypatch):
    rows, columns = 1500, 3000
    field = maps(2, rows, columns).astype("float32")
    field.to_netcdf(tmp_path / "large.nc")
    asked = []
    usual = module.numbers
    monkeypatch.setattr(module, "numbers", lambda part: asked.append(part.size) or usual(part))
    with xr.open_dataarray(tmp_path / "large.nc") as large:
        quicklook(large, step=1, width=200)
        assert not large.variable._in_memory
    assert asked == [(rows // 8 + 1) * (columns // 8)]
    assert "every 8th cell" in words(drawn[0])
    longitudes = drawn[0].axes[0].images[0].get_extent()[:2]
    assert longitudes == pytest.approx((0, 360), abs=1)


@pytest.mark.parametrize(
    ("data", "options", "sentence", "at"),
    [
        (maps()[0, 0, 0], {}, "a single value; a picture needs", "data"),
        (maps()[:1, :1, :1], {}, "a single value; a picture needs", "data"),
        (maps()[0].astype(str), {}, "a picture shows numbers", "data"),
        (maps(), {"step": 3}, "3 steps along time, 0 to 2, and no step 3", "step"),
        (maps()[0], {"step": 1}, "one map only", "step"),
        (maps(), {"step": 1, "datetime": "2000"}, "give one of them", "datetime"),
        (maps(), {"datetime": "1950"}, "nothing at 1950; it has 2000-01-01", "datetime"),
        (maps(), {"datetime": "now"}, "is not a date", "datetime"),
        (maps()[0].drop_vars("time"), {"datetime": "2000"}, "no time axis of dates", "datetime"),
        (maps()[0], {"lowest": 5, "highest": 5}, "from a lower to a higher number", "lowest"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_a_sentence(data, options, sentence, at):
    with pytest.raises(InputError, match=sentence) as refused:
        quicklook(data, **options)
    assert refused.value.input == at


def test_real_sea_surface_temperature_is_drawn(shared_data, drawn):
    quicklook(xr.open_dataset(shared_data / "coads_sst.nc").SST, step=0)
    assert "Sea surface temperature" in words(drawn[0])
