"""What a result says of itself and of how it came about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from moorage_processes.authoring.version import version_of

if TYPE_CHECKING:
    import geopandas
    import xarray as xr

Result = TypeVar("Result", bound="xr.DataArray | xr.Dataset")

RANGES = frozenset({"valid_min", "valid_max", "valid_range", "actual_range"})
"""Attributes that hold for the values of the data and not for what is made of them."""
FILLS = frozenset({"_FillValue", "missing_value"})
ORIGIN = ("source", "institution", "comment")
"""Attributes that say where data come from, and so where everything made of them does."""


@dataclass(frozen=True)
class MethodReference:
    """A method, as its results name it: the attributes of CF that say what was done, and by whose recipe."""

    id: str
    """Of its process."""
    reference: str
    """The paper or standard that it follows, with its DOI where it has one."""

    def carried(
        self,
        result: Result,
        data: xr.DataArray | xr.Dataset,
        options: str,
        *,
        cell_methods: str = "",
        **attributes: Any,
    ) -> Result:
        """*result*, which is still the quantity that *data* is, with the attributes of that.

        Parameters
        ----------
        result : new values; its attributes and packing are replaced.
        data : what it was made of.
        options : how, as ``frequency=month, first_year=1990``.
        cell_methods : what was done along which axis, as ``time: mean``; appended to what the data says.
        attributes : which are other than those of the data.
        """
        kept = {name: value for name, value in data.attrs.items() if name not in FILLS}
        methods = " ".join(filter(None, (str(data.attrs.get("cell_methods", "")), cell_methods)))
        stated = {"cell_methods": methods} if methods else {}
        return self._signed(result, data, options, {**kept, **stated, **attributes})

    def derived(self, result: Result, data: xr.DataArray | xr.Dataset, options: str, **attributes: Any) -> Result:
        """*result*, which is another quantity than *data*: ``long_name``, ``units`` and the like are *attributes*."""
        kept = {name: data.attrs[name] for name in ORIGIN if name in data.attrs}
        return self._signed(result, data, options, {**kept, **attributes})

    def of_features(
        self, features: geopandas.GeoDataFrame, data: xr.DataArray | xr.Dataset, options: str
    ) -> geopandas.GeoDataFrame:
        """*features* made of *data*, which say so in their ``attrs``; not every file format keeps those."""
        signed = self.derived(data.isel(dict.fromkeys(data.dims, slice(0, 0))), data, options)
        units = {"units": str(data.attrs["units"])} if "units" in data.attrs else {}
        features.attrs = {**{name: str(value) for name, value in signed.attrs.items()}, **units}
        return features

    def _signed(
        self, result: Result, data: xr.DataArray | xr.Dataset, options: str, attributes: dict[str, Any]
    ) -> Result:
        maker = f"{self.id}, Moorage {version_of('moorage_processes')}"
        references = dict.fromkeys(filter(None, (str(data.attrs.get("references", "")), self.reference)))
        result.attrs = {
            **{name: value for name, value in attributes.items() if value is not None},
            "history": "\n".join(filter(None, (str(data.attrs.get("history", "")), f"{maker}: {options}"))),
            "method": maker,
            "references": "; ".join(references),
        }
        # packing that fits the data need not fit what is made of it
        result.encoding = {name: value for name, value in data.encoding.items() if name == "grid_mapping"}
        return result
