"""What changes over the years, how fast, and whether that may be chance."""

from __future__ import annotations

from collections.abc import Hashable
from math import prod
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from moorage_processes import InputError, process, progress
from moorage_processes.cf.attributes import coordinates_without
from moorage_processes.cf.missing import MinimumValid, needed
from moorage_processes.cf.provenance import MethodReference
from moorage_processes.cf.times import time_axis, years_passed
from moorage_processes.cf.units import times
from moorage_processes.methods.statistics.least_squares import ONE_LINE, Fit, FitSums
from moorage_processes.methods.statistics.mann_kendall import PairStatistics, pairs_of, ranks
from moorage_processes.methods.streaming.blocks import blocks, numbers

Doubles = npt.NDArray[np.float64]
Way = Literal["least-squares", "theil-sen"]

METHODS: dict[Way, MethodReference] = {
    "least-squares": MethodReference(
        "trend", "Santer et al. (2000): Journal of Geophysical Research 105, 7337-7356, doi:10.1029/1999JD901105"
    ),
    "theil-sen": MethodReference(
        "trend", "Sen (1968): Journal of the American Statistical Association 63, 1379-1389, doi:10.2307/2285891"
    ),
}
TITLES: dict[Way, tuple[str, str]] = {
    "least-squares": ("linear trend by least squares", "t test"),
    "theil-sen": ("linear trend by Theil and Sen", "Mann-Kendall test"),
}
SPANS: dict[Literal["year", "decade"], tuple[int, str]] = {"year": (1, "year-1"), "decade": (10, "(10 year)-1")}
LONGEST = 5000
"""Steps of which all pairs are compared: 12 million, and 100 MB."""
MOST_PAIRS = 5e10
"""Pairs of steps in all cells together, which take about an hour."""


class Trend(NamedTuple):
    """Straight lines through the values over time.

    Parameters
    ----------
    slope : change per decade or year, in the unit of the data per that time.
    intercept : the line at the first date of the data, in the unit of the data.
    p_value : probability, 0 to 1, of a slope as far from zero as this, or farther, where nothing changes with time.
    """

    slope: xr.DataArray
    intercept: xr.DataArray
    p_value: xr.DataArray


class _Lines(NamedTuple):
    """Slope per year, line at the first date, number of values and p-value, one for each cell."""

    slope: Doubles
    at_first: Doubles
    valid: npt.NDArray[np.int64]
    p_value: Doubles


