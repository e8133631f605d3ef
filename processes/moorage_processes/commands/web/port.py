"""The address a service listens on, claimed before anything is started."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import socket
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from moorage_processes.errors import OperatorError

if TYPE_CHECKING:
    from pathlib import Path

LEAVING = 40.0
"""Seconds that web processes of an earlier service have to let the port go, once their first process is dead."""
RETRY = 0.05
BACKLOG = 1024
ANY_IPV6 = "::"


class PortError(OperatorError):
    """An address that a service cannot listen on; the message says why, and what to do."""


@dataclass(frozen=True)
class Port:
    """An address that is claimed. Nobody is heard before :meth:`listen`."""

    socket: socket.socket
    lock: IO[str]
    """Locked while this service lives: by its first process alone, and once more by all of them."""

    @classmethod
    def claim(cls, host: str, port: int, run: Path) -> Port:
        """Bind the address of a service.

        Where web processes of an earlier service at the same state directory still have it, and their first process
        is dead, wait until they leave.

        Parameters
        ----------
        host : a name or an address; ``::`` takes IPv4 too.
        port : its port.
        run : directory of locks, of the state directory.

        Raises
        ------
        PortError
            where the address cannot be had.
        """
        lock = (run / f"port-{host}-{port}").open("a")
        deadline = time.monotonic() + LEAVING
        while True:
            try:
                claimed = cls(bound(host, port), lock)
            except OSError as error:
                if error.errno != errno.EADDRINUSE or time.monotonic() > deadline or not _is_left_behind(lock):
                    raise _told(error, host, port) from error
                time.sleep(RETRY)
            else:
                with contextlib.suppress(BlockingIOError):
                    fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.flock(lock, fcntl.LOCK_SH)
                return claimed

    def listen(self) -> None:
        """Let callers in.

        Raises
        ------
        PortError
            where another program has begun to listen there since.
        """
        try:
            self.socket.listen(BACKLOG)
        except OSError as error:
            raise _told(error, *self.socket.getsockname()[:2]) from error

    def close(self) -> None:
        """Let nobody in any more, as far as this process is concerned."""
        self.socket.close()


def bound(host: str, port: int) -> socket.socket:
    """A socket that is bound to an address of this machine.

    Raises
    ------
    OSError
        where that cannot be.
    """
    # where that means IPv4 and IPv6, IPv4 is what all callers have
    found = socket.getaddrinfo("127.0.0.1" if host == "localhost" else host, port, type=socket.SOCK_STREAM)
    family, address = found[0][0], found[0][4]
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        # a connection of an earlier service that has not been forgotten yet keeps nobody out
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(address[0] != ANY_IPV6))
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


def _is_left_behind(lock: IO[str]) -> bool:
    """Whether web processes of an earlier service live whose first process is dead."""
    try:
        # not shared with children: free once the first process has ended, however that was
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    try:
        # shared with children: free once all have ended
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        fcntl.lockf(lock, fcntl.LOCK_UN)
    fcntl.flock(lock, fcntl.LOCK_UN)
    return False


def _told(error: OSError, host: str, port: int) -> PortError:
    if error.errno == errno.EADDRINUSE:
        return PortError(
            f"port {port} of {host} is in use; stop the program that listens there, or choose another with --port"
        )
    return PortError(f"port {port} of {host} cannot be used: {error.strerror}; choose another with --host and --port")
