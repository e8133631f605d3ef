"""Framed messages over a local socket: a small head in JSON, and a body that is passed on unread."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

LENGTHS = struct.Struct("!II")
"""Bytes of the head and of the body, before both."""
BLOCK = 1 << 18
ENCODER = json.JSONEncoder(separators=(",", ":"))
LONGEST_ADDRESS = 100
"""Bytes of a socket's path that every Unix takes."""


class Frame(NamedTuple):
    """One message."""

    head: dict[str, Any]
    body: bytes = b""


def packed(head: Mapping[str, Any], body: bytes = b"") -> bytes:
    """A frame as bytes."""
    text = ENCODER.encode(head).encode()
    return b"".join((LENGTHS.pack(len(text), len(body)), text, body))


class Frames:
    """Takes bytes as they come and gives the frames that are whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that *data* completes."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= LENGTHS.size:
            head, body = LENGTHS.unpack_from(buffer)
            start, end = LENGTHS.size + head, LENGTHS.size + head + body
            if len(buffer) < end:
                return
            frame = Frame(json.loads(buffer[LENGTHS.size : start]), bytes(memoryview(buffer)[start:end]))
            del buffer[:end]
            yield frame


class Connection:
    """A connection for one thread, which waits on it. It lives as long as what it is for."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._frames = Frames()
        self._ready: list[Frame] = []

    def send(self, head: Mapping[str, Any], body: bytes = b"") -> None:
        """Send a frame; OSError where the other side is gone."""
        self._socket.settimeout(None)
        self._socket.sendall(packed(head, body))

    def offer(self, head: Mapping[str, Any]) -> bool:
        """Send a small frame if that needs no waiting; say whether it was sent."""
        try:
            # so small a frame goes whole or not at all
            self._socket.send(packed(head), socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        return True

    def receive(self, timeout: float | None = None) -> Frame:
        """The next frame.

        Raises
        ------
        EOFError
            where the other side is gone.
        ConnectionError
            where it is gone and never read what was sent to it last.
        TimeoutError
            where nothing came within *timeout* [s].
        """
        self._socket.settimeout(timeout)
        while not self._ready:
            data = self._socket.recv(BLOCK)
            if not data:
                raise EOFError
            self._ready.extend(self._frames.feed(data))
        return self._ready.pop(0)

    @property
    def is_open(self) -> bool:
        """Whether the other side is there and silent, as it is between two exchanges."""
        self._socket.settimeout(0)
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def close(self) -> None:
        """Hang up, also where another thread waits."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Peer:
    """A connection on the event loop.

    Parameters
    ----------
    sock : it is this object's own from now on.
    heard : called with each frame.
    gone : called once, when the other side has hung up.
    """

    def __init__(self, sock: socket.socket, heard: Callable[[Frame], None], gone: Callable[[], None]) -> None:
        sock.settimeout(0)
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._heard = heard
        self._gone = gone
        self._frames = Frames()
        self._unsent = bytearray()
        self._is_open = True
        self._loop.add_reader(sock, self.listen)

    def send(self, head: Mapping[str, Any], body: bytes = b"") -> None:
        """Send a frame, later where the other side is slow; to one that is gone nothing is sent."""
        if not self._is_open:
            return
        data = packed(head, body)
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._hang_up()
            return
        if sent < len(data):
            self._unsent += memoryview(data)[sent:]
            self._loop.add_writer(self._socket, self._send_rest)

    def listen(self) -> None:
        """Take in what has come."""
        while self._is_open:
            try:
                data = self._socket.recv(BLOCK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._hang_up()
                return
            for frame in self._frames.feed(data):
                self._heard(frame)
            if len(data) < BLOCK:
                return

    def close(self) -> None:
        """Hang up."""
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()

    def _send_rest(self) -> None:
        try:
            sent = self._socket.send(memoryview(self._unsent)[:BLOCK])
        except BlockingIOError:
            return
        except OSError:
            self._hang_up()
            return
        del self._unsent[:sent]
        if not self._unsent:
            self._loop.remove_writer(self._socket)

    def _hang_up(self) -> None:
        if self._is_open:
            self.close()
            self._gone()


@contextlib.contextmanager
def address(path: Path) -> Iterator[str]:
    """A path as the address of a socket, however long it is, while the block lasts."""
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listening(path: Path) -> socket.socket:
    """A socket that others can connect to; what lay at *path* before is removed."""
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX)
    with address(path) as place:
        sock.bind(place)
    sock.listen(1024)
    return sock


def connected(path: Path) -> Connection:
    """A connection to the listener at *path*; OSError where there is none."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        with address(path) as place:
            sock.connect(place)
    except OSError:
        sock.close()
        raise
    return Connection(sock)
