"""A place for files that nobody keeps."""

from __future__ import annotations

import tempfile
from functools import cached_property
from pathlib import Path


class Scratch:
    """A temporary folder, made when it is first needed and removed with the last object that holds this one."""

    @cached_property
    def _directory(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="moorage-")

    def path(self, suffix: str = "") -> Path:
        """A path in the folder at which nothing lies yet."""
        folder = Path(self._directory.name)
        return folder / f"{sum(1 for _ in folder.iterdir())}{suffix}"
