"""What a form sends, as the query parameters of the job list."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

LISTS = ("status", "processID", "type")
"""Parameters of which several may be chosen; the standard joins them with commas."""


def form_arguments(sent: MultiDict[str, str]) -> dict[str, str]:
    """The query that the form of the job list means: fields left empty are left out, two dates are one interval.

    Parameters
    ----------
    sent : the query as a browser sends it.
    """
    arguments = {name: ",".join(filled) for name in LISTS if (filled := [each for each in sent.getlist(name) if each])}
    arguments |= {name: value for name, value in sent.items() if value and name not in (*LISTS, "from", "to")}
    start, end = sent.get("from", ""), sent.get("to", "")
    if start or end:
        arguments["datetime"] = f"{_moment(start, '00:00:00')}/{_moment(end, '23:59:59.999')}"
    return arguments


def _moment(day: str, time: str) -> str:
    return f"{day}T{time}Z" if len(day) == len("2000-01-01") else day or ".."


def dates(arguments: dict[str, str]) -> tuple[str, str]:
    """The two dates that stand in the form for an interval."""
    start, slash, end = arguments.get("datetime", "").partition("/")
    if not slash:
        end = start
    return tuple("" if part == ".." else part[:10] for part in (start, end))  # type: ignore[return-value]  # two
