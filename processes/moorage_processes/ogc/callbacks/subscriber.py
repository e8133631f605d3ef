"""Callbacks of an execute request: who subscribes, and to which events (18-062r2, class callback)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moorage_processes.jobs.job import Callback, Status
from moorage_processes.network.hosts import Hosts, parsed, port_of
from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping


MEMBERS = {
    "successUri": Status.SUCCESSFUL,
    "inProgressUri": Status.RUNNING,
    "failedUri": Status.FAILED,
}
"""What a subscriber may hold, and in which status of the job it is told."""
MISSPELT = {"successUrl": "successUri"}
"""As the schema of 1.0 has it where it says what is required."""
EVENTS = {Status.SUCCESSFUL: "success", Status.RUNNING: "inProgress", Status.FAILED: "failed"}
LONGEST = 2048
"""Characters of a URL."""


@dataclass(frozen=True)
class Schedule:
    """How often and how long a callback is tried.

    Parameters
    ----------
    attempts : how often at most.
    pause : seconds from the first failure to the second attempt; each further pause is twice as long.
    timeout : seconds that one attempt may take.
    progress : seconds between two callbacks that tell of one job's progress.
    """

    attempts: int
    pause: float
    timeout: float
    progress: float


@dataclass(frozen=True)
class CallbackRules:
    """What a service does about callbacks.

    Parameters
    ----------
    hosts : where they may be sent.
    secret : what they are signed with; where there is none, the one that the state directory keeps.
    schedule : how often and how long they are tried.
    """

    hosts: Hosts
    secret: str | None = field(repr=False)
    schedule: Schedule


def read_subscriber(document: Mapping[str, Any], hosts: Hosts) -> tuple[Callback, ...]:
    """Who wants to be told, by an execute request.

    Raises
    ------
    Problem
        400, naming the member of the subscriber that is not valid, and what is expected.
    """
    subscriber = document.get("subscriber")
    if subscriber is None:
        return ()
    if not isinstance(subscriber, dict):
        raise _wrong(f"subscriber: is not a JSON object; it takes {', '.join(MEMBERS)}")
    found: dict[str, Callback] = {}
    for name, url in subscriber.items():
        member = MISSPELT.get(name, name)
        if member not in MEMBERS:
            raise _wrong(f"subscriber: there is no member {name[:80]!r}; it takes {', '.join(MEMBERS)}")
        callback = _callback(MEMBERS[member], name, url, hosts)
        if found.setdefault(member, callback) != callback:
            raise _wrong("subscriber: successUri and successUrl mean the same and differ; it takes successUri")
    return tuple(found.values())


def _callback(status: Status, name: str, url: Any, hosts: Hosts) -> Callback:
    where = f"subscriber: {name}"
    if not isinstance(url, str) or len(url) > LONGEST:
        raise _wrong(f"{where}: takes a URL of at most {LONGEST} characters")
    if not url.isascii() or any(not character.isprintable() or character == " " for character in url):
        raise _wrong(f"{where}: {url[:80]!r} holds characters that a URL writes with %")
    try:
        parts = parsed(url)
    except ValueError as error:
        raise _wrong(f"{where}: {error}") from error
    if not hosts.covers(parts):
        known = ", ".join(hosts.listed) or "none"
        raise _wrong(f"{where}: {parts.hostname} is not a host this service sends callbacks to; it allows {known}")
    return Callback(status, parts._replace(fragment="").geturl(), f"{parts.hostname}:{port_of(parts)}")


def _wrong(detail: str) -> Problem:
    return Problem(400, ogc.INVALID_PARAMETER, detail)
