"""Connections to one address, whose answers must be complete within a time, however slowly they drip."""

from __future__ import annotations

import io
import time
from functools import partial
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from moorage_processes.network.hosts import port_of

if TYPE_CHECKING:
    import socket
    from urllib.parse import SplitResult


def connections(
    parts: SplitResult, address: str, timeout: urllib3.Timeout, seconds: float, most: int = 1
) -> urllib3.HTTPConnectionPool:
    """Connections to one *address* as the host of a URL, whatever its name means by then.

    Parameters
    ----------
    parts : the URL.
    address : where its host is found.
    timeout : how long the other end may take to accept a connection, and be silent after that.
    seconds : how long one answer may take from the connection, or the request over a kept one, to its last byte.
    most : connections that are kept.
    """
    host = parts.hostname or ""
    if parts.scheme == "https":
        return _TimedHTTPSPool(
            address,
            port_of(parts),
            timeout=timeout,
            maxsize=most,
            server_hostname=host,
            assert_hostname=host,
            seconds=seconds,
        )
    return _TimedHTTPPool(address, port_of(parts), timeout=timeout, maxsize=most, seconds=seconds)


class _TimedReader(io.RawIOBase):
    """What a socket receives until a moment; each wait for it is as long as that leaves."""

    def __init__(self, sock: socket.socket, received: io.RawIOBase, end: float) -> None:
        self._socket = sock
        self._silence = sock.gettimeout()
        self._received = received
        self._end = end

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, room: Any) -> int | None:
        """What has come, at least one byte unless the other end has closed."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer is not complete in time")
        self._socket.settimeout(left if self._silence is None else min(left, self._silence))
        return self._received.readinto(room)

    def close(self) -> None:
        """Let go of the socket."""
        self._received.close()
        super().close()


class _TimedResponse(HTTPResponse):
    """An answer whose head and body end in time."""

    def __init__(self, sock: socket.socket, *arguments: Any, end: float, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(_TimedReader(sock, self.fp.detach(), end))


class _Timed(HTTPConnection):
    """A connection that counts the time of each answer from when it is asked for."""

    def __init__(self, *arguments: Any, seconds: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._seconds = seconds
        self._end: float | None = None

    def connect(self) -> None:
        """Connect; the time of the answer that follows begins."""
        self._begin()
        super().connect()

    def request(self, *arguments: Any, **options: Any) -> None:
        """Ask; over a connection that was kept the time begins here."""
        self._begin()
        super().request(*arguments, **options)

    def close(self) -> None:
        """Close; what is asked next begins anew."""
        self._end = None
        super().close()

    def _begin(self) -> float:
        if self._end is None:
            self._end = time.monotonic() + self._seconds
        return self._end

    def getresponse(self) -> urllib3.response.HTTPResponse:  # type: ignore[override]  # as its base has it
        """The head of the answer; its body is read under the same limit."""
        end, self._end = self._begin(), None
        self.response_class = partial(_TimedResponse, end=end)  # type: ignore[assignment]  # it makes one
        return super().getresponse()


class _TimedHTTPS(_Timed, HTTPSConnection):
    """The same over TLS."""


class _TimedHTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Timed  # pyright: ignore[reportAssignmentType] - urllib3 states its own class as narrowly


class _TimedHTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TimedHTTPS  # pyright: ignore[reportAssignmentType] - the same