@process
def trend(
    data: xr.DataArray,
    method: Way = "least-squares",
    per: Literal["year", "decade"] = "decade",
    autocorrelation: Literal["ignored", "lag-1"] = "ignored",
    minimum_valid: MinimumValid = 0.0,
) -> Trend:
    """Linear trend over time and its significance, for each cell.

    Parameters
    ----------
    data : values with a time axis of dates in any calendar and any other dimensions.
    method : least squares with a t test, or the median slope of Theil and Sen with the test of Mann and Kendall, which
        outliers hardly move.
    per : the time that the slope is for.
    autocorrelation : whether the t test counts fewer independent values where those that follow each other are alike;
        least squares only.
    minimum_valid : share of the steps, 0 to 1, that must hold values; 0 takes any two.

    Returns
    -------
    Slope, intercept and p-value without the time axis, in double precision.

    Raises
    ------
    InputError
        where the data has no time axis of dates or only one date, the values are not numbers, dates repeat or the pairs
        of steps are too many for Theil-Sen, or autocorrelation is asked for with it.

    Notes
    -----
    Time t counts in years of the calendar: of 365.2425 days on average (standard), 365.25 (julian), 365, 366 or 360.
    Real dates are used, so months of 28 and 31 days are not equally far apart. Missing values are passed over. Seasons
    and years are not formed here: give temporal-resample's results where their means are meant.

    Least squares: ``b = sum (t - mean t) (y - mean y) / sum (t - mean t)^2``. The p-value is two-sided, of Student's t
    with n - 2 degrees of freedom: ``b / s_b``, ``s_b^2 = sum e^2 / (n - 2) / sum (t - mean t)^2``, e being the
    residuals. It is missing with fewer than three values. With lag-1 autocorrelation n is replaced in both places by
    the effective size ``n (1 - r) / (1 + r)`` [1]_, r being the correlation of each residual with that of the next
    step (those next to a gap are passed over); a negative r does not make it larger than n, and where it is 2 or
    less the p-value is missing. The data are then read twice.

    Theil-Sen [2]_: the median of the slopes between all pairs of values; the intercept is the median value less the
    slope times the median time. The p-value is two-sided, of the normal approximation of Mann-Kendall's S with the
    variance corrected for ties and S for continuity [3]_ [4]_; it takes values to be independent of each other.

    References
    ----------
    .. [1] Santer, B. D., et al. (2000): Statistical significance of trends and trend differences in layer-average
       atmospheric temperature time series. Journal of Geophysical Research 105, 7337-7356. doi:10.1029/1999JD901105.
    .. [2] Sen, P. K. (1968): Estimates of the regression coefficient based on Kendall's tau. Journal of the American
       Statistical Association 63, 1379-1389. doi:10.2307/2285891.
    .. [3] Mann, H. B. (1945): Nonparametric tests against trend. Econometrica 13, 245-259. doi:10.2307/1907187.
    .. [4] Kendall, M. G. (1975): Rank correlation methods. 4th edition, Griffin, London.
    """
    t = time_axis(data, "data")
    years, length = years_passed(data[t])
    if not np.any(years > 0):
        raise InputError("data has one date only; a trend takes two at least", input="data")
    if method == "least-squares":
        lines = _by_least_squares(data, t, years, accounts=autocorrelation == "lag-1")
    else:
        if autocorrelation != "ignored":
            message = f"{autocorrelation} is accounted for with least-squares only; choose that, or ignored"
            raise InputError(message, input="autocorrelation")
        lines = _by_ranks(data, t, years)
    enough = lines.valid >= np.maximum(needed(minimum_valid, len(years)), ONE_LINE)
    span, factor = SPANS[per]
    options = f"method={method}, per={per}, year of {length:g} days, minimum_valid={minimum_valid:g}"
    if method == "least-squares":
        options += f", autocorrelation={autocorrelation}"

    def field(name: str, values: Doubles) -> xr.DataArray:
        still = coordinates_without(data, t)
        dims = [each for each in data.dims if each != t]
        return xr.DataArray(np.where(enough, values, np.nan), still, dims, name)

    made, (title, test) = METHODS[method], TITLES[method]
    what = str(data.attrs.get("long_name", data.name or "data"))
    slope = made.derived(
        field("slope", lines.slope * span), data, options, long_name=f"{what}, {title}", units=times(data, factor)
    )
    first = data[t].min().dt.strftime("%Y-%m-%d").item()
    intercept = made.derived(
        field("intercept", lines.at_first), data, options, long_name=f"{what}, {title}, at {first}",
        units=data.attrs.get("units"),
    )  # fmt: skip
    p_value = made.derived(
        field("p_value", lines.p_value), data, options, long_name=f"p-value of the trend of {what}, {test}", units="1"
    )
    return Trend(slope, intercept, p_value)


def _by_least_squares(data: xr.DataArray, t: Hashable, years: Doubles, *, accounts: bool) -> _Lines:
    sums = FitSums(years, [size for name, size in data.sizes.items() if name != t])
    with progress.part(0.0, 0.5 if accounts else 1.0):
        for block in blocks(data, t, "sums"):
            sums.add(block.values)
    line = sums.line()
    size = line.valid.astype(np.float64)
    if accounts:
        with progress.part(0.5, 1.0):
            size = _effective(line, _alike(data, t, years, line))
    return _Lines(line.slope, line.at_zero, line.valid, _p_of_t(line, size))


