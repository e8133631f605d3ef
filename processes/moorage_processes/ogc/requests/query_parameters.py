"""Query parameters of the lists, each read strictly."""

from __future__ import annotations

import base64
from collections.abc import Container, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any
from uuid import UUID

from moorage_processes.jobs.job import Job, JobQuery, ListPosition, Status
from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.problems import Problem

MOST_ITEMS = 10_000
DEFAULT_ITEMS = 10
MOST_PROCESSES = 50
DEFAULT_PROCESSES = 1000
"""All of them in most places: OWSLib, cuiman and Terradue's client read the first page of the process list only."""
TYPES = ("process",)
"""Kinds of jobs there are."""


def page_limit(arguments: Mapping[str, str], default: int = DEFAULT_ITEMS) -> tuple[int, int]:
    """``limit``, which is *default* where it is left out, and ``offset``."""
    limit = _integer(arguments, "limit", default, 1, MOST_ITEMS)
    return limit, _integer(arguments, "offset", 0, 0, 10**9)


def job_query(arguments: Mapping[str, str], processes: Container[str], limit: int, offset: int) -> JobQuery:
    """The filters of the job list.

    ``type``, ``processID`` and ``status`` are comma lists of which one must match, ``datetime`` is an instant or an
    interval of the creation, ``minDuration`` and ``maxDuration`` are seconds, and ``after`` is where a page ended.
    """
    for name in _list(arguments, "type"):
        if name not in TYPES:
            raise _wrong("type", name, "process")
    wanted = tuple(_list(arguments, "processID"))
    if len(wanted) > MOST_PROCESSES:
        raise _wrong("processID", f"{len(wanted)} processes", f"at most {MOST_PROCESSES}")
    for name in wanted:
        if name not in processes:
            raise Problem(404, ogc.NO_SUCH_PROCESS, f"processID: there is no process {name[:80]!r}")
    start, end = _interval(arguments.get("datetime"))
    return JobQuery(
        processes=wanted,
        statuses=tuple(dict.fromkeys(_status(text) for text in _list(arguments, "status"))),
        created_from=start,
        created_to=end,
        shortest=_seconds(arguments, "minDuration"),
        longest=_seconds(arguments, "maxDuration"),
        after=_mark(arguments.get("after")),
        limit=limit,
        offset=offset,
    )


def place_after(job: Job) -> str:
    """What ``after`` takes to go on behind a job."""
    text = f"{job.created.isoformat()} {job.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _mark(text: str | None) -> ListPosition | None:
    if text is None:
        return None
    try:
        created, _, job = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(" ")
        return ListPosition(_aware(datetime.fromisoformat(created)), str(UUID(job)))
    except ValueError as error:
        raise _wrong("after", text, "what the link to the next page has there") from error


def _integer(arguments: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = arguments.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()) or not least <= int(text[:12]) <= most:
        raise _wrong(name, text, f"a whole number from {least} to {most}")
    return int(text)


def _seconds(arguments: Mapping[str, str], name: str) -> float | None:
    text = arguments.get(name)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not isfinite(seconds) or seconds < 0:
        raise _wrong(name, text, "a number of seconds of at least 0")
    return seconds


def _list(arguments: Mapping[str, str], name: str) -> list[str]:
    if name not in arguments:
        return []
    parts = arguments[name].split(",")
    if not all(parts):
        raise _wrong(name, arguments[name], "a comma list without empty items")
    return list(dict.fromkeys(parts))


def _status(text: str) -> Status:
    try:
        return Status(text)
    except ValueError as error:
        raise _wrong("status", text, "a comma list of " + ", ".join(Status)) from error


def _interval(text: str | None) -> tuple[datetime | None, datetime | None]:
    if text is None:
        return None, None
    start, slash, end = text.partition("/")
    if not slash:
        end = start
    moments = _moment(start, text), _moment(end, text)
    if moments == (None, None) and not slash:
        raise _wrong("datetime", text, MOMENTS)
    if None not in moments and moments[0] > moments[1]:  # type: ignore[operator]  # neither is None
        raise _wrong("datetime", text, "an interval whose start comes before its end")
    return moments


MOMENTS = "an instant of RFC 3339, or an interval start/end in which either may be open: ../end, start/.."


def _moment(part: str, text: str) -> datetime | None:
    if part in ("", ".."):
        return None
    try:
        return _aware(datetime.fromisoformat(part.replace(" ", "+")))  # a plus that nobody escaped
    except ValueError as error:
        raise _wrong("datetime", text, MOMENTS) from error


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _wrong(name: str, value: Any, takes: str) -> Problem:
    return Problem(400, ogc.INVALID_QUERY, f"{name}: {str(value)[:80]!r} is not valid; expected {takes}")
