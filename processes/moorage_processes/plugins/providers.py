"""The pygeoapi provider plugins: a grid as a coverage, and features or a table as items.

In the configuration of any pygeoapi::

    sst:
      type: collection
      title: Sea surface temperature
      description: Monthly means
      keywords: [ocean]
      extents: {spatial: {bbox: [-180, -90, 180, 90]}}
      providers:
        - type: coverage
          name: moorage_processes.plugins.providers.Grid
          data: /data/sst.nc
          options: {variable: sst}             # any key of an entry of datasets:
          format: {name: NetCDF, mimetype: application/x-netcdf}

For features the type is ``feature`` and the name ``moorage_processes.plugins.providers.Items``; :mod:`.edr` has one for
the queries of OGC API - EDR. pygeoapi makes a provider for every request, so what a file holds is looked up once for
each state of it, and a file that does not open never raises here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from moorage.formats import Kind
from pygeoapi.provider.base import (
    BaseProvider,
    ProviderGenericError,
    ProviderInvalidQueryError,
    ProviderItemNotFoundError,
    ProviderRequestEntityTooLargeError,
)

from moorage_processes.data.datasets import Dataset, DatasetUnavailableError
from moorage_processes.errors import InputError, TooLargeError
from moorage_processes.ogc.collections import coverage, items, layer
from moorage_processes.ogc.collections.cache import CachedDescription, coverage_of, layer_of

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


class UnavailableError(ProviderGenericError):  # type: ignore[misc]  # pygeoapi is untyped
    """A dataset that does not open now; it may later."""

    http_status_code = HTTPStatus.SERVICE_UNAVAILABLE
    ogc_exception_code = "NoApplicableCode"


@contextmanager
def in_our_words() -> Iterator[None]:
    """What is wrong with a request or a dataset, as the errors that pygeoapi tells its callers about."""
    try:
        yield
    except DatasetUnavailableError as error:
        raise UnavailableError(user_msg=error.detail) from error
    except TooLargeError as error:
        raise ProviderRequestEntityTooLargeError(user_msg=error.detail) from error
    except InputError as error:
        raise ProviderInvalidQueryError(user_msg=error.detail) from error


def _dataset_of(provider_def: Mapping[str, Any], kind: Kind) -> Dataset:
    """The dataset that a ``providers:`` entry means."""
    options = dict(provider_def.get("options") or {})
    options.pop("limit", None)
    name = str(options.pop("id", None) or Path(str(provider_def["data"])).stem)
    fields = {key: provider_def[key] for key in ("id_field", "time_field") if provider_def.get(key)}
    kind = Kind(options.pop("kind", kind))
    return Dataset(**{"id": name, "path": str(provider_def["data"]), "kind": kind, **fields, **options})


class GridProvider(BaseProvider):  # type: ignore[misc]  # pygeoapi is untyped
    """What all providers of a grid have: its dataset, and what is known of it.

    Parameters
    ----------
    provider_def : an entry of ``providers:`` of the configuration.
    """

    def __init__(self, provider_def: dict[str, Any]) -> None:
        super().__init__(provider_def)
        self.entry = _dataset_of(provider_def, Kind.GRID)
        self.limit = int((provider_def.get("options") or {}).get("limit", coverage.MOST_BYTES))
        """Most bytes of an answer."""
        self.state: CachedDescription[coverage.Coverage] = coverage_of(self.entry)
        self.time_field = self.id_field = None  # columns of features, which a grid has none of
        self._fields = self.get_fields()

    def get_fields(self) -> dict[str, dict[str, str]]:
        """The variables; none while the dataset does not open."""
        found = self.state.found
        return {} if found is None else {name: each.to_json() for name, each in found.fields.items()}


class Grid(GridProvider):
    """A grid dataset as a coverage.

    Parameters
    ----------
    provider_def : an entry of ``providers:`` of the configuration.
    """

    def __init__(self, provider_def: dict[str, Any]) -> None:
        super().__init__(provider_def)
        self.form = coverage.form_of(str((provider_def.get("format") or {}).get("name", "netcdf"))) or "netcdf"
        self.native = str((provider_def.get("format") or {}).get("name", "netcdf"))
        self._coverage_properties = _properties(self.state)
        self.axes = list(self.state.found.axes) if self.state.found else []
        self.crs = self.state.found.extents.crs if self.state.found else CRS84
        self.num_bands = len(self._fields)

    def query(
        self,
        properties: Any = (),
        subsets: Mapping[str, Any] | None = None,
        bbox: Any = (),
        bbox_crs: str | None = None,
        datetime_: str | None = None,
        format_: str = "json",
        **_: Any,
    ) -> Any:
        """The part asked for: CoverageJSON as a ``dict``, the format of the configuration as bytes."""
        selection = {
            "properties": list(properties or ()),
            "subset": dict(subsets or {}),
            "bbox": list(bbox) or None,
            "bbox-crs": bbox_crs,
            "datetime": datetime_,
        }
        form = self.form if format_ == self.native else "json"
        with in_our_words():
            content = coverage.part(self.entry, selection, form, self.limit)
        if format_ != self.native:
            return json.loads(content)
        self.filename = f"{self.entry.id}{coverage.SUFFIXES[form]}"
        return content


def _properties(state: CachedDescription[coverage.Coverage]) -> dict[str, Any]:
    """What pygeoapi's page of a collection takes from a coverage."""
    if state.found is None:
        return {"width": 0, "height": 0, "resx": None, "resy": None, "uad": {}}
    where = state.found.extents
    (width, resx), (height, resy) = where.columns, where.rows
    told = {"spatial": where.spatial(), **({"temporal": where.temporal()} if where.times else {})}
    return {"width": width, "height": height, "resx": resx, "resy": resy, "uad": {**told, **where.further}}


