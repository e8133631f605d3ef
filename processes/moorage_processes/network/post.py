"""One POST to a receiver: to the address that was checked, within a time, and no further."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from ssl import SSLError
from threading import Timer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from moorage_processes.network.hosts import ForbiddenHostError, UnknownHostError, port_of, target_of

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from moorage_processes.network.hosts import Hosts


class PostError(Exception):
    """It did not arrive; the message says why."""


class RefusedPostError(PostError):
    """It must not be sent there; trying again is of no use."""


@dataclass(frozen=True)
class Receipt:
    """What a receiver answered."""

    status: int
    retry_after: float = 0.0
    """Seconds it wants to be left alone."""


def post(url: str, body: bytes, headers: Mapping[str, str], hosts: Hosts, timeout: float) -> Receipt:
    """Send *body* to *url*.

    The address is resolved once, checked, and connected to. Redirects are not followed, and of the answer nothing but
    its head is read.

    Raises
    ------
    RefusedPostError
        where *hosts* does not allow it.
    PostError
        where no answer came within *timeout* [s].
    """
    parts = urlsplit(url)
    try:
        if not hosts.covers(parts):
            raise RefusedPostError(f"{parts.hostname} is not a host callbacks are sent to any more")
        address = hosts.resolve(parts)
    except ForbiddenHostError as error:
        raise RefusedPostError(str(error)) from error
    except UnknownHostError as error:
        raise PostError(str(error)) from error
    deadline = time.monotonic() + timeout
    try:
        with _connection(parts, address, timeout) as connection:
            connection.request("POST", target_of(parts), body, {"Host": parts.netloc, **headers}, preload_content=False)
            answer = connection.getresponse()
            receipt = Receipt(answer.status, _seconds(answer.headers.get("Retry-After", "")))
    except (HTTPError, HTTPException, OSError) as error:
        is_late = isinstance(error, TimeoutError) or time.monotonic() >= deadline
        raise PostError(_late(timeout) if is_late else _words(error)) from error
    if time.monotonic() >= deadline:
        # a head that was cut may look like a whole one
        raise PostError(_late(timeout))
    return receipt


@contextmanager
def _connection(parts: SplitResult, address: str, timeout: float) -> Iterator[HTTPConnection]:
    """A connection that is cut when the time is up, however slowly the other end drips."""
    host, port = parts.hostname or "", port_of(parts)
    if parts.scheme == "https":
        connection: HTTPConnection = HTTPSConnection(address, port, timeout=timeout, server_hostname=host)
    else:
        connection = HTTPConnection(address, port, timeout=timeout)
    deadline = Timer(timeout, _cut, (connection,))
    deadline.daemon = True
    deadline.start()
    try:
        yield connection
    finally:
        deadline.cancel()
        connection.close()


def _cut(connection: HTTPConnection) -> None:
    # sock is None before it is connected, which has the timeout of its own
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _seconds(retry_after: str) -> float:
    """Seconds that a ``Retry-After`` means, in either of its forms; 0 where it says nothing."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0


def _late(timeout: float) -> str:
    return f"it did not answer within {timeout:g} s"


def _words(error: Exception) -> str:
    """Why a connection failed, without what only the operator should see."""
    reason = getattr(error, "__cause__", None) or error
    if isinstance(reason, ConnectionRefusedError):
        return "it refused the connection"
    if isinstance(reason, SSLError):
        return "its certificate was not accepted, or it does not speak TLS"
    return f"the connection failed ({type(reason).__name__})"
