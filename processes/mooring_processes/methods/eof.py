"""How a field varies for the most part: its leading patterns, and how strong each is at each moment."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Annotated, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from mooring.formats.axes import Axis, dimension
from pydantic import Field

from mooring_processes import InputError, process, progress
from mooring_processes.methods.provenance import Method
from mooring_processes.methods.rectilinear import rectilinear_grid
from mooring_processes.methods.series import series
from mooring_processes.methods.times import Groups, time_axis, times_of_year
from mooring_processes.room import check_room

METHOD = Method(
    "eof",
    "Hannachi, Jolliffe and Stephenson (2007): Empirical orthogonal functions and related techniques in atmospheric "
    "science, doi:10.1002/joc.1499",
)
LONGEST = 8000
"""How many steps are taken: their covariance needs half a gigabyte."""
NEAR_LARGEST = 1 - 1e-6
"""What counts as the largest value of a component, so that rounding does not choose between two."""

Doubles = npt.NDArray[np.float64]
Scaling = Literal["unit", "standard-deviation"]


class EmpiricalOrthogonalFunctions(NamedTuple):
    """Modes of variation, the strongest first.

    Parameters
    ----------
    patterns : along mode, then the dimensions of the data without time; missing where the data has any gap.
    components : strength of each pattern at each time, along mode and time.
    variance_fraction : share of the variance of the field that each mode has, 0 to 1.
    north_error : standard error of that share by the rule of thumb of North et al. (1982); modes whose shares lie
        closer together than this are not told apart.
    """

    patterns: xr.DataArray
    components: xr.DataArray
    variance_fraction: xr.DataArray
    north_error: xr.DataArray


class _Modes(NamedTuple):
    """Eigenvectors of the covariance of the steps, the strongest first."""

    vectors: Doubles
    """(step, mode), of length one."""
    values: Doubles
    """Eigenvalues: sums over the steps of the mean square of what each mode has of the field."""
    total: float
    """Sum of all eigenvalues."""


@process
def eof(
    data: xr.DataArray,
    modes: Annotated[int, Field(ge=1, le=50)] = 4,
    remove: Literal["mean", "seasonal-cycle"] = "mean",
    weights: Literal["area", "none"] = "area",
    scaling: Scaling = "unit",
    crs: str | None = None,
) -> EmpiricalOrthogonalFunctions:
    """Leading empirical orthogonal functions of a field, and their principal components.

    Parameters
    ----------
    data : values with a time axis of dates in any calendar and any other dimensions; up to 8000 steps.
    modes : how many modes, the strongest first; fewer are given where the field has no more.
    remove : what is taken off each cell before: its mean over time, or that of each month of the year.
    weights : cells count by their area, which needs rows and columns, or all the same.
    scaling : unit gives patterns a mean square of 1 and components the unit of the data; standard-deviation gives
        components a variance of 1 and patterns the unit of the data.
    crs : CRS of the data, as EPSG:25832, where it does not state one and cells count by their area; longitude and
        latitude in the units of CF are taken as such.

    Returns
    -------
    Patterns and components in the precision of the data, whole numbers giving double precision; shares of the
    variance and their errors in double precision.

    Raises
    ------
    InputError
        where there is no time axis of dates or more than 8000 steps, the values are no numbers, each cell has a gap,
        nothing varies, or the area of the cells cannot be told.

    Notes
    -----
    With *x(i, t)* the departures of cell *i* and *a(i)* its share of the area (one over the number of cells where
    all count the same), the patterns *e* are the eigenvectors of the covariance of *sqrt(a) x*, divided by *sqrt(a)*:
    *sum(a e_k e_l)* is 1 for *k = l*, else 0. The components are *c_k(t) = sum(a e_k x)*, uncorrelated with each
    other, and *x* is the sum of *e_k c_k* over all modes. Scaled to the standard deviation, components are divided
    and patterns multiplied by that of the component (over all *n* steps, divided by *n*). Other dimensions, as
    levels, count the same. The variance is that of the cells that are used, all together.

    Cells with any gap are left out, and missing in the patterns; fill or leave out the steps that have gaps
    before. The sign of a mode is free: here the component is positive at the first of the times where it is
    largest in size. The error of a share *s* is *s sqrt(2 / n)*, which takes the steps as independent; where they are
    not it is too small.

    The eigenvectors are those of the covariance of the steps, in double precision. Data that are opened lazily are
    read twice, some cells at a time, and need not fit into memory.

    References
    ----------
    .. [1] Lorenz (1956): Empirical orthogonal functions and statistical weather prediction. MIT.
    .. [2] Hannachi et al. (2007), doi:10.1002/joc.1499
    .. [3] North et al. (1982), doi:10.1175/1520-0493(1982)110<0699:SEITEO>2.0.CO;2
    """
    t = time_axis(data, "data")
    _check(data, t, modes)
    groups = np.zeros(data.sizes[t], np.int64) if remove == "mean" else times_of_year(data[t], "month")[0]
    cells = _weights(data, t, weights, crs)
    with progress.part(0.0, 0.5):
        found = _modes(data, t, groups, cells, modes)
    found = found._replace(vectors=found.vectors * _signs(found.vectors, np.argsort(data[t].to_numpy())))
    with progress.part(0.5, 1.0):
        patterns = _patterns(data, t, groups, found)
    options = f"modes={modes}, remove={remove}, weights={weights}, scaling={scaling}"
    return _described(data, t, patterns, found, scaling, options)


def _check(data: xr.DataArray, t: Hashable, modes: int) -> None:
    if "mode" in data.dims:
        raise InputError("data has a dimension mode already; rename it", input="data")
    if data.sizes[t] > LONGEST:
        remedy = "form longer means with temporal-resample before"
        raise InputError(f"data has {data.sizes[t]} steps; eof takes up to {LONGEST}; {remedy}", input="data")
    shape = [size for name, size in data.sizes.items() if name != t]
    check_room([modes, *shape], max(4, data.dtype.itemsize), f"the patterns of {modes} modes", input="modes")


def _weights(data: xr.DataArray, t: Hashable, weights: str, crs: str | None) -> Doubles:
    """Of each cell, along the dimensions other than time in their order."""
    others = [name for name in data.dims if name != t]
    ones = xr.DataArray(np.ones([data.sizes[name] for name in others]), dims=others)
    if weights == "none":
        return ones.to_numpy()
    if dimension(data, Axis.X) is None or dimension(data, Axis.Y) is None:
        message = "data has no rows and columns of cells whose area could be told; choose weights='none'"
        raise InputError(message, input="weights")
    grid = rectilinear_grid(data, "data", crs)
    return (ones * xr.DataArray(grid.areas, dims=(grid.y, grid.x))).transpose(*others).to_numpy()


def _departures(
    data: xr.DataArray, t: Hashable, groups: Groups, message: str
) -> Iterator[tuple[tuple[slice, ...], Doubles, npt.NDArray[np.bool_]]]:
    """Where some cells lie, their departures (cell, step), and which of them have no gap; those that have are 0."""
    for place, values in series(data, t, message):
        whole: npt.NDArray[np.bool_] = np.asarray(np.isfinite(values).all(axis=1))
        departures = values.astype(np.float64)
        departures[~whole] = 0.0
        for group in np.unique(groups):
            steps = groups == group
            departures[:, steps] -= departures[:, steps].mean(axis=1, keepdims=True)
        yield place, departures, whole


def _modes(data: xr.DataArray, t: Hashable, groups: Groups, weights: Doubles, modes: int) -> _Modes:
    from scipy.linalg import eigh  # noqa: PLC0415 - slow, and only where it is used

    steps = data.sizes[t]
    covariance, area = np.zeros((steps, steps)), 0.0
    for place, departures, whole in _departures(data, t, groups, "covariance"):
        weight = weights[place].ravel() * whole
        area += float(weight.sum())
        weighted = np.sqrt(weight)[:, None] * departures
        covariance += weighted.T @ weighted
    if not area:
        raise InputError("data has a gap in each cell; leave out the steps with gaps, or fill them", input="data")
    covariance /= area
    total = float(np.trace(covariance))
    values, vectors = eigh(covariance, subset_by_index=[max(0, steps - modes), steps - 1], overwrite_a=True)
    values, vectors = values[::-1], vectors[:, ::-1]
    there = values > steps * np.finfo(np.float64).eps * total
    if not there.any():
        raise InputError("data does not vary about what is removed; there are no modes", input="data")
    return _Modes(vectors[:, there], values[there], total)


def _signs(vectors: Doubles, order: npt.NDArray[np.intp]) -> Doubles:
    """Of each mode, so that it is positive at the first time where it is largest in size."""
    sizes = np.abs(vectors[order])
    first = np.argmax(sizes >= NEAR_LARGEST * sizes.max(axis=0), axis=0)
    return np.asarray(np.sign(vectors[order[first], np.arange(vectors.shape[1])]))


def _patterns(data: xr.DataArray, t: Hashable, groups: Groups, found: _Modes) -> Doubles:
    """Of mean square 1: mode, then the dimensions other than time."""
    onto = found.vectors / np.sqrt(found.values)
    patterns = np.empty((found.values.size, *(size for name, size in data.sizes.items() if name != t)))
    for place, departures, whole in _departures(data, t, groups, "patterns"):
        values = (departures @ onto).T
        values[:, ~whole] = np.nan
        part = patterns[(slice(None), *place)]
        part[...] = values.reshape(part.shape)
    return patterns


def _described(
    data: xr.DataArray, t: Hashable, patterns: Doubles, found: _Modes, scaling: Scaling, options: str
) -> EmpiricalOrthogonalFunctions:
    strengths, steps = np.sqrt(found.values)[:, None] * found.vectors.T, data.sizes[t]
    if scaling == "standard-deviation":
        deviations = np.sqrt(found.values / steps)
        strengths /= deviations[:, None]
        patterns *= deviations.reshape(-1, *[1] * (patterns.ndim - 1))
    dtype = data.dtype.newbyteorder("=") if data.dtype.kind == "f" else np.dtype(np.float64)
    shares, units = found.values / found.total, data.attrs.get("units")
    of_patterns, of_components = ("1", units) if scaling == "unit" else (units, "1")
    others = [name for name in data.dims if name != t]
    still = {name: each for name, each in data.coords.items() if t not in each.dims}
    moving = {name: each for name, each in data.coords.items() if each.dims == (t,)}
    shape = xr.DataArray(patterns.astype(dtype), still, ["mode", *others])
    strength = xr.DataArray(strengths.astype(dtype), moving, ["mode", t])
    share, error = xr.DataArray(shares, dims="mode"), xr.DataArray(shares * np.sqrt(2 / steps), dims="mode")
    return EmpiricalOrthogonalFunctions(
        _field(shape, data, options, "EOF patterns", of_patterns),
        _field(strength, data, options, "principal components", of_components),
        _field(share, data, options, "share of the variance", "1"),
        _field(error, data, options, "error of the share of the variance", "1"),
    )


def _field(result: xr.DataArray, data: xr.DataArray, options: str, title: str, units: str | None) -> xr.DataArray:
    numbers = np.arange(1, result.sizes["mode"] + 1)
    result = result.assign_coords(mode=("mode", numbers, {"long_name": "number of the mode, the strongest first"}))
    title = f"{title} of {data.attrs.get('long_name', data.name or 'data')}"
    result = METHOD.derived(result, data, options, long_name=title, units=units)
    if dimension(result, Axis.X) is None:
        result.encoding = {}  # where it lies in the CRS is told no longer
    return result
