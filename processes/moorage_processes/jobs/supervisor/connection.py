"""A web process at the supervisor's door: what it asks, and how it is answered."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from moorage_processes.jobs.ipc import Frame, Peer
from moorage_processes.jobs.store.exchange import Change
from moorage_processes.jobs.supervisor.call import Call
from moorage_processes.jobs.supervisor.subscriptions import Watch, Watchers

if TYPE_CHECKING:
    from moorage_processes.jobs.supervisor.dispatcher import Dispatcher
    from moorage_processes.jobs.supervisor.store_thread import Clerk


class House(Protocol):
    """What a visitor comes to."""

    dispatcher: Dispatcher
    clerk: Clerk
    watchers: Watchers

    def greet(self, visitor: Visitor, hello: Mapping[str, Any]) -> bool:
        """A web process introduces itself; whether it is welcome to stay."""
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

    def part(self, visitor: Visitor) -> None:
        """A visitor has gone."""


class Visitor:
    """One connection of a web process.

    Parameters
    ----------
    sock : the connection.
    house : the supervisor.
    """

    def __init__(self, sock: socket.socket, house: House) -> None:
        self._house = house
        self._peer = Peer(sock, self._hear, self._gone)
        self._watch: Watch | None = None
        self._call: Call | None = None

    def _hear(self, frame: Frame) -> None:
        head = frame.head
        match head["do"]:
            case "call":
                self._begin_call(frame)
            case "look":
                self._house.look()
            case "watch":
                self._watch = Watch(head["job"], head["known"], head["only_end"], self._tell_of_change)
                self._house.watchers.add(self._watch)
            case "stop":
                self._house.watchers.notice([Change(head["job"], head["updated"], is_done=True)])
                answer = partial(self._peer.send, {"stopped": True})
                self._house.stop(head["job"], head["queue"], runs=head["runs"], on_end=answer)
            case "hello":
                self._peer.send({"welcome": self._house.greet(self, head)})
            case "leave":
                self._peer.send({"leaving": self._house.asked_to_leave()})
            case "describe":
                self._peer.send(self._house.describe())

    def _begin_call(self, frame: Frame) -> None:
        self._call = Call(frame, self._peer, self._house.clerk, self._house.dispatcher)
        if not self._house.dispatcher.call(self._call.task):
            self._call.refuse()

    def _tell_of_change(self) -> None:
        self._watch = None
        self._peer.send({"changed": True})

    def _gone(self) -> None:
        if self._watch is not None:
            self._house.watchers.remove(self._watch)
        if self._call is not None:
            self._call.abandon()
        self._house.part(self)


def accepted(listener: socket.socket) -> socket.socket | None:
    """The next connection, or None where there is none."""
    with contextlib.suppress(BlockingIOError, ConnectionError):
        return listener.accept()[0]
    return None
