"""How often values lie above or below a threshold."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr  # noqa: TC002 - the signature is read when the process is described

from moorage_processes import InputError, process
from moorage_processes.authoring.result_size import check_room
from moorage_processes.cf.missing import MinimumValid, needed
from moorage_processes.cf.periods import Periods, Span, on_periods
from moorage_processes.cf.provenance import MethodReference
from moorage_processes.cf.times import time_axis
from moorage_processes.cf.units import conversion, unit, unit_of
from moorage_processes.methods.statistics.accumulators import Days
from moorage_processes.methods.streaming.blocks import blocks

Comparison = Literal["above", "at least", "below", "at most"]

METHOD = MethodReference(
    "threshold-exceedance",
    "WMO (2018): Guide to climatological practices, WMO-No. 100",
)
UFUNCS: dict[Comparison, np.ufunc] = {
    "above": np.greater, "at least": np.greater_equal, "below": np.less, "at most": np.less_equal
}  # fmt: skip


@process
def threshold_exceedance(
    data: xr.DataArray,
    threshold: float,
    threshold_unit: str | None = None,
    comparison: Comparison = "above",
    frequency: Span = "whole",
    measure: Literal["share", "count"] = "share",
    minimum_valid: MinimumValid = 0.0,
) -> xr.DataArray:
    """Share or number of the times at which values lie above or below a threshold.

    Parameters
    ----------
    data : values with a time axis of dates in order, in any calendar, and any other dimensions.
    threshold : which values are compared with.
    threshold_unit : its unit, which is converted to that of the data; that of the data where none is given.
    comparison : which values count.
    frequency : one result for the whole time, or for each year, season (December to February and so on) or month.
    measure : the share of the times that have values, 0 to 1, or the number of times.
    minimum_valid : share of the times of a period, 0 to 1, that must have values; 0 takes any one.

    Returns
    -------
    Share [1] or number of times [1] in single precision, the time axis being the first days of the periods; it is left
    out for the whole.

    Raises
    ------
    InputError
        where the data has no time axis of dates in order, the values are not numbers, or units do not fit.

    Notes
    -----
    With n values of a period that are not missing, of which m fulfil x > threshold (or >=, <, <=), the share is m / n
    and the count m; a missing value counts for neither. Where fewer than *minimum_valid* of the times of a period have
    values, and where none has, the result is missing. Values are compared in the precision of the data. To know which
    value is exceeded by a share, take percentile.

    References
    ----------
    .. [1] WMO (2018): Guide to climatological practices. WMO-No. 100.
    """
    t = time_axis(data, "data")
    limit = threshold
    if threshold_unit is not None:
        source, target = unit(threshold_unit, "threshold_unit"), unit_of(data, "data")
        limit = float(conversion(source, target, "threshold_unit")(threshold))
    spans = Periods.of(data[t], frequency)
    if not data.indexes[t].is_monotonic_increasing:
        raise InputError("data has dates that go back; sort it by time", input="data")
    shape = (spans.count, *(data.sizes[name] for name in data.dims if name != t))
    check_room(shape, np.dtype(np.float32).itemsize, "the result", input="frequency")
    values = _values(data, t, (UFUNCS[comparison], limit), spans, minimum_valid, is_share=measure == "share")
    stated = f"{threshold:g} {threshold_unit or data.attrs.get('units', '')}".strip()
    result = on_periods(values, data, t, spans.begin, frequency)
    title = f"{'share' if measure == 'share' else 'number'} of times {comparison} {stated}"
    options = f"threshold={stated}, comparison={comparison}, frequency={frequency}, minimum_valid={minimum_valid:g}"
    return METHOD.derived(result, data, options, long_name=title, units="1")


def _values(
    data: xr.DataArray,
    t: Hashable,
    condition: tuple[np.ufunc, float],
    spans: Periods,
    minimum_valid: float,
    *,
    is_share: bool,
) -> npt.NDArray[np.float32]:
    """(period, other dimensions)."""
    compare, limit = condition
    shape = [size for name, size in data.sizes.items() if name != t]
    result = np.empty((spans.count, *shape), np.float32)
    hits, valid = Days(shape), Days(shape)
    least = needed(minimum_valid, np.bincount(spans.number))
    for block in blocks(data, t, "exceedance"):
        met, there = compare(block.values, limit), np.logical_not(np.isnan(block.values))
        for number, step in enumerate(range(block.place.start, block.place.stop)):
            hits.add(block.values[number], met[number])
            valid.add(block.values[number], there[number])
            period = spans.number[step]
            if step + 1 == data.sizes[t] or spans.number[step + 1] != period:
                count, size = hits.close(), valid.close()
                value = count / np.maximum(size, 1) if is_share else count
                result[period] = np.where(size >= least[period], value, np.nan)
    return result
