"""What the members of an ensemble agree on, and how far they spread."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from moorage.formats.axes import Axis, dimension
from pydantic import Field

from moorage_processes import InputError, process
from moorage_processes.cf.alignment import on_common_times, on_grid_of
from moorage_processes.cf.missing import MinimumValid, needed
from moorage_processes.cf.provenance import RANGES, MethodReference
from moorage_processes.cf.units import Conversion, conversion, unit_of
from moorage_processes.methods.statistics.ranks import Definition, Percentage, ranks_of
from moorage_processes.methods.streaming import blocks
from moorage_processes.methods.streaming.blocks import Floats, computed, numbers

METHOD = MethodReference(
    "ensemble-statistics",
    "Hyndman and Fan (1996): Sample quantiles in statistical packages. Am. Stat. 50, 361-365, "
    "doi:10.1080/00031305.1996.10473566",
)
MEMBER_NAMES = frozenset({"member", "members", "realization", "realisation", "ensemble", "ens", "number"})
"""Names of the dimension of members, if no standard name identifies it."""
FEWEST = 2
TITLES = {
    "mean": "mean", "stdev": "standard deviation", "minimum": "minimum", "maximum": "maximum",
    "agreement": "share with the sign of the mean", "members": "number of values",
}  # fmt: skip
OPERATIONS = {"mean": "mean", "stdev": "standard_deviation", "minimum": "minimum", "maximum": "maximum"}
"""Operations as cell_methods of CF name them."""


@dataclass(frozen=True)
class _Member:
    """One member: its values, in the unit of the first."""

    field: xr.DataArray
    to_first: Conversion

    def values(self, where: dict[Hashable, slice]) -> Floats:
        values = numbers(self.field, where)
        return values if self.to_first.is_nothing else np.asarray(self.to_first(values.astype(np.float64)))


@process
def ensemble_statistics(
    members: list[xr.DataArray],
    percentiles: tuple[Percentage, ...] = (10.0, 50.0, 90.0),
    definition: Definition = "linear",
    ddof: Annotated[int, Field(ge=0, le=1)] = 1,
    member_dimension: str | None = None,
    minimum_valid: MinimumValid = 0.0,
) -> xr.Dataset:
    """Mean, spread, extremes, percentiles and agreement of sign of the members of an ensemble, cell by cell.

    Parameters
    ----------
    members : a field of each member, all on one grid; or one field with a dimension of members.
    percentiles : which percentiles, 0 to 100.
    definition : how a percentile lies between two members, as for the method percentile: linear, the default of numpy;
        inverted_cdf, the value of a member, the default of cdo; hazen, weibull or median_unbiased.
    ddof : what is taken from the number of members in the standard deviation: 1 for a sample of what might be, 0 for
        the spread of these members alone.
    member_dimension : name of the dimension of members where there is one field; found by itself where it is called
        member, realization, ensemble or number, or has the standard name realization.
    minimum_valid : share of the members, 0 to 1, that must have a value; 0 takes any one.

    Returns
    -------
    Fields mean, stdev, minimum, maximum and p10, p50 and so on in the unit and precision of the first member;
    agreement, the share of members [1] whose sign is that of the mean; and members, how many had a value.

    Raises
    ------
    InputError
        where there are fewer than two members, grids, units or calendars do not match, or no date is common.

    Notes
    -----
    Members with a time axis are taken at the dates that all have; units are converted to those of the first. With the
    n values ``x`` that are there in a cell, all of the same weight,

    - mean ``m = sum(x) / n``, standard deviation ``sqrt(sum((x - m)^2) / (n - ddof))``, missing where n = ddof;
    - percentile q, *linear*: of the sorted values (from 0) that at ``(n - 1) q / 100``, linearly between neighbours
      (definition 7 of Hyndman and Fan 1996); *inverted_cdf*: the smallest value that at least q percent do not exceed
      (their definition 1); *hazen*, *weibull* and *median_unbiased* are their definitions 5, 6 and 8;
    - agreement, the share of the n values with the sign of m; it means something for anomalies and changes.

    Where fewer than *minimum_valid* of the members have a value all of these are missing. Sums are in double
    precision. Members that are opened lazily are read part by part, all members at once; large results are computed
    as they are read or written.

    References
    ----------
    .. [1] Hyndman, R. J., Fan, Y. (1996): Sample quantiles in statistical packages. Am. Stat. 50, 361-365,
       doi:10.1080/00031305.1996.10473566.
    """
    fields = _fields(members, member_dimension)
    together = _together(fields)
    first = together[0].field
    named = {_percentile_name(each): each for each in percentiles}
    summary = _Summary(named, definition, ddof, int(needed(minimum_valid, len(together))))
    dtype = np.result_type(*(each.field.dtype.newbyteorder("=") for each in together))
    dtype = dtype if dtype.kind == "f" else np.dtype(np.float64)
    options = (
        f"{len(together)} members, percentiles={', '.join(f'{each:g}' for each in percentiles)}, "
        f"definition={definition}, ddof={ddof}, minimum_valid={minimum_valid:g}"
    )
    return _described(_computed(together, summary, dtype), first, members[0], options)


def _fields(members: Any, name: str | None) -> list[xr.DataArray]:
    """One field for each member, none with a dimension of members."""
    given: list[xr.DataArray] = [members] if isinstance(members, xr.DataArray) else list(members)
    if len(given) == 1:
        along = _member_dimension(given[0], name)
        given = [given[0].isel({along: number}, drop=True) for number in range(given[0].sizes[along])]
    elif name is not None:
        raise InputError("member_dimension is for one field; leave it out with several", input="member_dimension")
    if len(given) < FEWEST:
        raise InputError(f"members has {len(given)} member; it takes two or more", input="members")
    for field in given:
        if field.dtype.kind not in "iuf":
            raise InputError(f"members holds {field.dtype}; it takes numbers", input="members")
    return given


def _member_dimension(field: xr.DataArray, name: str | None) -> Hashable:
    has = ", ".join(map(str, field.dims)) or "none"
    if name is not None:
        if name not in field.dims:
            raise InputError(f"members has no dimension {name}; it has {has}", input="member_dimension")
        return name
    for each in field.dims:
        stated = field[each].attrs.get("standard_name") if each in field.coords else None
        if stated == "realization" or str(each).lower() in MEMBER_NAMES:
            return each
    remedy = "give several fields, or name it as member_dimension"
    raise InputError(f"members is one field without a dimension of members; it has {has}; {remedy}", input="members")


def _together(fields: Sequence[xr.DataArray]) -> list[_Member]:
    """The fields on the dimensions of the first, at their common dates, in its unit."""
    names = [f"member {number}" for number in range(1, len(fields) + 1)]
    try:
        if dimension(fields[0], Axis.T) is not None:
            fields = on_common_times(fields, names)
        pairs = zip(fields, names, strict=True)
        return _converted([on_grid_of(fields[0], field, (names[0], name)) for field, name in pairs], names)
    except InputError as error:  # what is said of a member is about the one input that all are
        raise InputError(error.detail, input="members") from error


def _converted(fields: Sequence[xr.DataArray], names: Sequence[str]) -> list[_Member]:
    if not any("units" in field.attrs for field in fields):
        return [_Member(field, Conversion(1.0)) for field in fields]
    units = [unit_of(field, name) for field, name in zip(fields, names, strict=True)]
    same = Conversion(1.0)
    conversions = (
        same if each == units[0] else conversion(each, units[0], name) for each, name in zip(units, names, strict=True)
    )
    return [_Member(field, each) for field, each in zip(fields, conversions, strict=True)]


@dataclass(frozen=True)
class _Summary:
    """Statistics along a first axis of values, which has the members."""

    percentiles: dict[str, float]
    """By name, 0 to 100."""
    definition: Definition
    ddof: int
    fewest: int
    """Members that must have a value."""

    @property
    def names(self) -> list[str]:
        return [*TITLES, *self.percentiles]

    def __call__(self, values: Floats, names: Sequence[str]) -> Floats:
        """Those that are named, along a new first axis."""
        count = np.asarray((~np.isnan(values)).sum(axis=0))
        # the missing come last; sums are of what is not sorted, so that they are the same alone and beside others
        ranked = values if self.percentiles.keys().isdisjoint(names) else np.sort(values, axis=0)
        result = np.stack(
            [self._one(name, ranked if name in self.percentiles else values, count) for name in names]
        ).astype(np.float64, copy=False)
        is_count = np.array([name == "members" for name in names]).reshape(-1, *[1] * count.ndim)
        result[(count < self.fewest) & ~is_count] = np.nan
        return result

    def _one(self, name: str, values: Floats, count: npt.NDArray[np.integer]) -> Any:
        size = np.maximum(count, 1)
        if name in self.percentiles:
            ranks = ranks_of(count, np.array(self.percentiles[name]), self.definition)
            return ranks.between(*(_ranked(values, each) for each in (ranks.below, ranks.above)))
        if name in ("minimum", "maximum"):
            return (np.fmin if name == "minimum" else np.fmax).reduce(values, axis=0)
        if name == "members":
            return count
        mean = np.nansum(values, axis=0) / size
        if name == "mean":
            return mean
        if name == "agreement":
            return (np.sign(values) == np.sign(mean)).sum(axis=0) / size
        squares = np.nansum((values - mean) ** 2, axis=0)
        return np.sqrt(np.divide(squares, count - self.ddof, out=np.full(mean.shape, np.nan), where=count > self.ddof))


def _computed(members: Sequence[_Member], summary: _Summary, dtype: np.dtype[Any]) -> dict[str, Any]:
    """Values of each statistic: of all in one go where they are small, else of each when it is read."""
    first, names = members[0].field, summary.names

    def part(place: slice, wanted: Sequence[str]) -> Floats:
        where: dict[Hashable, slice] = {first.dims[0]: place} if first.ndim else {}
        values = np.stack([member.values(where) for member in members]).astype(np.float64, copy=False)
        return summary(values, wanted)

    if not first.ndim:
        return dict(zip(names, part(slice(None), names).astype(dtype), strict=True))
    if len(names) * first.size * dtype.itemsize <= blocks.EAGER:
        shape = (len(names), *first.shape)
        whole = computed(shape, dtype, partial(part, wanted=names), "ensemble statistics", axis=1)
        return dict(zip(names, whole, strict=True))

    def alone(place: slice, name: str) -> Floats:
        return np.asarray(part(place, [name])[0])

    return {name: computed(first.shape, dtype, partial(alone, name=name), f"ensemble {name}") for name in names}


def _ranked(values: Floats, rank: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """The values at a rank, the smallest being 1, of those in order along the first axis."""
    found: npt.NDArray[np.float64] = np.take_along_axis(values, rank[np.newaxis] - 1, axis=0)[0]
    return found


def _percentile_name(percent: float) -> str:
    return f"p{percent:g}".replace(".", "_")


def _described(values: dict[str, Any], first: xr.DataArray, data: xr.DataArray, options: str) -> xr.Dataset:
    title = str(data.attrs.get("long_name", data.name or "data"))
    variables = {}
    for name, each_values in values.items():
        each = xr.DataArray(xr.Variable(first.dims, each_values), first.coords, name=name)
        statistic = TITLES.get(name) or f"percentile {name[1:].replace('_', '.')}"
        long_name = f"{statistic} of {title} over members"
        if name in ("agreement", "members"):
            variables[name] = METHOD.derived(each, data, options, long_name=long_name, units="1")
            continue
        without: dict[str, Any] = dict.fromkeys(RANGES)
        if name == "stdev":
            without["standard_name"] = None
        methods = f"realization: {OPERATIONS[name]}" if name in OPERATIONS else ""
        variables[name] = METHOD.carried(each, data, options, **without, cell_methods=methods, long_name=long_name)
    return METHOD.derived(xr.Dataset(variables), data, options, title=f"ensemble statistics of {title}")
