"""Validates what a site sends: it is somebody else's machine."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from moorage.formats import Kind

from moorage_processes.authoring.limits import Limits
from moorage_processes.execution.request import Artefact
from moorage_processes.jobs.relay.protocol import Announcement, SiteNameError, check_name
from moorage_processes.network.hosts import parsed

PROCESS_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
VISIBLE = re.compile(r"[!-~]{1,2000}")
"""Without spaces and line ends: it becomes a header."""
MOST_PROCESSES = 1000
LONGEST = 500_000
"""Bytes of all that a site announces."""
TEXTS = ("title", "description", "version")
LISTS = ("keywords", "jobControlOptions", "outputTransmission")
"""What a description must have beside inputs and outputs."""


class AnnouncementError(ValueError):
    """An announcement that a hub does not take; the message says why."""


def read_announcement(site: str, said: Mapping[str, Any], taken: Collection[str]) -> Announcement:
    """What a site offers.

    Raises
    ------
    AnnouncementError
        where the hub cannot list that.
    """
    try:
        check_name(site)
    except SiteNameError as error:
        raise AnnouncementError(str(error)) from error
    if site in taken:
        raise AnnouncementError(f"{site!r} has a meaning of its own at this hub; take another name")
    if len(json.dumps(said)) > LONGEST:
        raise AnnouncementError(f"the descriptions take more than {LONGEST} bytes; offer fewer processes")
    try:
        announcement = Announcement.from_json(said)
        for process in announcement.processes:
            _check_process(process)
        for dataset in announcement.datasets.values():
            Kind(dataset["kind"])
            str(dataset["title"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnnouncementError(f"this version of Moorage does not understand the announcement: {error}") from error
    if len(announcement.processes) > MOST_PROCESSES:
        raise AnnouncementError(f"{len(announcement.processes)} processes; a site offers {MOST_PROCESSES} at most")
    return announcement


def _check_process(process: Mapping[str, Any]) -> None:
    name, description = process["id"], process["description"]
    if not PROCESS_ID.fullmatch(str(name)):
        raise ValueError(f"{name!r} is not an id of a process")
    Limits.from_json(process["limits"])
    for member in TEXTS:
        _check(isinstance(description[member], str), name, member)
    for member in LISTS:
        is_list = isinstance(description[member], list) and all(isinstance(each, str) for each in description[member])
        _check(is_list, name, member)
    for member in ("inputs", "outputs"):
        _check(isinstance(description[member], Mapping), name, member)
        for key, each in description[member].items():
            _check(isinstance(each, Mapping) and isinstance(each.get("schema"), Mapping), name, f"{member}.{key}")
    for each in description.get("metadata", ()):
        _check(isinstance(each, Mapping), name, "metadata")


def _check(is_right: bool, process: str, member: str) -> None:  # noqa: FBT001 - a question that was answered
    if not is_right:
        raise ValueError(f"the description of {process!r} has no {member} that can be read")


def read_artefacts(text: str) -> list[Artefact]:
    """The artefacts of an attempt, with names of files that lead nowhere else, and addresses that lead somewhere.

    Raises
    ------
    ValueError
        where one is otherwise.
    """
    artefacts = [Artefact.from_json(each) for each in json.loads(text)]
    for each in artefacts:
        if each.file is not None and not FILE_NAME.fullmatch(each.file):
            raise ValueError(f"{each.file!r} is not a name of a file")
        if each.href is not None and not _leads_somewhere(each.href):
            raise ValueError(f"{each.output!r} is said to be at {each.href!r}, which is not an address")
        if each.size < 0:
            raise ValueError(f"{each.file!r} has {each.size} bytes")
    return artefacts


def _leads_somewhere(href: str) -> bool:
    try:
        parsed(href)
    except ValueError:
        return False
    return VISIBLE.fullmatch(href) is not None
