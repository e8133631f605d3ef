"""Serves one connection of a web process: reads its requests and replies."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from moorage_processes.jobs.ipc import Frame, Peer
from moorage_processes.jobs.store.exchange import JobChange
from moorage_processes.jobs.supervisor.call import CallHost, SyncCall, TriedCall
from moorage_processes.jobs.supervisor.subscriptions import Subscription

if TYPE_CHECKING:
    from moorage_processes.jobs.settings import EngineSettings


class SupervisorApi(CallHost, Protocol):
    """What a client connection needs of the supervisor."""

    @property
    def settings(self) -> EngineSettings:
        """What it works by."""
        ...

    @property
    def is_used(self) -> bool:
        """Whether a web process is there."""
        ...

    def greet(self, connection: ClientConnection, hello: Mapping[str, Any]) -> bool:
        """A web process introduces itself; whether it is welcome to stay."""
        ...

    def renew(self, body: bytes, *, is_same: bool) -> bool:
        """Methods were edited; whether these settings were news."""
        ...

    def asked_to_leave(self) -> bool:
        """The service stops; whether the supervisor does too."""
        ...

    def describe(self) -> dict[str, Any]:
        """The processes of the engine."""
        ...

    def look(self) -> None:
        """A job may wait."""

    def stop(self, job: str, queue: str, *, runs: bool, on_end: Callable[[], None]) -> None:
        """A job was dismissed."""

    def part(self, connection: ClientConnection) -> None:
        """A client connection has closed."""


class ClientConnection:
    """One connection of a web process.

    Parameters
    ----------
    sock : the connection.
    supervisor : the supervisor.
    """

    def __init__(self, sock: socket.socket, supervisor: SupervisorApi) -> None:
        self._supervisor = supervisor
        self._peer = Peer(sock, self._hear, self._gone)
        self._watch: Subscription | None = None
        self._call: SyncCall | None = None

    def _hear(self, frame: Frame) -> None:
        head = frame.head
        match head["do"]:
            case "call":
                self._begin_call(frame)
            case "look":
                self._supervisor.look()
            case "watch":
                self._watch = Subscription(head["job"], head["known"], head["only_end"], self._tell_of_change)
                self._supervisor.subscriptions.add(self._watch)
            case "stop":
                self._supervisor.subscriptions.notice([JobChange(head["job"], head["updated"], is_done=True)])
                answer = partial(self._peer.send, {"stopped": True})
                self._supervisor.stop(head["job"], head["queue"], runs=head["runs"], on_end=answer)
            case "hello":
                self._peer.send({"welcome": self._supervisor.greet(self, head)})
            case "settings":
                is_used = self._supervisor.is_used
                self._peer.send({"is_used": is_used}, json.dumps(self._supervisor.settings.to_json()).encode())
            case "renew":
                self._peer.send({"renewed": self._supervisor.renew(frame.body, is_same=head["is_same"])})
            case "leave":
                self._peer.send({"leaving": self._supervisor.asked_to_leave()})
            case "describe":
                self._peer.send(self._supervisor.describe())

    def renew(self, settings: bytes) -> None:
        """Tell the web process which methods there are now."""
        self._peer.send({"renew": True}, settings)

    def _begin_call(self, frame: Frame) -> None:
        kind = TriedCall if frame.head["becomes_job"] else SyncCall
        self._call = kind(frame, self._peer, self._supervisor)
        self._call.begin()

    def _tell_of_change(self) -> None:
        self._watch = None
        self._peer.send({"changed": True})

    def _gone(self) -> None:
        if self._watch is not None:
            self._supervisor.subscriptions.remove(self._watch)
        if self._call is not None:
            self._call.abandon()
        self._supervisor.part(self)


def accepted(listener: socket.socket) -> socket.socket | None:
    """The next connection, or None where there is none."""
    with contextlib.suppress(BlockingIOError, ConnectionError):
        return listener.accept()[0]
    return None
