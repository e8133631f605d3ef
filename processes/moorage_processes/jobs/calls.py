"""Calls, as the web process that waits for one sees them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from moorage_processes.execution.request import Artefact, Failure
from moorage_processes.jobs.errors import Busy, Interrupted, TimedOut, Unavailable
from moorage_processes.jobs.store.database import compact
from moorage_processes.jobs.supervisor.client import MARGIN, PATIENCE, RETRY

if TYPE_CHECKING:
    from moorage_processes.jobs.ipc import Frame
    from moorage_processes.jobs.job import Job, Submission
    from moorage_processes.jobs.supervisor.client import SupervisorClient

INTERRUPTED = "the call was interrupted; try again"
STALL = 1.0
"""Seconds within which a supervisor that is awake says that it has begun a call, or what came of it."""


TOO_MANY = "too many calls are waited for; try again, or ask for a job with 'Prefer: respond-async'"


@dataclass(frozen=True, kw_only=True)
class CallRequest:
    """A call that has not been sent yet."""

    order: Submission
    timeout: float
    """How long to wait for it [s]; then it is stopped, or becomes a job."""
    is_recorded: bool = True
    """Whether the store has a record of it."""
    caller: str = ""
    """Who waits for it, where that is known."""
    machine: str | None = None
    """Whose supervisor runs it."""
    becomes_job: bool = False
    """Whether it is a job from the moment on when it has taken too long or has not ended well."""

    def run(self, client: SupervisorClient) -> Job:
        """Send it to the supervisor and wait for the outcome; :meth:`Engine.call` says what is raised."""
        frame = self._reply(client)
        if "busy" in frame.head:
            raise Busy(TOO_MANY)
        if "timed_out" in frame.head:
            raise TimedOut(self.order.request.process, self.timeout)
        if "interrupted" in frame.head:
            raise Interrupted(INTERRUPTED)
        return self._job(frame)

    def try_out(self, client: SupervisorClient, find: Callable[[str], Job | None]) -> Job | None:
        """Send it to the supervisor: the call where it has ended well, or the job that it is; None where it is neither.

        Parameters
        ----------
        client : to the supervisor.
        find : finds a job in the store.

        Raises
        ------
        Unavailable
            where it should be a job, and the store does not answer.
        """
        frame: Frame | None = None
        try:
            # without a supervisor it is for the store to take it
            with client.connection(0.0) as connection:
                connection.send({**self._head, "until": time.monotonic() + STALL / 2}, self._body)
                frame = connection.receive(STALL)
                while "begun" in frame.head:
                    frame = connection.receive(self.timeout + MARGIN)
        except TimeoutError as error:
            if frame is None:
                # the supervisor sleeps, and will begin nothing when it wakes
                return None
            raise Unavailable("the job store does not answer") from error
        except Unavailable:
            return None
        except (EOFError, OSError):
            # the supervisor was killed, perhaps after it had told the store
            return find(self.order.id)
        if "done" in frame.head:
            return self._job(frame)
        if "busy" in frame.head:
            return None
        return find(self.order.id) if self.timeout else self.order.begun(datetime.fromisoformat(frame.head["started"]))

    def _reply(self, client: SupervisorClient) -> Frame:
        """What the supervisor replies."""
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                with client.connection(min(self.timeout, PATIENCE)) as connection:
                    connection.send(self._head, self._body)
                    return connection.receive(self.timeout + MARGIN)
            except TimeoutError as error:
                raise TimedOut(self.order.request.process, self.timeout) from error
            except EOFError as error:
                raise Interrupted(INTERRUPTED) from error
            except ConnectionError as error:
                # the supervisor was ending and never read it; the next one will
                if time.monotonic() > deadline:
                    raise Unavailable("the engine does not answer") from error
                time.sleep(RETRY)

    @property
    def _body(self) -> bytes:
        return compact(dict(self.order.request.inputs)).encode()

    @property
    def _head(self) -> dict[str, Any]:
        return {
            "do": "call",
            **self.order.to_head(),
            "timeout": self.timeout,
            "is_recorded": self.is_recorded,
            "caller": self.caller,
            "becomes_job": self.becomes_job,
        }

    def _job(self, frame: Frame) -> Job:
        """The job that the call would have been."""
        failure = frame.head.get("failed")
        return self.order.called(
            datetime.fromisoformat(frame.head["started"]),
            datetime.fromisoformat(frame.head["finished"]),
            Failure.from_json(failure) if failure else None,
            artefacts=tuple(Artefact.from_json(each) for each in json.loads(frame.body or b"[]")),
            owner=self.machine,
        )
