"""The problem an answer tells, as an error of Python."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from requests import RequestException

from moorage.errors import FailedError, ProblemError, RefusedError, kind_of_problem

if TYPE_CHECKING:
    from requests import Response

LONGEST = 500
"""Characters of a text that is not a problem document."""


def raise_for_problem(response: Response) -> None:
    """Raise the error that an answer tells, if it tells one."""
    if response.ok and not response.is_redirect:
        return
    if response.is_redirect:
        message = f"{response.url.partition('?')[0]} has moved to {response.headers['Location']}; connect there"
        raise RefusedError(message, status=response.status_code)
    raise error_of(response)


def error_of(response: Response) -> ProblemError:
    """The error of an answer with status 4xx or 5xx."""
    problem = problem_of(response)
    status = response.status_code
    return kind_of_problem(status)(words(problem, response), status=status, problem=problem, job=problem.get("job"))


def problem_of(response: Response) -> dict[str, Any]:
    """The problem document of an answer, or an empty one."""
    try:
        problem = json.loads(response.content)
    except (ValueError, RequestException):  # it may be a page, or break off; its status tells enough
        return {}
    return problem if isinstance(problem, dict) else {}


def words(problem: dict[str, Any], response: Response) -> str:
    """What a problem says, or failing that what its HTTP status means."""
    for member in ("detail", "description", "title", "message"):
        if isinstance(problem.get(member), str) and problem[member]:
            return str(problem[member])
    if response.headers.get("Content-Type", "").startswith("text/plain") and response.text.strip():
        return response.text.strip()[:LONGEST]
    try:
        phrase = HTTPStatus(response.status_code).phrase
    except ValueError:
        phrase = "no reason given"
    return f"{response.url.partition('?')[0]} answers {response.status_code}: {phrase}"


def of_job(error: ProblemError, message: str, url: str) -> RefusedError | FailedError:
    """The error of a failed job, from the problem that stands for its results.

    A problem document that blames the request (RFC 7807 with a status 4xx) is the caller's to mend. Services that tell
    every failure as 400, without such a document, tell the reason in the job's message.
    """
    stated = error.problem.get("status")
    detail = error.problem.get("detail")
    kind = RefusedError if isinstance(stated, int) and stated < 500 else FailedError  # noqa: PLR2004 - HTTP's own border
    return kind(str(detail or message or error), status=error.status, problem=error.problem, job=url)
