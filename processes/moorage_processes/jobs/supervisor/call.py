"""The supervisor's side of one call: it is answered when it ends, or becomes a job."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from moorage_processes.execution.request import Failure
from moorage_processes.jobs.attempt import Attempt
from moorage_processes.jobs.errors import TimedOut
from moorage_processes.jobs.job import Submission
from moorage_processes.jobs.store.database import compact
from moorage_processes.jobs.store.leases import request_text
from moorage_processes.jobs.store.rows import row_of
from moorage_processes.jobs.supervisor.subscriptions import Subscription
from moorage_processes.jobs.supervisor.task import Task

if TYPE_CHECKING:
    from moorage_processes.jobs.ipc import Frame, Peer
    from moorage_processes.jobs.job import Job
    from moorage_processes.jobs.supervisor.dispatcher import Dispatcher
    from moorage_processes.jobs.supervisor.store_thread import StoreThread
    from moorage_processes.jobs.supervisor.subscriptions import Subscriptions

QUICK = 0.2
"""Seconds after which a caller is told that a call was begun, if nothing else is told before."""


class CallHost(Protocol):
    """What a call needs of the supervisor."""

    dispatcher: Dispatcher
    store_thread: StoreThread
    subscriptions: Subscriptions


class SyncCall:
    """One call of a web process, from its arrival to its record.

    Parameters
    ----------
    frame : what is asked.
    peer : who is answered.
    supervisor : runs it and keeps its record.
    """

    def __init__(self, frame: Frame, peer: Peer, supervisor: CallHost) -> None:
        head = frame.head
        self._order = Submission.from_head(head)
        self._inputs = frame.body.decode()
        self._timeout: float = head["timeout"]
        self._is_recorded: bool = head["is_recorded"]
        self._peer = peer
        self._supervisor = supervisor
        asked = self._order.request
        request = request_text(asked.process, self._inputs, compact(asked.outputs))
        attempt = Attempt(self._order.id, asked.process, self._order.limits, request)
        self.task = Task(attempt, answer=self._answer, caller=head["caller"], must_last=False)
        self._is_over = False
        self._started = datetime.now(UTC)
        self._end = asyncio.get_running_loop().call_later(self._timeout, self._time_is_up)

    def begin(self) -> None:
        """Have it run as soon as there is a worker; refuse it where too many wait."""
        if not self._supervisor.dispatcher.call(self.task):
            self._close()
            self._peer.send({"busy": True})

    def abandon(self) -> None:
        """Stop it: the caller has gone."""
        if not self._is_over:
            self._close()
            self._supervisor.dispatcher.stop(self._order.id)

    def _time_is_up(self) -> None:
        self._close()
        if self.task.worker is None:
            self._peer.send({"busy": True})
        else:
            self._peer.send({"timed_out": True})
            failure = Failure("timeout", str(TimedOut(self._order.request.process, self._timeout)))
            self._record(datetime.now(UTC), failure)
        self._supervisor.dispatcher.stop(self._order.id)

    def _answer(self, head: Mapping[str, Any], body: bytes) -> None:
        if self._is_over:
            return
        self._close()
        finished = datetime.now(UTC)
        times = {"started": self._started.isoformat(), "finished": finished.isoformat()}
        self._peer.send({**head, **times}, body)
        if "interrupted" not in head:
            failure = head.get("failed")
            self._record(finished, Failure.from_json(failure) if failure else None)

    def _close(self) -> None:
        self._is_over = True
        self._end.cancel()

    def _record(self, finished: datetime, failure: Failure | None) -> None:
        """Have a row of the jobs written; its artefacts are added where they are kept."""
        if self._is_recorded:
            told = {"progress": self.task.percent} if failure else {"message": self.task.message}
            call = self._order.called(self._started, finished, failure, **told)
            self._supervisor.store_thread.record(self._row(call))

    def _row(self, job: Job) -> dict[str, Any]:
        return {**row_of(job), "content": self._inputs}


class TriedCall(SyncCall):
    """A call that becomes a job once it has taken too long, and where it fails or dies.

    What it does from then on is told to the store, as of any job; the caller is told that it is one when the store has
    it, on the disk. Meanwhile the caller is told that it was begun, and so that this process is awake.
    """

    def __init__(self, frame: Frame, peer: Peer, supervisor: CallHost) -> None:
        super().__init__(frame, peer, supervisor)
        self.task.become_job = self._become_job
        self.task.must_last = not self._timeout
        self._until: float = frame.head["until"]
        self._subscription: Subscription | None = None
        self._sign_of_life = asyncio.get_running_loop().call_later(QUICK, self._peer.send, {"begun": True})

    def begin(self) -> None:
        """Begin it now, or not at all; never where the caller may have given up, because this process slept."""
        if time.monotonic() > self._until or not self._supervisor.dispatcher.begin_now(self.task):
            self._close()
            self._sign_of_life.cancel()
            self._peer.send({"busy": True})
        elif not self._timeout:
            # now: its worker may be done before the loop comes to anything else
            self._supervisor.dispatcher.make_job(self.task)

    def abandon(self) -> None:
        """Stop it: the caller has gone; unless the store may have it already."""
        super().abandon()
        self._sign_of_life.cancel()
        if self._subscription is not None:
            self._supervisor.subscriptions.remove(self._subscription)
            self._subscription = None
            if self._supervisor.store_thread.withdraw(self._order.id):
                self._supervisor.dispatcher.stop(self._order.id)

    def _time_is_up(self) -> None:
        self._supervisor.dispatcher.make_job(self.task)

    def _answer(self, head: Mapping[str, Any], body: bytes) -> None:
        self._sign_of_life.cancel()
        super()._answer(head, body)

    def _become_job(self) -> None:
        self._close()
        # before anything is known of it, so that its first change is heard of
        self._subscription = Subscription(self._order.id, 0, only_end=False, tell=self._tell)
        self._supervisor.subscriptions.add(self._subscription)
        told = {"progress": self.task.percent, "message": self.task.message, "updated": datetime.now(UTC)}
        job = self._order.begun(self._started, **(told if self._timeout else {}))
        self._supervisor.store_thread.adopt(self._row(job))

    def _tell(self) -> None:
        self._subscription = None
        self._sign_of_life.cancel()
        self._peer.send({"is_job": True, "started": self._started.isoformat()})
