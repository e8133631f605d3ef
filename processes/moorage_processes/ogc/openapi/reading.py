"""The OpenAPI document in the order in which a person reads it: chapters of operations, nothing left to look up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

METHODS = frozenset({"get", "post", "put", "delete"})

WRONG = "400"
"""The first status that tells of a problem."""


@dataclass(frozen=True)
class Operation:
    """One operation with its parameters, body and answers in full; schemas of the standard stay references."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: Sequence[Mapping[str, Any]]
    body: Mapping[str, Any]
    """Schema by media type; empty where it takes none."""
    answers: Mapping[str, Mapping[str, Any]]
    """Good ones, by status."""
    problems: Mapping[str, Mapping[str, Any]]
    """The other ones."""
    callbacks: Mapping[str, Mapping[str, Any]]
    """Address to what is sent there."""


@dataclass(frozen=True)
class Chapter:
    """The operations of one tag."""

    name: str
    description: str
    operations: Sequence[Operation]


def chapters(document: Mapping[str, Any]) -> list[Chapter]:
    """All operations by tag, in the order of the tags."""
    operations = list(_operations(document))
    return [
        Chapter(tag["name"], tag["description"], [each for name, each in operations if name == tag["name"]])
        for tag in document["tags"]
    ]


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Operation]]:
    for path, item in document["paths"].items():
        for method in item:
            if method in METHODS:
                yield item[method]["tags"][0], _operation(document, path, method, item)


def _operation(document: Mapping[str, Any], path: str, method: str, item: Mapping[str, Any]) -> Operation:
    stated = item[method]
    answers = {code: _found(document, each) for code, each in stated["responses"].items()}
    sent = stated.get("callbacks", {}).get("subscriber", {})
    return Operation(
        id=stated.get("operationId", f"{method}-{path}"),
        method=method.upper(),
        path=path,
        summary=stated.get("summary", ""),
        description=stated.get("description", ""),
        parameters=[_found(document, each) for each in (*item.get("parameters", ()), *stated["parameters"])],
        body=_schemas(stated.get("requestBody", {})),
        answers={code: {**each, "content": _schemas(each)} for code, each in answers.items() if code < WRONG},
        problems={code: each for code, each in answers.items() if code >= WRONG},
        callbacks={
            url: {**each["post"], "content": _schemas(each["post"]["requestBody"])} for url, each in sent.items()
        },
    )


def _schemas(body: Mapping[str, Any]) -> dict[str, Any]:
    return {media_type: each.get("schema", {}) for media_type, each in body.get("content", {}).items()}


def _found(document: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference leads to."""
    if "$ref" not in value:
        return value
    kind, name = value["$ref"].split("/")[-2:]
    found: Mapping[str, Any] = document["components"][kind][name]
    return found
