"""The datasets of a service as pygeoapi's collections, brought up to date with their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from moorage.formats import Kind

from moorage_processes.ogc.collections.cache import CachedDescription, coverage_of, layer_of
from moorage_processes.ogc.collections.coverage import MEDIA_TYPES, Coverage

if TYPE_CHECKING:
    from moorage_processes.data.datasets import Dataset, Datasets
    from moorage_processes.ogc.collections.layer import Layer

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
WORLD = (-180.0, -90.0, 180.0, 90.0)
COVERAGE = "http://www.opengis.net/def/rel/ogc/1.0/coverage"
PLUGINS = "moorage_processes.plugins"
NATIVE = {"name": "NetCDF", "mimetype": "application/x-netcdf"}
PREVIEW = "preview"
SETTLED = frozenset({"id", "path", "kind", "id_field", "time_field", "title", "description"})
MOST_NAMES = 12
"""Names that a description lists."""


class Collections:
    """The datasets of a service as collections.

    Parameters
    ----------
    datasets : by id.
    base : URL of the service, without a slash at the end.
    limit : most bytes of an answer.
    """

    def __init__(self, datasets: Datasets, base: str, limit: int) -> None:
        self.entries = datasets.entries
        self.limit = limit
        self._base = base
        self._told: dict[str, CachedDescription[Any]] = {}

    def resources(self) -> dict[str, Any]:
        """All of them, as pygeoapi's ``resources:`` has them."""
        return {name: self._resource(entry, _state(entry)) for name, entry in self.entries.items()}

    def refresh(self, resources: dict[str, Any]) -> None:
        """Bring pygeoapi's ``resources:`` up to date with the files behind them."""
        for name, entry in self.entries.items():
            state = _state(entry)
            if self._told.get(name) is not state:
                resources[name] = self._resource(entry, state)
                self._told[name] = state

    def _resource(self, entry: Dataset, state: CachedDescription[Any]) -> dict[str, Any]:
        found = state.found
        told = _of_grid(found) if entry.kind is Kind.GRID else _of_layer(found)
        if state.trouble is not None:
            told = f"Unavailable: {state.trouble.reason}."
        title = entry.title or getattr(found, "title", "") or entry.id
        return {
            "type": "collection",
            "title": title,
            "description": f"{entry.description} {told}".strip(),
            "keywords": [entry.kind.value, *list(getattr(found, "fields", ()))[:MOST_NAMES]],
            "links": self._links(entry, found, title) if isinstance(found, Coverage) else [],
            "extents": _extents(found, entry.kind),
            "providers": self._providers(entry),
        }

    def _providers(self, entry: Dataset) -> list[dict[str, Any]]:
        further = {key: value for key, value in asdict(entry).items() if key not in SETTLED and value}
        kinds = {"kind": entry.kind.value} if entry.kind is Kind.TABLE else {}
        options = {"id": entry.id, "limit": self.limit, **kinds, **further}
        columns = {key: value for key in ("id_field", "time_field") if (value := getattr(entry, key))}
        common = {"data": entry.path, "options": options, **columns}
        if entry.kind is not Kind.GRID:
            return [{"type": "feature", "name": f"{PLUGINS}.providers.Items", **common}]
        return [
            {"type": "coverage", "name": f"{PLUGINS}.providers.Grid", **common, "format": dict(NATIVE)},
            {"type": "edr", "name": f"{PLUGINS}.edr.Queries", **common},
        ]

    def _links(self, entry: Dataset, found: Coverage, title: str) -> list[dict[str, str]]:
        """Formats beyond the two that pygeoapi itself links to, each with as much as it can hold."""
        at = f"{self._base}/collections/{entry.id}/coverage"
        first = found.one_map
        variable = {"properties": first["properties"]} if len(found.fields) > 1 else {}
        one = f"The first map of {title}"
        return [
            {"type": MEDIA_TYPES[form], "rel": rel, "title": words, "href": f"{at}?{urlencode({'f': form, **asked})}"}
            for form, rel, words, asked in (
                ("geotiff", COVERAGE, f"{first['properties']} as GeoTIFF" if variable else "GeoTIFF", variable),
                ("geojson", COVERAGE, f"{one} as points of GeoJSON", first),
                ("png", PREVIEW, f"{one}, drawn", first),
            )
        ]


def _state(entry: Dataset) -> CachedDescription[Any]:
    return coverage_of(entry) if entry.kind is Kind.GRID else layer_of(entry)


def _of_grid(found: Coverage | None) -> str:
    """A grid in one sentence."""
    if found is None:
        return ""
    sizes = " x ".join(f"{size} {name}" for name, size in found.sizes.items())
    crs = "longitude and latitude" if found.extents.native is None else _name_of(found.crs)
    return f"{_listed(found.fields)} on {sizes}, in {crs}."


def _of_layer(found: Layer | None) -> str:
    """Features, or a table, in one sentence."""
    if found is None:
        return ""
    return f"{found.count} {'rows' if found.bbox is None else 'features'} with {_listed(found.fields)}."


def _listed(names: Mapping[str, Any]) -> str:
    shown = list(names)[:MOST_NAMES]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "") if shown else "no columns"


def _name_of(crs: Any) -> str:
    code = crs.to_epsg()
    return f"EPSG:{code}" if code is not None else "a coordinate reference system of its own"


def _extents(found: Any, kind: Kind) -> dict[str, Any]:
    """Extents as pygeoapi's configuration has them; the whole Earth where nothing is known."""
    where = None if found is None else found.extents.bbox if kind is Kind.GRID else found.bbox
    extents: dict[str, Any] = {"spatial": {"bbox": list(where or WORLD), "crs": CRS84}}
    dates = None if found is None else found.extents.dates if kind is Kind.GRID else found.dates
    if dates is not None:
        extents["temporal"] = {"begin": dates[0], "end": dates[1]}
    return extents
