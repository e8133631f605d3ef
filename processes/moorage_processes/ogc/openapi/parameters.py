"""What a request may say beside its body: in its path, its query and its headers."""

from __future__ import annotations

from typing import Any

from moorage_processes.jobs.job import Status
from moorage_processes.ogc.requests.negotiation import LONGEST_WAIT
from moorage_processes.ogc.requests.query_parameters import DEFAULT_ITEMS, DEFAULT_PROCESSES, MOMENTS, MOST_ITEMS, TYPES
from moorage_processes.ogc.vocabulary import PROFILE_NAMES

Parameter = dict[str, Any]

TEXT = {"type": "string"}
FAR = 10**9
"""The highest ``offset``."""


def path(name: str, description: str) -> Parameter:
    """A part of the path."""
    schema = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def query(name: str, description: str, schema: dict[str, Any], *, required: bool = False) -> Parameter:
    """A parameter of the query; lists are comma lists."""
    found = {"name": name, "in": "query", "description": description, "required": required, "schema": schema}
    return found | {"style": "form", "explode": False}


def header(name: str, description: str) -> Parameter:
    """A header."""
    return {"name": name, "in": "header", "description": description, "schema": TEXT}


def choices(*names: str) -> dict[str, Any]:
    """Texts to choose from; the first is what is meant where nothing is said."""
    return {"type": "string", "enum": list(names), "default": names[0]}


def some_of(*names: str) -> dict[str, Any]:
    """A list of texts to choose from."""
    return {"type": "array", "minItems": 1, "items": {"type": "string", "enum": list(names)}}


NAMES = {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1, "pattern": "^[^,]+$"}}
SECONDS = {"type": "number", "minimum": 0}
PAGE = {"type": "integer", "minimum": 1, "maximum": MOST_ITEMS, "default": DEFAULT_ITEMS}
FORM = "As what the answer is wanted; goes before the Accept header."

PARAMETERS: dict[str, Parameter] = {
    "processID": path("processID", "Id of a process."),
    "jobID": path("jobID", "Id of a job."),
    "token": path("token", "A transfer token of the hub."),
    "outputID": path("outputID", "Id of an output."),
    "f": query("f", FORM, choices("json", "html")),
    "f-log": query("f", FORM, choices("text", "html")),
    "f-output": query("f", FORM, choices("file", "json", "html")),
    "profile": query(
        "profile",
        "Profiles the answer is wanted in, by URI or short name; whoever names one of draft 2.0 is answered by that: "
        + ", ".join(sorted(PROFILE_NAMES)),
        NAMES,
    ),
    "limit": query("limit", "The most items on one page.", PAGE),
    "processes-limit": query("limit", "The most processes on one page.", PAGE | {"default": DEFAULT_PROCESSES}),
    "offset": query(
        "offset", "How many items come before the page.", {"type": "integer", "minimum": 0, "maximum": FAR}
    ),
    "after": query("after", "Where the page before ended; the link to the next page has it.", TEXT),
    "type": query("type", "Kinds of jobs.", some_of(*TYPES)),
    "processID-filter": query("processID", "Jobs of one of these processes.", NAMES),
    "status": query("status", "Jobs in one of these states.", some_of(*(each.value for each in Status))),
    "datetime": query("datetime", f"When the job was created: {MOMENTS}.", TEXT),
    "minDuration": query("minDuration", "The least time the job has run, or ran [s].", SECONDS),
    "maxDuration": query("maxDuration", "The most time the job has run, or ran [s].", SECONDS),
    "outputs": query("outputs", "The outputs that are wanted; all of them where this is left out.", NAMES),
    "Prefer-execute": header(
        "Prefer",
        "respond-async: become a job that is followed; wait=N beside it: answer with the results, and make no job, if "
        f"they are there within N seconds, at most {LONGEST_WAIT:.0f}; return=minimal or return=representation: large "
        "results by link, or all in the answer (RFC 7240).",
    ),
    "Prefer-wait": header(
        "Prefer",
        f"wait=N: with If-None-Match, answer when the job changes or after N seconds, at most {LONGEST_WAIT:.0f}.",
    ),
    "Prefer-return": header(
        "Prefer",
        "return=minimal or return=representation: large results by link, or all here; wait=N: answer when the job is "
        f"done or after N seconds, at most {LONGEST_WAIT:.0f}.",
    ),
    "If-None-Match": header("If-None-Match", "The ETag of what is known: an answer only where it changed (RFC 9110)."),
    "Range": header("Range", "The bytes that are wanted of a file: bytes=first-last (RFC 9110)."),
    "If-Range": header("If-Range", "The ETag of the file the range is of; another one is sent whole."),
}
"""Parameters by what this document calls them."""


def parameter(*names: str) -> list[dict[str, str]]:
    """References to some of them."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]
