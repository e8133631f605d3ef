"""Cells between uneven rows and columns: by hand, by property, and against cdo."""

import numpy as np
import pytest
import xarray as xr
from moorage_processes import InputError
from moorage_processes.grids.rectilinear import RADIUS, rectilinear_grid

SPHERE = 4 * np.pi * RADIUS**2


def gaussian_latitudes(number):
    return np.degrees(np.arcsin(np.polynomial.legendre.leggauss(2 * number)[0]))


def on(lonlat_grid, latitudes, longitudes):
    return lonlat_grid(np.zeros((len(latitudes), len(longitudes))), latitudes, longitudes)


def test_edges_lie_halfway_and_the_outermost_are_mirrored(lonlat_grid):
    grid = rectilinear_grid(on(lonlat_grid, [0, 10, 30], [5, 6, 8]), "data")
    assert grid.row_bounds.tolist() == [[-5, 5], [5, 20], [20, 40]]
    assert grid.column_bounds.tolist() == [[4.5, 5.5], [5.5, 7], [7, 9]]
    assert not grid.goes_round


@pytest.mark.parametrize("longitudes", [np.arange(0, 360, 30), np.arange(-180, 180, 30), np.arange(345, -15, -30)])
@pytest.mark.parametrize("latitudes", [[-60, 0, 60], [90, 45, 0, -45, -90], gaussian_latitudes(8)])
def test_cells_around_the_earth_cover_the_sphere(lonlat_grid, latitudes, longitudes):
    grid = rectilinear_grid(on(lonlat_grid, latitudes, longitudes), "data")
    assert grid.goes_round
    np.testing.assert_allclose(grid.areas.sum(), SPHERE, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uneven_columns_in_any_precision_go_round(lonlat_grid, dtype):
    longitudes = np.cumsum(np.tile([1.1, 0.9, 1.3, 0.7], 90)).astype(dtype)
    assert rectilinear_grid(on(lonlat_grid, [-45, 45], longitudes), "data").goes_round


def test_a_repeated_longitude_has_no_area(lonlat_grid):
    grid = rectilinear_grid(on(lonlat_grid, [-45, 45], np.arange(0, 361, 60)), "data")
    assert grid.goes_round
    assert grid.once == 6
    assert (grid.areas[:, 6] == 0).all()
    np.testing.assert_allclose(grid.areas.sum(), SPHERE, rtol=1e-14)


def test_longitudes_that_leap_go_on_eastwards(lonlat_grid):
    grid = rectilinear_grid(on(lonlat_grid, [0, 1], [178, 179, -180, -179]), "data")
    assert grid.columns.tolist() == [178, 179, 180, 181]


def test_cells_of_a_projected_grid_are_as_wide_as_they_are(utm_grid):
    assert np.allclose(rectilinear_grid(utm_grid(np.zeros((3, 4)), cell=50.0), "data").areas, 2500)


@pytest.mark.parametrize(("latitudes", "step"), [(np.arange(-87.5, 90, 5), 5), (gaussian_latitudes(32), 5.625)])
def test_areas_agree_with_cdo_but_for_its_great_circles(tool, tmp_path, lonlat_grid, latitudes, step):
    field = on(lonlat_grid, latitudes, np.arange(0, 360, step))
    field.to_netcdf(tmp_path / "field.nc")
    tool("cdo", "-s", "-O", "-b", "F64", "gridarea", tmp_path / "field.nc", tmp_path / "area.nc")
    areas = xr.open_dataset(tmp_path / "area.nc").cell_area
    np.testing.assert_allclose(rectilinear_grid(field, "data").areas, areas, rtol=2e-3)


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        (xr.DataArray(np.zeros((2, 2)), dims=("a", "b")), "do not tell its horizontal axes"),
        (
            xr.DataArray(
                np.zeros((2, 2)), {"lon": (("j", "i"), np.zeros((2, 2)), {"units": "degrees_east"})}, ("j", "i")
            ),
            "curvilinear grid",
        ),
        (xr.DataArray(np.zeros((2, 2)), {"x": [0.0, 1.0], "y": [0.0, 1.0]}, ("y", "x")), "does not state its CRS"),
    ],
)
def test_what_is_no_grid_of_rows_and_columns_is_refused(field, sentence):
    with pytest.raises(InputError, match=sentence):
        rectilinear_grid(field, "data")


@pytest.mark.parametrize(
    ("latitudes", "longitudes", "sentence"),
    [
        ([0, 10, 5], [0, 1], "neither rise nor fall"),
        ([0, 0], [0, 1], "neither rise nor fall"),
        ([0, np.nan], [0, 1], "no finite numbers"),
        ([0, 95], [0, 1], "beyond the poles"),
        ([0], [0, 1], "one cell only, of unknown size"),
    ],
)
def test_axes_that_tell_no_cells_are_refused(lonlat_grid, latitudes, longitudes, sentence):
    with pytest.raises(InputError, match=sentence):
        rectilinear_grid(on(lonlat_grid, latitudes, longitudes), "data")
