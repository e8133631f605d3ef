"""Results on their way into files: streamed, and taken up again where a connection broke."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from requests import RequestException
from urllib3.exceptions import HTTPError

from moorage.errors import RefusedError, UnreachableError
from moorage.transport import PREFER_JSON, unreachable

if TYPE_CHECKING:
    from pathlib import Path

    from requests import Response

    from moorage.connection import Connection

BLOCK = 1 << 20
ATTEMPTS = 5
"""Connections that break in a row without a byte between them, after which a download is given up."""
PARTIAL, PRECONDITION_FAILED, RANGE_NOT_SATISFIABLE = 206, 412, 416

Report = Callable[[int, int | None], None]
"""Told the bytes that have arrived and, where it is known, how many there are."""


@dataclass(frozen=True)
class Source:
    """Where a result can be read, again if need be.

    Parameters
    ----------
    connection : the wire.
    url : the address, or None for what exists in a single answer only.
    accept : the media types to ask for.
    """

    connection: Connection
    url: str | None
    accept: str = PREFER_JSON

    def open(self, headers: Mapping[str, str] | None = None, patience: float = 0.0) -> Response:
        """Ask for the result, which may take *patience* [s] longer; the body of the answer is left to be read."""
        if self.url is None:
            raise UnreachableError("the connection broke while the result arrived, and the service keeps no copy of it")
        sent = {"Accept": self.accept, "Accept-Encoding": "identity", **(headers or {})}
        return self.connection.get(self.url, headers=sent, stream=True, patience=patience)


def save(response: Response, source: Source, path: Path, report: Report) -> None:
    """Write the body of an answer into the file *path*; where it breaks off, the rest is asked of *source*.

    Raises
    ------
    UnreachableError
        if the rest does not come.
    """
    tag = "" if "Content-Encoding" in response.headers else response.headers.get("ETag", "")
    failures = 0
    with path.open("wb") as file:
        while True:
            begin = file.tell()
            try:
                _copy(response, file, report)
            except HTTPError as error:
                failures = failures + 1 if file.tell() == begin else 1
                if failures == ATTEMPTS:
                    raise UnreachableError(
                        f"the result breaks off after {file.tell()} bytes, time and again"
                    ) from error
                response = _rest(source, file, tag)
            else:
                return


def blocks(response: Response) -> Iterator[bytes]:
    """The body of an answer in pieces, each as soon as it is here, so that a broken connection loses none.

    Raises
    ------
    urllib3.exceptions.HTTPError
        if it breaks off.
    """
    with response:
        while block := response.raw.read1(BLOCK, decode_content=True):
            yield block


def load(response: Response, source: Source) -> bytes:
    """The body of an answer, in memory; where it breaks off it is asked of *source* once more.

    Raises
    ------
    UnreachableError
        if it does not come whole.
    """
    try:
        return response.content
    except RequestException as error:
        again = source.open()
        try:
            return again.content
        except RequestException:
            raise unreachable(error, response.url) from error


def _copy(response: Response, file: BinaryIO, report: Report) -> None:
    length = response.headers.get("Content-Length", "")
    total = file.tell() + int(length) if length.isdecimal() else None
    for block in blocks(response):
        file.write(block)
        report(file.tell(), total)


def _rest(source: Source, file: BinaryIO, tag: str) -> Response:
    """An answer with what is missing in *file*, or one with all of it and the file emptied."""
    offset = file.tell()
    if offset and tag and not tag.startswith("W/"):
        try:
            response = source.open({"Range": f"bytes={offset}-", "If-Match": tag})
        except RefusedError as error:
            if error.status not in (PRECONDITION_FAILED, RANGE_NOT_SATISFIABLE):
                raise
        else:
            begin = response.headers.get("Content-Range", "").partition("-")[0]
            if response.status_code == PARTIAL and begin == f"bytes {offset}":
                return response
            response.close()
    file.seek(0)
    file.truncate()
    return source.open()
