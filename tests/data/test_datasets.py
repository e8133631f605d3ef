"""Named data is found by id, cut to what was asked for, and refused with a list of what there is."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from moorage.formats import Kind
from moorage.formats.axes import Axis, axis_of, dimension
from moorage_processes.data.datasets import Datasets, DatasetUnavailableError, from_config
from moorage_processes.data.opening import open_grid, variable_of
from moorage_processes.data.selection import subset
from moorage_processes.errors import InputError
from support.samples import sea_surface


@pytest.fixture
def sea(tmp_path):
    sea_surface().to_netcdf(tmp_path / "sea.nc")
    return Datasets(from_config({"sea": {"path": "sea.nc", "variable": "sst"}, "towns": "towns.geojson"}, tmp_path))


def test_a_bare_id_means_the_stated_variable_and_a_colon_another(sea):
    assert sea.find("sea", Kind.GRID)[1] == "sst"
    assert sea.find("sea:wind", Kind.GRID)[1] == "wind"
    assert sea.find("towns", Kind.GRID) is None
    assert sea.find("lake", Kind.GRID) is None


def test_the_name_of_a_file_tells_its_kind(sea):
    assert sea.find("towns", Kind.FEATURES)[0].path.endswith("towns.geojson")


def test_a_missing_dataset_is_told_with_those_there_are(sea):
    assert sea.missing("grid", "lake", Kind.GRID) == "grid: there is no grid dataset 'lake' here; this service has: sea"


def test_the_long_form_picks_variable_box_and_period(sea):
    selection = {
        "collection": "sea",
        "properties": ["wind"],
        "bbox": [-60, -30, 60, 30],
        "datetime": "2000-03/2000-04",
    }
    entry, variable = sea.select("grid", selection, Kind.GRID)
    with open_grid(entry) as grid:
        part = variable_of(subset(grid, selection, "grid"), variable, "grid").load()
    assert part.name == "wind"
    assert part.lat.values.tolist() == [-20, 20]
    assert part.lon.values.tolist() == [-22.5, 22.5]
    assert part.sizes["time"] == 2


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ({"collection": "lake"}, "no grid dataset 'lake'"),
        ({"collection": "sea", "filter": "x"}, "unknown.*filter"),
        ({"collection": "sea", "properties": ["sst", "wind"]}, "picks one variable"),
    ],
)
def test_a_wrong_selection_is_refused_before_the_data_is_opened(sea, selection, words):
    with pytest.raises(InputError, match=words):
        sea.select("grid", selection, Kind.GRID)


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ({"bbox": [0, 80, 10, 89]}, "does not meet the data"),
        ({"bbox": [1, 2, 3]}, "west, south, east, north"),
        ({"datetime": "1990-01-01/1991-01-01"}, "does not meet the data"),
        ({"datetime": "soon"}, "not an instant"),
    ],
)
def test_an_empty_selection_is_told(selection, words):
    with pytest.raises(InputError, match=words):
        subset(sea_surface(), selection, "grid")


def test_a_variable_is_picked_or_asked_for():
    assert variable_of(sea_surface()[["sst"]], None, "grid").name == "sst"
    with pytest.raises(InputError, match=r"holds sst, wind; pick one"):
        variable_of(sea_surface(), None, "grid")
    with pytest.raises(InputError, match="no variable 'ice'"):
        variable_of(sea_surface(), "ice", "grid")


def test_a_file_that_will_not_open_is_told_without_its_path(tmp_path):
    (tmp_path / "broken.nc").write_bytes(b"\x89HDF\r\n\x1a\nnot much")
    entry = from_config({"broken": "broken.nc"}, tmp_path)["broken"]
    with (
        pytest.raises(InputError, match="'broken' of this service cannot be opened") as refused,
        open_grid(entry),
    ):
        pass
    assert str(tmp_path) not in str(refused.value)


def test_a_crs_the_data_lacks_comes_from_the_configuration(tmp_path):
    sea_surface().to_netcdf(tmp_path / "sea.nc")
    entry = from_config({"sea": {"path": "sea.nc", "crs": "EPSG:4326"}}, tmp_path)["sea"]
    with open_grid(entry) as grid:
        assert grid.rio.crs.to_epsg() == 4326


@pytest.mark.parametrize(
    ("name", "attributes", "axis"),
    [
        ("COADSX", {"units": "degrees_east"}, Axis.X),
        ("rows", {"standard_name": "projection_y_coordinate"}, Axis.Y),
        ("a", {"axis": "T"}, Axis.T),
        ("lon", {}, Axis.X),
        ("level", {"units": "hPa"}, Axis.Z),
        ("sea_floor", {"positive": "down"}, Axis.Z),
        ("member", {"units": "1"}, None),
    ],
)
def test_metadata_tells_an_axis_before_its_name_does(name, attributes, axis):
    assert axis_of(xr.DataArray(np.arange(2.0), dims=name, name=name, attrs=attributes)) is axis


def test_a_dimension_without_coordinates_is_told_by_its_name():
    grid = xr.DataArray(np.zeros((2, 2)), dims=("y", "x"))
    assert dimension(grid, Axis.Y) == "y"
    assert dimension(grid, Axis.T) is None


def test_a_dataset_whose_crs_names_a_file_is_unavailable(tmp_path):
    stated = sea_surface().assign(crs=((), 0, {"crs_wkt": "/vsicurl/http://localhost:9/crs"}))
    stated.to_netcdf(tmp_path / "sea.nc")
    entry = from_config({"sea": "sea.nc"}, tmp_path)["sea"]
    reason = "'sea' of this service cannot be opened: the attribute crs_wkt .* is not known"
    with pytest.raises(DatasetUnavailableError, match=reason), open_grid(entry):
        pytest.fail("it was opened")
