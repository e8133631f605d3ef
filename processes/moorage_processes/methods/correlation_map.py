"""Where a field goes with an index, or with another field."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.special
import xarray as xr

from moorage_processes import InputError, Unit, process, progress
from moorage_processes.cf.alignment import on_common_times, on_grid_of
from moorage_processes.cf.attributes import coordinates_without, precision_of
from moorage_processes.cf.missing import MinimumValid, needed
from moorage_processes.cf.provenance import MethodReference
from moorage_processes.cf.times import time_axis
from moorage_processes.methods.streaming.blocks import Floats, blocks, numbers, places

Numbers = npt.NDArray[np.float64]
Coefficient = Literal["pearson", "spearman"]

METHOD = MethodReference(
    "correlation-map",
    "Wilks (2019): Statistical methods in the atmospheric sciences, 4th ed., chapter 3, doi:10.1016/C2017-0-03921-6",
)
BUDGET = 16 * 2**20
"""Bytes of a block of cells with all their times."""
FEWEST = 3
"""Pairs that a correlation needs: two always lie on a line."""


class Correlation(NamedTuple):
    """Correlation of each cell, and how likely as much would come about by chance.

    Parameters
    ----------
    correlation : from -1 to 1, on the dimensions of the data without time.
    p_value : of the two-sided test that there is no correlation, 0 to 1.
    pairs : how many times both had a value, by cell.
    """

    correlation: Annotated[xr.DataArray, Unit("1")]
    p_value: Annotated[xr.DataArray, Unit("1")]
    pairs: Annotated[xr.DataArray, Unit("1")]


class _Sums:
    """Sums over pairs of values, in double precision, of departures from the first value that is there."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._first = np.full((2, *shape), np.nan)
        self._last: Numbers | None = None
        self.size, self.plain, self.squares = np.zeros(shape), np.zeros((2, *shape)), np.zeros((2, *shape))
        self.product = np.zeros(shape)
        self.neighbours, self.ends, self.steps = np.zeros(shape), np.zeros((2, *shape)), np.zeros((2, *shape))

    def add(self, pair: Numbers, *, neighbours: bool) -> None:
        """Add pairs (two, time, cells), the values of one missing where the other's are; they are overwritten."""
        self._start(pair)
        pair -= self._first[:, np.newaxis]
        for step in range(pair.shape[1]):
            now = pair[:, step]
            there = ~np.isnan(now[0])
            filled = np.where(there, now, 0.0)
            self.size += there
            self.plain += filled
            self.squares += filled**2
            self.product += filled[0] * filled[1]
            if neighbours:
                self._add_neighbours(now)

    def _start(self, pair: Numbers) -> None:
        """Take the first value of each cell as its origin: sums of what is left lose no digits."""
        open_cells = np.isnan(self._first)
        if open_cells.any():
            first = np.isnan(pair[0]).argmin(axis=0)
            values = np.take_along_axis(pair, first[np.newaxis, np.newaxis], axis=1)[:, 0]
            self._first = np.where(open_cells, values, self._first)

    def _add_neighbours(self, now: Numbers) -> None:
        if self._last is not None:
            both = ~np.isnan(now[0]) & ~np.isnan(self._last[0])
            self.neighbours += both
            self.ends += np.where(both, now + self._last, 0.0)
            self.steps += np.where(both, now * self._last, 0.0)
        self._last = now.copy()

    def correlation(self) -> Numbers:
        """Pearson's; NaN where one of both does not vary."""
        size = np.maximum(self.size, 1)
        variance = self.squares - self.plain**2 / size
        variance[variance <= np.finfo(float).eps * self.squares] = np.nan
        covariance = self.product - self.plain[0] * self.plain[1] / size
        return np.asarray(np.clip(covariance / np.sqrt(variance[0] * variance[1]), -1.0, 1.0))

    def persistence(self) -> Numbers:
        """Product of the correlations of both with themselves one step on, 0 where negative."""
        size, count = np.maximum(self.size, 1), np.maximum(self.neighbours, 1)
        mean, variance = self.plain / size, self.squares / size - (self.plain / size) ** 2
        covariance = (self.steps - mean * self.ends) / count + mean**2
        with np.errstate(invalid="ignore", divide="ignore"):
            product = (covariance / variance).prod(axis=0)
        return np.asarray(np.clip(np.nan_to_num(product), 0.0, 1.0 - 1e-12))


