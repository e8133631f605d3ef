"""The OpenAPI document of a service, put together from its catalogue and from what pygeoapi says of its data."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from moorage_processes.ogc.landing import text_of
from moorage_processes.ogc.openapi.answers import HEADERS, RESPONSES
from moorage_processes.ogc.openapi.collections import TAG as COLLECTIONS
from moorage_processes.ogc.openapi.collections import collection_paths
from moorage_processes.ogc.openapi.execution import process_paths
from moorage_processes.ogc.openapi.operations import TAGS, jobs_paths, processes_paths, service_paths
from moorage_processes.ogc.openapi.parameters import PARAMETERS
from moorage_processes.ogc.openapi.schemas import SCHEMAS
from moorage_processes.ogc.openapi.sites import TAG as SITES
from moorage_processes.ogc.openapi.sites import sites_paths

if TYPE_CHECKING:
    from moorage_processes.ogc.service import Service

VERSION = "3.0.3"


def openapi_document(service: Service, pygeoapi: Mapping[str, Any]) -> dict[str, Any]:
    """All that can be asked of a service, and all it answers.

    Parameters
    ----------
    service : the service.
    pygeoapi : the document pygeoapi makes of its own part.
    """
    entries = service.catalogue.values()
    outputs = [described for entry in entries for described in entry.description["outputs"].values()]
    paths = service_paths() | processes_paths(by_query=service.drafts)
    for entry in entries:
        paths |= process_paths(entry, by_query=service.drafts)
    paths |= sites_paths() if service.live_catalogue.takes_sites else {}
    paths |= jobs_paths(outputs) | collection_paths(pygeoapi, service.datasets.entries)
    return {
        "openapi": VERSION,
        "info": _info(service),
        "servers": [{"url": service.base}],
        "tags": _tags(service, pygeoapi, paths),
        "security": _requirements(),
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": RESPONSES,
            "securitySchemes": _schemes(),
        },
    }


def _requirements() -> list[dict[str, list[str]]]:
    """What a caller must show for every operation: nothing, as long as the service lets everyone in."""
    return []


def _schemes() -> dict[str, Any]:
    """How a caller shows it."""
    return {}


def _info(service: Service) -> dict[str, Any]:
    about = service.metadata.get("identification") or {}
    info: dict[str, Any] = {
        "title": text_of(about.get("title")) or "Moorage",
        "description": text_of(about.get("description")),
        "version": version("moorage"),
    }
    if terms := about.get("terms_of_service"):
        info["termsOfService"] = text_of(terms)
    for name, section in (("contact", "contact"), ("license", "license")):
        stated = service.metadata.get(section) or {}
        found = {key: text_of(stated[key]) for key in ("name", "url", "email") if stated.get(key)}
        if section == "license":
            found.pop("email", None)
        if found.get("name"):
            info[name] = found
    return info


def _tags(service: Service, pygeoapi: Mapping[str, Any], paths: Mapping[str, Any]) -> list[dict[str, str]]:
    """What the operations are grouped by, each with a word about it, in the order of the paths."""
    words = {each["name"]: str(each.get("description", "")) for each in pygeoapi.get("tags", ())}
    words |= {entry.id: entry.description["title"] for entry in service.catalogue.values()}
    words |= TAGS | {
        COLLECTIONS: "The datasets of the service.",
        SITES: "Institutes that dial in, and run processes of theirs.",
    }
    used = [operation["tags"][0] for item in paths.values() for name, operation in item.items() if name != "parameters"]
    return [{"name": tag, "description": words.get(tag, "")} for tag in dict.fromkeys(used)]
