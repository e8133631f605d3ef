"""The text of authors' modules as it was when they were described: what workers import, whatever is edited meanwhile.

An author who edits methods that are served leaves mistakes for a while. Workers that start then have the methods that
were described last, all of one time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

KEPT = ("utf-8", "surrogateescape")
"""How bytes of any encoding become text and come back."""


class SnapshotLoader(SourceFileLoader):
    """Loads a module from its kept text, and one that has none from its file."""

    texts: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """By path; the same for all modules of this process."""

    def path_stats(self, path: str) -> Mapping[str, Any]:
        """Nothing of a kept text: what Python compiled before may be of another."""
        if path in self.texts:
            raise OSError(f"{path} is loaded from what was kept of it")
        return super().path_stats(path)

    def get_data(self, path: str) -> bytes:
        """The kept text, or the content of a file."""
        kept = self.texts.get(path)
        return super().get_data(path) if kept is None else kept.encode(*KEPT)


def texts_of(paths: Iterable[str]) -> dict[str, str]:
    """The text of Python files, for :func:`import_from`; of those that can be read."""
    found = {}
    for path in paths:
        if path.endswith(".py"):
            try:
                found[path] = Path(path).read_bytes().decode(*KEPT)
            except OSError:
                continue
    return found


def import_from(texts: Mapping[str, str]) -> None:
    """Import modules from kept texts from now on, in this process and its forks; those that have none from files."""
    if not texts and not SnapshotLoader.texts:
        return
    if not SnapshotLoader.texts:
        kinds = (
            (ExtensionFileLoader, EXTENSION_SUFFIXES),
            (SnapshotLoader, SOURCE_SUFFIXES),
            (SourcelessFileLoader, BYTECODE_SUFFIXES),
        )
        sys.path_hooks.insert(0, FileFinder.path_hook(*kinds))
    SnapshotLoader.texts = MappingProxyType(dict(texts))
    sys.path_importer_cache.clear()
