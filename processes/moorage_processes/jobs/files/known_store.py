"""Notices a job store that lost its tables: results that such a store no longer knows must not be swept."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from moorage_processes.jobs.files.disk import old_entries
from moorage_processes.jobs.files.job_log import SUFFIX, SUPERVISOR
from moorage_processes.jobs.files.state_directory import StateDirectory, StateDirectoryError

if TYPE_CHECKING:
    from collections.abc import Iterator

EMPTY = "is empty, though jobs were recorded there"
USER = re.compile(r"://[^/]*@")


@dataclass(frozen=True)
class KnownStore:
    """The job store of a state directory: a note there says that its tables were made.

    Parameters
    ----------
    state : the directory.
    url : of a store that is not in the directory; None for the one that is.
    born : when the service began [s since 1970]. While a store elsewhere is away, calls leave files here before there
        are tables; older files are of jobs.
    """

    state: StateDirectory
    url: str | None
    born: float

    def note(self) -> None:
        """Note that the tables are there."""
        if not self._note.exists():
            self._note.touch()

    def check_new(self) -> None:
        """Refuse to begin anew where there were tables, or where files of jobs lie.

        Raises
        ------
        StateDirectoryError
            telling the way out.
        """
        if self.is_expected:
            raise StateDirectoryError(f"{self.name} {EMPTY}: {self.way_out}")

    @property
    def is_expected(self) -> bool:
        """Whether tables were made there, or files of jobs lie here."""
        return self._note.exists() or any(self._left())

    @property
    def name(self) -> str:
        """The store, without its password."""
        where = str(self.state.path / "jobs.sqlite") if self.url is None else USER.sub("://", self.url)
        return f"the job store {where}"

    @property
    def way_out(self) -> str:
        """What an operator can do about a store that is lost."""
        folders = " and ".join(str(each) for each in (self.state.path, self.state.common) if each is not None)
        return f"restore a copy of it, or move {folders} away to begin without those jobs; nothing was removed"

    @property
    def _note(self) -> Path:
        told = "here" if self.url is None else USER.sub("://", self.url)
        return self.state.path / f"store-{hashlib.sha256(told.encode()).hexdigest()[:12]}"

    def _left(self) -> Iterator[str]:
        """Names of results and logs of jobs."""
        before = math.inf if self.url is None else self.born
        for folder in filter(Path.is_dir, (self.state.results, self.state.logs)):
            yield from (each.name for each in old_entries(folder, before) if each.name != f"{SUPERVISOR}{SUFFIX}")
