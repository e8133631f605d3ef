"""Process id to description: strings and numbers only, the same in every process of a service."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from moorage_processes.authoring.limits import Limits
from moorage_processes.authoring.process import ImportPath, Process
from moorage_processes.catalogue.description_cache import CachedDescriptions
from moorage_processes.catalogue.imported_files import ImportedFiles, ImportRecorder
from moorage_processes.catalogue.reading import CHILD, _death
from moorage_processes.errors import Refusal, ServingError

TICK = 100_000_000
"""Nanoseconds by which the clock of a file system may be behind."""
LIBRARIES = (
    *("numpy", "pandas", "xarray", "rioxarray", "rasterio", "netCDF4", "h5netcdf", "shapely", "geopandas", "scipy"),
    *("dask.array", "matplotlib.figure"),
)
"""What is slow to import, does nothing by itself, and survives a fork."""


@dataclass(frozen=True)
class Entry:
    """One process of the catalogue: strings and numbers only."""

    id: str
    description: dict[str, Any]
    limits: Limits
    address: ImportPath | None
    """Where its method is found; None for that of a site, which nobody here may import."""
    queue: str = "local"
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


class PendingCatalogue:
    """A catalogue that a child process is reading while this one does something else.

    Use it as a context manager where the result may not be asked for: leaving the block ends the child.

    Parameters
    ----------
    child : the describing child; its standard output is the answer.
    cached : where the answer is kept, unless it is a refusal.
    """

    def __init__(self, child: subprocess.Popen[bytes], cached: CachedDescriptions | None = None) -> None:
        self._child = child
        self._cached = cached

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def result(self) -> Catalogue:
        """Wait for the catalogue; ask once.

        Raises
        ------
        ServingError
            with all that stands against serving all of it.
        """
        last: dict[str, Any] = {}
        with self._child as child:
            for line in child.stdout or ():
                last = json.loads(line)
                if "importing" not in last:
                    break  # what a module left running may hold the pipe open
        if "refusals" in last:
            raise ServingError(tuple(Refusal(**each) for each in last["refusals"]))
        if "entries" not in last:
            raise ServingError((_death(child.returncode, last.get("importing", "moorage_processes")),))
        if self._cached is not None and last["imported"] is not None:
            self._cached.write(last["entries"], last["imported"])
        return Catalogue.from_json(last["entries"])

    def close(self) -> None:
        """End the child, if it is still at work."""
        with self._child as child:
            if child.poll() is None:
                child.kill()


class CachedCatalogue(PendingCatalogue):
    """One that was known already; no child was started.

    Parameters
    ----------
    catalogue : what was known.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def result(self) -> Catalogue:
        """What was known."""
        return self._catalogue

    def close(self) -> None:
        """Nothing is at work."""


def begin_reading(sources: Sequence[str], *, installed: bool = True, cached: bool = True) -> PendingCatalogue:
    """Begin to describe all methods in a child process, so that this one never imports them.

    Parameters
    ----------
    sources : method files and modules, such as ``flood.py``, ``package.module`` or ``package.module:function``.
    installed : whether to add those that installed distributions offer.
    cached : whether to use the descriptions of an earlier time, where no file has changed that was imported for them.
    """
    place = CachedDescriptions.of(sources, installed=installed) if cached else None
    known = None if place is None else place.read(Catalogue.from_json)
    if known is not None:
        return CachedCatalogue(known)
    asked = {"sources": list(sources), "installed": installed, "since": time.time_ns() - TICK if place else None}
    # -P: the current folder must not come before the standard library
    command = [sys.executable, "-P", "-c", CHILD, json.dumps(asked)]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # noqa: S603 - ourselves
    return PendingCatalogue(child, place)


def _imported(processes: Iterable[Process], recorder: ImportRecorder, since: int | None) -> dict[str, Any] | None:
    """What the descriptions of some processes depend on; None where it is not asked for, or cannot be known."""
    if since is None:
        return None
    modules = ["moorage", __name__, *(process.address.module for process in processes)]
    try:
        imported = ImportedFiles.of_this_process(recorder, {each.partition(".")[0] for each in modules}, since)
    except Exception:  # noqa: BLE001 - modules may leave anything in sys.modules, and can be served all the same
        return None
    return None if imported is None else imported.to_json()
