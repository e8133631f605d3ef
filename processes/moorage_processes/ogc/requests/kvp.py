"""Execution by a query: one parameter for each input and output (draft 2.0, class kvp-execute).

``GET /processes/echo/execution?message=ahoy&bounds=7,51,8,52&bounds[crs]=...&message[include]=true&response[f]=json``
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage import formats
from moorage.formats import Kind

from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.descriptions import type_of
from moorage_processes.ogc.problems import Problem
from moorage_processes.ogc.requests.json_text import JsonError, parsed

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

    from moorage_processes.catalogue.catalogue import Entry

PARAMETER = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<key>[A-Za-z]+)\])?")
LINK = ("href", "type", "rel", "hreflang", "title")
QUALITIES = ("mediaType", "encoding", "schema")
OUTPUT = ("include", "mediaType", "encoding", "schema")
RESPONSE = ("f", "prefer")
FORMS = {"json": ogc.JSON}
"""What ``response[f]`` may say beside a media type."""
BELONG_ELSEWHERE = frozenset({"f", "profile"})
"""Parameters that every request may have."""


@dataclass(frozen=True)
class KvpRequest:
    """An execution as a query has it."""

    document: Mapping[str, Any]
    """The execute request it stands for."""
    accept: str | None
    """What stands for the ``Accept`` header."""
    prefer: tuple[str, ...]
    """What stands for ``Prefer`` headers."""


def read_query(arguments: MultiDict[str, str], entry: Entry) -> KvpRequest:
    """Read the query of an execution.

    Raises
    ------
    Problem
        400, naming the parameter that is unknown or cannot be read, and what it takes.
    """
    inputs: dict[str, dict[str, str]] = {}
    outputs: dict[str, dict[str, str]] = {}
    response: dict[str, str] = {}
    for parameter, text in _unique(arguments):
        name, key = _parts(parameter, entry)
        if name == "response" and key is not None:
            response[key] = text
        elif (
            key in OUTPUT and name in entry.description["outputs"] and (key == "include" or not _is_input(name, entry))
        ):
            outputs.setdefault(name, {})[key] = text
        else:
            inputs.setdefault(name, {})[key or "value"] = text
    document: dict[str, Any] = {
        "inputs": {name: _input(name, members, entry.description["inputs"][name]) for name, members in inputs.items()}
    }
    if outputs:
        document["outputs"] = {name: _output(each) for name, each in outputs.items() if _is_included(name, each)}
    form = response.get("f")
    return KvpRequest(
        document, FORMS.get(form, form) if form else None, (response["prefer"],) if "prefer" in response else ()
    )


def _unique(arguments: MultiDict[str, str]) -> Iterator[tuple[str, str]]:
    """Each parameter with its only value."""
    seen: set[str] = set()
    for parameter, text in arguments.items(multi=True):
        if parameter in BELONG_ELSEWHERE:
            continue
        if parameter.lower() in seen:
            raise _wrong(parameter, "stands there twice; several values are a comma list")
        seen.add(parameter.lower())
        yield parameter, text


def _parts(parameter: str, entry: Entry) -> tuple[str, str | None]:
    """The input or output, by its id in any case, and the key in brackets."""
    found = PARAMETER.fullmatch(parameter)
    known = {"response", *entry.description["inputs"], *entry.description["outputs"]}
    name = found and _as_known(found["name"], known)
    if found is None or name is None or (name == "response" and not _is_input(name, entry) and found["key"] is None):
        raise _wrong(parameter, f"is not a parameter of {entry.id}; it takes {', '.join(entry.description['inputs'])}")
    key = found["key"]
    if key is None and not _is_input(name, entry):
        raise _wrong(parameter, f"is an output; say {name}[include]=true")
    takes = (*LINK, *QUALITIES, "crs") if _is_input(name, entry) else ()
    takes = (
        *takes,
        *(OUTPUT if name in entry.description["outputs"] else ()),
        *(RESPONSE if name == "response" else ()),
    )
    if key is not None and key not in takes:
        raise _wrong(parameter, f"is unknown; in brackets stands one of {', '.join(dict.fromkeys(takes))}")
    return name, key


def _as_known(name: str, known: set[str]) -> str | None:
    """The id that is meant: written alike, or else the only one that differs by case alone."""
    if name in known:
        return name
    alike = [each for each in known if each.lower() == name.lower()]
    return alike[0] if len(alike) == 1 else None


def _is_input(name: str, entry: Entry) -> bool:
    return name in entry.description["inputs"]


def _input(name: str, members: Mapping[str, str], described: Mapping[str, Any]) -> Any:
    if "href" in members:
        return {key: members[key] for key in LINK if key in members}
    if "value" not in members:
        raise _wrong(f"{name}[{next(iter(members))}]", f"stands without {name} itself")
    value = _value(name, members["value"], described)
    if "crs" in members:
        return {**value, "crs": members["crs"]} if isinstance(value, dict) else value
    qualities = {key: members[key] for key in QUALITIES if key in members}
    return {"value": value, **qualities} if qualities else value


def _value(name: str, text: str, described: Mapping[str, Any]) -> Any:
    kind = formats.kind_of(type_of(described))
    if kind is Kind.BBOX:
        return _box(name, text)
    if kind is not Kind.VALUE:
        # a dataset id or base64 stands as it is, GeoJSON and lists of numbers as JSON
        return _parsed(name, text) if text.lstrip().startswith(("{", "[")) else text
    if described.get("maxOccurs", 1) != 1:
        return [_typed(name, part, described["schema"]) for part in _items(name, text)]
    return _typed(name, text, described["schema"])


def _box(name: str, text: str) -> Any:
    if text.lstrip().startswith("{"):
        return _parsed(name, text)
    return {"bbox": [_number(name, part) for part in text.split(",")]}


def _typed(name: str, text: str, schema: Mapping[str, Any]) -> Any:
    """A text as the type of its schema; as what it looks like, where the schema leaves a choice."""
    match schema.get("type"):
        case "string":
            return text
        case "number" | "integer":
            return _number(name, text)
        case "boolean":
            if text not in ("true", "false"):
                raise _wrong(name, f"is {text[:80]!r}; it takes true or false")
            return text == "true"
        case "array":
            items = schema.get("items", {})
            return (
                _parsed(name, text)
                if text.lstrip().startswith("[")
                else [_typed(name, part, items) for part in _items(name, text)]
            )
        case "object":
            return _parsed(name, text)
    return _chosen(text, schema)


def _chosen(text: str, schema: Mapping[str, Any]) -> Any:
    """A text where the schema allows several types."""
    try:
        value = parsed(text.encode())
    except JsonError:
        return text
    alternatives = schema.get("oneOf") or schema.get("anyOf") or ()
    takes_text = any(each.get("type") == "string" for each in alternatives)
    return value if isinstance(value, dict | list) or not takes_text else text


def _items(name: str, text: str) -> list[Any]:
    """The items of a comma list, or of a JSON array."""
    if text.lstrip().startswith("["):
        return [each if isinstance(each, str) else json.dumps(each) for each in _parsed(name, text)]
    return text.split(",")


def _number(name: str, text: str) -> float | int:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError as error:
        raise _wrong(name, f"is {text[:80]!r}; it takes a number") from error
    if number != number or number in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN alone differs from itself
        raise _wrong(name, f"is {text[:80]!r}; it takes a finite number")
    return number


def _parsed(name: str, text: str) -> Any:
    try:
        return parsed(text.encode())
    except JsonError as error:
        raise _wrong(name, f"begins like JSON, but {error}") from error


def _is_included(name: str, members: Mapping[str, str]) -> bool:
    include = members.get("include", "true")
    if include not in ("true", "false"):
        raise _wrong(f"{name}[include]", f"is {include[:80]!r}; it takes true or false")
    return include == "true"


def _output(members: Mapping[str, str]) -> dict[str, Any]:
    stated = {key: members[key] for key in QUALITIES if key in members}
    return {"format": stated} if stated else {}


def _wrong(parameter: str, what: str) -> Problem:
    return Problem(400, ogc.INVALID_QUERY, f"{parameter[:80]}: {what}")
