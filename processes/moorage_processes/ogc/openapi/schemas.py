"""The standard's schemas in our own words, and no wider than what this service sends and takes."""

from __future__ import annotations

from typing import Any

from moorage_processes.jobs.job import Status
from moorage_processes.ogc.openapi.dialect import any_of, schema_of

Schema = dict[str, Any]

TEXT = {"type": "string"}
MOMENT = {"type": "string", "format": "date-time"}
ADDRESS = {"type": "string", "description": "A URI, or one relative to this service."}


def record(description: str, required: tuple[str, ...], /, **members: Schema) -> Schema:
    """An object with named members; others may stand beside them."""
    schema: Schema = {"type": "object", "description": description, "properties": members}
    return schema | {"required": list(required)} if required else schema


def array(items: Schema, **bounds: Any) -> Schema:
    """A list."""
    return {"type": "array", "items": items, **bounds}


def mapping(description: str, values: Schema) -> Schema:
    """An object whose members all are alike."""
    return {"type": "object", "description": description, "additionalProperties": values}


def _described(description: str, *, occurs: bool) -> Schema:
    count = {"minOccurs": {"type": "integer", "minimum": 0}, "maxOccurs": any_of({"type": "integer"}, TEXT)}
    return record(
        description,
        ("schema",),
        title=TEXT,
        description=TEXT,
        keywords=array(TEXT),
        metadata=array(record("What else is known of it.", (), role=TEXT, title=TEXT, href=TEXT)),
        schema={"type": "object", "description": "What one value looks like: a schema of OpenAPI 3.0."},
        **(count if occurs else {}),
    )


LINKS = array(schema_of("link"))
SUMMARY: dict[str, Schema] = {
    "id": {**TEXT, "description": "What it is called in requests."},
    "version": TEXT,
    "title": TEXT,
    "description": TEXT,
    "keywords": array(TEXT),
    "jobControlOptions": array({"type": "string", "enum": ["sync-execute", "async-execute", "dismiss"]}),
    "outputTransmission": array({"type": "string", "enum": ["value", "reference"]}),
    "links": LINKS,
}
FORMAT: dict[str, Schema] = {
    "mediaType": {**TEXT, "description": "Of the value, where its schema leaves a choice."},
    "encoding": {**TEXT, "description": "base64, where the value is binary."},
    "schema": {"description": "A schema of the value, or where it is found."},
}
SUBSCRIBER = {name: {"type": "string", "format": "uri"} for name in ("successUri", "inProgressUri", "failedUri")}
COORDINATES = {**array({"type": "number"}), "oneOf": [{"minItems": n, "maxItems": n} for n in (4, 6)]}
VALUES = [{"type": name} for name in ("string", "number", "boolean", "object")]

