"""A grid opened by xarray, decoded the same way wherever it comes from."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr


def decoded(content: Any, **options: Any) -> xr.Dataset:
    """What ``xarray.open_dataset`` opens, lazily, with durations and times of unknown length left the numbers they are.

    Parameters
    ----------
    content : a path, a URL, an open file or a store.
    options : further arguments of ``xarray.open_dataset``.
    """
    import rioxarray  # noqa: F401, PLC0415 - gives grids their .rio, at a cost of seconds
    import xarray as xr  # noqa: PLC0415 - slow, and only where it is used

    # durations in "days" stay the numbers they are
    options = {"decode_timedelta": xr.coders.CFTimedeltaCoder(decode_via_units=False), **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xr.SerializationWarning)  # the same words at every opening help nobody
        warnings.filterwarnings("ignore", "Failed to open Zarr store with consolidated metadata", RuntimeWarning)
        warnings.filterwarnings("ignore", "PyDAP was unable to determine the DAP protocol", UserWarning)
        try:
            return xr.open_dataset(content, **options)
        except ValueError:
            if "decode_times" in options:
                raise
            # times in units without a length, such as months, stay numbers
            return xr.open_dataset(content, **options, decode_times=False)
