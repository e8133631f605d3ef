"""Reads the files of one attempt, from a directory or an object store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


class ArtefactFiles(Protocol):
    """The files of one attempt.

    Each method may raise :class:`moorage_processes.jobs.errors.EngineError` where they are not to be had.
    """

    def open(self, name: str) -> BinaryIO:
        """A file, to be read from any place on."""
        ...

    def read(self, name: str) -> bytes:
        """All of a file."""
        ...

    def path(self, name: str) -> Path | None:
        """Where a file lies on this machine, if it does."""
        ...

    def local(self, name: str) -> AbstractContextManager[Path]:
        """A file on this machine, for as long as the block lasts."""
        ...

    def link(self, name: str, media_type: str) -> str | None:
        """Where anybody may fetch a file for a while; None where only this service may."""
        ...


@dataclass(frozen=True)
class DirectoryFiles:
    """Files of an attempt in a directory."""

    directory: Path

    def open(self, name: str) -> BinaryIO:
        """A file, to be read from any place on."""
        return (self.directory / name).open("rb")

    def read(self, name: str) -> bytes:
        """All of a file."""
        return (self.directory / name).read_bytes()

    def path(self, name: str) -> Path | None:
        """Where a file lies."""
        return self.directory / name

    @contextlib.contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """The file itself."""
        yield self.directory / name

    def link(self, name: str, media_type: str) -> str | None:  # noqa: ARG002 - nobody else sees this directory
        """None: the service alone may read it."""
        return None
