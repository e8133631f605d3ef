"""What the API definition of a service says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from exchange import get, get_json, links

METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


def defined(url: str) -> dict[str, Any]:
    """The definition the landing page links to."""
    (link,) = links(get_json(f"{url}/", "landingPage"), "service-desc")
    document: dict[str, Any] = get(link["href"]).json()
    return document


def limits(definition: dict[str, Any], path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameter ``limit`` of a list, and its schema; the standard lets a service have numbers of its own."""
    described = [resolved(definition, each) for each in operation(definition, path, "get")["parameters"]]
    (limit,) = (each for each in described if each["name"] == "limit")
    return limit, resolved(definition, limit["schema"])


def named(path: str) -> str:
    """A path with the standard's names for what stands in braces."""
    path = re.sub(r"\{process_?id\}", "{processID}", path, flags=re.IGNORECASE)
    return re.sub(r"\{job_?id\}", "{jobID}", path, flags=re.IGNORECASE)


def resolved(definition: dict[str, Any], part: Any) -> Any:
    """A part of the definition, or what it refers to inside it."""
    while isinstance(part, dict) and "$ref" in part:
        reference = str(part["$ref"])
        assert reference.startswith("#/"), f"{reference} is not in the document"
        part = definition
        steps = [step.replace("~1", "/").replace("~0", "~") for step in reference[2:].split("/")]
        for step in steps:
            part = part[step]
    return part


def operations(definition: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation."""
    for path, item in definition["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, resolved(definition, item[method])


def operation(definition: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    """What is described for a path of this service, the one of a single process before the one for all."""
    every = {(found, verb): each for found, verb, each in operations(definition)}
    if (path, method) in every:
        return every[path, method]
    for (found, verb), each in every.items():
        pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(found))
        if verb == method and re.fullmatch(pattern, path):
            return each
    raise AssertionError(f"{method} {path} is not described")


def response(definition: dict[str, Any], path: str, method: str, code: int) -> dict[str, Any]:
    """What is described as the answer with one code."""
    described = operation(definition, path, method)["responses"]
    assert str(code) in described, f"{method} {path}: {code} is not among {', '.join(described)}"
    found: dict[str, Any] = resolved(definition, described[str(code)])
    return found
