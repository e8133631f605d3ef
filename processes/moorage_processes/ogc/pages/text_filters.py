"""Schemas, sizes and texts in words for people."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from markupsafe import Markup, escape
from moorage.formats import Kind, kind_of

from moorage_processes.ogc.descriptions import type_of

PLAIN = {"number": "number", "integer": "whole number", "boolean": "true or false", "string": "text"}
FORMATS = {
    "date": "date", "date-time": "date and time", "time": "time", "uri": "URI", "uuid": "UUID",
    "duration": "duration", "ogc-bbox": "bounding box", "byte": "file",
    "geojson-feature-collection": "GeoJSON features",
}  # fmt: skip
STEP = 1000.0
WIDTH = 88
"""Letters of a line of code."""
MINUTE, HOUR = 60.0, 3600.0
SHORT = 10.0


KINDS = {Kind.GRID: "grid", Kind.FEATURES: "features", Kind.TABLE: "table", Kind.BYTES: "file", Kind.ARRAY: "array",
         Kind.FIGURE: "picture"}  # fmt: skip


def kind_words(described: Mapping[str, Any]) -> str:
    """What an input or output is, in a few words."""
    return KINDS.get(kind_of(type_of(described))) or type_words(described["schema"])


def type_words(schema: Mapping[str, Any]) -> str:
    """What a schema takes, in a few words."""
    if "enum" in schema and schema.get("format") != "geojson-geometry":
        return "one of " + ", ".join(map(str, schema["enum"]))
    if schema.get("format") == "geojson-geometry":
        return "GeoJSON " + " or ".join(schema["properties"]["type"].get("enum", ["geometry"]))
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    if schema.get("type") == "array":
        return f"list of {_several(type_words(schema.get('items', {})))}"
    for key in ("oneOf", "anyOf", "allOf"):
        if key in schema:
            words = dict.fromkeys(type_words(each) for each in schema[key] if each)
            return next(iter(words)) if key == "allOf" else " or ".join(words)
    return PLAIN.get(str(schema.get("type")), "object" if schema.get("type") == "object" else "any JSON")


def _several(words: str) -> str:
    return {"text": "texts", "any JSON": "anything"}.get(words, f"{words}s" if words in PLAIN.values() else words)


def bounds_words(schema: Mapping[str, Any]) -> list[str]:
    """What limits a value: its range, its length, its pattern."""
    said = []
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None:
        said.append(f"{'more than' if schema.get('exclusiveMinimum') is True else 'at least'} {low:g}")
    if high is not None:
        said.append(f"{'less than' if schema.get('exclusiveMaximum') is True else 'at most'} {high:g}")
    for key, words in (
        ("minLength", "at least {} letters"), ("maxLength", "at most {} letters"),
        ("minItems", "at least {} items"), ("maxItems", "at most {} items"),
        ("pattern", "matches {}"), ("multipleOf", "a multiple of {}"),
    ):  # fmt: skip
        if key in schema:
            said.append(words.format(schema[key]))
    return said


def formats_of(schema: Mapping[str, Any]) -> list[str]:
    """The media types a schema names."""
    alternatives = schema.get("oneOf", [schema])
    return [str(each["contentMediaType"]) for each in alternatives if "contentMediaType" in each]


LETTERS, ITEMS = 200, 20
"""How much of a text and of a list stands on a page."""


def laid_out(value: Any, literal: Callable[[Any], str], width: int = WIDTH) -> str:
    """A value as code: on one line where it fits, else one member on a line.

    Parameters
    ----------
    value : plain JSON, with places for files.
    literal : what writes a value that is not a container, and the keys of objects.
    width : letters of a line.
    """
    if isinstance(value, Mapping):
        parts = [f"{literal(key)}: {laid_out(each, literal, width - 4)}" for key, each in value.items()]
        opening, closing = "{", "}"
    elif isinstance(value, list):
        parts = [laid_out(each, literal, width - 4) for each in value]
        opening, closing = "[", "]"
    else:
        return literal(value)
    line = f"{opening}{', '.join(parts)}{closing}"
    if len(line) <= width and "\n" not in line:
        return line
    inner = "".join(f"\n  {part}," for part in (each.replace("\n", "\n  ") for each in parts))
    return f"{opening}{inner}\n{closing}"


def json_text(value: Any) -> str:
    """A value as JSON that people read."""
    return laid_out(value, lambda each: json.dumps(each, ensure_ascii=False))


def shortened(value: Any) -> Any:
    """A value whose long texts and lists are cut, so that a page can show it."""
    if isinstance(value, Mapping):
        return {key: shortened(each) for key, each in value.items()}
    if isinstance(value, list):
        left = len(value) - ITEMS
        return [shortened(each) for each in value[:ITEMS]] + ([f"… {left} more"] if left > 0 else [])
    if isinstance(value, str) and len(value) > LETTERS:
        return f"{value[:LETTERS]}… {len(value)} letters"
    return value


def size_words(count: float) -> str:
    """A number of bytes."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < STEP:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= SHORT else f"{count:.1f} {unit}"
        count /= STEP
    return f"{count:.1f} TB"


