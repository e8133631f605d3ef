"""The paths of datasets: the coverages, which are ours, and the rest as pygeoapi describes it, without other hosts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from moorage.formats import Kind

from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.collections.coverage import MEDIA_TYPES
from moorage_processes.ogc.openapi.answers import good, problems, response
from moorage_processes.ogc.openapi.dialect import FILE, TEXT, as_openapi, schema_of
from moorage_processes.ogc.openapi.parameters import choices, parameter, path, query

if TYPE_CHECKING:
    from moorage_processes.data.datasets import Dataset

OURS = ("/processes", "/jobs", "/conformance", "/openapi")
"""Where our own operations come first."""
METHODS = ("get", "post", "put", "delete")
TAG = "collections"


def _place(description: str, example: str) -> dict[str, Any]:
    return {**query("coords", description, TEXT, required=True), "example": example}


LOCAL = {
    "datetime": query("datetime", "An instant of RFC 3339, or an interval start/end; either may be ..", TEXT),
    "featureId": path("featureId", "Id of a feature."),
    "parameter-name": query("parameter-name", "Variables.", {"type": "array", "items": TEXT}),
    "positionCoords": _place("A point in well-known text.", "POINT(8.5 53)"),
    "areaCoords": _place("An area in well-known text.", "POLYGON((-20 30, 40 30, 40 70, -20 30))"),
    "z": query("z", "A level, or an interval of levels: low/high.", TEXT),
    "sortby": query("sortby", "Properties to sort by, - before one for the other way.", TEXT),
    "subset": query("subset", "A part of an axis: axis(low:high).", {"type": "array", "items": TEXT}),
}
"""Parameters that pygeoapi only refers to, by the last part of their address."""
OBJECT = {"type": "object"}
TEXTS = {"type": "array", "minItems": 1, "items": TEXT}
COVERAGE = (
    query("f", "The format; goes before the Accept header.", choices(*MEDIA_TYPES, "html")),
    query(
        "bbox",
        "West, south, east, north [degrees, or units of bbox-crs], or these with a lowest and a highest level; a west "
        "greater than the east goes over 180 degrees.",
        {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}},
    ),
    query("bbox-crs", "CRS of the bbox: a URI or EPSG:number; longitude and latitude where this is left out.", TEXT),
    LOCAL["datetime"],
    query("subset", "Parts of axes: axis(value) or axis(low:high), times in quotes.", TEXTS),
    query("properties", "The variables that are wanted; all of them where this is left out.", TEXTS),
)
FILES = ("ETag", "Accept-Ranges", "Content-Range", "Content-Disposition")
"""Headers of a coverage."""
ANSWERS: dict[str, tuple[str, Mapping[str, Any] | None]] = {
    "200": ("What was asked for.", {"*/*": {"schema": {}}}),
    "201": ("It was made.", {}),
    "204": ("It was done.", {}),
    "400": ("The request is wrong.", None),
    "404": ("What was asked for is not there.", None),
    "413": ("It is more than this service sends at once.", None),
    "500": ("The service failed.", None),
    "503": ("The data does not open now.", None),
}
CHANGING = {"get": ("200",), "post": ("200", "201"), "put": ("204",), "delete": ("200",)}
"""Good answers by method."""


def collection_paths(openapi: Mapping[str, Any], datasets: Mapping[str, Dataset]) -> dict[str, Any]:
    """What pygeoapi serves beside us, from its own OpenAPI document, with our coverages; datasets are read only."""
    components = openapi.get("components", {})
    paths: dict[str, Any] = {}
    for place, item in openapi["paths"].items():
        if place == "/" or place.startswith(OURS):
            continue
        methods = ("get",) if _collection(place) in datasets else METHODS
        paths[place] = {name: _operation(item[name], name, components) for name in methods if name in item}
    grids = [each.id for each in datasets.values() if each.kind is Kind.GRID]
    return paths | {f"/collections/{name}/coverage": {"get": _coverage(name)} for name in grids}


def _collection(place: str) -> str:
    """Which collection a path is about; none where it is about all of them."""
    return "".join(place.split("/")[2:3])


def _coverage(name: str) -> dict[str, Any]:
    documents = {each: OBJECT for each in MEDIA_TYPES.values() if each.endswith("json")}
    files = {each: FILE for each in MEDIA_TYPES.values() if each not in documents}
    return {
        "tags": [name],
        "operationId": f"coverage-{name}",
        "summary": "The part of a grid inside a box, a period and ranges of its axes",
        "parameters": [*COVERAGE, *parameter("Range", "If-Range", "If-None-Match")],
        "responses": {
            "200": good("The part.", documents | files | {ogc.HTML: TEXT}, *FILES),
            "206": good("Some of its bytes.", files, *FILES),
            "304": response(304),
            **problems(404, 406, 412, 413, 416),
        },
    }


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
    told = (*CHANGING[method], "400", "404", "413", "500", "503")
    refused = {str(status): response(status) for status in (414, 431)}  # before it comes to pygeoapi
    return {code: _answer(*ANSWERS[code], problem) for code in told} | refused


def _answer(description: str, content: Mapping[str, Any] | None, problem: Mapping[str, Any]) -> dict[str, Any]:
    found = problem if content is None else content
    return {"description": description, "content": found} if found else {"description": description}
