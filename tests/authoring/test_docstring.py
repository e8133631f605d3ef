"""Three styles of docstring are read, and units where they clearly are some."""

from __future__ import annotations

import pytest
from moorage_processes.authoring.docstring import read_docstring, unit_in

NUMPYDOC = """Slope of the land
and its direction.

A longer text.

Parameters
----------
dem : xr.DataArray
    elevations [m]
factor : float, optional
    factor on elevations
low, high : float
    bounds
kind : {'a', 'b'}
    which one
crs : CRS of the grid, where
    it does not state one.

Returns
-------
The slope [degree], in the unit
it has.

Notes
-----
After Horn.
"""
GOOGLE = """Slope of the land and its direction.

A longer text.

Args:
    dem (xr.DataArray): elevations [m]
    factor (float, optional): factor on elevations
    low: bounds
    high: bounds
    kind (str): which one
    crs: CRS of the grid, where
        it does not state one.

Returns:
    xr.DataArray: The slope [degree], in the unit
        it has.
"""
REST = """Slope of the land and its direction.

A longer text.

:param xr.DataArray dem: elevations [m]
:param factor: factor on elevations
:type factor: float
:param low: bounds
:param high: bounds
:param kind: which one
:param crs: CRS of the grid, where
    it does not state one.
:returns: The slope [degree], in the unit
    it has.
:rtype: xr.DataArray
"""


@pytest.mark.parametrize("text", [NUMPYDOC, GOOGLE, REST], ids=["numpydoc", "Google", "reST"])
def test_three_styles_of_docstring_say_the_same(text):
    def documented() -> None:
        pass

    documented.__doc__ = text
    said = read_docstring(documented)
    assert said.title == "Slope of the land and its direction"
    assert said.description.startswith("A longer text.")
    assert {name: " ".join(words.split()) for name, words in said.parameters.items()} == {
        "dem": "elevations [m]",
        "factor": "factor on elevations",
        "low": "bounds",
        "high": "bounds",
        "kind": "which one",
        "crs": "CRS of the grid, where it does not state one.",
    }
    assert " ".join(said.returns.split()) == "The slope [degree], in the unit it has."


def test_notes_belong_to_the_description():
    def documented() -> None:
        pass

    documented.__doc__ = NUMPYDOC
    assert read_docstring(documented).description == "A longer text.\n\nAfter Horn."


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("discharge [m3 s-1] above", "m3 s-1"), ("heat [W m-2]", "W m-2"), ("[kg/m^2]", "kg/m^2"), ("share [%]", "%"),
        ("size [MB]", "MB"), ("rain [mm/day]", "mm/day"), ("[degC]", "degC"), ("salinity [psu]", "psu"), ("[1]", "1"),
        ("in [0, 1]", None), ("grid [y, x]", None), ("see [note]", None), ("none", None), ("list[int]", None),
    ],
)  # fmt: skip
def test_a_unit_in_brackets_is_known_where_it_clearly_is_one(text, unit):
    assert unit_in(text) == unit
