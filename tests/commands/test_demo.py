"""The demonstration's data: a real elevation model, its catchments, and their picture."""

import numpy as np
import pytest
import shapely
import xarray as xr
from moorage_processes.commands.demo import jacksboro
from moorage_processes.commands.demo.jacksboro import catchments, elevation_model
from moorage_processes.commands.demo.picture import poster
from moorage_processes.methods.terrain import terrain
from moorage_processes.methods.zonal_statistics import zonal_statistics


@pytest.fixture(scope="module")
def dem():
    return elevation_model()


@pytest.fixture(scope="module")
def zones(dem):
    return catchments(dem)


def test_the_elevation_model_is_the_one_that_ships_with_matplotlib(dem):
    assert dem.shape == (344, 403)
    assert (int(dem.min()), int(dem.max())) == (236, 1076)
    assert dem.dtype == np.int16
    assert dem.rio.crs == "EPSG:4326"
    assert dem.attrs["units"] == "m"
    assert "assumed" in dem.attrs["comment"]


def test_its_cells_lie_inside_the_edges_the_file_gives(dem):
    edges = (-84.41375, 36.44625, -84.07791666666667, 36.73291666666667)
    assert dem.rio.bounds() == pytest.approx(edges, abs=1e-9)
    assert dem.lat[0] > dem.lat[-1]


def test_catchments_do_not_overlap_and_lie_on_the_model(dem, zones):
    assert zones.geometry.is_valid.all()
    assert shapely.box(*dem.rio.bounds()).buffer(1e-9).contains(shapely.union_all(zones.geometry))
    assert shapely.union_all(zones.geometry).area == pytest.approx(shapely.area(zones.geometry.to_numpy()).sum())
    assert zones["catchment"].tolist() == list(range(1, len(zones) + 1))
    assert zones["area"].is_monotonic_decreasing


def valley(rows=9, columns=9):
    """Two slopes that meet in a middle column, which falls to the south; a hollow in one slope."""
    row, column = np.mgrid[:rows, :columns]
    heights = 10 * np.abs(column - columns // 2) + 2 * (rows - row)
    heights[4, 2] = 0
    coordinates = {"lat": 50 - 0.01 * np.arange(rows), "lon": 10 + 0.01 * np.arange(columns)}
    return xr.DataArray(heights.astype("int16"), coordinates, ("lat", "lon")).rio.write_crs("EPSG:4326")


def test_water_runs_down_and_over_the_rim_of_a_hollow():
    downstream, order = jacksboro._drainage(valley().to_numpy())
    assert sorted(order) == list(range(81))
    heights = valley().to_numpy().ravel()
    seen = np.zeros(81, dtype=bool)
    for cell in order:
        assert downstream[cell] == jacksboro.OUT or seen[downstream[cell]]
        seen[cell] = True
    inner = [cell for cell in order if downstream[cell] != jacksboro.OUT and cell != 4 * 9 + 2]
    assert all(heights[downstream[cell]] <= heights[cell] or downstream[cell] == 4 * 9 + 2 for cell in inner)


def test_a_valley_is_one_catchment_around_its_stream(monkeypatch):
    monkeypatch.setattr(jacksboro, "STREAM", 20)
    (zone,) = catchments(valley()).geometry
    stream = shapely.LineString([(10.04, 49.97), (10.04, 49.93)])
    assert zone.contains(stream)


def test_the_picture_is_a_png(dem, zones, tmp_path):
    shape = terrain(dem)
    slopes = zonal_statistics(shape.slope, zones, ["mean", "stdev"])
    poster(dem, shape.slope, shape.hillshade, slopes).savefig(tmp_path / "map.png", dpi=50)
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
