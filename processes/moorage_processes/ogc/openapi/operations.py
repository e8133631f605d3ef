"""The operations every service has, whatever its processes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.openapi.answers import document, good, problems, response
from moorage_processes.ogc.openapi.dialect import FILE, TEXT, schema_of
from moorage_processes.ogc.openapi.execution import FAILURES, contents, executed, single, subscriber
from moorage_processes.ogc.openapi.parameters import parameter

FILES = ("ETag", "Accept-Ranges", "Content-Range", "Content-Disposition", "Link", "Preference-Applied")
"""Headers of an answer that may be a file."""
RANGES = "multipart/byteranges"
"""Several parts of a file in one answer (RFC 9110)."""
PART = {"304": response(304), **problems(404, 412, 416)}
"""Answers about a file that is asked for in parts or again."""
TAGS = {
    "service": "What the service is.",
    "processes": "What it computes.",
    "jobs": "What it was asked to compute, and the results.",
}


def service_paths() -> dict[str, Any]:
    """Landing page, conformance and this document."""
    fresh = {"304": response(304), **problems(412)}
    return {
        "/": {"get": _get("landing-page", "service", "Where everything is found", "landingPage", "f")},
        "/conformance": {"get": _get("conformance", "service", "The conformance classes it meets", "confClasses", "f")},
        "/robots.txt": {
            "get": {
                **_named("robots", "service", "What search engines are asked to leave alone"),
                "parameters": [],
                "responses": {"200": good("Rules for robots.", {ogc.TEXT: TEXT}), **problems()},
            }
        },
        "/openapi": {
            "get": {
                **_named("openapi", "service", "This document"),
                "parameters": parameter("f", "If-None-Match"),
                "responses": {
                    "200": good("All operations.", {ogc.OPENAPI: schema_of("openapi"), ogc.HTML: TEXT}, "ETag"),
                    **fresh,
                },
            }
        },
    }


def processes_paths(*, by_query: bool) -> dict[str, Any]:
    """The process list, and what holds for any process; beside it stand those of each.

    Parameters
    ----------
    by_query : whether processes are executed by GET too.
    """
    asked = ("processes-limit", "offset", "f", "If-None-Match")
    listing = _get("processes", "processes", "The process list", "processList", *asked)
    described = _get("process", "processes", "The description of a process", "process", "f", "If-None-Match")
    for operation in (listing, described):
        operation["responses"]["200"]["headers"]["ETag"] = {"$ref": "#/components/headers/ETag"}
        operation["responses"] |= {"304": response(304), **problems(412)}
    described["responses"] |= problems(404)
    return {
        "/processes": {"get": listing},
        "/processes/{processID}": {"parameters": parameter("processID"), "get": described},
        "/processes/{processID}/execution": {
            "parameters": parameter("processID"),
            "post": _execute(),
            **({"get": _execute_by_query()} if by_query else {}),
        },
    }


def _execute() -> dict[str, Any]:
    return {
        **_named("execute", "processes", "Execute a process"),
        "parameters": parameter("Prefer-execute", "f", "profile"),
        "requestBody": {"required": True, "content": {ogc.JSON: {"schema": schema_of("execute")}}},
        "responses": executed({}) | problems(415),
        "callbacks": {"subscriber": subscriber(schema_of("results"))},
    }


def _execute_by_query() -> dict[str, Any]:
    return {
        **_named("execute-by-query", "processes", "Execute a process by a query"),
        "description": "One parameter for each input and output; the paths of each process name them.",
        "parameters": parameter("Prefer-execute", "f", "profile"),
        "responses": executed({}) | problems(403),
    }


FILTERS = ("type", "processID-filter", "status", "datetime", "minDuration", "maxDuration")


def jobs_paths(outputs: Collection[Mapping[str, Any]]) -> dict[str, Any]:
    """Jobs, their logs and their results, which hold any of *outputs*."""
    listing = _get("jobs", "jobs", "The job list", "jobList", *FILTERS, "limit", "offset", "after", "f", "profile")
    listing["responses"] |= problems(404)
    return {
        "/jobs": {"get": listing},
        "/jobs/{jobID}": {"parameters": parameter("jobID"), "get": _job(), "delete": _dismiss()},
        "/jobs/{jobID}/log": {"parameters": parameter("jobID"), "get": _log()},
        "/jobs/{jobID}/results": {"parameters": parameter("jobID"), "get": _results(outputs)},
        "/jobs/{jobID}/results/{outputID}": {
            "parameters": parameter("jobID", "outputID"),
            "get": _output(outputs),
        },
        "/jobs/{jobID}/results/{outputID}/look": {"parameters": parameter("jobID", "outputID"), "get": _look()},
    }


def _job() -> dict[str, Any]:
    return {
        **_named("job", "jobs", "The state of a job"),
        "parameters": parameter("Prefer-wait", "If-None-Match", "f", "profile"),
        "responses": {"200": response("statusInfo"), "304": response(304), **problems(404)},
    }


def _dismiss() -> dict[str, Any]:
    return {
        **_named("dismiss", "jobs", "Dismiss a job"),
        "description": "Stops a job that is not done; removes one that is, with its results.",
        "parameters": parameter("f", "profile"),
        "responses": {"200": document("Its last state.", "statusInfo"), **problems(404)},
    }


def _log() -> dict[str, Any]:
    text = {ogc.TEXT: TEXT, ogc.HTML: TEXT}
    return {
        **_named("log", "jobs", "What a job's method said while it ran"),
        "parameters": parameter("f-log", "Range", "If-Range", "If-None-Match"),
        "responses": {
            "200": good("The log.", text, *FILES),
            "206": good("A part of it.", {ogc.TEXT: TEXT, RANGES: FILE}, *FILES),
            **PART,
        },
    }


def _results(outputs: Collection[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        **_named("results", "jobs", "The results of a job, as the execute request asked for them"),
        "parameters": parameter("outputs", "Prefer-return", "f", "profile", "Range", "If-Range", "If-None-Match"),
        "responses": {
            "200": good("The results.", contents(outputs, schema_of("results")), *FILES),
            "204": response("references"),
            "206": good("A part of the only output.", _files(outputs), *FILES),
            "303": response("at-site"),
            **PART,
            **problems(*FAILURES, 410, 412, 416),
        },
    }


def _output(outputs: Collection[Mapping[str, Any]]) -> dict[str, Any]:
    content = single(outputs) | {ogc.HTML: TEXT}
    return {
        **_named("output", "jobs", "One output as it is"),
        "parameters": parameter("f-output", "Range", "If-Range", "If-None-Match"),
        "responses": {
            "200": good("The output.", content, *FILES),
            "206": good("A part of it.", _files(outputs), *FILES),
            "303": good("It is found at a store, by a link that lasts a while, or at a site.", {}, "Location", "ETag"),
            **PART,
            **problems(*FAILURES, 410, 412, 416),
        },
    }


def _look() -> dict[str, Any]:
    return {
        **_named("look", "jobs", "A picture of one output, as its page shows it"),
        "parameters": parameter("If-None-Match"),
        "responses": {
            "200": good("The picture.", {"image/png": FILE}, "ETag"),
            "304": response(304),
            **problems(404, 412),
        },
    }


def _files(outputs: Collection[Mapping[str, Any]]) -> dict[str, Any]:
    """The media types of single outputs, cut somewhere; several cuts in one."""
    return dict.fromkeys([*single(outputs), RANGES], FILE)


def _named(name: str, tag: str, summary: str) -> dict[str, Any]:
    return {"tags": [tag], "operationId": name, "summary": summary}


def _get(name: str, tag: str, summary: str, schema: str, *parameters: str) -> dict[str, Any]:
    """A document that is read."""
    answers = {"200": document(f"{summary}.", schema), **problems()}
    return {**_named(name, tag, summary), "parameters": parameter(*parameters), "responses": answers}
