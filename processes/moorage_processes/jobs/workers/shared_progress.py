"""Progress of a job in memory shared with its worker: it can be read while the worker runs C code."""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from typing import NamedTuple

SIZE = 1024
"""Bytes of the shared memory."""
LAYOUT = struct.Struct("=IIdH")
"""Checksum of what follows, count of reports, fraction done, bytes of the message."""
CHECKSUM = struct.calcsize("=I")
LONGEST = SIZE - LAYOUT.size


class ProgressReading(NamedTuple):
    """One progress report."""

    number: int
    """How many reports there have been since it was cleared."""
    fraction: float
    message: str


class SharedProgress:
    """The last report of the job that a worker runs.

    Parameters
    ----------
    file : descriptor of memory made by :func:`new_shared_progress`; it may be closed afterwards.
    """

    def __init__(self, file: int) -> None:
        self._memory = mmap.mmap(file, SIZE)

    def show(self, reading: ProgressReading) -> None:
        """Write a report; a message is cut to a kilobyte."""
        text = reading.message.encode("utf-8", "replace")[:LONGEST]
        data = LAYOUT.pack(0, reading.number, reading.fraction, len(text))[CHECKSUM:] + text
        self._memory[: CHECKSUM + len(data)] = struct.pack("=I", zlib.crc32(data)) + data

    def read(self) -> ProgressReading | None:
        """Read the last report; None where it is being written just now."""
        data = self._memory[:]
        checksum, count, fraction, length = LAYOUT.unpack_from(data)
        if zlib.crc32(data[CHECKSUM : LAYOUT.size + length]) != checksum:
            return None
        text = data[LAYOUT.size : LAYOUT.size + length]
        return ProgressReading(count, fraction, text.decode("utf-8", "ignore"))

    def clear(self) -> None:
        """Remove the last report, before the worker begins another job."""
        self.show(ProgressReading(0, 0.0, ""))

    def close(self) -> None:
        """Unmap the memory."""
        self._memory.close()


def new_shared_progress() -> int:
    """Descriptor of memory for a :class:`SharedProgress`."""
    file = os.memfd_create("progress")
    os.ftruncate(file, SIZE)
    return file
