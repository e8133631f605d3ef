"""The paths of datasets, as pygeoapi describes its own, without anything that lies on another host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mooring_processes.ogc import vocabulary as ogc
from mooring_processes.ogc.openapi.answers import response
from mooring_processes.ogc.openapi.dialect import TEXT, as_openapi, schema_of
from mooring_processes.ogc.openapi.parameters import path, query

OURS = ("/processes", "/jobs", "/conformance", "/openapi")
"""Where our own operations come first."""
METHODS = ("get", "post", "put", "delete")
TAG = "collections"
LOCAL = {
    "datetime": query("datetime", "An instant of RFC 3339, or an interval start/end; either may be ..", TEXT),
    "featureId": path("featureId", "Id of a feature."),
    "parameter-name": query("parameter-name", "Variables.", {"type": "array", "items": TEXT}),
    "positionCoords": query("coords", "A point, line or area in well-known text.", TEXT, required=True),
    "coords": query("coords", "A point, line or area in well-known text.", TEXT, required=True),
    "z": query("z", "A level, or an interval of levels: low/high.", TEXT),
    "sortby": query("sortby", "Properties to sort by, - before one for the other way.", TEXT),
    "subset": query("subset", "A part of an axis: axis(low:high).", {"type": "array", "items": TEXT}),
}
"""Parameters that pygeoapi only refers to, by the last part of their address."""
ANSWERS: dict[str, tuple[str, Mapping[str, Any] | None]] = {
    "200": ("What was asked for.", {"*/*": {"schema": {}}}),
    "201": ("It was made.", {}),
    "204": ("It was done.", {}),
    "400": ("The request is wrong.", None),
    "404": ("What was asked for is not there.", None),
    "500": ("The service failed.", None),
}
CHANGING = {"get": ("200",), "post": ("200", "201"), "put": ("204",), "delete": ("200",)}
"""Good answers by method."""


def collection_paths(openapi: Mapping[str, Any]) -> dict[str, Any]:
    """What pygeoapi serves beside us, from its own OpenAPI document."""
    components = openapi.get("components", {})
    return {
        place: {
            method: _operation(item[method], method, components)
            for method in METHODS
            if method in item
        }
        for place, item in openapi["paths"].items()
        if place != "/" and not place.startswith(OURS)
    }  # fmt: skip


def _operation(stated: Mapping[str, Any], method: str, components: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: stated[name] for name in ("summary", "description", "operationId") if name in stated}
    named = [TAG if tag == "server" else tag for tag in stated.get("tags", ())]
    found = {(each["in"], each["name"]): each for each in _parameters(stated.get("parameters", ()), components)}
    operation = {**kept, "tags": named[:1] or [TAG], "parameters": list(found.values()), "responses": _answers(method)}
    if "requestBody" in stated:
        taken = {kind: {"schema": {"type": "object"}} for kind in stated["requestBody"].get("content", {})}
        operation["requestBody"] = {"content": taken or {ogc.JSON: {"schema": {"type": "object"}}}}
    return operation


def _parameters(stated: Any, components: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Parameters in full; one that neither pygeoapi nor we know the words of is left out."""
    for each in stated:
        address = each.get("$ref")
        if address is None:
            yield _whole(each)
        elif address.startswith("#/components/parameters/"):
            yield _whole(components["parameters"][address.rpartition("/")[2]])
        elif (name := address.rpartition("/")[2].removesuffix(".yaml")) in LOCAL:
            yield LOCAL[name]


def _whole(parameter: Mapping[str, Any]) -> dict[str, Any]:
    schema = parameter.get("schema", TEXT)
    return {**parameter, "schema": TEXT if "$ref" in str(schema) else as_openapi(schema)}


def _answers(method: str) -> dict[str, Any]:
    # pygeoapi tells what was wrong in the media type of what was asked for, whatever that is
    problem = {ogc.JSON: {"schema": schema_of("collectionException")}, "*/*": {"schema": {}}}
    told = (*CHANGING[method], "400", "404", "500")
    refused = {str(status): response(status) for status in (414, 431)}  # before it comes to pygeoapi
    return {code: _answer(*ANSWERS[code], problem) for code in told} | refused


def _answer(description: str, content: Mapping[str, Any] | None, problem: Mapping[str, Any]) -> dict[str, Any]:
    found = problem if content is None else content
    return {"description": description, "content": found} if found else {"description": description}
