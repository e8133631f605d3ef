"""The body of an upload, which the application reads from the connection itself."""

from __future__ import annotations

import contextlib
import io
import select
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moorage_processes.commands.web.connection import IncomingRequest

SILENCE = 60.0
"""Seconds that an upload may stand still."""


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