def duration_words(seconds: float) -> str:
    """A span of time."""
    if seconds < 1:
        return f"{seconds * STEP:.3g} ms"
    if seconds < SHORT:
        return f"{seconds:.3g} s"
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    whole = round(seconds)
    if seconds < HOUR:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min" if whole % 3600 // 60 else f"{whole // 3600} h"


def moment_words(text: str) -> str:
    """A time of RFC 3339 as people read it."""
    return re.sub(r"(\d)T(\d\d:\d\d:\d\d)(\.\d+)?Z$", r"\1 \2 UTC", text)


def prose(text: str) -> Markup:
    """Paragraphs and lists of a docstring; of its markup the code and the emphasis."""
    parts = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    return Markup("\n").join(_list(part) if part.startswith("- ") else _paragraph(part) for part in parts)


def _paragraph(text: str) -> Markup:
    return Markup("<p>{}</p>").format(inline(text))


def _list(text: str) -> Markup:
    """What begins with a hyphen on each line, or on some and goes on below."""
    items = [item.strip() for item in re.split(r"(?:^|\n\s*)- ", text) if item.strip()]
    return Markup("<ul>{}</ul>").format(Markup().join(Markup("<li>{}</li>").format(inline(item)) for item in items))


STANDARDS = {
    "/spec/ogcapi-processes-1/1.0/": "OGC API - Processes - Part 1, version 1.0",
    "/spec/ogcapi-processes-1/2.0/": "OGC API - Processes - Part 1, draft of version 2.0",
    "/spec/ogcapi-common-1/1.0/": "OGC API - Common - Part 1, version 1.0",
}


def by_standard(uris: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Conformance classes under the name of their standard."""
    found: dict[str, list[str]] = {}
    for uri in uris:
        name = next((words for part, words in STANDARDS.items() if part in uri), "Others")
        found.setdefault(name, []).append(uri)
    return list(found.items())


def variable_row(variable: Mapping[str, Any]) -> list[Any]:
    """What is told of one variable of a grid, in the order of its table."""
    range_ = [None if variable[each] is None else f"{variable[each]:.6g}" for each in ("least", "most")]
    shape = " \u00d7 ".join(variable["shape"])
    return [variable["name"], variable["quantity"], shape, *range_, variable["missing"], variable["type"]]


def inline(text: str) -> Markup:
    """One paragraph of a docstring."""
    safe = str(escape(re.sub(r"^\.\. (?=\[)", "", text)))
    safe = re.sub(r"``(.+?)``", r"<code>\1</code>", safe, flags=re.DOTALL)
    safe = re.sub(r"(?<![\w*])\*(?=\S)([^*<>]+?)(?<=\S)\*(?![\w*])", r"<em>\1</em>", safe)
    return Markup(safe)  # noqa: S704 - escaped above; only our own tags are added
