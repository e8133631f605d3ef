"""The pygeoapi provider plugin for OGC API - EDR: a grid asked by position, area or cube.

In the configuration of any pygeoapi, beside or instead of a coverage::

    providers:
      - type: edr
        name: moorage_processes.plugins.edr.Queries
        data: /data/sst.nc
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moorage.formats.axes import Axis, crs_of, dimension, is_lonlat
from moorage.formats.coverages import coverage_json
from moorage.formats.crs import known
from pygeoapi.provider.base_edr import BaseEDRProvider

from moorage_processes.errors import InputError
from moorage_processes.ogc.collections import coverage
from moorage_processes.plugins.providers import GridProvider, in_our_words

if TYPE_CHECKING:
    import xarray as xr


class _WithoutInstances:
    """Answers to what pygeoapi asks every provider, though none of its own bases has it.

    Where :class:`Queries` itself had these, pygeoapi would describe instances as one of its queries.
    """

    def instances(self) -> list[str]:
        """None."""
        return []

    def get_instance(self, instance: str) -> bool:  # noqa: ARG002 - there is never one
        """Whether there is one of that name."""
        return False


class Queries(_WithoutInstances, GridProvider, BaseEDRProvider):  # type: ignore[misc]  # pygeoapi is untyped
    """A grid dataset for queries of OGC API - EDR; answers are CoverageJSON.

    Parameters
    ----------
    provider_def : an entry of ``providers:`` of the configuration.
    """

    def position(self, wkt: Any = None, **asked: Any) -> dict[str, Any]:
        """The cell that a point lies in, along all other axes."""
        with in_our_words():
            if wkt is None or wkt.geom_type != "Point":
                raise InputError("coords: a position is a POINT(longitude latitude)", input="coords")
            crs = self.state.get().crs
            x, y = _moved(wkt, crs)
            grid = self._part({"subset": {"x": [x], "y": [y]}}, asked)
            return _as_points(coverage_json(grid))

    def area(self, wkt: Any = None, **asked: Any) -> dict[str, Any]:
        """The cells whose centres lie in a polygon; the others of the box around it are null."""
        with in_our_words():
            if wkt is None or wkt.geom_type not in ("Polygon", "MultiPolygon"):
                raise InputError(
                    "coords: an area is a POLYGON or MULTIPOLYGON of longitudes and latitudes", input="coords"
                )
            self.state.get()
            return coverage_json(_masked(self._part({"bbox": list(wkt.bounds)}, asked), wkt))

    def cube(self, bbox: Any = None, **asked: Any) -> dict[str, Any]:
        """The cells in a box, with levels where it has six numbers."""
        with in_our_words():
            self.state.get()
            return coverage_json(self._part({"bbox": list(bbox or ())}, asked))

    def _part(self, where: dict[str, Any], asked: dict[str, Any]) -> xr.Dataset:
        levels = {} if asked.get("z") in (None, "") else {"z": _levels(str(asked["z"]))}
        selection = {
            **where,
            "subset": {**where.get("subset", {}), **levels},
            "datetime": asked.get("datetime_"),
            "properties": list(asked.get("select_properties") or ()),
        }
        return coverage.values(self.entry, selection, "json", self.limit)


def _levels(text: str) -> list[str]:
    """``500`` or ``200/850``."""
    levels = text.split("/")
    if len(levels) > 2 or "," in text or text.startswith("R"):  # noqa: PLR2004 - low and high
        raise InputError(f"z: {text[:80]!r} is not a level or low/high", input="z")
    return levels


def _moved(point: Any, crs: Any) -> tuple[float, float]:
    """A point in longitude and latitude, in the CRS of the data."""
    from pyproj import Transformer  # noqa: PLC0415 - only where it is asked for

    target = known(crs)
    if target.is_geographic and not target.is_derived:
        return float(point.x), float(point.y)
    x, y = Transformer.from_crs("OGC:CRS84", target, always_xy=True).transform(point.x, point.y)
    return float(x), float(y)


def _masked(grid: xr.Dataset, area: Any) -> xr.Dataset:
    """The grid without the values of cells that lie outside."""
    import numpy as np  # noqa: PLC0415 - only where it is asked for
    import shapely  # noqa: PLC0415 - the same
    import xarray as xr  # noqa: PLC0415 - the same

    x, y = dimension(grid, Axis.X), dimension(grid, Axis.Y)
    lon, lat = np.meshgrid(grid[x].to_numpy(), grid[y].to_numpy())
    if not is_lonlat(grid):
        from pyproj import Transformer  # noqa: PLC0415 - only where something is to be transformed

        lon, lat = Transformer.from_crs(crs_of(grid), "OGC:CRS84", always_xy=True).transform(lon, lat)
    inside = xr.DataArray(shapely.intersects_xy(area, lon, lat), dims=(y, x))
    return grid.where(inside)


def _as_points(document: dict[str, Any]) -> dict[str, Any]:
    """A coverage at one place under the name CoverageJSON has for its shape."""
    many = {name for name, axis in document["domain"]["axes"].items() if len(axis["values"]) > 1}
    shapes = {frozenset(): "Point", frozenset({"t"}): "PointSeries", frozenset({"z"}): "VerticalProfile"}
    if "domainType" in document["domain"]:
        document["domain"]["domainType"] = shapes.get(frozenset(many), "Grid")
    return document
