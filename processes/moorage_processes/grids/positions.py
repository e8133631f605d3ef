"""Where places lie along an axis of a grid, between the centres of its cells."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from moorage_processes.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

Indices = npt.NDArray[np.intp]
Numbers = npt.NDArray[np.float64]

TURN = 360.0
NEAR = 1e-3
"""How far columns may be from closing the circle of longitudes, in cells."""
ROUNDING = 1e-9
"""How far outside, in cells, a place is still taken for one on the edge."""


@dataclass(frozen=True)
class Positions:
    """Places along an axis, in cells: 0 is the centre of the first."""

    number: Numbers
    inside: npt.NDArray[np.bool_]
    size: int
    goes_round: bool
    extent: str
    """Of the axis, in words."""

    @property
    def nearest(self) -> Indices:
        """The cell that each place lies in."""
        cell = np.floor(self.number + 0.5).astype(np.intp)
        return cell % self.size if self.goes_round else np.clip(cell, 0, self.size - 1)

    @property
    def neighbours(self) -> list[tuple[Indices, Numbers]]:
        """The cells with their centres on both sides, and what each counts."""
        number = self.number if self.goes_round else np.clip(self.number, 0, self.size - 1)
        before = np.floor(number).astype(np.intp)
        share = number - before
        after = (before + 1) % self.size if self.goes_round else np.minimum(before + 1, self.size - 1)
        return [(before % self.size, 1 - share), (after, share)]


def positions(grid: xr.DataArray, along: Hashable, wanted: Numbers, *, turns: bool) -> Positions:
    """Where the places *wanted* lie along an axis of *grid*; around the Earth where it *turns*.

    Raises
    ------
    InputError
        where the axis has no coordinates that rise or fall, or a single one.
    """
    centres = grid[along].to_numpy().astype(np.float64)
    steps = np.diff(centres)
    if along not in grid.coords or centres.size < 2 or not ((steps > 0).all() or (steps < 0).all()):  # noqa: PLR2004 - one cell does not tell its size
        raise InputError(f"data has no two or more coordinates along {along} that rise or fall", input="data")
    first, last = centres[0] - steps[0] / 2, centres[-1] + steps[-1] / 2
    low, high = min(first, last), max(first, last)
    goes_round = turns and abs(high - low - TURN) < NEAR * abs(steps[0])
    if turns:
        slack = ROUNDING * abs(steps[0])
        with np.errstate(invalid="ignore"):  # of what could not be reprojected
            wanted = low + (wanted - low + slack) % TURN - slack
    beyond = np.concatenate([[2 * first - centres[0]], centres, [2 * last - centres[-1]]])
    order = slice(None) if steps[0] > 0 else slice(None, None, -1)
    number = np.interp(wanted, beyond[order], (np.arange(beyond.size) - 1.0)[order])
    inside = (number >= -0.5 - ROUNDING) & (number <= centres.size - 0.5 + ROUNDING)
    return Positions(number, inside, centres.size, bool(goes_round), f"{low:g} to {high:g}")
