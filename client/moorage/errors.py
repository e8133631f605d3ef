"""What can go wrong in a call, as a caller would sort it.

::

    MoorageError
    ├── UnreachableError    no answer came (also a ConnectionError)
    ├── ProblemError        an answer came, and it tells a problem
    │   ├── RefusedError        the caller can mend it
    │   │   └── NotFoundError       there is no such process, job or result (also a LookupError)
    │   └── ServiceError        the service could not do it
    │       └── FailedError         the method failed
    ├── PendingError        the job is not done yet; it goes on (also a TimeoutError)
    ├── DismissedError      the job was dismissed (also a CancelledError)
    ├── ResultError         what came back is not what was promised (also a ValueError)
    └── SignatureError      a callback is not to be trusted (also a ValueError)

An argument that cannot be sent at all is a TypeError or a ValueError, as with any function.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import CancelledError
from types import MappingProxyType
from typing import Any

NO_MEMBERS: Mapping[str, Any] = MappingProxyType({})


class MoorageError(Exception):
    """Everything a call can fail with that lies outside this Python process."""


class UnreachableError(MoorageError, ConnectionError):
    """No answer came: the address is wrong, the service or the network is down, or the time was up."""


class ProblemError(MoorageError):
    """The service answered with a problem.

    Parameters
    ----------
    message : the problem in words.
    status : HTTP status of the answer.
    problem : the problem document of the service (RFC 7807), or nothing.
    job : URL of the job it happened in, if there was one.
    log : the last lines that job's method wrote, if the service tells them.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        problem: Mapping[str, Any] = NO_MEMBERS,
        job: str | None = None,
        log: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem
        self.job = job
        self.log = log

    @property
    def input(self) -> str | None:
        """The input that is to blame, where the service names it."""
        return self.problem.get("input")

    @property
    def kind(self) -> str | None:
        """Name of the error's class at the service, where the method's author made one."""
        return self.problem.get("kind")

    def __str__(self) -> str:
        message = super().__str__()
        if not self.log:
            return message
        return f"{message}\nThe log of the job ends with:\n{self.log}"


class RefusedError(ProblemError):
    """The request cannot be met as it stands (HTTP 4xx); the caller can mend it."""


class NotFoundError(RefusedError, LookupError):
    """There is no such process, job or result."""


class ServiceError(ProblemError):
    """The service could not do what it was asked (HTTP 5xx)."""


class FailedError(ServiceError):
    """The method failed while it ran; ``log`` has its last words, ``job`` where to look further."""


class PendingError(MoorageError, TimeoutError):
    """The job was not done in the time given; it goes on, and may be asked again."""


class DismissedError(MoorageError, CancelledError):
    """The job was dismissed, so it has no result."""


class ResultError(MoorageError, ValueError):
    """What came back is broken, or not what the process promises."""


class SignatureError(MoorageError, ValueError):
    """A callback was not signed with the secret of the service, was changed on its way, or is too old."""


def kind_of_problem(status: int) -> type[RefusedError | ServiceError]:
    """The class of error that an HTTP status stands for."""
    if status in (404, 410):
        return NotFoundError
    return RefusedError if status < 500 else ServiceError  # noqa: PLR2004 - HTTP's own border
