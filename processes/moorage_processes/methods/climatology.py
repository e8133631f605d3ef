"""What is usual for the time of year, and how far each moment is from it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from moorage_processes import InputError, process, progress
from moorage_processes.cf.attributes import coordinates_without, precision_of
from moorage_processes.cf.missing import MinimumValid, needed
from moorage_processes.cf.provenance import RANGES, MethodReference
from moorage_processes.cf.times import Groups, TimeOfYear, during, time_axis, times_of_year
from moorage_processes.methods.streaming.blocks import Floats, Sums, blocks, computed, numbers

METHOD = MethodReference(
    "climatology",
    "WMO (2017): Guidelines on the calculation of climate normals, WMO-No. 1203",
)
TITLES: dict[TimeOfYear, str] = {
    "month": "month of the year",
    "season": "season of the year",
    "dayofyear": "day of the year, 29 February being the 60th",
}


class Climatology(NamedTuple):
    """What is usual, and the departures from it.

    Parameters
    ----------
    climatology : mean of each month, season or day of the year over the years, in the unit of the data; the time axis
        is replaced by month (1 to 12), season (DJF, MAM, JJA, SON) or dayofyear, with those that occur.
    anomaly : each value less the climatology of its time of year, on the grid and times of the data, in its unit.
    """

    climatology: xr.DataArray
    anomaly: xr.DataArray


@process
def climatology(
    data: xr.DataArray,
    frequency: TimeOfYear = "month",
    first_year: int | None = None,
    last_year: int | None = None,
    minimum_valid: MinimumValid = 0.0,
) -> Climatology:
    """Long-term mean for each time of year, and anomalies from it.

    Parameters
    ----------
    data : values with a time axis of dates in any calendar and any other dimensions.
    frequency : one mean for each month, season or day of the year.
    first_year : first year of the reference period; the data's first where none is given.
    last_year : last year of the reference period, itself included; the data's last where none is given.
    minimum_valid : share of the values of a time of year, 0 to 1, that must be there for its mean; 0 takes any one.

    Returns
    -------
    Climatology and anomaly in the unit and precision of the data; whole numbers give double precision.

    Raises
    ------
    InputError
        where the data has no time axis of dates, the values are not numbers, or the reference period holds no data.

    Notes
    -----
    The mean of a time of year is that of all its values in the reference period that are not missing, each counting
    the same (months of a season are not weighted by their length); where fewer than *minimum_valid* of them are
    there, it is missing, and so are the anomalies from it. Sums are in double precision. A season takes its months
    of each calendar year: December counts with January and February of its own year. In calendars with leap years
    days are identified by date, so 1 March is always the 61st day, and the 60th occurs in leap years only.

    Data that are opened lazily are read block by block, once for the means and once for the anomalies; large anomalies
    are computed as they are read or written. Neither need fit into memory.

    References
    ----------
    .. [1] WMO (2017): Guidelines on the calculation of climate normals. WMO-No. 1203.
    """
    t = time_axis(data, "data")
    if frequency in data.dims:
        raise InputError(f"data has a dimension {frequency} already; rename it", input="data")
    groups, labels = times_of_year(data[t], frequency)
    reference = during(data[t], first_year, last_year)
    field = data.transpose(t, ...)
    with progress.part(0.0, 0.5):
        means = _means(data, t, np.where(reference, groups, -1), len(labels), minimum_valid)
    occurs = np.unique(groups[reference])
    dtype = precision_of(data)
    usual = _on_times_of_year(field, frequency, labels[occurs], means[occurs].astype(dtype))
    usual = usual.transpose(*(frequency if name == t else name for name in data.dims))
    anomalies = computed(
        data.shape, dtype, _departures(data, t, groups, means, dtype), "anomalies", axis=data.dims.index(t), start=0.5
    )
    departure = xr.DataArray(xr.Variable(data.dims, anomalies), data.coords)
    years = np.asarray(data[t].dt.year)[reference]
    options = f"frequency={frequency}, years {years.min()} to {years.max()}, minimum_valid={minimum_valid:g}"
    return Climatology(_mean_described(usual, data, frequency, options), _anomaly_described(departure, data, options))


def _means(
    data: xr.DataArray, t: Hashable, groups: Groups, count: int, minimum_valid: float
) -> npt.NDArray[np.float64]:
    """Mean of each group; steps of group -1 do not count."""
    sums = Sums(count, [size for name, size in data.sizes.items() if name != t])
    for block in blocks(data, t, "means"):
        sums.add(groups[block.place], block.values)
    size = np.bincount(groups[groups >= 0], minlength=count)
    return sums.means(needed(minimum_valid, size).reshape(-1, *[1] * (data.ndim - 1)))


def _departures(
    data: xr.DataArray, t: Hashable, groups: Groups, means: npt.NDArray[np.float64], dtype: npt.DTypeLike
) -> Callable[[slice], Floats]:
    """What gives the anomalies of a slice of the times."""

    def part(place: slice) -> Floats:
        values = numbers(data, {t: place}).astype(dtype, copy=False)
        steps = np.moveaxis(values, data.dims.index(t), 0)
        for number, group in enumerate(groups[place]):
            step = steps[number, ...]
            np.subtract(step, means[group], out=step, casting="same_kind")
        return values

    return part


def _on_times_of_year(
    field: xr.DataArray, frequency: TimeOfYear, labels: npt.NDArray[Any], values: npt.NDArray[np.floating]
) -> xr.DataArray:
    """Values with the time axis of *field* replaced, and what hung on it left out."""
    t = field.dims[0]
    still = coordinates_without(field, t)
    return xr.DataArray(values, {**still, frequency: labels}, (frequency, *field.dims[1:]), field.name)


def _mean_described(usual: xr.DataArray, data: xr.DataArray, frequency: TimeOfYear, options: str) -> xr.DataArray:
    within = "" if frequency == "dayofyear" else "time: mean within years "
    usual[frequency].attrs = {"long_name": TITLES[frequency]}
    return METHOD.carried(usual, data, options, cell_methods=f"{within}time: mean over years")


def _anomaly_described(departure: xr.DataArray, data: xr.DataArray, options: str) -> xr.DataArray:
    title = f"{data.attrs.get('long_name', data.name or 'data')} anomaly"
    # a standard name, a valid range and the like hold for the quantity, not for departures from it
    without: dict[str, Any] = dict.fromkeys(("standard_name", *RANGES))
    return METHOD.carried(departure.rename(f"{data.name or 'data'}_anomaly"), data, options, **without, long_name=title)
