"""What a site says, read with care: it is somebody else's machine."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from mooring_processes.execution import Artefact
from mooring_processes.jobs.sites.words import SITE_NAME, Announcement
from mooring_processes.limits import Limits

PROCESS_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
MOST_PROCESSES = 1000
LONGEST = 500_000
"""Bytes of all that a site announces."""
DESCRIBED = (
    "title",
    "description",
    "version",
    "keywords",
    "jobControlOptions",
    "outputTransmission",
    "inputs",
    "outputs",
)
"""What a description must have."""


class AnnouncementError(ValueError):
    """An announcement that a hub does not take; the message says why."""


def read_announcement(site: str, said: Mapping[str, Any], taken: Collection[str]) -> Announcement:
    """What a site offers.

    Raises
    ------
    AnnouncementError
        where the hub cannot list that.
    """
    if not SITE_NAME.fullmatch(site):
        raise AnnouncementError(f"{site!r} is no name of a site; it takes small letters, digits and hyphens")
    if site in taken:
        raise AnnouncementError(f"{site!r} has a meaning of its own at this hub; take another name")
    if len(json.dumps(said)) > LONGEST:
        raise AnnouncementError(f"the descriptions take more than {LONGEST} bytes; offer fewer processes")
    try:
        announcement = Announcement.from_json(said)
        for process in announcement.processes:
            _check_process(process)
    except (KeyError, TypeError, ValueError) as error:
        raise AnnouncementError(f"this is no announcement that this version of Mooring understands: {error}") from error
    if len(announcement.processes) > MOST_PROCESSES:
        raise AnnouncementError(f"{len(announcement.processes)} processes; a site offers {MOST_PROCESSES} at most")
    return announcement


def _check_process(process: Mapping[str, Any]) -> None:
    if not PROCESS_ID.fullmatch(str(process["id"])):
        raise ValueError(f"{process['id']!r} is no id of a process")
    Limits.from_json(process["limits"])
    for name in DESCRIBED:
        if name not in process["description"]:
            raise ValueError(f"the description of {process['id']!r} has no {name!r}")


def read_artefacts(text: str) -> list[Artefact]:
    """The artefacts of an attempt, with names of files that lead nowhere else.

    Raises
    ------
    ValueError
        where one does.
    """
    artefacts = [Artefact.from_json(each) for each in json.loads(text)]
    for each in artefacts:
        if each.file is not None and not FILE_NAME.fullmatch(each.file):
            raise ValueError(f"{each.file!r} is no name of a file")
        if each.size < 0:
            raise ValueError(f"{each.file!r} has {each.size} bytes")
    return artefacts
