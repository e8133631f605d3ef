"""The standard as the tests need it: what it asks for, the schemas of its documents, and its URIs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator, FormatChecker
from referencing import Registry, Resource

HERE = Path(__file__).parent

RELATIONS = "http://www.opengis.net/def/rel/ogc/1.0/"
EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CRS84H = "http://www.opengis.net/def/crs/OGC/0/CRS84h"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
CLASSES = {
    *(
        f"http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/{name}"
        for name in ("core", "ogc-process-description", "json", "html", "oas30", "job-list", "callback", "dismiss")
    ),
    *(
        f"http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/{name}"
        for name in ("core", "landing-page", "json", "html", "oas30")
    ),
}
"""What a service of all eight classes declares."""


@dataclass(frozen=True)
class Requirement:
    """One thing the standard asks for."""

    id: str
    conformance_class: str
    kind: str
    """``requirement``, ``recommendation`` or ``sentence``."""
    sense: str
    reason: str | None = None
    """Why it is not kept."""


@cache
def requirements() -> dict[str, Requirement]:
    """All of them by id, in the order of the standard."""
    document = yaml.safe_load((HERE / "requirements.yml").read_text(encoding="utf-8"))
    every = [
        Requirement(id=id_, conformance_class=of, **said) for of, rows in document.items() for id_, said in rows.items()
    ]
    return {each.id: each for each in every}


FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def _is_moment(text: object) -> bool:
    """RFC 3339: a date, T, a time and an offset."""
    if not isinstance(text, str):
        return True
    shape = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", text)
    return shape is not None and datetime.fromisoformat(text).tzinfo is not None


@FORMATS.checks("uri")
def _is_uri(text: object) -> bool:
    return not isinstance(text, str) or re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+", text) is not None


@FORMATS.checks("uri-reference")
def _is_reference(text: object) -> bool:
    return not isinstance(text, str) or re.fullmatch(r"[^\s<>\"{}|\\^`]*", text) is not None


@cache
def _registry() -> Registry[Any]:
    places = {path.name: path for path in (HERE / "schemas").glob("*.json")}
    places["schema.json"] = HERE.parents[1] / "support" / "schema_dialect.json"
    return Registry().with_resources(
        (name, Resource.from_contents(json.loads(path.read_text(encoding="utf-8")))) for name, path in places.items()
    )


def faults(document: object, schema: str) -> list[str]:
    """What the standard forbids in a document: where, and why."""
    validator = Draft7Validator({"$ref": f"{schema}.json"}, registry=_registry(), format_checker=FORMATS)
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(document)]


def valid(document: Any, schema: str) -> Any:
    """The document, after its check against the schema of that name."""
    found = faults(document, schema)
    assert not found, f"no valid {schema}: " + "; ".join(found)
    return document
