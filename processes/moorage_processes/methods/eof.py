"""The patterns in which a field varies most: its leading empirical orthogonal functions."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.linalg
import xarray as xr
from moorage.formats.axes import DEGREES, LONLAT_NAMES, Axis, axis_of, dimension
from pydantic import Field

from moorage_processes import InputError, Unit, process, progress
from moorage_processes.authoring.result_size import check_room
from moorage_processes.cf.attributes import coordinates_without, precision_of
from moorage_processes.cf.missing import MinimumValid, needed
from moorage_processes.cf.provenance import MethodReference
from moorage_processes.cf.times import Groups, TimeOfYear, time_axis, times_of_year
from moorage_processes.methods.streaming.blocks import Sums, blocks

Numbers = npt.NDArray[np.float64]
Cycle = Literal["none"] | TimeOfYear
Weights = Literal["cos-latitude", "none"]
Scaling = Literal["standard-deviation", "unit", "correlation"]

METHOD = MethodReference(
    "eof",
    "Hannachi et al. (2007): Empirical orthogonal functions and related techniques in atmospheric science. "
    "Int. J. Climatol. 27, 1119-1152, doi:10.1002/joc.1499",
)
LARGEST = 6000
"""Rows of a covariance matrix: beyond, it takes half a gigabyte, and its modes minutes."""
BUDGET = 32 * 2**20
"""Bytes of a block of cells with all their times."""
NOISE = 1e-12
"""Share of the variance of the first mode beneath which a mode is rounding only."""


class EmpiricalOrthogonalFunctions(NamedTuple):
    """Leading modes of variability, the first explaining most.

    Parameters
    ----------
    patterns : spatial pattern of each mode, dimensions (mode, and those of the data without time).
    components : principal component of each mode, dimensions (mode, time).
    variance_fraction : share of the variance that each mode explains, 0 to 1.
    variance_error : sampling error of that share by the rule of thumb of North et al. (1982).
    """

    patterns: xr.DataArray
    components: xr.DataArray
    variance_fraction: Annotated[xr.DataArray, Unit("1")]
    variance_error: Annotated[xr.DataArray, Unit("1")]


@dataclass(frozen=True)
class _Field:
    """Data as the analysis sees them: anomalies of cells that have enough values."""

    data: xr.DataArray
    t: Hashable
    groups: Groups
    minimum_valid: float
    weights: xr.DataArray
    """Of each cell, on the dimensions of the data without time, in their order."""

    @property
    def others(self) -> list[Hashable]:
        return [name for name in self.data.dims if name != self.t]

    def anomalies(self, values: npt.NDArray[np.floating]) -> tuple[Numbers, npt.NDArray[np.bool_]]:
        """Departures (time, cells) from the mean of each group, 0 where missing; and which cells take part."""
        sums = Sums(int(self.groups.max()) + 1, values.shape[1:])
        sums.add(self.groups, values.copy())
        takes_part = sums.valid.sum(axis=0) >= needed(self.minimum_valid, values.shape[0])
        departures = values.astype(np.float64) - sums.means(1)[self.groups]
        departures[np.isnan(departures) | ~takes_part] = 0.0
        return departures, takes_part

    @property
    def along(self) -> Hashable:
        """What blocks of cells are taken along: a long dimension, but not the last, whose cells lie together."""
        return max(self.others[:-1] or self.others, key=self.data.sizes.__getitem__)

    def by_cells(self, message: str) -> Iterator[tuple[Numbers, Numbers, npt.NDArray[np.bool_]]]:
        """Departures (time, cells) of each block of cells, with the weights of those and which take part."""
        names = [self.along, *(name for name in self.data.dims if name != self.along)]
        weights = self.weights.transpose(self.along, ...)
        for block in blocks(self.data, self.along, message, BUDGET):
            values = np.moveaxis(block.values, names.index(self.t), 0)
            departures, takes_part = self.anomalies(values.reshape(len(values), -1))
            yield departures, weights[block.place].to_numpy().ravel(), takes_part


@process
def eof(
    data: xr.DataArray,
    modes: Annotated[int, Field(ge=1)] = 4,
    weights: Weights = "cos-latitude",
    seasonal_cycle: Cycle = "none",
    scaling: Scaling = "standard-deviation",
    minimum_valid: MinimumValid = 1.0,
) -> EmpiricalOrthogonalFunctions:
    """Leading empirical orthogonal functions of a field: its principal patterns, and how strong each is when.

    Parameters
    ----------
    data : values with a time axis of dates and one or more other dimensions, as (time, y, x).
    modes : how many, the one that explains most variance first.
    weights : of the anomalies of a cell: the square root of the cosine of its latitude, so that areas count by their
        size, or none.
    seasonal_cycle : what is taken from the data first beside the mean of each cell: nothing, or the mean of each month,
        season or day of the year.
    scaling : patterns in the unit of the data, per standard deviation of a component; or of unit length; or as
        correlation of the data with a component.
    minimum_valid : share of its values, 0 to 1, that a cell must have to take part; missing ones then count as its
        mean. 1 leaves out every cell with gaps.

    Returns
    -------
    Patterns and components in the precision of the data, shares of variance in double precision.

    Raises
    ------
    InputError
        where there is no time axis or nothing beside it, no latitude to weight with, no cell with enough values, no
        variance, fewer modes than asked for, or more than 6000 of both times and cells.

    Notes
    -----
    With *X* the anomalies (time, cell), each cell's column times its weight, the modes are the singular vectors of
    ``X = U S E'``; they are found as eigenvectors of the smaller of ``X X'`` and ``X' X`` in double precision. Mode k
    explains the share ``s_k^2 / sum(s^2)``; its sampling error is ``sqrt(2 / n)`` times that, with *n* the number of
    times, all taken as independent (North et al. 1982): modes whose shares differ by less cannot be distinguished.

    - *standard-deviation*: components have variance one (of n - 1), patterns are the regression of the unweighted
      anomalies on them: what one standard deviation of the component does to each cell.
    - *unit*: patterns are the weighted ``e_k`` of length one, components ``X e_k``, as of cdo and eofs (unscaled).
    - *correlation*: components have variance one, patterns are their correlation with the anomalies of each cell.

    The sign of a mode is free: here the value of its pattern that is largest in size is positive. Cells that do not
    take part are missing in the patterns. Trends are left in the data.

    Data that are opened lazily are read block by block, twice where there are fewer times than cells, else four times.

    References
    ----------
    .. [1] Lorenz, E. N. (1956): Empirical orthogonal functions and statistical weather prediction. MIT, Statistical
       Forecasting Project, Report 1.
    .. [2] North, G. R., Bell, T. L., Cahalan, R. F., Moeng, F. J. (1982): Sampling errors in the estimation of
       empirical orthogonal functions. Mon. Weather Rev. 110, 699-706,
       doi:10.1175/1520-0493(1982)110<0699:SEITEO>2.0.CO;2.
    .. [3] Hannachi, A., Jolliffe, I. T., Stephenson, D. B. (2007): Empirical orthogonal functions and related
       techniques in atmospheric science: a review. Int. J. Climatol. 27, 1119-1152, doi:10.1002/joc.1499.
    """
    field = _field(data, weights, seasonal_cycle, minimum_valid)
    _check_size(data, field, modes)
    with progress.part(0.0, 0.6):
        squares, vectors, total = _decomposed(field, modes)
    _check_modes(squares, modes, minimum_valid)
    with progress.part(0.6, 1.0):
        patterns, components = _projected(field, squares, vectors, scaling)
    options = f"modes={modes}, weights={weights}, seasonal_cycle={seasonal_cycle}, scaling={scaling}"
    said = f"{options}, minimum_valid={minimum_valid:g}"
    return _described(field, patterns, components, squares / total, scaling, said)


def _field(data: xr.DataArray, weights: Weights, cycle: Cycle, minimum_valid: float) -> _Field:
    t = time_axis(data, "data")
    if data.ndim == 1 or data.size == 0:
        raise InputError(f"data has no cells beside {t}; it takes a field such as (time, y, x)", input="data")
    if "mode" in data.dims:
        raise InputError("data has a dimension mode already; rename it", input="data")
    groups = np.zeros(data.sizes[t], dtype=np.int64) if cycle == "none" else times_of_year(data[t], cycle)[0]
    one = xr.ones_like(data.isel({t: 0}, drop=True), dtype=np.float64)
    weight = xr.DataArray(np.ones(one.shape), dims=one.dims)
    if weights == "cos-latitude":
        latitude = _latitude(data)
        cosine = np.cos(np.radians(latitude.to_numpy().astype(np.float64)))
        weight = (weight * xr.DataArray(np.sqrt(np.clip(cosine, 0, None)), dims=latitude.dims)).transpose(*one.dims)
    return _Field(data, t, groups, minimum_valid, weight.fillna(0.0))


def _latitude(data: xr.DataArray) -> xr.DataArray:
    """Latitude of each cell, of two dimensions where the data has that."""
    found: list[xr.DataArray] = [
        each for each in data.coords.values()
        if axis_of(each) is Axis.Y and set(each.dims) <= set(data.dims) and each.ndim == 2  # noqa: PLR2004 - rows and columns
    ]  # fmt: skip
    y = dimension(data, Axis.Y)
    if y is not None and y in data.coords:
        found.append(data[y])
    for each in found:
        unit = str(each.attrs.get("units", "")).lower()
        if unit in DEGREES[Axis.Y] | {"degrees", "degree"} or str(each.name).lower() in LONLAT_NAMES:
            return each
    remedy = "give it a coordinate in degrees_north, or take weights='none'"
    raise InputError(f"data has no latitude to weight with; {remedy}", input="weights")


def _check_size(data: xr.DataArray, field: _Field, modes: int) -> None:
    times, cells = data.sizes[field.t], prod(data.sizes[name] for name in field.others)
    if min(times, cells) > LARGEST:
        remedy = f"one of both must be {LARGEST} or fewer; average over time or take a coarser grid first"
        raise InputError(f"data has {times} times and {cells} cells; {remedy}", input="data")
    if modes > min(times - 1, cells):
        most = min(times - 1, cells)
        raise InputError(f"{times} times and {cells} cells have {most} modes at most, not {modes}", input="modes")
    check_room((modes, cells), 8, f"{modes} patterns of {cells} cells", input="modes")


def _check_modes(squares: Numbers, modes: int, minimum_valid: float) -> None:
    if squares[0] <= 0:
        why = f"no cell with a share of {minimum_valid:g} of its values varies; lower minimum_valid where gaps are few"
        raise InputError(f"data has no variance: {why}", input="data")
    has = int((squares > NOISE * squares[0]).sum())
    if has < modes:
        raise InputError(f"data varies in {has} modes only, not {modes}; ask for {has}", input="modes")


def _decomposed(field: _Field, modes: int) -> tuple[Numbers, Numbers, float]:
    """Squares of the leading singular values; left vectors (time, mode); and the sum of all squares."""
    times, cells = field.data.sizes[field.t], field.weights.size
    if times <= cells:
        covariance = np.zeros((times, times))
        for departures, weights, _ in field.by_cells("covariance of times"):
            weighted = departures * weights
            covariance += weighted @ weighted.T
        squares, vectors = _leading(covariance, modes)
        return squares, vectors, float(np.trace(covariance))
    return _decomposed_by_cells(field, modes)


def _decomposed_by_cells(field: _Field, modes: int) -> tuple[Numbers, Numbers, float]:
    shape = [field.data.sizes[name] for name in field.others]
    sums = Sums(int(field.groups.max()) + 1, shape)
    for block in blocks(field.data, field.t, "means"):
        sums.add(field.groups[block.place], block.values)
    takes_part = sums.valid.sum(axis=0) >= needed(field.minimum_valid, field.groups.size)
    means, weights = sums.means(1), np.where(takes_part, field.weights.to_numpy(), 0.0)

    def weighted(message: str) -> Iterator[Numbers]:
        for block in blocks(field.data, field.t, message):
            departures = (block.values - means[field.groups[block.place]]) * weights
            yield np.nan_to_num(departures, copy=False, nan=0.0).reshape(len(departures), -1)

    covariance = np.zeros((field.weights.size, field.weights.size))
    for part in weighted("covariance of cells"):
        covariance += part.T @ part
    squares, vectors = _leading(covariance, modes)
    components = np.concatenate([part @ vectors for part in weighted("components")])
    return squares, components / np.sqrt(np.maximum(squares, np.finfo(float).tiny)), float(np.trace(covariance))


def _leading(covariance: Numbers, modes: int) -> tuple[Numbers, Numbers]:
    size = len(covariance)
    squares, vectors = scipy.linalg.eigh(covariance, subset_by_index=(size - modes, size - 1))
    return np.maximum(squares[::-1], 0.0), vectors[:, ::-1]


def _projected(field: _Field, squares: Numbers, vectors: Numbers, scaling: Scaling) -> tuple[Numbers, Numbers]:
    """Patterns (mode, cells as in the data) and components (mode, time), scaled and signed."""
    degrees = max(1, len(vectors) - 1)
    parts = []
    for departures, weights, takes_part in field.by_cells("patterns"):
        pattern = departures.T @ vectors  # of each cell with each mode: s_k e_k / weight
        if scaling == "unit":
            pattern *= weights[:, np.newaxis] / np.sqrt(squares)
        elif scaling == "standard-deviation":
            pattern /= np.sqrt(degrees)
        else:
            spread = np.sqrt((departures**2).sum(axis=0))[:, np.newaxis]
            pattern = np.divide(pattern, spread, out=np.full_like(pattern, np.nan), where=spread > 0)
        pattern[~takes_part] = np.nan
        parts.append(pattern.T)
    walked = [field.along, *(name for name in field.others if name != field.along)]
    shape = (squares.size, *(field.data.sizes[name] for name in walked))
    patterns = np.moveaxis(np.concatenate(parts, axis=1).reshape(shape), 1, 1 + field.others.index(field.along))
    components = vectors * (np.sqrt(squares) if scaling == "unit" else np.sqrt(degrees))
    signs = np.array([_sign(pattern) for pattern in patterns])
    return patterns * signs.reshape(-1, *[1] * (patterns.ndim - 1)), (components * signs).T


def _sign(pattern: Numbers) -> float:
    return 1.0 if pattern.flat[np.nanargmax(np.abs(pattern))] > 0 else -1.0


def _described(
    field: _Field, patterns: Numbers, components: Numbers, share: Numbers, scaling: Scaling, options: str
) -> EmpiricalOrthogonalFunctions:
    data, t = field.data, field.t
    dtype = precision_of(data)
    mode = xr.Variable("mode", np.arange(1, share.size + 1), {"long_name": "mode, the leading one first"})
    still = coordinates_without(data, t)
    dated = {name: each for name, each in data.coords.items() if set(each.dims) <= {t}}
    unit = data.attrs.get("units")
    units: dict[str, tuple[Any, Any]] = {
        "standard-deviation": (unit, "1"), "unit": ("1", unit), "correlation": ("1", "1"),
    }  # fmt: skip
    title = str(data.attrs.get("long_name", data.name or "data"))
    maps = xr.DataArray(patterns.astype(dtype), {**still, "mode": mode}, ("mode", *field.others), "pattern")
    series = xr.DataArray(components.astype(dtype), {**dated, "mode": mode}, ("mode", t), "component")
    shares = xr.DataArray(share, {"mode": mode}, ("mode",), "variance_fraction")
    errors = (shares * np.sqrt(2 / data.sizes[t])).rename("variance_error")
    of = f"of the empirical orthogonal functions of {title}"
    return EmpiricalOrthogonalFunctions(
        METHOD.derived(maps, data, options, long_name=f"patterns {of}", units=units[scaling][0]),
        METHOD.derived(series, data, options, long_name=f"components {of}", units=units[scaling][1]),
        METHOD.derived(shares, data, options, long_name=f"share of variance {of}", units="1"),
        METHOD.derived(errors, data, options, long_name=f"sampling error of the share of variance {of}", units="1"),
    )