@process
def correlation_map(
    data: xr.DataArray,
    other: xr.DataArray,
    coefficient: Coefficient = "pearson",
    lag: int = 0,
    allow_for_persistence: bool = False,  # noqa: FBT001, FBT002 - a caller names it
    minimum_valid: MinimumValid = 0.0,
) -> Correlation:
    """Correlation in time of each cell of a field with an index, or with the same cell of another field.

    Parameters
    ----------
    data : values with a time axis of dates and any other dimensions, as (time, y, x).
    other : an index with dates only, or a field on the grid of *data*.
    coefficient : of linear correlation (Pearson), or of ranks (Spearman).
    lag : steps of the common dates by which *data* comes later than *other*; negative where *data* comes first.
    allow_for_persistence : whether the test takes neighbouring times as less than one new value each.
    minimum_valid : share of the common dates, 0 to 1, on which both must have a value; three are needed in any case.

    Returns
    -------
    Correlation and p-value in the precision of the data, and the number of pairs.

    Raises
    ------
    InputError
        where the data has no time axis of dates, calendars or grids differ, or fewer than three dates are common.

    Notes
    -----
    Values are paired where their dates are the same; a pair of which one value is missing does not count. Over the n
    pairs that do,

    ``r = sum((x - mean(x)) (y - mean(y))) / sqrt(sum((x - mean(x))^2) sum((y - mean(y))^2))``,

    for Spearman of the ranks, equal values sharing their mean rank. Where one of both does not vary there is no
    correlation. Neither trend nor seasonal cycle is removed: do so before where they are not meant.

    The p-value is that of Student's t with n - 2 degrees of freedom, ``t = r sqrt((n - 2) / (1 - r^2))``. Values that
    persist are fewer independent ones; with *allow_for_persistence* n is replaced by
    ``n (1 - r1 r2) / (1 + r1 r2)`` (Bretherton et al. 1999), r1 and r2 being the correlations of both with themselves
    one step on, where their product is positive. In a map of many cells some pass each test by chance (Wilks 2016).

    Data that are opened lazily are read once, block by block; sums are in double precision.

    References
    ----------
    .. [1] Wilks, D. S. (2019): Statistical methods in the atmospheric sciences. 4th ed., Elsevier, chapter 3.
    .. [2] Bretherton, C. S. et al. (1999): The effective number of spatial degrees of freedom of a time-varying field.
       J. Climate 12, 1990-2009, doi:10.1175/1520-0442(1999)012<1990:TENOSD>2.0.CO;2.
    .. [3] Wilks, D. S. (2016): "The stippling shows statistically significant grid points". Bull. Amer. Meteor. Soc.
       97, 2263-2273, doi:10.1175/BAMS-D-15-00267.1.
    """
    t = time_axis(data, "data")
    one, two = _paired(data, other, lag)
    size = one.sizes[t]
    still = [name for name in data.dims if name != t]
    shape = tuple(data.sizes[name] for name in still)
    if coefficient == "pearson":
        sums = _sums(_by_time(one, two, t), shape, neighbours=allow_for_persistence)
        r, pairs, persistence = sums.correlation(), sums.size, sums.persistence()
    else:
        r, pairs, persistence = _of_ranks(one, two, t, neighbours=allow_for_persistence)
    r = np.where(pairs < np.maximum(needed(minimum_valid, size), FEWEST), np.nan, r)
    effective = pairs * (1 - persistence) / (1 + persistence) if allow_for_persistence else pairs
    options = (
        f"coefficient={coefficient}, lag={lag}, allow_for_persistence={str(allow_for_persistence).lower()}, "
        f"minimum_valid={minimum_valid:g}, {size} common dates, with {other.attrs.get('long_name', other.name)}"
    )
    return _described(data, other, t, (r, _p_value(r, effective), pairs), options)


