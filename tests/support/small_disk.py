"""A file system of a few megabytes, to be filled."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoSmallDiskError(Exception):
    """This user may mount none; the message is mount's."""


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A new file system of so many bytes at a new directory, gone after the block.

    Raises
    ------
    NoSmallDiskError
        where this user may mount none.
    """
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        raise NoSmallDiskError(str(error)) from error
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
