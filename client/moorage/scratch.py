"""A place for files that nobody keeps."""

from __future__ import annotations

import tempfile
from functools import cached_property
from itertools import count
from pathlib import Path


class Scratch:
    """A temporary folder, made when it is first needed and removed with the last object that holds this one."""

    def __init__(self) -> None:
        self._numbers = count()

    @cached_property
    def _directory(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="moorage-")

    def path(self, suffix: str = "") -> Path:
        """A path in the folder at which nothing lies yet."""
        return Path(self._directory.name) / f"{next(self._numbers)}{suffix}"

    def folder(self) -> Path:
        """A new folder in it."""
        folder = self.path()
        folder.mkdir()
        return folder
