"""What a result says of how it came about."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr


def history(data: xr.DataArray, step: str) -> str:
    """The ``history`` of what *step* makes of *data*: its own, and one line more."""
    return "\n".join(filter(None, (str(data.attrs.get("history", "")), step)))
