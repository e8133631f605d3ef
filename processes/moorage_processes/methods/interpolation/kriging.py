"""Ordinary kriging: the weights with the least variance of the error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from pykrige import variogram_models
from pykrige.ok import OrdinaryKriging
from scipy import linalg

from moorage_processes.errors import InputError
from moorage_processes.methods.interpolation.distances import RADIUS, distances

if TYPE_CHECKING:
    from pyproj import CRS

    from moorage_processes.grids.horizontal import Numbers

Model = Literal["linear", "spherical", "exponential", "gaussian"]
MOST = 5000
"""Stations beyond which the equations take too long."""
FEWEST = 3
"""Stations of which something can be said about how they vary with distance."""
WORST = 1e-14
"""Reciprocal condition below which a solution has no digits left."""
DEGREE = np.pi / 180 * RADIUS
"""Metres of a degree along a great circle."""


@dataclass(frozen=True)
class Variogram:
    """How values vary with distance."""

    model: Model
    parameters: dict[str, float]
    """slope and nugget, or sill (with the nugget), range and nugget; distances in metres."""

    def __call__(self, away: Numbers) -> Numbers:
        """Semivariance at each distance [m]; zero at distance zero."""
        function = getattr(variogram_models, f"{self.model}_variogram_model")
        nugget = self.parameters["nugget"]
        if self.model == "linear":
            parameters = [self.parameters["slope"], nugget]
        else:
            parameters = [self.parameters["sill"] - nugget, self.parameters["range"], nugget]
        return np.where(away > 0, function(parameters, away), 0.0)


def variogram_of(
    model: Model, sill: float | None, reach: float | None, slope: float | None, nugget: float | None
) -> Variogram | None:
    """The model with the parameters that are given; None where they are to be fitted."""
    if slope is not None:
        return Variogram(model, {"slope": slope, "nugget": nugget or 0.0})
    if sill is not None and reach is not None:
        return Variogram(model, {"sill": sill, "range": reach, "nugget": nugget or 0.0})
    return None


def fitted(model: Model, points: Numbers, values: Numbers, crs: CRS) -> Variogram:
    """The model that fits the values at *points* (x, y) of *crs* best."""
    if crs.is_geographic:
        kind, metres = "geographic", DEGREE
    else:
        kind, metres = "euclidean", crs.axis_info[0].unit_conversion_factor
    x, y = points.T
    found = OrdinaryKriging(x, y, values, variogram_model=model, coordinates_type=kind).variogram_model_parameters
    if model == "linear":
        return Variogram(model, {"slope": float(found[0] / metres), "nugget": float(found[1])})
    return Variogram(
        model, {"sill": float(found[0] + found[2]), "range": float(found[1] * metres), "nugget": float(found[2])}
    )


@dataclass(frozen=True)
class Kriging:
    """The equations of a set of stations, solved once for all cells."""

    places: Numbers
    values: Numbers
    variogram: Variogram
    factors: tuple[Numbers, npt.NDArray[np.int32]]
    scale: float
    """Scale of the condition that weights add up to one: as large as the semivariances."""
    is_round: bool
    varies: bool

    @classmethod
    def of(
        cls, places: Numbers, values: Numbers, points: Numbers, crs: CRS, model: Model, given: Variogram | None
    ) -> Kriging:
        """Of stations at *places* [m], which are at *points* (x, y) of *crs*."""
        if not FEWEST <= len(values) <= MOST:
            takes = f"it takes {FEWEST} to {MOST} places"
            raise InputError(f"stations have values at {len(values)} places; {takes} to krige them", input="stations")
        varies = bool(np.ptp(values) > 0)
        level = Variogram("linear", {"slope": 1.0, "nugget": 0.0})
        variogram = given or (fitted(model, points, values, crs) if varies else level)
        between = variogram(distances(places, places, is_round=crs.is_geographic))
        scale = float(between.max()) or 1.0
        factors = _factors(between, scale)
        return cls(places, values, variogram, factors, scale, crs.is_geographic, varies or given is not None)

    def estimate(self, cells: Numbers) -> tuple[Numbers, Numbers]:
        """Value and variance of its error at each cell."""
        away = self.variogram(distances(self.places, cells, is_round=self.is_round))
        right = np.vstack([away, np.full(len(cells), self.scale)])
        weights = linalg.lu_solve(self.factors, right)
        middle = self.values.mean()  # taken off, so that a large common offset costs no digits
        variance = np.maximum((weights * right).sum(axis=0), 0.0) * self.varies
        return middle + weights[:-1].T @ (self.values - middle), variance


def _factors(between: Numbers, scale: float) -> tuple[Numbers, npt.NDArray[np.int32]]:
    """Of the matrix of semivariances, bordered by the condition that weights add up to one."""
    bordered = np.pad(between, (0, 1), constant_values=scale)
    bordered[-1, -1] = 0.0
    norm = np.abs(bordered).sum(axis=0).max()
    factors, pivots = linalg.lu_factor(bordered, check_finite=False)
    (condition,) = linalg.get_lapack_funcs(("gecon",), (factors,))
    reciprocal, _ = condition(factors, norm)
    if not reciprocal > WORST:
        remedy = "give a nugget, a shorter range or another model, or merge stations that are very close"
        raise InputError(f"the equations of kriging are singular with this variogram; {remedy}", input="variogram")
    return factors, pivots
