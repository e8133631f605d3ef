"""Synchronous calls, as the web process that waits for one sees it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moorage_processes.execution.request import Artefact, Failure, Request
from moorage_processes.jobs.errors import Busy, Interrupted, TimedOut, Unavailable
from moorage_processes.jobs.job import Job, Status
from moorage_processes.jobs.store.database import compact, moment, now
from moorage_processes.jobs.supervisor.client import MARGIN, PATIENCE, RETRY

if TYPE_CHECKING:
    from moorage_processes.authoring.limits import Limits
    from moorage_processes.jobs.ipc import Frame
    from moorage_processes.jobs.supervisor.client import SupervisorClient


TOO_MANY = "too many calls are waited for; try again, or ask for a job with 'Prefer: respond-async'"


@dataclass(frozen=True, kw_only=True)
class CallRequest:
    """A synchronous call that has not been sent yet."""

    request: Request
    limits: Limits
    timeout: float
    """How long to wait for it [s]; then it is stopped."""
    answer: Mapping[str, Any]
    """Kept with it unread."""
    is_recorded: bool
    """Whether the store has a record of it."""
    caller: str = ""
    """Who waits for it, where that is known."""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: int = field(default_factory=now)
    """When it was made [microseconds since 1970]."""

    def run(self, client: SupervisorClient) -> Job:
        """Send it to the supervisor and wait for the outcome; :meth:`Engine.call` says what is raised."""
        frame = self._reply(client)
        if "busy" in frame.head:
            raise Busy(TOO_MANY)
        if "timed_out" in frame.head:
            raise TimedOut(self._too_long)
        if "interrupted" in frame.head:
            raise Interrupted("the call was interrupted; try again")
        return self._job(frame)

    def _reply(self, client: SupervisorClient) -> Frame:
        """What the supervisor replies."""
        deadline = time.monotonic() + self.timeout
        body = compact(dict(self.request.inputs)).encode()
        while True:
            try:
                with client.connection(min(self.timeout, PATIENCE)) as connection:
                    connection.send(self._head, body)
                    return connection.receive(self.timeout + MARGIN)
            except TimeoutError as error:
                raise TimedOut(self._too_long) from error
            except EOFError as error:
                raise Interrupted("the call was interrupted; try again") from error
            except ConnectionError as error:
                # the supervisor was ending and never read it; the next one will
                if time.monotonic() > deadline:
                    raise Unavailable("the engine does not answer") from error
                time.sleep(RETRY)

    @property
    def _head(self) -> dict[str, Any]:
        return {
            "do": "call",
            "job": self.id,
            "process": self.request.process,
            "outputs": dict(self.request.outputs),
            "limits": self.limits.to_json(),
            "answer": dict(self.answer),
            "timeout": self.timeout,
            "created": self.created,
            "is_recorded": self.is_recorded,
            "caller": self.caller,
        }

    @property
    def _too_long(self) -> str:
        return (
            f"{self.request.process!r} took longer than the {self.timeout:g} s a call is waited for and was stopped; "
            "ask for a job with 'Prefer: respond-async'"
        )

    def _job(self, frame: Frame) -> Job:
        """The job that the call would have been."""
        failure = frame.head.get("failed")
        return Job(
            id=self.id,
            process=self.request.process,
            status=Status.FAILED if failure else Status.SUCCESSFUL,
            message=failure["detail"] if failure else "",
            progress=0 if failure else 100,
            created=moment(self.created),
            started=moment(frame.head["started"]),
            finished=moment(frame.head["finished"]),
            updated=moment(frame.head["finished"]),
            request=self.request,
            answer=dict(self.answer),
            limits=self.limits,
            attempt=1,
            epoch=1,
            artefacts=tuple(Artefact.from_json(each) for each in json.loads(frame.body or b"[]")),
            failure=Failure.from_json(failure) if failure else None,
            listed=False,
        )
