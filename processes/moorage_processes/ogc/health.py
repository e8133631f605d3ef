"""How the service is, for what watches it: whether this process lives, and whether work may be sent to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response

from moorage_processes.jobs.readiness import Readiness
from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.problems import Problem

if TYPE_CHECKING:
    from moorage_processes.ogc.service import Service


def healthz() -> Response:
    """The process that answers lives; nothing else is asked."""
    return _said("alive")


def health_blueprint(service: Service) -> Blueprint:
    """``/healthz`` and ``/readyz``; asking them starts nothing."""
    routes = Blueprint("health", __name__)
    readiness = Readiness(service.engine)

    def readyz() -> Response:
        """Work may be sent here; 503 with what is away where not, and first of all when the service stops."""
        if service.stop_signal.is_set:
            raise Problem(503, "Leaving", "the service is about to stop; send work elsewhere")
        trouble = readiness.trouble()
        if trouble:
            detail = "; ".join(f"{name}: {reason}" for name, reason in trouble.items())
            raise Problem(503, "NotReady", detail, members={"away": sorted(trouble)}, headers={"Retry-After": "1"})
        return _said("ready")

    for view in (healthz, readyz):
        routes.add_url_rule(f"/{view.__name__}", view.__name__, view, methods=["GET"])
    return routes


def _said(word: str) -> Response:
    return Response(f"{word}\n", content_type=f"{ogc.TEXT}; charset=utf-8", headers={"Cache-Control": "no-store"})
