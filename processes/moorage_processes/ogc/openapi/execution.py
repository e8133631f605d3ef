"""One process as operations: described, executed by a body, executed by a query."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from moorage import formats
from moorage.formats import Kind

from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.descriptions import media_types, type_of
from moorage_processes.ogc.openapi.answers import document, good, problems, response
from moorage_processes.ogc.openapi.dialect import FILE, TEXT, alternative, any_of, as_openapi, body, schema_of
from moorage_processes.ogc.openapi.parameters import parameter, query
from moorage_processes.ogc.requests.kvp import BELONG_ELSEWHERE

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Entry

Described = Mapping[str, Mapping[str, Any]]

DATA = frozenset({Kind.GRID, Kind.FEATURES, Kind.TABLE})
MULTIPART = "multipart/related"
FAILURES = (404, 413, 504, 507)
"""Problems of an execution beside those of any request."""
DATASET: dict[str, Any] = {
    "type": "string",
    "description": "Id of a dataset, or dataset:variable; or the content as base64.",
}
SELECTION: dict[str, Any] = {
    "type": "object",
    "description": "A part of a dataset.",
    "required": ["collection"],
    "properties": {
        "collection": {"type": "string", "description": "Id of the dataset."},
        "properties": {"type": "array", "items": TEXT, "description": "Variables."},
        "bbox": {"type": "array", "items": {"type": "number"}},
        "datetime": TEXT,
    },
}
WISHES = (
    query("response[f]", "The media type the answer is wanted in; stands for the Accept header.", TEXT),
    query("response[prefer]", "What stands for a Prefer header.", TEXT),
)


def process_paths(entry: Entry, *, by_query: bool) -> dict[str, Any]:
    """The paths of one process.

    Parameters
    ----------
    entry : the process.
    by_query : whether it is executed by GET too.
    """
    path = f"/processes/{quote(entry.id)}"
    return {path: {"get": _description(entry)}, f"{path}/execution": _executions(entry, by_query=by_query)}


def _description(entry: Entry) -> dict[str, Any]:
    return {
        "tags": [entry.id],
        "operationId": f"describe-{entry.id}",
        "summary": "Its description",
        "parameters": parameter("f", "If-None-Match"),
        "responses": {
            "200": document("The process in full.", "process", "ETag"),
            "304": response(304),
            **problems(404, 412),
        },
    }


def _executions(entry: Entry, *, by_query: bool) -> dict[str, Any]:
    common = {"tags": [entry.id], "description": entry.description["description"] or entry.description["title"]}
    answers = executed(entry.description["outputs"], asynchronous=entry.limits.asynchronous)
    executions = {
        "post": {
            **common,
            "operationId": f"execute-{entry.id}",
            "summary": "Execute it",
            "parameters": parameter("Prefer-execute", "f", "profile"),
            "requestBody": {"required": True, "content": {ogc.JSON: {"schema": _request(entry)}}},
            "responses": answers | problems(415),
            "callbacks": {"subscriber": subscriber(_results(entry.description["outputs"]))},
        },
    }
    by_get = {
        **common,
        "operationId": f"execute-{entry.id}-by-query",
        "summary": "Execute it by a query",
        "parameters": [*_query_parameters(entry), *parameter("Prefer-execute", "f", "profile")],
        "responses": answers | problems(403),
    }
    return executions | ({"get": by_get} if by_query else {})


def executed(outputs: Described, *, asynchronous: bool = True) -> dict[str, Any]:
    """What an execution is answered with."""
    made = {"201": response("created")} if asynchronous else {}
    content = contents(outputs.values(), _results(outputs))
    names = ("Link", "Preference-Applied", "ETag", "Accept-Ranges", "Content-Disposition")
    return {
        "200": good("The results, as they were asked for.", content, *names),
        **made,
        "204": response("references"),
        "303": response("at-site"),
        **problems(*FAILURES),
    }


def contents(outputs: Collection[Mapping[str, Any]], results: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Schema by media type of results: all in one document as *results* has it, each as it is, or several together."""
    found = single(outputs)
    found[ogc.JSON] = any_of(results, found[ogc.JSON]) if ogc.JSON in found else dict(results)
    return found | {ogc.HTML: TEXT} | ({} if len(outputs) == 1 else {MULTIPART: FILE})