def _paired(data: xr.DataArray, other: xr.DataArray, lag: int) -> tuple[xr.DataArray, xr.DataArray]:
    """Both at the dates to be compared, the other with the dimensions of the data, or with time alone."""
    t, s = time_axis(data, "data"), time_axis(other, "other")
    one, two = on_common_times([data, other], ["data", "other"])
    two = two.squeeze([name for name in two.dims if name != s and two.sizes[name] == 1 and name not in data.dims])
    two = two.rename({s: t}) if two.ndim == 1 else on_grid_of(one, two, ("data", "other"))
    size = one.sizes[t] - abs(lag)
    if size < FEWEST:
        common = f"data and other have {one.sizes[t]} dates in common"
        raise InputError(
            f"{common}, of which a lag of {lag} leaves {max(size, 0)}; it takes 3 or more",
            input="lag" if lag else "other",
        )
    late, early = slice(abs(lag), None), slice(0, size)
    return (one.isel({t: late if lag >= 0 else early}), two.isel({t: early if lag >= 0 else late}))


def _pair(one: Floats, two: Floats) -> Numbers:
    """Both in double precision, time first, missing where one is."""
    pair = np.stack(np.broadcast_arrays(one, two.reshape(two.shape + (1,) * (one.ndim - two.ndim)))).astype(np.float64)
    pair[:, np.isnan(pair).any(axis=0)] = np.nan
    return pair


def _by_time(one: xr.DataArray, two: xr.DataArray, t: Hashable) -> Iterator[Numbers]:
    for block in blocks(one, t, "correlation"):
        yield _pair(block.values, numbers(two, {t: block.place}, first=t))


def _sums(pairs: Iterator[Numbers], shape: tuple[int, ...], *, neighbours: bool) -> _Sums:
    sums = _Sums(shape)
    for pair in pairs:
        sums.add(pair, neighbours=neighbours)
    return sums


def _of_ranks(one: xr.DataArray, two: xr.DataArray, t: Hashable, *, neighbours: bool) -> tuple[Numbers, ...]:
    """Correlation of ranks, numbers of pairs, and persistence of the ranks."""
    from scipy.stats import rankdata  # noqa: PLC0415 - as slow to import as all the rest, and only ranks need it

    still = [name for name in one.dims if name != t]
    along = max(still[:-1] or still, key=one.sizes.__getitem__, default=None)
    if along is None:
        return tuple(each[..., 0] for each in _of_ranks(one.expand_dims("cell", -1), two, t, neighbours=neighbours))
    axis = still.index(along)
    parts: list[tuple[Numbers, ...]] = []
    for place in progress.track(places(one, along, BUDGET), "correlation of ranks"):
        second = numbers(two, {along: place} if along in two.dims else {t: slice(None)}, first=t)
        pair = _pair(numbers(one, {along: place}, first=t), second)
        ranks = rankdata(pair, axis=1, nan_policy="omit")
        sums = _sums(iter([ranks]), pair.shape[2:], neighbours=neighbours)
        parts.append((sums.correlation(), sums.size, sums.persistence()))
    return tuple(np.concatenate(each, axis=axis) for each in zip(*parts, strict=True))


def _p_value(r: Numbers, size: Numbers) -> Numbers:
    """Two-sided, by Student's t; NaN where two independent pairs or fewer are left."""
    freedom = np.where(size > 2, size - 2, np.nan)  # noqa: PLR2004 - two are lost to the line
    with np.errstate(divide="ignore"):
        t = np.abs(r) * np.sqrt(freedom / (1 - r**2))
    return np.asarray(2 * scipy.special.stdtr(freedom, -t))


def _described(
    data: xr.DataArray, other: xr.DataArray, t: Hashable, values: tuple[Numbers, Numbers, Numbers], options: str
) -> Correlation:
    dtype = precision_of(data)
    still = [name for name in data.dims if name != t]
    coordinates = coordinates_without(data, t)
    both = " and ".join(
        str(each.attrs.get("long_name", each.name or name)) for each, name in ((data, "data"), (other, "other"))
    )
    titles = (f"correlation of {both}", f"p-value of the correlation of {both}", f"pairs of {both}")
    dtypes: tuple[Any, ...] = (dtype, dtype, np.dtype(np.int32))
    maps = [
        METHOD.derived(
            xr.DataArray(each.astype(kind), coordinates, still, name), data, options, long_name=title, units="1"
        )
        for each, kind, name, title in zip(values, dtypes, Correlation._fields, titles, strict=True)
    ]
    return Correlation(*maps)
