"""Errors and failures of jobs as problem documents of RFC 7807, each with its status code."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import current_app
from werkzeug.exceptions import ClientDisconnected, HTTPException

from moorage_processes.errors import InputError, TooLargeError
from moorage_processes.execution.disk_space import says_full
from moorage_processes.jobs.errors import (
    Busy,
    Elsewhere,
    EngineError,
    Interrupted,
    QueueFull,
    StorageFull,
    StoreDamaged,
    TimedOut,
    Unavailable,
)
from moorage_processes.ogc import vocabulary as ogc

if TYPE_CHECKING:
    from datetime import datetime

    from moorage_processes.execution.request import Failure

LOGGER = logging.getLogger(__name__)
SHOWN = 80
"""Characters of a wrong value that a message repeats."""


def shown(value: object) -> str:
    """A wrong value as a message repeats it."""
    text = repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


class Problem(Exception):  # noqa: N818 - RFC 7807's own word
    """A problem document on its way to the caller.

    Parameters
    ----------
    status : HTTP status.
    type : URI or short name of the kind of problem.
    detail : what was wrong and what would be right, as one sentence.
    members : further members of the document, such as ``input``.
    headers : further HTTP headers, such as ``Retry-After``.
    """

    def __init__(
        self,
        status: int,
        type: str,  # noqa: A002 - RFC 7807's own word
        detail: str,
        *,
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.type = type
        self.detail = detail
        self.members = members or {}
        self.headers = headers or {}

    def to_json(self) -> dict[str, Any]:
        """The document of RFC 7807."""
        title = HTTPStatus(self.status).phrase
        document = {"type": self.type, "title": title, "status": self.status, "detail": self.detail}
        return document | {name: value for name, value in self.members.items() if value is not None}


@dataclass(frozen=True)
class ProblemRow:
    """How one kind of failure is told."""

    status: int
    type: str
    retry: bool = False


FAILURES = {
    "input": ProblemRow(400, ogc.INVALID_PARAMETER),
    "size": ProblemRow(413, "RequestEntityTooLarge"),
    "error": ProblemRow(500, "ProcessingError"),
    "crashed": ProblemRow(500, "ProcessCrashed"),
    "timeout": ProblemRow(504, "TimeLimitExceeded"),
    "memory": ProblemRow(507, "MemoryLimitExceeded"),
    "storage": ProblemRow(507, "NoRoomForResults"),
    "lost": ProblemRow(500, "AttemptLost"),
    "waited": ProblemRow(503, "SiteAway", retry=True),
    "interrupted": ProblemRow(503, "Interrupted", retry=True),
    "cluster": ProblemRow(503, "ClusterUnavailable", retry=True),
}
"""Reason of a failed call to HTTP."""

ENGINE: dict[type[EngineError], ProblemRow] = {
    QueueFull: ProblemRow(503, "QueueFull", retry=True),
    Busy: ProblemRow(503, "Busy", retry=True),
    Interrupted: ProblemRow(503, "Interrupted", retry=True),
    Unavailable: ProblemRow(503, "Unavailable", retry=True),
    StorageFull: ProblemRow(503, "StorageFull", retry=True),
    StoreDamaged: ProblemRow(503, "StoreDamaged"),
    TimedOut: ProblemRow(504, "TimeLimitExceeded"),
    Elsewhere: ProblemRow(500, "Elsewhere"),
}
"""What the engine raises to HTTP."""


KEPT_HEADERS = ("Allow", "Retry-After", "Content-Range")
"""What Flask's own errors say beside their words."""


def of_failure(failure: Failure) -> Problem:
    """The problem a failed call is answered with."""
    row = FAILURES[failure.reason]
    members = {"input": failure.input, "kind": failure.kind, "reference": failure.reference}
    headers = {"Retry-After": "1"} if row.retry else {}
    return Problem(row.status, row.type, failure.detail, members=members, headers=headers)


def of_expiry(moment: datetime) -> Problem:
    """The problem of results that are not kept any more."""
    detail = f"the results of this job expired on {moment:%Y-%m-%d at %H:%M} UTC; run it again"
    return Problem(410, ogc.RESULT_NOT_AVAILABLE, detail)


def too_large(most: int) -> Problem:
    """The problem of a request whose body holds more than *most* bytes."""
    detail = f"the body holds more than {most} bytes, the most this service takes; give large data by reference"
    return Problem(413, "RequestEntityTooLarge", detail)


def of_error(error: Exception) -> Problem:
    """The problem an error is answered with; what has no row is logged and told by a number only."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, InputError):
        row = FAILURES["size" if isinstance(error, TooLargeError) else "input"]
        return Problem(row.status, row.type, error.detail, members={"input": error.input})
    if isinstance(error, HTTPException):
        return _of_http(error)
    if isinstance(error, EngineError):
        row = ENGINE[type(error)]
        headers = {"Retry-After": str(error.retry_after)} if row.retry else {}
        return Problem(row.status, row.type, str(error), headers=headers)
    if says_full(error):
        LOGGER.error("request failed: %s", error)
        return of_error(StorageFull("a disk of the service is full; try again when its operator has made room"))
    reference = secrets.token_hex(4)
    LOGGER.error("request failed, reference %s", reference, exc_info=error)
    detail = f"the service failed; its operator finds the reason under reference {reference}"
    return Problem(500, "InternalError", detail, members={"reference": reference})


def _of_http(error: HTTPException) -> Problem:
    status = error.code or 500
    headers = error.get_response().headers
    kept: dict[str, str] = {name: headers[name] for name in KEPT_HEADERS if name in headers}
    detail = error.description or ""
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return too_large(current_app.config["MAX_CONTENT_LENGTH"])
    if isinstance(error, ClientDisconnected):
        detail = "the body is cut, or not as Content-Length or Transfer-Encoding say; send it again"
    return Problem(status, HTTPStatus(status).phrase.replace(" ", ""), detail, headers=kept)
