"""Query parameters of the lists, each read strictly."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import UTC, datetime
from typing import Any

from mooring_processes.jobs.job import JobQuery, Status
from mooring_processes.ogc import vocabulary as ogc
from mooring_processes.ogc.errors import Problem

MOST_ITEMS = 10_000
DEFAULT_ITEMS = 10


def page_limit(arguments: Mapping[str, str]) -> tuple[int, int]:
    """``limit`` and ``offset``."""
    limit = _integer(arguments, "limit", DEFAULT_ITEMS, 1, MOST_ITEMS)
    return limit, _integer(arguments, "offset", 0, 0, 10**9)


def job_query(arguments: Mapping[str, str], processes: Container[str], limit: int, offset: int) -> JobQuery:
    """The filters of the job list: ``processID`` and ``status`` as comma lists, ``datetime`` on the creation."""
    wanted = tuple(_list(arguments, "processID"))
    for name in wanted:
        if name not in processes:
            raise Problem(404, ogc.NO_SUCH_PROCESS, f"processID: there is no process {name!r}")
    start, end = _interval(arguments.get("datetime"))
    statuses = tuple(_status(text) for text in _list(arguments, "status"))
    return JobQuery(processes=wanted, statuses=statuses, created_from=start, created_to=end, limit=limit, offset=offset)


def _integer(arguments: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = arguments.get(name)
    if text is None:
        return default
    if not text.isdecimal() or not least <= int(text[:12]) <= most:
        raise _wrong(name, text, f"a whole number from {least} to {most}")
    return int(text)


def _list(arguments: Mapping[str, str], name: str) -> list[str]:
    return [part for part in arguments.get(name, "").split(",") if part]


def _status(text: str) -> Status:
    try:
        return Status(text)
    except ValueError as error:
        raise _wrong("status", text, "a comma list of " + ", ".join(Status)) from error


def _interval(text: str | None) -> tuple[datetime | None, datetime | None]:
    if not text:
        return None, None
    start, slash, end = text.partition("/")
    if not slash:
        end = start
    return _moment(start, text), _moment(end, text)


def _moment(part: str, text: str) -> datetime | None:
    if part in ("", ".."):
        return None
    try:
        moment = datetime.fromisoformat(part)
    except ValueError as error:
        raise _wrong("datetime", text, "an instant or an interval start/end of RFC 3339") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _wrong(name: str, value: Any, takes: str) -> Problem:
    return Problem(400, ogc.INVALID_QUERY, f"{name}: {str(value)[:80]!r} will not do; it takes {takes}")