def single(outputs: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Schema by media type of one of *outputs* as it is."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for described in outputs:
        for media_type in media_types(described):
            found.setdefault(media_type, []).append(body(described["schema"], media_type))
    return {media_type: any_of(*schemas) for media_type, schemas in found.items()}


def subscriber(results: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent to whom the caller names."""
    state = schema_of("statusInfo")
    sent = (
        ("successUri", "The results, once they are there.", results),
        ("inProgressUri", "The state of the job, while it runs.", state),
        ("failedUri", "The state of the job, when it failed.", state),
    )
    return {
        f"{{$request.body#/subscriber/{name}}}": {
            "post": {
                "summary": summary,
                "requestBody": {"required": True, "content": {ogc.JSON: {"schema": schema}}},
                "responses": {"2XX": {"description": "It arrived."}},
            }
        }
        for name, summary, schema in sent
    }


def _results(outputs: Described) -> dict[str, Any]:
    """results.yaml for these outputs; one that the method left out is missing."""
    if not outputs:
        return schema_of("results")
    members = {name: _member(each) for name, each in outputs.items()}
    return {"type": "object", "description": "The outputs by their ids.", "properties": members}


def _member(described: Mapping[str, Any]) -> dict[str, Any]:
    if formats.kind_of(type_of(described)) in (*DATA, Kind.BYTES, Kind.ARRAY, Kind.FIGURE):
        return any_of(schema_of("qualifiedValue"), schema_of("link"))
    return any_of(as_openapi(described["schema"]), schema_of("qualifiedValue"), schema_of("link"))


def _request(entry: Entry) -> dict[str, Any]:
    """execute.yaml for one process."""
    described: Described = entry.description["inputs"]
    required = [name for name, each in described.items() if each.get("minOccurs", 1) > 0]
    inputs: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _input(each) for name, each in described.items()},
    }
    if required:
        inputs["required"] = required
    wishes = {name: _wish(each) for name, each in entry.description["outputs"].items()}
    generic = {
        "response": {"type": "string", "enum": ["raw", "document"]},
        "subscriber": schema_of("subscriber"),
    }
    request: dict[str, Any] = {
        "type": "object",
        "properties": {
            "inputs": inputs,
            "outputs": {"type": "object", "additionalProperties": False, "properties": wishes},
            **generic,
        },
    }
    return request | {"required": ["inputs"]} if required else request


def _input(described: Mapping[str, Any]) -> dict[str, Any]:
    about = {"title": described["title"], "description": described.get("description", "")}
    one = _one(described)
    most = described.get("maxOccurs", 1)
    if most == 1:
        return about | one
    many: dict[str, Any] = {"type": "array", "items": one}
    if (least := described.get("minOccurs", 1)) > 0:
        many["minItems"] = least
    if most != "unbounded":
        many["maxItems"] = most
    return about | any_of(many, one)


def _one(described: Mapping[str, Any]) -> dict[str, Any]:
    """One value: as it is, with what it is, or where it is found."""
    kind = formats.kind_of(type_of(described))
    schema = as_openapi(described["schema"])
    ways: list[Mapping[str, Any]] = [DATASET, SELECTION] if kind in DATA else [schema]
    if kind is Kind.FEATURES:
        ways.append(as_openapi(alternative(described["schema"], "application/geo+json")))
    inner = any_of(DATASET, *ways[2:]) if kind in DATA else schema
    qualified = {"allOf": [schema_of("qualifiedValue"), {"type": "object", "properties": {"value": inner}}]}
    return any_of(*ways, qualified, schema_of("link"))


def _wish(described: Mapping[str, Any]) -> dict[str, Any]:
    choice = {"type": "string", "enum": media_types(described)}
    narrowed = {"format": {"type": "object", "properties": {"mediaType": choice}}}
    wish = {"allOf": [schema_of("outputWish"), {"type": "object", "properties": narrowed}]}
    return {"title": described["title"], "description": described.get("description", ""), **wish}


def _query_parameters(entry: Entry) -> Iterator[dict[str, Any]]:
    for name, described in entry.description["inputs"].items():
        if name not in BELONG_ELSEWHERE:
            yield from _as_query(name, described)
    for name, described in entry.description["outputs"].items():
        title = described["title"]
        choice = {"type": "string", "enum": media_types(described)}
        yield query(f"{name}[include]", f"{title}: whether this output is wanted.", {"type": "boolean"})
        if name not in entry.description["inputs"]:
            yield query(f"{name}[mediaType]", f"{title}: in which format.", choice)
    yield from WISHES


def _as_query(name: str, described: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One input in a query: the value itself, or in brackets where it is found."""
    text = described.get("description") or described["title"]
    kind = formats.kind_of(type_of(described))
    required = described.get("minOccurs", 1) > 0 and kind not in DATA
    yield query(name, text, _query_schema(described, kind), required=required)
    yield query(f"{name}[href]", f"{described['title']}: where it is found.", TEXT)
    if kind is Kind.BBOX:
        yield query(f"{name}[crs]", f"{described['title']}: its coordinate reference system.", TEXT)


def _query_schema(described: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    if kind is Kind.BBOX:
        return {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6}
    schema: dict[str, Any] = as_openapi(described["schema"])
    if kind is not Kind.VALUE or schema.get("type") not in ("string", "number", "integer", "boolean", "array"):
        return {"type": "string", "description": "As text; what is not text, as JSON."}
    if described.get("maxOccurs", 1) != 1:
        return {"type": "array", "items": schema}
    return schema
