"""How long a NetCDF-3 file must be, by its own header.

The NetCDF library fills what lies beyond the end of such a file with zeros and says nothing, so a file cut in
half would be taken for measurements.
"""

from __future__ import annotations

import struct
from math import prod
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

SIGNS = {b"CDF\x01": 1, b"CDF\x02": 2, b"CDF\x05": 5}
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
"""Bytes of one value, by the number of its type."""


def is_whole(path: Path) -> bool:
    """Whether the file has all the bytes its header speaks of.

    Raises
    ------
    struct.error, KeyError
        If the header itself is broken.
    """
    with path.open("rb") as file:
        needed = _Header(file).end()
    return path.stat().st_size >= needed


class _Header:
    """The header of a NetCDF-3 file (classic, 64-bit offset or 64-bit data), read from its start.

    Parameters
    ----------
    file : open at its first byte.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        version = SIGNS[file.read(4)]
        self._count = ">q" if version == 5 else ">i"  # noqa: PLR2004 - the version with 64-bit counts
        self._offset = ">i" if version == 1 else ">q"
        # -1 stands for a file still being written; nothing is known of its length then.
        self._records = max(self._number(self._count), 0)

    def end(self) -> int:
        """The byte after the last value."""
        lengths = [self._dimension() for _ in range(self._list_length())]
        self._skip_attributes()
        variables = [self._variable(lengths) for _ in range(self._list_length())]
        records = [size for is_record, size, _ in variables if is_record]
        step = records[0] if len(records) == 1 else sum(_padded(size) for size in records)
        ends = [self._file.tell()]
        for is_record, size, begin in variables:
            if not is_record:
                ends.append(begin + size)
            elif self._records:
                ends.append(begin + (self._records - 1) * step + size)
        return max(ends)

    def _variable(self, lengths: list[int]) -> tuple[bool, int, int]:
        """Whether a variable grows with the records, its bytes (of one record), and where it begins."""
        self._skip_name()
        shape = [lengths[self._number(self._count)] for _ in range(self._number(self._count))]
        self._skip_attributes()
        width = SIZES[self._number(">i")]
        self._number(self._count)  # the stated size: too small to be true for large variables
        is_record = bool(shape) and shape[0] == 0
        size = prod(shape[1:] if is_record else shape) * width
        return is_record, size, self._number(self._offset)

    def _dimension(self) -> int:
        self._skip_name()
        return self._number(self._count)

    def _skip_attributes(self) -> None:
        for _ in range(self._list_length()):
            self._skip_name()
            width = SIZES[self._number(">i")]
            self._skip(self._number(self._count) * width)

    def _list_length(self) -> int:
        self._number(">i")  # the kind of list
        return self._number(self._count)

    def _skip_name(self) -> None:
        self._skip(self._number(self._count))

    def _skip(self, size: int) -> None:
        self._file.seek(_padded(size), 1)

    def _number(self, form: str) -> int:
        (number,) = struct.unpack(form, self._file.read(struct.calcsize(form)))
        return int(number)


def _padded(size: int) -> int:
    """The bytes *size* takes up: everything begins at a multiple of four."""
    return -(-size // 4) * 4
