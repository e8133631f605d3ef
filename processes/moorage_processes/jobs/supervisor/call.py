"""The supervisor's side of one synchronous call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from moorage_processes.authoring.limits import Limits
from moorage_processes.execution.request import Failure
from moorage_processes.jobs.attempt import Attempt
from moorage_processes.jobs.job import Status
from moorage_processes.jobs.store.database import compact, now
from moorage_processes.jobs.store.leases import request_text
from moorage_processes.jobs.supervisor.task import Task

if TYPE_CHECKING:
    from moorage_processes.jobs.ipc import Frame, Peer
    from moorage_processes.jobs.supervisor.dispatcher import Dispatcher
    from moorage_processes.jobs.supervisor.store_thread import StoreThread


class SyncCall:
    """One call of a web process, from its arrival to its record.

    Parameters
    ----------
    frame : what is asked.
    peer : who is answered.
    store_thread : keeps the record.
    dispatcher : runs it.
    """

    def __init__(self, frame: Frame, peer: Peer, store_thread: StoreThread, dispatcher: Dispatcher) -> None:
        self._head = frame.head
        self._inputs = frame.body.decode()
        self._peer = peer
        self._store_thread = store_thread
        self._dispatcher = dispatcher
        head = frame.head
        request = request_text(head["process"], self._inputs, compact(head["outputs"]))
        attempt = Attempt(head["job"], head["process"], Limits.from_json(head["limits"]), request)
        self.task = Task(attempt, answer=self._answer, caller=head["caller"])
        self._is_over = False
        self._started = now()
        self._end = asyncio.get_running_loop().call_later(head["timeout"], self._give_up)

    def refuse(self) -> None:
        """Refuse it: too many wait."""
        self._close()
        self._peer.send({"busy": True})

    def abandon(self) -> None:
        """Stop it: the caller has gone."""
        if not self._is_over:
            self._close()
            self._dispatcher.stop(self.task.attempt.job)

    def _give_up(self) -> None:
        self._close()
        if self.task.worker is None:
            self._peer.send({"busy": True})
        else:
            self._peer.send({"timed_out": True})
            waited = f"the method {self._head['process']!r} took longer than the {self._head['timeout']:g} s of a call"
            self._record(Failure("timeout", waited))
        self._dispatcher.stop(self.task.attempt.job)

    def _answer(self, head: Mapping[str, Any], body: bytes) -> None:
        if self._is_over:
            return
        self._close()
        finished = now()
        self._peer.send({**head, "started": self._started, "finished": finished}, body)
        if "interrupted" not in head:
            failure = head.get("failed")
            self._record(Failure.from_json(failure) if failure else None)

    def _close(self) -> None:
        self._is_over = True
        self._end.cancel()

    def _record(self, failure: Failure | None) -> None:
        """Have a row of the jobs written; its artefacts are added where they are kept."""
        if not self._head["is_recorded"]:
            return
        finished = now()
        self._store_thread.record(
            {
                "id": self._head["job"],
                "process": self._head["process"],
                "queue": "local",
                "status": (Status.FAILED if failure else Status.SUCCESSFUL).value,
                "message": failure.detail if failure else self.task.message,
                "progress": self.task.percent if failure else 100,
                "created": self._head["created"],
                "started": self._started,
                "finished": finished,
                "updated": finished,
                "outputs": compact(self._head["outputs"]),
                "answer": compact(self._head["answer"]),
                "limits": compact(self._head["limits"]),
                "artefacts": "[]",
                "failure": compact(failure.to_json()) if failure else None,
                "attempt": 1,
                "epoch": 1,
                "listed": False,
                "content": self._inputs,
            }
        )
