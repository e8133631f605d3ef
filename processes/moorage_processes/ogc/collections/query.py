"""What a request for a collection may hold, as far as pygeoapi's own reading of it fails rather than refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage_processes.data.period import Period
from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.problems import Problem, shown

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_query(place: Mapping[str, str], arguments: Mapping[str, str]) -> None:
    """Refuse what pygeoapi cannot read.

    Parameters
    ----------
    place : what the path names.
    arguments : the query.

    Raises
    ------
    Problem
        404, for an instance of a grid; 400, naming the parameter and what it takes.
    """
    if "instance_id" in place:
        raise Problem(404, "NotFound", f"there is no instance {shown(place['instance_id'])}; datasets here have none")
    text = arguments.get("datetime")
    if text:
        try:
            Period.read(text)
        except ValueError as error:
            raise _wrong("datetime", text, "an instant or start/end, as in 2000-03/2000-05") from error
    if not all(arguments.get("sortby", "name").split(",")):
        raise _wrong("sortby", arguments["sortby"], "a comma list of columns, as in name,-size")


def _wrong(name: str, value: str, expected: str) -> Problem:
    return Problem(400, ogc.INVALID_QUERY, f"{name}: {shown(value)} is not valid; expected {expected}")
