"""Process descriptions as the standard shows them: the catalogue's own, with links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from moorage_processes.ogc import vocabulary as ogc

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Entry

DETAILS = ("inputs", "outputs")
"""What a description has and a summary has not."""


def description(entry: Entry, base: str) -> dict[str, Any]:
    """One process in full."""
    return {**entry.description, "links": _links(entry, base)}


def summary(entry: Entry, base: str) -> dict[str, Any]:
    """One process in the list."""
    brief = {name: value for name, value in entry.description.items() if name not in DETAILS}
    return {**brief, "links": _links(entry, base)}


def _links(entry: Entry, base: str) -> list[dict[str, str]]:
    href = f"{base}/processes/{entry.id}"
    return [
        {"rel": "self", "type": ogc.JSON, "href": f"{href}?f=json", "title": "This process as JSON"},
        {"rel": "alternate", "type": ogc.HTML, "href": f"{href}?f=html", "title": "This process as HTML"},
        {
            "rel": ogc.REL_EXECUTE,
            "type": ogc.JSON,
            "href": f"{href}/execution",
            "title": "Execute this process",
        },
        {
            "rel": ogc.REL_JOB_LIST,
            "type": ogc.JSON,
            "href": f"{base}/jobs?processID={entry.id}",
            "title": "Its jobs",
        },
    ]


def type_of(described: Mapping[str, Any]) -> str:
    """The Python type an input's or output's description names."""
    return metadata(described, "moorage:type") or "builtins.object"


def metadata(described: Mapping[str, Any], role: str) -> str | None:
    """The title of a description's metadata entry with one role, or None."""
    return next((str(each["title"]) for each in described.get("metadata", ()) if each.get("role") == role), None)


def media_types(described: Mapping[str, Any]) -> list[str]:
    """The media types an output is offered in, default first."""
    schema = described["schema"]
    alternatives = schema.get("oneOf", [schema])
    stated = [each["contentMediaType"] for each in alternatives if "contentMediaType" in each]
    return stated or [ogc.JSON]
