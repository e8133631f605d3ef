"""Requests as they arrive, and uploads among them, whose body the application reads from the connection itself."""

# waitress states no types, and what is inferred is narrower than what it does
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import contextlib
import io
import select
import socket
from http import HTTPStatus
from typing import Any

from waitress.parser import HTTPRequestParser

SILENCE = 60.0
"""Seconds that an upload may stand still."""


class IncomingRequest(HTTPRequestParser):  # type: ignore[misc]  # waitress is untyped
    """A request as it arrives.

    That of an upload counts as whole once its header has come: the application reads the body itself, so that no file
    of a site is written twice, and none at all without permission.
    """

    is_upload = False
    head = b""
    """What came of an upload together with its header."""

    def received(self, data: bytes) -> int:
        """Take in what came; how much of it belongs to this request."""
        consumed: int = super().received(data)
        if self.headers_finished and not self.is_upload and self._is_for_application():
            self.is_upload, self.head = True, data[consumed:]
            self.error, self.completed = None, True
            return len(data)
        return consumed

    def _is_for_application(self) -> bool:
        is_refused = self.error is not None and self.error.code != HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return not is_refused and self.content_length > 0 and self.adj.is_upload(self.command, self.path)


class UploadStream(io.RawIOBase):
    """The body of an upload, read by the thread that answers it.

    Parameters
    ----------
    connection : from which it comes; nobody else may read there meanwhile.
    request : whose body it is.
    """

    def __init__(self, connection: socket.socket, request: IncomingRequest) -> None:
        self._socket = connection
        self._head = request.head
        self._left = request.content_length - len(request.head)
        self._expects_word = request.expect_continue
        self._ready = select.poll()
        self._ready.register(connection, select.POLLIN)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some of it."""
        if self._head:
            count = min(len(buffer), len(self._head))
            buffer[:count], self._head = self._head[:count], self._head[count:]
            return count
        if self._left <= 0:
            return 0
        if self._expects_word:
            self._expects_word = False
            self._socket.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        count = self._received(memoryview(buffer)[: self._left])
        self._left = self._left - count if count else 0
        return count

    def _received(self, buffer: memoryview) -> int:
        while self._ready.poll(SILENCE * 1000):
            with contextlib.suppress(BlockingIOError):
                return self._socket.recv_into(buffer)
        raise TimeoutError("the upload has stood still for too long")
