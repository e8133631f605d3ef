"""Methods described again and again while their author edits them, each time in a fork that has not seen them yet."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import moorage

import moorage_processes
from moorage_processes.catalogue.discovery import installed_sources
from moorage_processes.catalogue.imported_files import ImportedFiles, stamp
from moorage_processes.catalogue.modules import locate
from moorage_processes.catalogue.reading import catalogue_in, describe_into, last_word
from moorage_processes.errors import ServingError

if TYPE_CHECKING:
    from moorage_processes.authoring.process import ImportPath
    from moorage_processes.catalogue.catalogue import Catalogue

OUR_FOLDERS = tuple(str(Path(str(each.__file__)).parent) for each in (moorage, moorage_processes))


@dataclass(frozen=True)
class Reading:
    """What came of describing authors' methods once."""

    catalogue: Catalogue | None
    """Their methods; None where they cannot be served."""
    trouble: str
    """Why they cannot."""
    imported: ImportedFiles | None
    """What they depend on; None where some of it changed meanwhile, so that it must be read again."""


@dataclass(frozen=True)
class Rereader:
    """Describes the methods of authors in forks of this process.

    It is the quicker the more of what they import, and nobody edits, has been imported here.

    Parameters
    ----------
    sources : method files and modules.
    installed : whether those of installed distributions are described too, other than ours.
    """

    sources: Sequence[str]
    installed: bool

    def read(self, since: int) -> Reading:
        """Describe the methods as they are now.

        Parameters
        ----------
        since : time [ns since 1970] after which no file may have changed.
        """
        last, code = self._told_by_fork(since)
        told = last.get("imported")
        imported = None if told is None else ImportedFiles.from_json(told).of_authors(self._files(), OUR_FOLDERS)
        try:
            return Reading(catalogue_in(last, code), "", imported)
        except ServingError as error:
            return Reading(None, str(error), imported)

    def method_files(self) -> ImportedFiles:
        """The method files alone, as they are now."""
        return ImportedFiles({file: stamp(file) for file in self._files()}, [])

    @cached_property
    def _others(self) -> list[ImportPath]:
        return installed_sources(ours=False, others=self.installed)

    def _files(self) -> list[str]:
        files = []
        for source in self.sources:
            with contextlib.suppress(ServingError):
                files.append(locate(source).file)
        return [each for each in files if each is not None]

    def _told_by_fork(self, since: int) -> tuple[dict[str, Any], int]:
        """The last word of a fork that imports the methods, and the code it ended with."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            self._describe(writer, since)
        os.close(writer)
        with os.fdopen(reader) as lines:
            last = last_word(lines)
        _, status = os.waitpid(child, 0)
        return last, os.waitstatus_to_exitcode(status)

    def _describe(self, writer: int, since: int) -> NoReturn:
        try:
            describe_into(os.fdopen(writer, "w", encoding="utf-8"), self.sources, self._others, since)
        finally:
            # also where a module raised what nobody expects: a fork must not go on as its parent
            os._exit(1)


def forget_compiled(before: ImportedFiles, now: ImportedFiles) -> None:
    """Remove what Python keeps of edited files: it misses an edit in the same second that leaves the size as it was."""
    for path, found in now.files.items():
        if before.files.get(path) != found:
            with contextlib.suppress(OSError, NotImplementedError, ValueError):
                Path(importlib.util.cache_from_source(path)).unlink(missing_ok=True)
