"""Memory that process families hold as files: in ``/dev/shm``, or without a name (``memfd_create``).

None of it is resident memory of a process unless it is mapped there, and it stays when its writer has closed it.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from moorage_processes.jobs.workers import linux

SHARED = Path("/dev/shm")  # noqa: S108 - where the kernel keeps it
TICK = 0.05
"""Seconds by which the clock of a file system may be behind."""
BLOCK = 512
"""Bytes of a block, as ``stat`` counts."""
FileId = tuple[int, int]
"""Device and number of a file."""


@dataclass(eq=False)
class Family:
    """A worker and all that it has started, since it began an attempt."""

    pids: list[int]
    began: float
    """When the attempt began [s since 1970]."""
    written: int = 0
    """Bytes that the worker had written until then, other than to disks."""
    files: set[FileId] = field(default_factory=set)
    """Files in shared memory that are known to be its own."""


class FileMemory:
    """Charges files in memory to the families that made them.

    A file is a family's own once a process of it had it open or mapped at a look. Of those that nobody was seen with,
    which are written quickly or are small, all are charged to the one family that has written so much since they
    were there; where that fits several families, or none, they are somebody else's.

    Parameters
    ----------
    folder : of files in shared memory.
    """

    def __init__(self, folder: Path = SHARED) -> None:
        self._folder = folder
        self._devices = _devices(folder)

    def held(self, families: Iterable[Family]) -> dict[Family, int]:
        """Bytes that each of *families* holds as files, some of it resident too. Ask for all that run at once."""
        known = list(families)
        named = self._named(min((each.began for each in known), default=0.0) - TICK)
        opened = {each: self._opened(each.pids) for each in known}
        for each in known:
            each.files = (each.files | opened[each].keys()) & named.keys()
        self._attribute(named, known)
        return {each: sum({**opened[each], **_chosen(named, each.files)}.values()) for each in known}

    def _named(self, since: float) -> dict[FileId, int]:
        """Files of this user that changed since then, and their sizes."""
        found = {}
        for path in _files_below(self._folder):
            with contextlib.suppress(FileNotFoundError):
                state = os.lstat(path)
                if stat.S_ISREG(state.st_mode) and state.st_uid == os.geteuid() and state.st_ctime >= since:
                    found[state.st_dev, state.st_ino] = state.st_blocks * BLOCK
        return found

    def _opened(self, pids: Iterable[int]) -> dict[FileId, int]:
        """Files in memory that processes have open, with a name or without."""
        states = (state for pid in pids for state in linux.open_files(pid))
        return {
            (each.st_dev, each.st_ino): each.st_blocks * BLOCK
            for each in states
            if each.st_dev in self._devices and stat.S_ISREG(each.st_mode)
        }

    def _attribute(self, named: Mapping[FileId, int], families: list[Family]) -> None:
        """Find out whose those files are that nobody has open."""
        unknown = named.keys() - {file for each in families for file in each.files}
        if not unknown:
            return
        for each in families:
            each.files |= unknown & linux.mapped_files(each.pids, str(self._folder))
        left = unknown - {file for each in families for file in each.files}
        size = sum(_chosen(named, left).values())
        makers = [each for each in families if linux.written_to_memory(each.pids) - each.written >= size]
        if left and len(makers) == 1:
            makers[0].files |= left


def _devices(folder: Path) -> frozenset[int]:
    nameless = os.memfd_create("moorage")
    try:
        found = {os.fstat(nameless).st_dev}
    finally:
        os.close(nameless)
    # a bare container may have none
    return frozenset(found | ({folder.stat().st_dev} if folder.exists() else set()))


def _files_below(folder: Path) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        yield from (f"{parent}/{name}" for name in names)


def _chosen(sizes: Mapping[FileId, int], files: Iterable[FileId]) -> dict[FileId, int]:
    return {file: sizes[file] for file in files}
