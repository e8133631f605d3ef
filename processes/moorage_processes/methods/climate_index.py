"""Indices of climate extremes: days over thresholds, spells and amounts of rain."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import cf_units
import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import Field

from moorage_processes import InputError, process
from moorage_processes.authoring.result_size import check_room
from moorage_processes.cf.missing import MinimumValid, needed
from moorage_processes.cf.periods import Periods, Span, day_numbers, on_periods
from moorage_processes.cf.provenance import MethodReference
from moorage_processes.cf.times import time_axis
from moorage_processes.cf.units import Conversion, conversion, unit, unit_of
from moorage_processes.methods.statistics.accumulators import (
    Accumulator,
    Days,
    Intensity,
    Largest,
    Spell,
    SpellDays,
    Spells,
    Total,
)
from moorage_processes.methods.streaming.blocks import blocks

IndexName = Literal[
    "summer-days", "tropical-nights", "frost-days", "ice-days", "consecutive-summer-days", "consecutive-frost-days",
    "heat-wave-days", "heat-waves", "cold-spell-days", "wet-days",
    "heavy-precipitation-days", "very-heavy-precipitation-days", "consecutive-dry-days",
    "consecutive-wet-days", "total-wet-precipitation", "simple-intensity", "max-1-day-precipitation",
    "max-5-day-precipitation",
]  # fmt: skip

METHOD = MethodReference(
    "climate-index",
    "Zhang, X., et al. (2011): Indices for monitoring changes in extremes based on daily temperature and precipitation "
    "data, doi:10.1002/wcc.147",
)
COMPARISONS: dict[str, np.ufunc] = {
    "above": np.greater, "below": np.less, "at least": np.greater_equal, "everywhere": np.isfinite
}  # fmt: skip
CELSIUS, MILLIMETRES, DAY = "degC", "mm", "d"
LEAST = 3
"""Days of a heat wave or a cold spell at least."""


@dataclass(frozen=True)
class Index:
    """An index as its definition has it."""

    title: str
    accumulator: Callable[[Sequence[int]], Accumulator]
    comparison: str
    threshold: float
    unit: str
    """Of the threshold: of temperature, or of what falls on a day."""
    gives: str = DAY
    standard_name: str | None = None


TEMPERATURE_DAYS = "number_of_days_with_air_temperature_{}_threshold"
TEMPERATURE_SPELL = "spell_length_of_days_with_air_temperature_{}_threshold"
RAIN_DAYS = "number_of_days_with_lwe_thickness_of_precipitation_amount_{}_threshold"
RAIN_SPELL = "spell_length_of_days_with_lwe_thickness_of_precipitation_amount_{}_threshold"
RAIN = "lwe_thickness_of_precipitation_amount"
RAIN_RATE = "lwe_precipitation_rate"


def _of_temperature(
    title: str, accumulator: Callable[[Sequence[int]], Accumulator], comparison: str, threshold: float
) -> Index:
    standard_name = (TEMPERATURE_SPELL if accumulator is Spell else TEMPERATURE_DAYS).format(comparison)
    return Index(title, accumulator, comparison, threshold, CELSIUS, DAY, standard_name)


def _of_rain(
    title: str, accumulator: Callable[[Sequence[int]], Accumulator], comparison: str, threshold: float
) -> Index:
    side = "below" if comparison == "below" else "above"
    standard_name = (RAIN_SPELL if accumulator is Spell else RAIN_DAYS).format(side)
    return Index(title, accumulator, comparison, threshold, MILLIMETRES, DAY, standard_name)


def _amount(title: str, accumulator: Callable[[Sequence[int]], Accumulator], comparison: str = "everywhere") -> Index:
    return Index(title, accumulator, comparison, 1.0, MILLIMETRES, MILLIMETRES, RAIN)


INDICES: dict[IndexName, Index] = {
    "summer-days": _of_temperature("days with a temperature above", Days, "above", 25.0),
    "tropical-nights": _of_temperature("days with a temperature above", Days, "above", 20.0),
    "frost-days": _of_temperature("days with a temperature below", Days, "below", 0.0),
    "ice-days": _of_temperature("days with a temperature below", Days, "below", 0.0),
    "consecutive-summer-days": _of_temperature("longest run of days with a temperature above", Spell, "above", 25.0),
    "consecutive-frost-days": _of_temperature("longest run of days with a temperature below", Spell, "below", 0.0),
    "heat-wave-days": Index(
        "days in heat waves, with a temperature above", partial(SpellDays, least=LEAST), "above", 30.0, CELSIUS
    ),
    "heat-waves": Index(
        "heat waves, of days with a temperature above", partial(Spells, least=LEAST), "above", 30.0, CELSIUS, "1"
    ),
    "cold-spell-days": Index(
        "days in cold spells, with a temperature below", partial(SpellDays, least=LEAST), "below", -10.0, CELSIUS
    ),
    "wet-days": _of_rain("days with precipitation of at least", Days, "at least", 1.0),
    "heavy-precipitation-days": _of_rain("days with precipitation of at least", Days, "at least", 10.0),
    "very-heavy-precipitation-days": _of_rain("days with precipitation of at least", Days, "at least", 20.0),
    "consecutive-dry-days": _of_rain("longest run of days with precipitation below", Spell, "below", 1.0),
    "consecutive-wet-days": _of_rain("longest run of days with precipitation of at least", Spell, "at least", 1.0),
    "total-wet-precipitation": _amount("precipitation on days with at least", Total, "at least"),
    "simple-intensity": Index(
        "mean precipitation on days with at least", Intensity, "at least", 1.0, MILLIMETRES, "mm d-1", RAIN_RATE
    ),
    "max-1-day-precipitation": _amount("largest precipitation of a day", partial(Largest, days=1)),
    "max-5-day-precipitation": _amount("largest precipitation of five days in a row", partial(Largest, days=5)),
}


@process
def climate_index(
    data: xr.DataArray,
    index: IndexName,
    frequency: Span = "year",
    threshold: float | None = None,
    threshold_unit: str | None = None,
    shortest_spell: Annotated[int, Field(ge=1, le=365)] | None = None,
    minimum_valid: MinimumValid = 0.9,
) -> xr.DataArray:
    """Index of climate extremes of each year, season or month, from daily values, as ETCCDI defines them.

    Parameters
    ----------
    data : daily values with units: maximum temperature for summer-days, ice-days, consecutive-summer-days and those of
        heat waves, minimum temperature for tropical-nights, frost-days, consecutive-frost-days and cold-spell-days,
        precipitation for the others, as an amount on each day or as a rate; a time axis of dates in order, in any
        calendar, and any other dimensions.
    index : summer-days (SU, above 25 degC), tropical-nights (TR, above 20 degC), frost-days (FD, below 0 degC),
        ice-days (ID, below 0 degC), consecutive-summer-days (CSU), consecutive-frost-days (CFD),
        heat-wave-days and heat-waves (of days above 30 degC), cold-spell-days (below -10 degC), wet-days (RR1, at least
        1 mm), heavy-precipitation-days (R10mm), very-heavy-precipitation-days (R20mm), consecutive-dry-days
        (CDD, below 1 mm), consecutive-wet-days (CWD, at least 1 mm), total-wet-precipitation (PRCPTOT),
        simple-intensity (SDII), max-1-day-precipitation (Rx1day) or max-5-day-precipitation (Rx5day).
    frequency : one value for each year, season (December to February and so on) or month, or one for the whole.
    threshold : in place of the one of the definition.
    threshold_unit : unit of that threshold; degC for temperature and mm for precipitation where none is given.
    shortest_spell : days that a heat wave or cold spell has at least, 3 where none is given.
    minimum_valid : share of the days of a period, 0 to 1, that must be there. 0.9 is the rule of ETCCDI for months (3
        days may be missing), 0.96 that for years (15 days).

    Returns
    -------
    The index in days, heat-waves as a number, or for amounts in mm or mm d-1, in single precision, the time axis being
    the first days of the periods; it is left out for the whole.

    Raises
    ------
    InputError
        where the data are not daily, not in order, or have no units or such as do not fit the index, or a threshold
        is given for an index without one.

    Notes
    -----
    With x_d the value of day d of a period: days are the number of d with x_d > threshold (SU, TR, CSU), x_d <
    threshold (FD, ID, CFD, CDD) or x_d >= threshold (those of rain). Spells are the longest run of such days within
    the period: a run is cut where a period ends (cdo takes the longest of the whole series, as frequency whole does).
    Days in heat waves and cold spells are those of all such runs that have *shortest_spell* days or more, heat-waves
    is the number of these runs; both by a fixed threshold, as weather services warn by, and not by a percentile of the
    place, for which give the anomaly and a threshold of its own. PRCPTOT is the sum of x_d on wet days, SDII that sum
    by the number of wet days and missing where there is none, Rx1day the largest x_d and Rx5day the largest sum of
    the five days that end on a day of the period, and may begin before it. A missing day counts for nothing, ends a
    run and makes the five-day sums with it missing, whether its value or its date is missing. A cell of a period in
    which fewer than *minimum_valid* of the days of the calendar are there is missing, and so is one that has no
    values at all.
    Thresholds are converted to the unit of the data, in whose precision they are compared.

    References
    ----------
    .. [1] Zhang, X., et al. (2011): Indices for monitoring changes in extremes based on daily temperature and
       precipitation data. WIREs Climate Change 2, 851-870, doi:10.1002/wcc.147.
    .. [2] Karl, T. R., Nicholls, N., and Ghazi, A. (1999): CLIVAR/GCOS/WMO workshop on indices and indicators for
       climate extremes. Climatic Change 42, 3-7, doi:10.1023/A:1005491526870.
    """
    t = time_axis(data, "data")
    days = _days(data[t])
    definition = INDICES[index]
    if definition.comparison == "everywhere" and (threshold is not None or threshold_unit is not None):
        raise InputError(f"{index} has no threshold; leave it out", input="threshold")
    accumulator = _accumulator(definition, index, shortest_spell)
    limit, in_unit = _threshold(definition, threshold, threshold_unit)
    to_unit = _to_unit(definition.unit, unit_of(data, "data"), "data")
    spans = Periods.of(data[t], frequency)
    shape = (spans.count, *(data.sizes[name] for name in data.dims if name != t))
    check_room(shape, np.dtype(np.float32).itemsize, "the index", input="frequency")
    compare = _comparison(definition, (limit - to_unit.offset) / to_unit.scale)
    values = _values(data, t, accumulator(shape[1:]), compare, spans, days, minimum_valid)
    if definition.gives != DAY:
        values *= to_unit.scale
    result = on_periods(values, data, t, spans.begin, frequency)
    options = f"index={index}, frequency={frequency}, threshold={in_unit}, minimum_valid={minimum_valid:g}"
    return _described(result, data, definition, limit, options)


def _accumulator(
    definition: Index, index: IndexName, shortest_spell: int | None
) -> Callable[[Sequence[int]], Accumulator]:
    """What accumulates the days, with spells of the length that was asked for."""
    if shortest_spell is None:
        return definition.accumulator
    if not (isinstance(definition.accumulator, partial) and "least" in definition.accumulator.keywords):
        raise InputError(f"{index} takes no shortest_spell; leave it out", input="shortest_spell")
    return partial(definition.accumulator.func, least=shortest_spell)


def _days(time: xr.DataArray) -> npt.NDArray[np.int64]:
    """The number of each day.

    Raises
    ------
    InputError
        where they are not in order, one value a day, most of them in a row.
    """
    days = day_numbers(time)
    steps = np.diff(days)
    if (steps < 0).any():
        raise InputError("data has dates that go back; sort it by time", input="data")
    if (steps == 0).any() or not steps.size or np.median(steps) != 1:
        often = "more than one value a day" if (steps == 0).any() else "no values of one day after the other"
        raise InputError(f"data has {often}; the index takes daily values, so make them first", input="data")
    return days


def _threshold(index: Index, threshold: float | None, threshold_unit: str | None) -> tuple[float, str]:
    """The threshold in the unit of the definition, and in words as it was given."""
    if threshold is None:
        if threshold_unit is not None:
            raise InputError("threshold_unit is given without a threshold; give both", input="threshold")
        return index.threshold, f"{index.threshold:g} {index.unit}"
    stated = threshold_unit or index.unit
    limit = _to_unit(index.unit, unit(stated, "threshold_unit"), "threshold_unit")(threshold)
    return float(limit), f"{threshold:g} {stated}"


def _to_unit(wanted: str, source: cf_units.Unit, name: str) -> Conversion:
    """From the unit *source* to that of an index; rates of rain are what they give in a day."""
    target = cf_units.Unit(wanted)
    if wanted == MILLIMETRES:
        in_a_day = source * cf_units.Unit(DAY)
        for factor in ("mm", "kg m-2"):
            if in_a_day.is_convertible(cf_units.Unit(factor)):
                return conversion(in_a_day, target, name)
    return conversion(source, target, name)


def _comparison(index: Index, limit: float) -> Callable[[Any], npt.NDArray[np.bool_]]:
    ufunc = COMPARISONS[index.comparison]
    if index.comparison == "everywhere":
        return ufunc
    return lambda values: ufunc(values, limit)


def _values(
    data: xr.DataArray,
    t: Hashable,
    accumulator: Accumulator,
    compare: Callable[[Any], npt.NDArray[np.bool_]],
    spans: Periods,
    days: npt.NDArray[np.int64],
    minimum_valid: float,
) -> npt.NDArray[np.float32]:
    """(period, other dimensions)."""
    shape = [size for name, size in data.sizes.items() if name != t]
    result = np.empty((spans.count, *shape), np.float32)
    valid = Days(shape)
    least = needed(minimum_valid, spans.days())
    for block in blocks(data, t, "index"):
        hits, there = compare(block.values), np.logical_not(np.isnan(block.values))
        for number, step in enumerate(range(block.place.start, block.place.stop)):
            if step and days[step] - days[step - 1] > 1:
                accumulator.interrupt()
            accumulator.add(block.values[number], hits[number])
            valid.add(block.values[number], there[number])
            period = spans.number[step]
            if step + 1 == len(days) or spans.number[step + 1] != period:
                result[period] = np.where(valid.close() >= least[period], accumulator.close(), np.nan)
    return result


def _described(result: xr.DataArray, data: xr.DataArray, index: Index, limit: float, options: str) -> xr.DataArray:
    title, methods = index.title, {"mm": "time: sum", "mm d-1": "time: mean"}.get(index.gives)
    if index.comparison == "everywhere":
        methods = "time: maximum"
    else:
        title = f"{title} {limit:g} {index.unit}"
        of = "air_temperature" if index.unit == CELSIUS else RAIN
        bound = xr.Variable((), limit, {"standard_name": of, "units": index.unit, "long_name": "threshold"})
        result = result.assign_coords(threshold=bound)
    attributes = {"long_name": title, "units": index.gives, "standard_name": index.standard_name}
    return METHOD.derived(result, data, options, **attributes, cell_methods=methods)