SCHEMAS: dict[str, Schema] = {
    "link": record(
        "A way to something else.",
        ("href",),
        href=ADDRESS,
        rel={**TEXT, "description": "What it is to what holds the link."},
        type={**TEXT, "description": "Its media type."},
        hreflang=TEXT,
        title=TEXT,
    ),
    "landingPage": record(
        "The service in a few words.", ("links",), title=TEXT, description=TEXT, attribution=TEXT, links=LINKS
    ),
    "confClasses": record(
        "The conformance classes that are met.", ("conformsTo",), conformsTo=array(TEXT), links=LINKS
    ),
    "openapi": record("A document of OpenAPI 3.0.", ("openapi", "info", "paths")),
    "processSummary": record("A process in the list.", ("id", "version"), **SUMMARY),
    "processList": record(
        "One page of the process list.",
        ("processes", "links"),
        processes=array(schema_of("processSummary")),
        links=LINKS,
    ),
    "process": record(
        "A process in full.",
        ("id", "version"),
        **SUMMARY,
        inputs=mapping("Its inputs by their ids.", schema_of("inputDescription")),
        outputs=mapping("Its outputs by their ids.", schema_of("outputDescription")),
    ),
    "inputDescription": _described("One input.", occurs=True),
    "outputDescription": _described("One output.", occurs=False),
    "statusInfo": record(
        "The state of a job. The names of version 1.0 and of draft 2.0 stand beside each other.",
        ("jobID", "status", "type", "processID", "links"),
        type={"type": "string", "enum": ["process"]},
        processingEntityType={"type": "string", "enum": ["ogc-api-processes"]},
        processID={**TEXT, "description": "Id of the process; its URI for callers who ask for a profile of draft 2.0."},
        jobID=TEXT,
        id=TEXT,
        status={"type": "string", "enum": [each.value for each in Status]},
        message={**TEXT, "description": "What it does, or why it failed."},
        progress={"type": "integer", "minimum": 0, "maximum": 100},
        created=MOMENT,
        started=MOMENT,
        finished=MOMENT,
        updated=MOMENT,
        links=LINKS,
    ),
    "jobList": record(
        "One page of the job list, newest first.",
        ("jobs", "links"),
        jobs=array(schema_of("statusInfo")),
        numberReturned={"type": "integer", "minimum": 0},
        links=LINKS,
    ),
    "siteList": record(
        "Institutes that dial in to this service.",
        ("sites", "links"),
        sites=array(
            record(
                "One of them.",
                ("id", "state", "announced", "seen", "processes"),
                id=TEXT,
                state={"type": "string", "enum": ["present", "away"]},
                announced={**MOMENT, "description": "When it told what it offers."},
                seen={**MOMENT, "description": "When one of its machines was heard of last."},
                processes=array(TEXT),
            )
        ),
        links=LINKS,
    ),
    "bbox": record(
        "A box on the Earth.",
        ("bbox",),
        bbox={**COORDINATES, "description": "west, south, east, north; with a height after south and after north."},
        crs={"type": "string", "format": "uri", "default": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"},
    ),
    "qualifiedValue": record(
        "A value with what it is. An object other than a bounding box comes only so.",
        ("value",),
        value={},
        **FORMAT,
        format=record("The same three in an object of their own.", (), **FORMAT),
    ),
    "inlineOrRefData": {
        "description": "A value as it is, with what it is, or where it is found.",
        "anyOf": [*VALUES, array({})],
    },
    "outputWish": record(
        "How one output is wanted.",
        (),
        format=record("In which format.", (), **FORMAT),
        transmissionMode={"type": "string", "enum": ["value", "reference"]},
    ),
    "subscriber": record("Who is told how a job goes.", (), **SUBSCRIBER),
    "execute": record(
        "An execute request.",
        (),
        inputs=mapping("A value, or a list of values, for each input.", schema_of("inlineOrRefData")),
        outputs=mapping("The outputs that are wanted; all of them where this is left out.", schema_of("outputWish")),
        response={
            "type": "string",
            "enum": ["raw", "document"],
            "description": "The outputs as they are, or in one JSON document. Where it is left out, several outputs "
            "are a document for those who accept JSON by name, and multipart/related for all others.",
        },
        subscriber=schema_of("subscriber"),
    ),
    "results": mapping("The outputs by their ids.", schema_of("inlineOrRefData")),
    "exception": record(
        "What was wrong, and what would be right (RFC 7807).",
        ("type",),
        type={**TEXT, "description": "The kind of problem: a URI of the standard, or a short name."},
        title=TEXT,
        status={"type": "integer", "minimum": 400, "maximum": 599},
        detail=TEXT,
        instance=TEXT,
        input={**TEXT, "description": "The input that was wrong."},
        kind={**TEXT, "description": "The class of error that the method raised, where its author made one."},
        reference={**TEXT, "description": "Under which the operator of the service finds the reason."},
        job={**TEXT, "description": "The job that was made, where the request waited for its end."},
    ),
    "collectionException": record("What was wrong with a request for data.", (), code=TEXT, description=TEXT),
}
"""Schemas by the standard's own names."""
