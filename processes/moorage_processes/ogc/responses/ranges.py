"""Files as answers: whole, in part, or in several parts at once (RFC 9110, section 14)."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

from flask import Response, request
from werkzeug.utils import send_file
from werkzeug.wsgi import wrap_file

Span = tuple[int, int]
"""First byte, and the one after the last."""
MOST_SPANS = 500
BLOCK = 1 << 16


@dataclass(frozen=True)
class SentFile:
    """A file to be sent."""

    open: Callable[[], BinaryIO]
    size: int
    """Bytes."""
    path: Path | None
    """Where it lies on this machine, if it does."""


def file_answer(source: SentFile, media_type: str, etag: str) -> Response:
    """A file, or what the request's ``Range`` names of it."""
    size = source.size if source.path is None else source.path.stat().st_size
    wanted = _wanted()
    spans = _spans(wanted, size)
    if len(wanted) > 1 and spans and _takes_parts(etag) and _are_fit(spans, size):
        return _several(source, media_type, etag, spans, size)
    is_kept = len(wanted) == 1 or (len(wanted) > 1 and not spans)  # the latter is refused with 416
    environ = dict(request.environ) if is_kept else _without_range()
    answer = _opened(source, environ, etag) if source.path is None else _sent(source.path, environ, media_type, etag)
    answer.headers["Content-Type"] = media_type  # as stored, without a charset
    return answer


def _sent(path: Path, environ: dict[str, Any], media_type: str, etag: str) -> Response:
    answer: Response = send_file(  # type: ignore[assignment]  # werkzeug promises less than it is given
        path,
        environ,
        mimetype=media_type,
        conditional=True,
        etag=etag,
        max_age=None,
        response_class=Response,
    )
    span = answer.content_range
    if answer.status_code == HTTPStatus.PARTIAL_CONTENT and span.start is not None and span.stop is not None:
        # as a file, which a server sends without a thread; werkzeug would have it read block by block
        answer.close()
        answer.response = wrap_file(environ, io.BufferedReader(FilePart(path, span.start, span.stop), BLOCK), BLOCK)
    return answer


class FilePart(io.RawIOBase):
    """A part of a file, which looks like a whole one.

    Parameters
    ----------
    path : of the file.
    start : first byte.
    stop : the one after the last.
    """

    def __init__(self, path: Path, start: int, stop: int) -> None:
        self._file = path.open("rb")
        self.start = start
        self._size = stop - start
        self.seek(0)

    def fileno(self) -> int:
        """Number of the whole file, in which this part has its *start*."""
        return self._file.fileno()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another place in the part."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._size}[whence]
        return self._file.seek(self.start + base + offset) - self.start

    def tell(self) -> int:
        """Where one is in the part."""
        return self._file.tell() - self.start

    def readinto(self, buffer: Any) -> int:
        """Read on."""
        return self._file.readinto(memoryview(buffer)[: max(0, self._size - self.tell())])

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def _opened(source: SentFile, environ: dict[str, Any], etag: str) -> Response:
    """A file that lies elsewhere, read through."""
    answer = Response(wrap_file(environ, source.open(), BLOCK), direct_passthrough=True)
    answer.content_length = source.size
    answer.set_etag(etag)
    answer.make_conditional(environ, accept_ranges=True, complete_length=source.size)
    return answer


def _wanted() -> Sequence[tuple[int, int | None]]:
    """The ranges of bytes the request names; none where it names none that make sense, which is passed over."""
    wanted = request.range
    return wanted.ranges if request.method == "GET" and wanted is not None and wanted.units == "bytes" else ()


def _without_range() -> dict[str, Any]:
    """The request, as if it were for the whole."""
    return {name: value for name, value in request.environ.items() if name != "HTTP_RANGE"}


def _takes_parts(etag: str) -> bool:
    """Whether the caller's conditions allow parts: they have none of the file yet, or parts of this very one."""
    if request.if_none_match.contains(etag) or (request.if_match and not request.if_match.contains(etag)):
        return False
    known = request.if_range
    return known.date is None and known.etag in (None, etag)


def _spans(wanted: Sequence[tuple[int, int | None]], size: int) -> list[Span]:
    """What ranges come to, those beyond the end left out."""
    spans = [
        (max(0, size + start), size) if start < 0 else (start, min(size, size if stop is None else stop))
        for start, stop in wanted
    ]
    return [(start, stop) for start, stop in spans if start < stop]


def _are_fit(spans: Sequence[Span], size: int) -> bool:
    """Whether parts are wished for: very many, or more than the file, are rather an attack."""
    return len(spans) <= MOST_SPANS and sum(stop - start for start, stop in spans) <= size


def _several(source: SentFile, media_type: str, etag: str, spans: Sequence[Span], size: int) -> Response:
    """multipart/byteranges, streamed from a file that may be removed once it is open."""
    boundary = secrets.token_hex(16)
    heads = [_head(span, size, media_type, boundary) for span in spans]
    end = f"\r\n--{boundary}--\r\n".encode()
    file = source.open()
    response = Response(_parts(file, heads, spans, end), status=206)
    response.call_on_close(file.close)
    response.headers["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
    response.headers["Accept-Ranges"] = "bytes"
    response.content_length = sum(map(len, heads)) + sum(stop - start for start, stop in spans) + len(end)
    response.set_etag(etag)
    return response


def _head(span: Span, size: int, media_type: str, boundary: str) -> bytes:
    start, stop = span
    lines = ("", f"--{boundary}", f"Content-Type: {media_type}", f"Content-Range: bytes {start}-{stop - 1}/{size}")
    return "\r\n".join([*lines, "", ""]).encode()


def _parts(file: BinaryIO, heads: Sequence[bytes], spans: Sequence[Span], end: bytes) -> Iterator[bytes]:
    for head, (start, stop) in zip(heads, spans, strict=True):
        yield head
        file.seek(start)
        for at in range(start, stop, BLOCK):
            yield file.read(min(BLOCK, stop - at))
    yield end
