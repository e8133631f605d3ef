"""The docstring of a process, in numpydoc's form."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill, indent, wrap

from moorage.description import Described, Description, python_names
from moorage.signature import annotation_of, spelled, type_of

WIDTH = 88
LONGEST = 120
"""Columns of a line that its author broke, which is left as it is."""
BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "matching {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
}


def docstring_of(description: Description, url: str) -> str:
    """The docstring of a process, in numpydoc's form."""
    parts = [_opening(description)]
    if description.inputs:
        parts.append(_section("Parameters", _inputs(description)))
    if description.outputs:
        parts.append(_section("Returns", _outputs(description)))
    version = f" {description.version}" if description.version else ""
    parts.append(f"Process {description.id!r}{version} at {url}")
    return "\n\n".join(parts) + "\n"


def _opening(description: Description) -> str:
    title, text = description.title, description.description
    says_it_all = text.startswith(title.rstrip(".")) or not title
    whole = text or title or description.id if says_it_all else f"{title}\n\n{text}"
    return "\n".join(line if len(line) <= LONGEST else fill(line, WIDTH) for line in whole.strip().splitlines())


def _section(heading: str, entries: Iterator[tuple[str, str]]) -> str:
    lines = [heading, "-" * len(heading)]
    for head, text in entries:
        lines.append(head)
        lines += [indent(line, "    ") for line in wrap(text, WIDTH)]
    return "\n".join(lines)


def _inputs(description: Description) -> Iterator[tuple[str, str]]:
    for name, described in description.inputs.items():
        head = f"{name} : {spelled(annotation_of(described))}"
        if not described.is_required:
            head += ", optional" if described.default is None else f", default {described.default!r}"
        yield head, " ".join(sentences(described))


def _outputs(description: Description) -> Iterator[tuple[str, str]]:
    is_single = len(description.outputs) == 1
    for identifier, name in python_names(description.outputs).items():
        described = description.outputs[identifier]
        type_ = spelled(type_of(described))
        yield type_ if is_single else f"{name} : {type_}", " ".join(sentences(described))


def sentences(described: Described) -> Iterator[str]:
    """What is to be said of an input or output: its description, constraints and unit."""
    text = described.description or described.title
    if text:
        yield text if text.endswith((".", "!", "?")) else f"{text}."
    limits = [wording.format(described.schema[key]) for key, wording in BOUNDS.items() if key in described.schema]
    for key, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        stated = described.schema.get(key)
        word = "more" if bound == "minimum" else "less"
        if stated is True and bound in described.schema:
            limits = [each for each in limits if each != BOUNDS[bound].format(described.schema[bound])]
            limits.append(f"{word} than {described.schema[bound]}")
        elif stated not in (None, True, False):
            limits.append(f"{word} than {stated}")
    if limits:
        text_of_limits = ", ".join(limits)
        yield f"{text_of_limits[0].upper()}{text_of_limits[1:]}."
    if described.unit and f"[{described.unit}]" not in text:
        yield f"Unit: {described.unit}."
