"""Authors' modules described; all that stands against serving them is reported at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from moorage.values import RESERVED_IDS

from moorage_processes.authoring.builder import processes_of
from moorage_processes.authoring.decorator import is_marked
from moorage_processes.authoring.process import ImportPath, Process
from moorage_processes.authoring.source_location import source_location_of
from moorage_processes.authoring.version import OURS, offered
from moorage_processes.catalogue.modules import import_refusal, load_module, locate
from moorage_processes.errors import Refusal, ServingError

if TYPE_CHECKING:
    from types import ModuleType

Importing = Callable[[str], object]
"""Hears which module is about to be imported."""


def installed_sources(*, ours: bool = True, others: bool = True) -> list[ImportPath]:
    """The modules that installed distributions offer: Moorage's own, and those of others."""
    wanted = [each for each in offered() if (ours if each.module.startswith(OURS) else others)]
    return [ImportPath(None, None, each.module, each.attr or "") for each in wanted]


def describe(
    sources: Iterable[str], installed: Iterable[ImportPath] = (), importing: Importing = str
) -> tuple[Process, ...]:
    """The processes of all sources.

    Parameters
    ----------
    sources : method files and modules, as :func:`locate` takes them.
    installed : modules that come before them.
    importing : hears the name of each module before it is imported.

    Raises
    ------
    ServingError
        with all that stands against serving all of them.
    """
    refusals: list[Refusal] = []
    addresses = [*installed]
    for source in sources:
        try:
            addresses.append(locate(source))
        except ServingError as error:
            refusals.extend(error.refusals)
    found: dict[int, _Found] = {}
    for address in dict.fromkeys(addresses):
        importing(address.file or address.module)
        try:
            module = load_module(address)
        except ServingError as error:
            refusals.extend(error.refusals)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever an author's module raises is told to its author
            refusals.append(import_refusal(error, address))
        else:
            refusals.extend(_read_module(module, address, found))
    refusals.extend(_clashes(found.values()))
    if refusals:
        raise ServingError(tuple(dict.fromkeys(refusals)))
    return tuple(process for each in found.values() for process in each.processes)


@dataclass(frozen=True)
class _Found:
    """A decorated function or class, and its processes."""

    target: Any
    processes: tuple[Process, ...]


def _read_module(module: ModuleType, address: ImportPath, found: dict[int, _Found]) -> Iterator[Refusal]:
    """Add what a module serves to *found*, each function or class once; give what stands against the rest."""
    top = address.name.partition(".")[0]
    names = [top] if top else list(_decorated(module))
    if not names:
        reason = "it has no decorated function"
        yield Refusal(_file(module), 1, address.module, reason, "write @process above those that are to be served")
    for name in names:
        if not hasattr(module, name):
            yield Refusal(_file(module), 1, address.module, f"it has no {name!r}", "check the name behind the colon")
            continue
        target = getattr(module, name)
        try:
            processes = processes_of(target, replace(address, name=name))
        except ServingError as error:
            yield from error.refusals
            continue
        meant = tuple(each for each in processes if address.name in ("", name, each.address.name))
        found.setdefault(id(target), _Found(target, meant))


def _decorated(module: ModuleType) -> Iterator[str]:
    """Names of what a module, or the package it stands for, defines and decorates, itself or a method of it."""
    for name, target in list(vars(module).items()):
        home = str(getattr(target, "__module__", ""))
        own = home == module.__name__ or home.startswith(f"{module.__name__}.")
        inside = vars(target).values() if isinstance(target, type) else ()
        if own and any(map(is_marked, (target, *inside))):
            yield name


def _file(module: ModuleType) -> str:
    return str(getattr(module, "__file__", None) or module.__name__)


def _clashes(found: Iterable[_Found]) -> Iterator[Refusal]:
    """Ids that two functions or classes share, or that the client's service object needs for itself."""
    taken: dict[str, _Taken] = {}
    for each in found:
        for process in each.processes:
            for what, given in _names(process):
                name = given.replace("-", "_")
                other = taken.setdefault(name, _Taken(each.target, what, process.address))
                if name in RESERVED_IDS:
                    reason = f"the id {given!r} is a word of the client's own"
                elif not other.stands_against(_Taken(each.target, what, process.address)):
                    continue
                else:
                    place = other.address
                    reason = f"the id {given!r} is taken by {place.name} in {place.file or place.module}"
                yield _clash(each.target, process, reason)


@dataclass(frozen=True)
class _Taken:
    """Who has an id."""

    target: Any
    what: str
    """``class``, which all its methods share, or ``process``."""
    address: ImportPath

    def stands_against(self, other: _Taken) -> bool:
        """Whether another may not have the same."""
        if self.target is other.target and "class" in (self.what, other.what):
            return False
        return self.address is not other.address


def _names(process: Process) -> Iterator[tuple[str, str]]:
    """The id of a process, and that of its class."""
    yield "process", process.id
    if process.of_class is not None:
        yield "class", process.of_class.cls


def _clash(target: Any, process: Process, reason: str) -> Refusal:
    place = source_location_of(target)
    remedy = 'write @process(id="...") with another id'
    return Refusal(place.file, place.line, process.address.name, reason, remedy)
