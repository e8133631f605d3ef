"""Several outputs in one answer: multipart/related (RFC 2387), taken apart into files as it arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from typing import TYPE_CHECKING

from moorage.errors import ResultError

if TYPE_CHECKING:
    from pathlib import Path

HEADERS = 1 << 16
"""Most bytes that the headers of a part may take."""


@dataclass(frozen=True)
class Part:
    """One part of a multipart answer."""

    id: str
    """Its Content-ID, without angle brackets."""
    media_type: str
    location: str | None
    """Its Content-Location: where its content is found if it is not here."""
    path: Path
    """Its content."""


def split(blocks: Iterator[bytes], content_type: str, place: Callable[[], Path]) -> list[Part]:
    """Write each part of a multipart body into a file of its own.

    Parameters
    ----------
    blocks : the body, in pieces of any size.
    content_type : the header of the answer, which tells the boundary.
    place : gives the path of each next file.

    Raises
    ------
    ResultError
        if the body is not a whole multipart body.
    """
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str):
        raise ResultError(f"the answer is {content_type}, which tells no boundary between its parts")
    # the line break before a boundary belongs to it; one put in front lets the first boundary look like all others
    stream = _Stream(blocks, beginning=b"\r\n")
    separator = b"\r\n--" + boundary.encode()
    stream.pass_on(separator, lambda _: None)
    parts: list[Part] = []
    while stream.read(2) != b"--":
        path = place()
        headers = _headers(stream)
        with path.open("wb") as file:
            stream.pass_on(separator, file.write)
        identifier = headers.get("Content-ID", f"part-{len(parts)}").strip("<> ")
        parts.append(Part(identifier, headers.get("Content-Type", ""), headers.get("Content-Location"), path))
    return parts


def _headers(stream: _Stream) -> Message:
    lines = b"\r\n"  # the first line break was read with the boundary; a part may have no headers at all
    while not lines.endswith(b"\r\n\r\n"):
        lines += stream.read(1)
        if len(lines) > HEADERS:
            raise ResultError("a part of the multipart answer has no end of its headers")
    return BytesParser().parsebytes(lines.lstrip(), headersonly=True)


class _Stream:
    """Bytes that arrive in pieces."""

    def __init__(self, blocks: Iterator[bytes], beginning: bytes) -> None:
        self._blocks = blocks
        self._waiting = bytearray(beginning)

    def read(self, size: int) -> bytes:
        """The next bytes, exactly so many."""
        while len(self._waiting) < size:
            self._more()
        taken = bytes(self._waiting[:size])
        del self._waiting[:size]
        return taken

    def pass_on(self, separator: bytes, sink: Callable[[bytes], object]) -> None:
        """Hand everything before the next *separator* to *sink*, and step over the separator."""
        while (found := self._waiting.find(separator)) < 0:
            whole = max(0, len(self._waiting) - len(separator))
            sink(self.read(whole))
            self._more()
        sink(self.read(found))
        self.read(len(separator))

    def _more(self) -> None:
        block = next(self._blocks, None)
        if block is None:
            raise ResultError("the multipart answer breaks off before its end")
        self._waiting += block
