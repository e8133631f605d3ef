"""Process id to description: strings and numbers only, the same in every process of a service."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from moorage_processes.authoring.limits import Limits
from moorage_processes.authoring.process import ImportPath, Process
from moorage_processes.catalogue.queue import LOCAL

LIBRARIES = (
    *("numpy", "pandas", "xarray", "rioxarray", "rasterio", "netCDF4", "h5netcdf", "shapely", "geopandas", "scipy"),
    *("dask.array", "matplotlib.figure"),
)
"""What is slow to import, does nothing by itself, and survives a fork."""


@dataclass(frozen=True)
class Entry:
    """One process of the catalogue: strings and numbers only."""

    id: str
    description: dict[str, Any] = field(hash=False)
    limits: Limits
    address: ImportPath | None
    """Where its method is found; None for that of a site, which nobody here may import."""
    queue: str = LOCAL
    """Who runs its jobs."""
    libraries: tuple[str, ...] = ()
    """Those of :data:`LIBRARIES` that are imported where its method is: children have them before they are forked."""

    @classmethod
    def of(cls, process: Process) -> Entry:
        """The entry of a process."""
        libraries = tuple(name for name in LIBRARIES if name in sys.modules)
        return cls(process.id, process.describe(), process.limits, process.address, libraries=libraries)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Entry:
        """Read what :meth:`to_json` wrote."""
        return cls(
            document["id"],
            document["description"],
            Limits.from_json(document["limits"]),
            None if document["address"] is None else ImportPath.from_json(document["address"]),
            document["queue"],
            tuple(document["libraries"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for children and other processes."""
        return {
            "id": self.id,
            "description": self.description,
            "limits": self.limits.to_json(),
            "address": None if self.address is None else self.address.to_json(),
            "queue": self.queue,
            "libraries": list(self.libraries),
        }


class Catalogue(Mapping[str, Entry]):
    """The processes of a service by id; it never changes.

    Parameters
    ----------
    entries : what it holds, in the order in which it is shown.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries = {entry.id: entry for entry in entries}

    def __getitem__(self, key: str) -> Entry:
        return self._entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    @classmethod
    def from_json(cls, document: Sequence[Mapping[str, Any]]) -> Catalogue:
        """Read what :meth:`to_json` wrote."""
        return cls(Entry.from_json(each) for each in document)

    def to_json(self) -> list[dict[str, Any]]:
        """Plain JSON, for children and other processes."""
        return [entry.to_json() for entry in self.values()]
