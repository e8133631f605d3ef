"""Descriptions of methods, kept in the user's cache directory while the files they were read from stay the same."""

from __future__ import annotations

import json
import logging
import os
import site
import stat
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self, TypeVar

from moorage_processes.catalogue.imported_files import ImportedFiles, stamp
from moorage_processes.catalogue.modules import locate
from moorage_processes.catalogue.user_directories import user_directory
from moorage_processes.errors import ServingError

LOGGER = logging.getLogger(__name__)
FORMAT = 1
"""Raise it when what is kept changes, or how the files are found that it depends on."""
KEPT = 100
"""Files kept in the directory; those unused for longest are removed first."""
OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH

Content = TypeVar("Content")


@dataclass(frozen=True)
class CachedDescriptions:
    """The cache file for one set of sources.

    A file that cannot be read, trusted or written counts as missing: the methods are described again.
    """

    directory: Path
    """Created at the first write; it belongs to the user alone."""
    key: Mapping[str, Any]
    """Everything that descriptions depend on and that is known without importing a method."""

    @classmethod
    def of(cls, sources: Sequence[str], **offered: bool) -> Self | None:
        """The file for some sources; None where there can be none, as where a source does not exist."""
        try:
            return cls(_directory(), _key(sources, offered))
        except (ServingError, OSError, RuntimeError) as error:
            LOGGER.debug("these descriptions are not cached: %r", error)
            return None

    @property
    def path(self) -> Path:
        """The file."""
        return self.directory / f"{sha256(json.dumps(self.key, sort_keys=True).encode()).hexdigest()}.json"

    def read(self, parse: Callable[[Any], Content]) -> Content | None:
        """What was written last, as *parse* reads it; None if a file that it depends on has changed since."""
        try:
            document = json.loads(self._trusted())
            if document["key"] != self.key:
                return None
            changed = next(ImportedFiles.from_json(document["imported"]).changes(), None)
            if changed is not None:
                LOGGER.debug("methods are described again: %s has changed", changed)
                return None
            content = parse(document["content"])
            # the time of its last use
            os.utime(self.path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            LOGGER.debug("cached descriptions in %s cannot be used: %r", self.path, error)
            return None
        return content

    def write(self, content: Any, imported: Mapping[str, Any]) -> None:
        """Keep something until one of the files changes that were imported for it."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_owner(self.directory.lstat(), stat.S_ISDIR)
            self._replace(json.dumps({"key": self.key, "imported": imported, "content": content}))
            self._remove_oldest()
        except OSError as error:
            LOGGER.debug("descriptions cannot be cached in %s: %r", self.directory, error)

    def _trusted(self) -> bytes:
        """The content of the file, if only the user can have written it."""
        _check_owner(self.directory.lstat(), stat.S_ISDIR)
        with open(self.path, "rb", opener=_open_no_link) as file:
            _check_owner(os.fstat(file.fileno()), stat.S_ISREG)
            return file.read()

    def _replace(self, text: str) -> None:
        """Write the file as a whole, readable by the user alone."""
        handle, name = tempfile.mkstemp(dir=self.directory)
        temporary = Path(name)
        try:
            with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
                file.write(text)
            temporary.replace(self.path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def _remove_oldest(self) -> None:
        used = {path: (stamp(str(path)) or [0])[0] for path in self.directory.iterdir()}
        for path in sorted(used, key=used.__getitem__)[:-KEPT]:
            path.unlink(missing_ok=True)


def _directory() -> Path:
    return user_directory("XDG_CACHE_HOME", ".cache") / "descriptions"


def _key(sources: Sequence[str], offered: Mapping[str, bool]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": version("moorage"),
        "python": [sys.executable, sys.version, stamp(f"{sys.prefix}/pyvenv.cfg")],
        # such as PYTHONPATH, and PYTHONOPTIMIZE, which may take docstrings away
        "environment": {name: value for name, value in os.environ.items() if name.startswith("PYTHON")},
        "user_site": site.getusersitepackages() if site.ENABLE_USER_SITE else None,
        "folder": str(Path.cwd()),
        "sources": [locate(source).to_json() for source in sources],
        **offered,
    }


def _open_no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _check_owner(found: os.stat_result, is_kind: Callable[[int], bool]) -> None:
    """Refuse what others may have written.

    Raises
    ------
    PermissionError
        where it is of another kind, or of another user, or others may write to it.
    """
    if not is_kind(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & OTHERS_MAY_WRITE:
        raise PermissionError("others may have written it")
