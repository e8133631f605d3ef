"""How far places are from each other in metres, and means weighted by that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

if TYPE_CHECKING:
    from pyproj import CRS

    from moorage_processes.grids.horizontal import Numbers

RADIUS = 6_371_000.0
"""Of the sphere on which distances between longitudes and latitudes are taken [m]."""


def metric_positions(points: Numbers, crs: CRS) -> Numbers:
    """Places (x, y) in metres: on the map, or in space for longitudes and latitudes."""
    if not crs.is_geographic:
        return points * crs.axis_info[0].unit_conversion_factor
    longitude, latitude = np.radians(points).T
    level = np.cos(latitude)
    return RADIUS * np.stack([level * np.cos(longitude), level * np.sin(longitude), np.sin(latitude)], axis=1)


def along_the_ground(straight: Numbers, *, is_round: bool) -> Numbers:
    """Distances in metres: those along great circles for distances through the Earth."""
    return 2 * RADIUS * np.arcsin(np.minimum(straight / (2 * RADIUS), 1.0)) if is_round else straight


def distances(one: Numbers, other: Numbers, *, is_round: bool) -> Numbers:
    """From each of *one* to each of *other* [m]."""
    straight: Numbers = np.asarray(cdist(one, other), dtype=np.float64)
    return along_the_ground(straight, is_round=is_round)


@dataclass(frozen=True)
class Weighting:
    """Means of stations weighted by a power of the inverse distance."""

    places: Numbers
    values: Numbers
    power: float
    neighbours: int | None
    radius: float | None
    is_round: bool

    def estimate(self, cells: Numbers) -> tuple[Numbers, Numbers]:
        """Mean at each cell, and no variance."""
        squares, values = self._near(cells)
        beyond = None if self.radius is None else squares > self.radius**2
        weights = _weights(squares, self.power)
        if beyond is not None:
            weights[beyond] = 0.0
        total = weights.sum(axis=1)
        mean = np.divide(np.vecdot(weights, values), total, out=np.full(total.shape, np.nan), where=total > 0)
        return mean, np.full(total.shape, np.nan)

    def _near(self, cells: Numbers) -> tuple[Numbers, Numbers]:
        """Squares of the distances [m2] to the stations that count at each cell, and the values of those."""
        if self.neighbours is None or self.neighbours >= len(self.values):
            squares, values = np.asarray(cdist(cells, self.places, "sqeuclidean"), dtype=np.float64), self.values
        else:
            # one neighbour comes without an axis of its own
            found, which = (
                np.reshape(each, (len(cells), -1)) for each in KDTree(self.places).query(cells, self.neighbours)
            )
            squares, values = found.astype(np.float64) ** 2, self.values[which.astype(np.intp)]
        return along_the_ground(np.sqrt(squares), is_round=True) ** 2 if self.is_round else squares, values


def _weights(squares: Numbers, power: float) -> Numbers:
    """Powers of the inverse distances, in place of their squares.

    They are multiples of that of the nearest station, so that none overflows; at a station that alone counts.
    """
    nearest = squares.min(axis=1, keepdims=True)
    is_there = nearest[:, 0] == 0
    alone = squares[is_there] == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        np.divide(nearest, squares, out=squares)
    squares[is_there] = alone
    if power != 2:  # noqa: PLR2004 - what is squared already is the usual power
        np.power(squares, power / 2, out=squares)
    return squares
