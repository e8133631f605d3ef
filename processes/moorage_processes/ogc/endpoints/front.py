"""The landing page, conformance, and what else concerns the service itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response
from moorage.formats import Kind

from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.landing import landing_page
from moorage_processes.ogc.pages.reply import reply

if TYPE_CHECKING:
    from moorage_processes.ogc.service import Service


ROBOTS = """User-agent: *
Disallow: /processes/*/execution
Disallow: /jobs
"""
"""A program that follows every link must not run every process."""


class LandingEndpoint:
    """Landing page and conformance.

    Parameters
    ----------
    service : what they stand on.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def landing(self) -> Response:
        """Where everything is found."""
        return reply(landing_page(self._service), "landing", datasets=self._service.datasets)

    def conformance(self) -> Response:
        """The classes that are built to the letter."""
        kinds = {entry.kind for entry in self._service.datasets.entries.values()}
        classes = [
            *ogc.CONFORMS_TO,
            *(ogc.CONFORMS_TO_COLLECTIONS if kinds else ()),
            *(ogc.CONFORMS_TO_FEATURES if kinds - {Kind.GRID} else ()),
            *(ogc.CONFORMS_TO_EDR if Kind.GRID in kinds else ()),
            *(ogc.CONFORMS_TO_DRAFT if self._service.drafts else ()),
        ]
        links = [
            {"rel": "self", "type": ogc.JSON, "href": f"{self._service.base}/conformance?f=json"},
            {"rel": "alternate", "type": ogc.HTML, "href": f"{self._service.base}/conformance?f=html"},
        ]
        return reply({"conformsTo": classes, "links": links}, "conformance")

    def robots(self) -> Response:
        """What search engines are asked to leave alone."""
        return Response(ROBOTS, content_type=f"{ogc.TEXT}; charset=utf-8")
