"""Whether a disk is full, as its file system or an error says."""

from __future__ import annotations

import errno
import os
from pathlib import Path

LEAST = 1 << 20
"""Bytes below which a disk counts as full."""
ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT})


def is_full(folder: Path) -> bool:
    """Whether the file system of a directory has no room left, for bytes or for files; False where there is none."""
    try:
        found = os.statvfs(folder)
    except FileNotFoundError:
        return False
    # those that do not count files say that they have none
    return found.f_bavail * found.f_frsize < LEAST or (found.f_files > 0 and found.f_favail == 0)


def says_full(error: BaseException) -> bool:
    """Whether an error says that a disk, or the user's share of it, is full."""
    return isinstance(error, OSError) and error.errno in ERRORS
