"""Selects the modules that workers find imported when they are forked, so that none of them pays for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from moorage.formats import Kind, kind_of

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Entry

FEATURES = ("geopandas", "moorage.formats.features", "matplotlib.figure")
NEEDED = {
    Kind.GRID: ("xarray", "rioxarray", "netCDF4", "h5netcdf", "moorage.formats.grids", "moorage.formats.pictures"),
    Kind.FEATURES: FEATURES,
    Kind.GEOMETRY: FEATURES,
    Kind.TABLE: ("pandas", "moorage.formats.tables"),
    Kind.ARRAY: ("moorage.formats.arrays",),
    Kind.FIGURE: ("matplotlib.figure", "matplotlib.backends.backend_agg", "moorage.formats.figures"),
}
"""What reads, writes and draws each kind of values."""


def preloaded(entries: Iterable[Entry], *, all_kinds: bool = False) -> tuple[str, ...]:
    """Modules that every worker needs: those its methods import, and those their values travel by.

    Parameters
    ----------
    entries : the processes that it runs.
    all_kinds : whether it draws values of any kind, such as results of sites.
    """
    names: dict[str, None] = {}
    kinds = set(NEEDED) if all_kinds else set()
    for entry in entries:
        names |= dict.fromkeys(entry.libraries)
        kinds.update(_kinds(entry))
    for kind, needed in NEEDED.items():
        if kind in kinds:
            names |= dict.fromkeys(needed)
    return tuple(names)


def _kinds(entry: Entry) -> Iterator[Kind]:
    """The kinds of values that a process takes and gives."""
    for side in ("inputs", "outputs"):
        for value in entry.description[side].values():
            yield from (kind_of(each["title"]) for each in value["metadata"] if each["role"] == "moorage:type")
