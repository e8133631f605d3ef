"""CoverageJSON says where each number lies, what it is and in which unit, and null where there is none."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from moorage.formats import FormatError
from moorage.formats.coverages import coverage_json


def grid(**variables: np.ndarray) -> xr.Dataset:
    """Variables on two latitudes and three longitudes."""
    coords = {"lat": ("lat", [10.0, 0.0]), "lon": ("lon", np.array([0.1, 0.2, 0.3], dtype="float32"))}
    return xr.Dataset({name: (("lat", "lon"), values) for name, values in variables.items()}, coords)


@given(st.lists(st.floats(width=32) | st.integers(-9, 9).map(float), min_size=6, max_size=6))
def test_every_finite_number_is_kept_and_every_other_is_null(numbers):
    document = json.loads(json.dumps(coverage_json(grid(v=np.array(numbers).reshape(2, 3))), allow_nan=False))
    expected = [number if np.isfinite(number) else None for number in numbers]
    assert document["ranges"]["v"]["values"] == expected


def test_axes_are_in_the_order_of_the_standard_whatever_that_of_the_data():
    turned = grid(v=np.arange(6.0).reshape(2, 3)).transpose("lon", "lat")
    document = coverage_json(turned)
    assert document["ranges"]["v"]["axisNames"] == ["y", "x"]
    assert document["ranges"]["v"]["shape"] == [2, 3]
    assert document["ranges"]["v"]["values"] == [0, 1, 2, 3, 4, 5]
    assert document["domain"]["axes"]["y"]["values"] == [10.0, 0.0]


def test_coordinates_are_written_as_people_write_them():
    assert coverage_json(grid(v=np.zeros((2, 3))))["domain"]["axes"]["x"]["values"] == [0.1, 0.2, 0.3]


def test_whole_numbers_and_truths_are_integers():
    ranges = coverage_json(grid(n=np.arange(6).reshape(2, 3), b=np.ones((2, 3), dtype=bool)))["ranges"]
    assert (ranges["n"]["dataType"], ranges["n"]["values"]) == ("integer", [0, 1, 2, 3, 4, 5])
    assert ranges["b"]["values"] == [1] * 6


def test_a_parameter_without_a_unit_states_none():
    parameter = coverage_json(grid(v=np.zeros((2, 3))))["parameters"]["v"]
    assert parameter["observedProperty"] == {"label": {"en": "v"}}
    assert "unit" not in parameter


def test_a_crs_without_a_number_is_written_out():
    own = "+proj=laea +lat_0=54 +lon_0=8 +ellps=GRS80 +units=m"
    projected = grid(v=np.zeros((2, 3))).rename(lat="y", lon="x").rio.write_crs(own)
    system = coverage_json(projected)["domain"]["referencing"][0]["system"]
    assert system["type"] == "ProjectedCRS"
    assert "Lambert" in system["wkt"]


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (xr.Dataset({"v": ("time", np.zeros(3))}), "needs x and y"),
        (grid(v=np.array([["a"] * 3] * 2)), "holds numbers, and v is"),
    ],
)
def test_what_is_no_map_of_numbers_is_refused_with_what_would_do(broken, words):
    with pytest.raises(FormatError, match=words):
        coverage_json(broken)
