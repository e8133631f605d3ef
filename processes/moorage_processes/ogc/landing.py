"""The landing page: a service in a few words, and the way to all it offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moorage_processes.ogc import vocabulary as ogc

if TYPE_CHECKING:
    from moorage_processes.ogc.service import Service


def landing_page(service: Service) -> dict[str, Any]:
    """The landing page as the standard's landingPage.yaml has it."""
    about = service.metadata.get("identification", {})
    provider = service.metadata.get("provider", {})
    return {
        "title": text_of(about.get("title")),
        "description": text_of(about.get("description")),
        "attribution": text_of(provider.get("name")),
        "links": [*_links(service.base), *(_sites(service.base) if service.live_catalogue.takes_sites else ())],
    }


def _links(base: str) -> list[dict[str, str]]:
    table = (
        ("self", ogc.JSON, "/?f=json", "This page as JSON"),
        ("alternate", ogc.HTML, "/?f=html", "This page as HTML"),
        ("service-desc", ogc.OPENAPI, "/openapi?f=json", "The service as an OpenAPI document"),
        ("service-doc", ogc.HTML, "/openapi?f=html", "The service as documentation"),
        (ogc.REL_CONFORMANCE, ogc.JSON, "/conformance?f=json", "The conformance classes it meets"),
        ("conformance", ogc.JSON, "/conformance?f=json", "The conformance classes it meets"),
        (ogc.REL_PROCESSES, ogc.JSON, "/processes", "Its processes"),
        (ogc.REL_JOB_LIST, ogc.JSON, "/jobs", "Its jobs"),
        ("data", ogc.JSON, "/collections?f=json", "Its datasets"),
    )
    return [{"rel": rel, "type": kind, "href": f"{base}{path}", "title": title} for rel, kind, path, title in table]


def _sites(base: str) -> list[dict[str, str]]:
    return [{"rel": "related", "type": ogc.JSON, "href": f"{base}/sites?f=json", "title": "Institutes that dial in"}]


def text_of(words: Any) -> str:
    """Words of the configuration, which pygeoapi lets stand in several languages; the first is taken."""
    if isinstance(words, dict):
        return str(next(iter(words.values()), ""))
    return str(words or "")
