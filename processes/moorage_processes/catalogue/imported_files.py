"""The files that imports depend on, so that it can be told whether they would come out the same again."""

from __future__ import annotations

import json
import os
import site
import sys
import sysconfig
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from importlib.abc import MetaPathFinder
from importlib.machinery import all_suffixes
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

SECOND = 10**9
Stamp = list[int]
"""When a file was modified and changed [ns], and its size [bytes]; empty where there is none."""
Rows = list[tuple[str, list[Stamp]]]
"""Names in a folder with the stamps that stand for them."""
SUFFIXES = frozenset(all_suffixes())
METADATA = ("METADATA", "PKG-INFO", "entry_points.txt")
"""Files of a distribution that say which version it is and what it offers."""
INSTALLED = (".dist-info", ".egg-info", ".egg-link", ".pth")
"""How the names end of what an installer leaves in a folder of ``sys.path``."""


class ImportRecorder(MetaPathFinder):
    """Records where modules are looked for, also those that are not found; it finds none itself.

    Put it first in ``sys.meta_path``.
    """

    def __init__(self) -> None:
        self.first = tuple(os.path.abspath(each) for each in sys.path)  # noqa: PTH100 - links stay links
        """Folders that were searched before anything was recorded."""
        self.searched: dict[str, set[str]] = defaultdict(set)
        """Names that were looked for, by folder."""
        self.owners: dict[str, str] = {}
        """The top-level package of each folder that is inside one."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,  # noqa: ARG002 - the signature of Python
    ) -> ModuleSpec | None:
        """Record a search, and leave it to the other finders."""
        self.record(fullname, path)
        return None

    def record(self, fullname: str, path: Iterable[str] | None) -> None:
        """Record that a module is looked for in the folders *path*, or in those of ``sys.path``."""
        top, _, tail = fullname.partition(".")[0], *fullname.rpartition(".")[1:]
        for folder in sys.path if path is None else path:
            # others than text are passed over by Python too
            if isinstance(folder, str):
                place = os.path.abspath(folder)  # noqa: PTH100 - links stay links
                self.searched[place].add(tail)
                if path is not None:
                    self.owners[place] = top


@dataclass(frozen=True)
class Folder:
    """A folder in which modules are looked for."""

    path: str
    names: tuple[str, ...] | None
    """Modules that were looked for in it; None for all that could be. Of others it counts that they are there."""
    installed: bool = False
    """Whether it belongs to an installer: its distributions stand for the modules in it."""

    def rows(self) -> Rows:
        """What of it decides how imports come out."""
        rows = [(entry.name, stamps) for entry in _entries(self.path) if (stamps := self._stamps(entry)) is not None]
        if self.installed or os.path.isfile(self.path):  # noqa: PTH113 - strings, as Python has them
            rows.append(("", [stamp(self.path)]))
        return sorted(rows)

    def _stamps(self, entry: os.DirEntry[str]) -> list[Stamp] | None:
        """What stands for an entry; None if it does not matter."""
        stem, dot, end = entry.name.partition(".")
        if entry.name.endswith(INSTALLED):
            return [stamp(entry.path), *(stamp(f"{entry.path}/{name}") for name in METADATA)]
        if self.installed or stem == "__pycache__":
            return None
        is_wanted = self.names is None or stem in self.names
        if dot + end in SUFFIXES:
            # a package may import whatever is in its folder
            return [stamp(entry.path)] if is_wanted else []
        if dot or not entry.is_dir():
            return None
        found = stamp(f"{entry.path}/__init__.py")
        # a plain folder is a package too, for those who look for it
        return [found] if is_wanted else [] if found else None


@dataclass(frozen=True)
class ImportedFiles:
    """What the imports of a process depended on: files outside of the standard library, folders, distributions."""

    files: Mapping[str, Stamp]
    folders: Sequence[tuple[Folder, str]]
    """Each with a digest of its rows."""

    @classmethod
    def of_this_process(cls, recorder: ImportRecorder, packages: Iterable[str], since: int) -> Self | None:
        """Those of all that has been imported here; None if something changed meanwhile.

        Parameters
        ----------
        recorder : what recorded the imports.
        packages : top-level packages whose files count one by one, wherever they are installed.
        since : time [ns since 1970] before the first import.
        """
        modules = _imported_modules()
        for name in modules:
            # some were imported before the recorder
            above = modules.get(name.rpartition(".")[0], {})
            if "__path__" in above:
                recorder.record(name, above["__path__"])
        places = Places.of_this_python(frozenset(packages))
        files = {file: stamp(file) for file in places.own_files(modules)}
        folders = [(folder, folder.rows()) for folder in places.folders(recorder)]
        stamps = [*files.values(), *(each for _, rows in folders for _, found in rows for each in found if each)]
        # a file may have been read before it changed
        if any(not each or _latest(each) >= since for each in stamps):
            return None
        return cls(files, [(folder, _digest(rows)) for folder, rows in folders])

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote."""
        folders = [
            (Folder(each["path"], _names(each["names"]), each["installed"]), each["digest"])
            for each in document["folders"]
        ]
        return cls(document["files"], folders)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for other processes."""
        return {"files": self.files, "folders": [asdict(folder) | {"digest": each} for folder, each in self.folders]}

    def of_authors(self, sources: Iterable[str], ours: Iterable[str]) -> Self:
        """What an author may edit: without what an installer put there, and without the packages in the folders *ours*.

        The files *sources* are among it, even where they could not be imported.
        """
        mine = tuple(ours)

        def is_theirs(path: str) -> bool:
            return not any(_is_below(path, each) for each in mine)

        files = {path: self.files.get(path) or stamp(path) for path in [*self.files, *sources] if is_theirs(path)}
        folders = [each for each in self.folders if not each[0].installed and is_theirs(each[0].path)]
        return replace(self, files=files, folders=folders)

    def now(self) -> Self:
        """The same files and folders, as they are at this moment."""
        folders = [(folder, _digest(folder.rows())) for folder, _ in self.folders]
        return replace(self, files={path: stamp(path) for path in self.files}, folders=folders)

    def changes(self) -> Iterator[str]:
        """Paths of the files and folders that are no longer what they were."""
        yield from (path for path, before in self.files.items() if stamp(path) != before)
        yield from (folder.path for folder, before in self.folders if _digest(folder.rows()) != before)


@dataclass(frozen=True)
class Places:
    """Where an interpreter has its modules."""

    standard: tuple[str, ...]
    installed: tuple[str, ...]
    packages: frozenset[str]
    """Those whose files count one by one, wherever they are."""

    @classmethod
    def of_this_python(cls, packages: frozenset[str]) -> Self:
        """Those of the interpreter that runs this."""
        standard = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
        installed = site.getsitepackages() + ([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])
        return cls(tuple(standard), tuple(installed), packages)

    def own_files(self, modules: Mapping[str, Mapping[str, Any]]) -> set[str]:
        """Files of modules that neither Python nor an installer looks after."""
        found = set()
        for name, known in modules.items():
            for file in (known.get("__file__"), getattr(known.get("__spec__"), "origin", None)):
                # others are "built-in" and "frozen"
                if isinstance(file, str) and "/" in file:
                    path = os.path.abspath(file)  # noqa: PTH100 - links stay links
                    if name.partition(".")[0] in self.packages or not self._is_looked_after(path):
                        found.add(path)
        return found

    def folders(self, recorder: ImportRecorder) -> Iterator[Folder]:
        """Folders in which modules were looked for and could appear."""
        for path in dict.fromkeys([*recorder.first, *self.installed, *recorder.searched]):
            if path in self.installed:
                yield Folder(path, None, installed=True)
            elif recorder.owners.get(path) in self.packages or not self._is_looked_after(path):
                names = None if path in recorder.first else tuple(sorted(recorder.searched[path]))
                yield Folder(path, names)

    def _is_looked_after(self, path: str) -> bool:
        if any(_is_below(path, each) for each in self.installed):
            return True
        # the packages of another environment may be below the standard library of this one
        return any(_is_below(path, each) for each in self.standard) and "-packages/" not in f"{path}/"


def stamp(path: str) -> Stamp:
    """When a file was modified and changed [ns], and its size [bytes]; empty where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - thousands of strings
    except OSError:
        return []
    return [found.st_mtime_ns, found.st_ctime_ns, found.st_size]


def _latest(found: Stamp) -> int:
    """When a file may have changed last [ns]; some file systems count whole seconds, or two."""
    return found[1] + (0 if found[1] % SECOND else 2 * SECOND)


def _imported_modules() -> dict[str, Mapping[str, Any]]:
    """Attributes of all modules by name; asking the modules themselves may import others."""
    return {name: getattr(module, "__dict__", {}) for name, module in list(sys.modules.items())}


def _entries(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except OSError:
        return []


def _names(listed: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if listed is None else tuple(listed)


def _digest(rows: Rows) -> str:
    return sha256(json.dumps(rows).encode()).hexdigest()


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
