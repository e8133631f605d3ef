"""What listens in one web process: takes connections, and ends those that hold it up."""

# waitress states no types, and what is inferred is narrower than what it does
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false, reportIncompatibleVariableOverride=false

from __future__ import annotations

import socket
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from moorage_processes.commands.web.connection import Connection
from moorage_processes.commands.web.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import WSGIApplication

    from moorage_processes.commands.web.options import WebOptions

CONNECTIONS = 4000
"""Connections of one process at most, where the system allows so many files."""
FILES = 512
"""Files left for everything else."""
EACH = 2
"""Files of one connection: its own, and that of a body or result."""
KEEP_ALIVE = 75
"""Seconds after which a connection that is silent is ended."""
HEADER = 1 << 16
"""Bytes of a request's header at most."""
IN_MEMORY = 1 << 14
"""Bytes of a body that are kept in memory; a larger one goes to a file."""
BODIES = 16
"""Largest bodies for which there is room while they arrive."""
READ = 1 << 16
TAKEN = 32
"""Connections that are taken in one turn at most."""
UNSENT = 1 << 18
"""Bytes of an answer that the kernel keeps before it has sent them: of a slow reader not much more."""


class Acceptor(TcpWSGIServer):  # type: ignore[misc]  # waitress is untyped
    """The connections of one web process.

    Where there are too many, or their bodies take too much room, whoever holds the most loses one: a single caller
    keeps out nobody but themselves.

    Parameters
    ----------
    app : who answers.
    listener : where connections come in; other processes share it.
    options : of the server.
    files : how many files this process may open.
    """

    accepting: bool
    next_channel_cleanup: float
    channel_class = Connection
    is_leaving = False
    """Whether each answer is the last one of its connection."""

    def __init__(self, app: WSGIApplication, listener: socket.socket, options: WebOptions, files: int) -> None:
        adjustments = Adjustments(
            sockets=[listener],
            ident="",
            connection_limit=max(1, min(CONNECTIONS, (files - FILES) // EACH)),
            channel_timeout=KEEP_ALIVE,
            cleanup_interval=1,
            max_request_header_size=HEADER,
            # refused from this size on
            max_request_body_size=options.body_size + 1,
            inbuf_overflow=IN_MEMORY,
            recv_bytes=READ,
            # who the caller is, is decided in one place: ogc/requests/caller.py
            clear_untrusted_proxy_headers=False,
        )
        adjustments.is_upload = options.is_upload
        place = (listener.family, listener.type, listener.proto, listener.getsockname())
        self.connections: dict[int, Any] = {}
        super().__init__(
            app,
            self.connections,
            _sock=listener,
            dispatcher=Threads(options.threads),
            adj=adjustments,
            sockinfo=place,
            bind_socket=False,
        )

    def getsockname(self) -> tuple[str, str]:
        """Address and port, as the application is told."""
        host, port = self.socket.getsockname()[:2]
        return str(host), str(port)

    def set_socket_options(self, conn: socket.socket) -> None:
        """Prepare a connection that was just taken."""
        super().set_socket_options(conn)
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)

    def readable(self) -> bool:
        """Whether another connection may be taken."""
        now = time.time()
        if now >= self.next_channel_cleanup:
            self.next_channel_cleanup = now + self.adj.cleanup_interval
            self.maintenance(now)
        return self.accepting and (len(self.active_channels) < self.adj.connection_limit or self._end_one())

    def handle_accept(self) -> None:
        """Take connections: several, since a turn takes the longer the more there are."""
        for _ in range(TAKEN):
            before = len(self.active_channels)
            super().handle_accept()
            if not before < len(self.active_channels) < self.adj.connection_limit:
                return

    def maintenance(self, now: float) -> None:
        """End connections whose time is over, and make room for bodies."""
        super().maintenance(now)
        moment = time.monotonic()
        for each in self._known:
            if each.is_late(moment):
                each.will_close = True
        excess = sum(each.unfinished for each in self._known) - BODIES * self.adj.max_request_body_size
        while excess > 0:
            largest = max(_greediest(self._known, _unfinished), key=_unfinished)
            excess -= largest.unfinished
            largest.handle_close()

    def _end_one(self) -> bool:
        """End the connection that was quiet longest, of the caller who has most of those that nobody works on."""
        idle = [each for each in self._known if each.is_idle]
        if not idle:
            return False
        most = _greediest(idle, lambda _: 1)
        min(most, key=lambda each: each.last_activity).handle_close()
        return True

    @property
    def _known(self) -> list[Connection]:
        return list(self.active_channels.values())

    def leave(self) -> None:
        """Take what has come already, and then nobody any more."""
        self.is_leaving = True
        before = -1
        while before < len(self.active_channels) < self.adj.connection_limit:
            before = len(self.active_channels)
            self.handle_accept()
        self.accepting = False
        self.del_channel()
        self.socket.close()

    def end_silent(self, *, unfinished_too: bool) -> None:
        """End connections that carry nothing; those on which a request has begun to arrive too, if so wished."""
        for each in self._known:
            if each.is_silent or (unfinished_too and each.is_idle and not each.total_outbufs_len):
                each.handle_close()


def _unfinished(connection: Connection) -> int:
    return connection.unfinished


def _greediest(connections: Iterable[Connection], weight: Callable[[Connection], int]) -> list[Connection]:
    """The connections of the caller whose connections weigh most together."""
    known, sums = list(connections), Counter[str]()
    for each in known:
        sums[each.caller] += weight(each)
    ((caller, _),) = sums.most_common(1)
    return [each for each in known if each.caller == caller]