def _alike(data: xr.DataArray, t: Hashable, years: Doubles, line: Fit) -> Doubles:
    """Correlation of the residuals of each two steps that follow each other in time."""
    order = np.argsort(years, kind="stable")
    steps = data if np.array_equal(order, np.arange(len(order))) else data.isel({t: order})
    products, count = np.zeros(line.slope.shape), np.zeros(line.slope.shape)
    before = np.full(line.slope.shape, np.nan)
    for block in blocks(steps, t, "autocorrelation"):
        for number, values in enumerate(block.values, block.place.start):
            residual = values - (line.at_zero + line.slope * years[order[number]])
            product = residual * before
            there = ~np.isnan(product)
            count += there
            np.add(products, product, out=products, where=there)
            before = residual
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(products / count * (line.valid - 1) / line.residual)


def _effective(line: Fit, alike: Doubles) -> Doubles:
    """Effective number of values; where all lie on the line, or none follow another, the number there is."""
    r = np.clip(np.nan_to_num(alike, posinf=0, neginf=0), 0, 1)
    return np.asarray(line.valid * (1 - r) / (1 + r))


def _p_of_t(line: Fit, size: Doubles) -> Doubles:
    """Two-sided, of Student's t."""
    from scipy.special import stdtr  # noqa: PLC0415 - slow, and only where it is used

    freedom = np.where(size > ONE_LINE, size - ONE_LINE, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = line.slope / np.sqrt(line.residual / freedom / line.spread)
    score = np.where(line.slope == 0, 0.0, score)  # what never changes has no trend, and no residual
    return np.asarray(2 * stdtr(freedom, -np.abs(score)))


def _by_ranks(data: xr.DataArray, t: Hashable, years: Doubles) -> _Lines:
    from scipy.special import ndtr  # noqa: PLC0415 - slow, and only where it is used

    _check_pairs(data, t, years)
    order = np.argsort(years)
    others = [name for name in data.dims if name != t]
    shape = [data.sizes[name] for name in others]
    if others:
        along = max(others, key=lambda name: data.sizes[name])
        parts = [_of_block(block.values, data, t, along, years, order) for block in blocks(data, along, "pairs")]
        axis = others.index(along)
        found = PairStatistics._make(np.concatenate(each, axis=axis) for each in zip(*parts, strict=True))
    else:
        found = PairStatistics._make(each.reshape(shape) for each in ranks(years[order], numbers(data)[None, order]))
    return _Lines(found.slope, found.at_zero, found.valid, 2 * ndtr(-np.abs(found.score)))


def _of_block(
    values: npt.NDArray[Any], data: xr.DataArray, t: Hashable, along: Hashable, years: Doubles, order: npt.NDArray[Any]
) -> PairStatistics:
    """Of a block that begins with the axis *along*, in the order that the data has without time."""
    others = [name for name in data.dims if name != along]
    values = np.moveaxis(values, 1 + others.index(t), -1)[..., order]
    shape = values.shape[:-1]
    found = ranks(years[order], values.reshape(prod(shape), len(order)))
    axis = [name for name in data.dims if name != t].index(along)
    return PairStatistics._make(np.moveaxis(each.reshape(shape), 0, axis) for each in found)


def _check_pairs(data: xr.DataArray, t: Hashable, years: Doubles) -> None:
    steps = len(years)
    if len(np.unique(years)) < steps:
        raise InputError("data has a date more than once; theil-sen takes each once", input="data")
    shorter = "form means of years with temporal-resample before, or choose least-squares"
    if steps > LONGEST:
        raise InputError(f"data has {steps} steps; theil-sen takes up to {LONGEST}; {shorter}", input="data")
    pairs = pairs_of(steps) * prod(data.sizes[name] for name in data.dims if name != t)
    if pairs > MOST_PAIRS:
        message = f"theil-sen would compare {pairs:.2g} pairs of steps, and takes up to {MOST_PAIRS:.0g}; {shorter}"
        raise InputError(message, input="data")
