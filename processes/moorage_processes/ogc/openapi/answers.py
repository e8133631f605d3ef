"""What comes back: headers, problems, and the contents of good answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.openapi.dialect import TEXT, schema_of
from moorage_processes.ogc.problems import ENGINE, FAILURES

Answer = dict[str, Any]

HEADERS: dict[str, dict[str, Any]] = {
    name: {"description": description, "schema": schema}
    for name, description, schema in (
        ("Location", "Where the job is found.", {"type": "string", "format": "uri"}),
        ("Link", "The links of the answer (RFC 8288).", TEXT),
        ("ETag", "The same as long as the content is (RFC 9110).", TEXT),
        ("Preference-Applied", "What was done of what Prefer asked for (RFC 7240).", TEXT),
        ("Retry-After", "Seconds after which it is worth another try.", {"type": "integer", "minimum": 0}),
        ("Content-Range", "Which bytes of how many these are.", TEXT),
        ("Accept-Ranges", "bytes, where ranges can be asked for.", TEXT),
        ("Content-Disposition", "A name for the file.", TEXT),
    )
}

CAUSES: dict[int, tuple[str, tuple[str, ...]]] = {
    400: ("The request is wrong.", (ogc.INVALID_QUERY, ogc.INVALID_PARAMETER, ogc.NO_SUCH_OUTPUT)),
    403: ("It is not allowed.", ()),
    404: (
        "What was asked for is not there.",
        (ogc.NO_SUCH_PROCESS, ogc.NO_SUCH_JOB, ogc.RESULT_NOT_READY, ogc.RESULT_NOT_AVAILABLE, ogc.NO_PICTURE),
    ),
    406: ("None of the formats that Accept names is one of these.", ()),
    410: ("The results of the job have expired.", (ogc.RESULT_NOT_AVAILABLE,)),
    412: ("It is no longer what If-Match names.", ()),
    413: ("The body is larger than this service takes.", ()),
    414: ("The address is longer than this service takes.", ()),
    415: ("The body is not stated to be JSON.", ()),
    416: ("The file does not have those bytes.", ()),
    421: ("The request is for a host that this service is not.", ()),
    431: ("The headers are longer than this service takes.", ()),
    500: ("The process failed, or the service did.", ("InternalError",)),
    503: ("The service is busy, or cannot run anything now.", ()),
    504: ("It took longer than it may.", ()),
    507: ("It took more memory than it may, or its results found no place.", ()),
}
"""HTTP status: what it means, and the types of problems it comes with beside those of failed calls."""


def _kinds(status: int, stated: Iterable[str]) -> list[str]:
    rows = [row for row in (*FAILURES.values(), *ENGINE.values()) if row.status == status]
    phrase = HTTPStatus(status).phrase.replace(" ", "")
    return list(dict.fromkeys([*stated, *(row.type for row in rows), phrase]))


def _problem(status: int) -> Answer:
    meaning, stated = CAUSES[status]
    kinds = _kinds(status, stated)
    narrowed = {"type": "object", "properties": {"type": {"type": "string", "enum": kinds}}}
    schema = {"allOf": [schema_of("exception"), narrowed]}
    page = {ogc.HTML: {"schema": TEXT}}
    answer = {"description": meaning, "content": {kind: {"schema": schema} for kind in (ogc.PROBLEM, ogc.JSON)} | page}
    return answer | {"headers": headers("Retry-After")} if status == HTTPStatus.SERVICE_UNAVAILABLE else answer


def headers(*names: str) -> dict[str, Any]:
    """References to some headers."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def good(description: str, content: Mapping[str, Mapping[str, Any]], *names: str) -> Answer:
    """A good answer.

    Parameters
    ----------
    description : what it is.
    content : schema by media type.
    names : the headers it may have.
    """
    answer: Answer = {"description": description}
    if names:
        answer["headers"] = headers(*names)
    if content:
        answer["content"] = {kind: {"schema": schema} for kind, schema in content.items()}
    return answer


def document(description: str, schema: str, *names: str) -> Answer:
    """A document as JSON or as a page."""
    return good(description, {ogc.JSON: schema_of(schema), ogc.HTML: TEXT}, "Link", *names)


RESPONSES: dict[str, Answer] = {
    **{str(status): _problem(status) for status in CAUSES},
    "304": good("Nothing changed.", {}, "ETag"),
    "statusInfo": document("The state of the job.", "statusInfo", "ETag", "Preference-Applied"),
    "created": document("A job was made.", "statusInfo", "Location", "ETag", "Preference-Applied"),
    "at-site": good("The only output stayed at a site, and is found there.", {}, "Location", "ETag"),
    "references": good("Where each output is found, in Link headers; or nothing was asked for.", {}, "Link"),
}
"""Answers by what this document calls them."""

EVERYWHERE = (400, 414, 421, 431, 500, 503)
"""Problems that any request can meet."""


def response(name: str | int) -> dict[str, str]:
    """A reference to one of them."""
    return {"$ref": f"#/components/responses/{name}"}


def problems(*statuses: int) -> dict[str, Any]:
    """References to problems, with those that any request can meet."""
    return {str(status): response(status) for status in sorted({*EVERYWHERE, *statuses})}
