"""Files that are answers, sent by the kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from waitress.buffers import ReadOnlyFileBasedBuffer

TURN = 1 << 22
"""Bytes of a file that are sent before other connections have their turn."""


@dataclass(frozen=True)
class FileSlice:
    """Bytes of an open file that the kernel sends itself."""

    file: int
    start: int
    count: int


class SentFile(ReadOnlyFileBasedBuffer):  # type: ignore[misc]  # waitress is untyped
    """A file that is an answer. It holds no thread, and if it is on the disk, none of it is copied."""

    def get(self, numbytes: int = -1, skip: bool = False) -> Any:  # noqa: FBT001, FBT002 - waitress's signature
        """What comes next."""
        try:
            file = self.file.fileno()
        except (AttributeError, OSError):
            return super().get(numbytes, skip)
        # of a part of a file, where that begins
        start = self.file.tell() + getattr(getattr(self.file, "raw", None), "start", 0)
        return FileSlice(file, start, min(self.remain, TURN))
