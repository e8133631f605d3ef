"""How a job comes to be known: by the answer to an execute request, or by its address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from moorage.connection import document
from moorage.errors import FailedError, ProblemError
from moorage.job import RemoteJob
from moorage.status import Status, read_status

if TYPE_CHECKING:
    from moorage.connection import Connection
    from moorage.order import Wish

CREATED, ACCEPTED = 201, 202


def start(connection: Connection, wish: Wish, request: bytes, prefer: str) -> RemoteJob:
    """Send an execute request, and give its job; one that was answered at once is done.

    Parameters
    ----------
    wish : what the request asks for.
    request : it, as JSON.
    prefer : ``respond-async``, and how long an answer may be waited for.
    """
    try:
        response = connection.start(wish.description.id, request, prefer)
    except ProblemError as error:
        if error.job is None:
            raise
        return RemoteJob(connection, lambda: wish, connection.address(error.job), Status("accepted"))
    monitor = response.headers.get("Location") or response.links.get("monitor", {}).get("url")
    url = connection.address(monitor, response.url) if monitor else None
    if response.status_code not in (CREATED, ACCEPTED):
        return RemoteJob(connection, lambda: wish, url, Status("successful", process=wish.description.id), response)
    told = document(response) if response.content else None
    if url is None and isinstance(told, Mapping) and told.get("jobID"):
        url = connection.job_url(str(told["jobID"]))
    if url is None:
        raise FailedError("the service took the job, but does not say where it is", status=response.status_code)
    status = read_status(told, response.headers.get("ETag", ""))
    return RemoteJob(connection, lambda: wish, url, replace(status, process=wish.description.id))


def find(connection: Connection, url: str, wish: Callable[[Status], Wish]) -> RemoteJob:
    """The job at an address.

    Parameters
    ----------
    wish : gives what may have been asked for, from what is told of the job.
    """
    response = connection.get(url)
    status = read_status(document(response), response.headers.get("ETag", ""))
    return RemoteJob(connection, lambda: wish(status), url, status)
