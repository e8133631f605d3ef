"""Shortens a log while others append to it: its beginning and its last lines stay, with a note between them."""

from __future__ import annotations

import os
from pathlib import Path

HEAD, TAIL = 4, 2
"""The parts of the limit that stay of the beginning and of the end: a fourth and a half."""
NOTE = b"\n[the log was too long: lines were left out here]\n"


def cap_log(path: Path, limit: int) -> None:
    """Shorten a log that holds more than *limit* [bytes].

    Others may append meanwhile, by descriptors that always write at the end; what they write in the instant of the cut
    comes before the note.
    """
    try:
        log = os.open(path, os.O_RDWR | os.O_APPEND)
    except FileNotFoundError:
        return
    try:
        size = os.fstat(log).st_size
        if size <= limit:
            return
        tail = os.pread(log, limit // TAIL, size - limit // TAIL)
        os.ftruncate(log, _length_of_head(os.pread(log, limit // HEAD + len(NOTE), 0), limit // HEAD))
        os.write(log, NOTE + tail.partition(b"\n")[2])
    finally:
        os.close(log)


def _length_of_head(beginning: bytes, most: int) -> int:
    """How much of the beginning stays: up to the note of an earlier time, or whole lines."""
    note = beginning.find(NOTE)
    return note if note >= 0 else max(0, beginning.rfind(b"\n", 0, most))