class Items(BaseProvider):  # type: ignore[misc]  # pygeoapi is untyped
    """Features, or the rows of a table, as items.

    Parameters
    ----------
    provider_def : an entry of ``providers:`` of the configuration.
    """

    def __init__(self, provider_def: dict[str, Any]) -> None:
        super().__init__(provider_def)
        self.entry = _dataset_of(provider_def, Kind.FEATURES)
        self.id_field, self.time_field = self.entry.id_field, None
        self.state: CachedDescription[layer.Layer] = layer_of(self.entry)
        if self.state.found is not None:
            self.time_field = self.state.found.time_field
        self._fields = self.get_fields()

    def get_fields(self) -> dict[str, dict[str, str]]:
        """The columns; none while the dataset does not open."""
        found = self.state.found
        return {} if found is None else {name: dict(each) for name, each in found.fields.items()}

    def query(
        self,
        offset: int = 0,
        limit: int = 10,
        resulttype: str = "results",
        bbox: Any = (),
        datetime_: str | None = None,
        properties: Any = (),
        sortby: Any = (),
        select_properties: Any = (),
        skip_geometry: bool = False,  # noqa: FBT001, FBT002 - pygeoapi's signature
        q: str | None = None,
        filterq: Any = None,
        **_: Any,
    ) -> dict[str, Any]:
        """The items asked for, as GeoJSON in longitude and latitude."""
        wanted = items.ItemsQuery(
            bbox=list(bbox or ()),
            datetime=datetime_,
            filters=list(properties or ()),
            sort=[(each["property"], each["order"] == "-") for each in sortby or ()],
            offset=offset,
            limit=limit,
            columns=list(select_properties or ()),
            geometry=not skip_geometry,
            only_count=resulttype == "hits",
        )
        with in_our_words():
            for name, given in (("q", q), ("filter", filterq)):
                if given is not None:
                    raise InputError(f"{name}: not served here; a column's name and value filter, as in name=value")
            return items.page(self.entry, self.state.get(), wanted)

    def get(self, identifier: str, **_: Any) -> dict[str, Any]:
        """One item by its id."""
        with in_our_words():
            found = items.item(self.entry, self.state.get(), str(identifier))
        if found is None:
            raise ProviderItemNotFoundError(user_msg=f"there is no item {str(identifier)[:80]!r} in {self.entry.id}")
        return found
