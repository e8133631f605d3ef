"""Which endpoint answers which request, by 18-062r2."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response

from moorage_processes.ogc.endpoints.definition import OpenApiEndpoint
from moorage_processes.ogc.endpoints.execution import ExecutionEndpoint
from moorage_processes.ogc.endpoints.front import LandingEndpoint
from moorage_processes.ogc.endpoints.jobs import JobsEndpoint
from moorage_processes.ogc.endpoints.processes import ProcessesEndpoint
from moorage_processes.ogc.endpoints.results import ResultsEndpoint
from moorage_processes.ogc.endpoints.sites import SitesEndpoint
from moorage_processes.ogc.pages import problem
from moorage_processes.ogc.pages.page import PLACE, static_file
from moorage_processes.ogc.pages.results import Picture

if TYPE_CHECKING:
    from moorage_processes.ogc.service import Service

FILES = ("/jobs/<job_id>/results", "/jobs/<job_id>/results/<output_id>")
"""What may be a file of any size; with a slash at its end there is none.

GDAL, and so QGIS, asks once for the folder of every file it reads by ranges; it must not be given the whole file.
"""
UPLOADS = "/sites/uploads/"


def is_upload(method: str, path: str) -> bool:
    """Whether a request brings a file that its endpoint reads itself, once it is permitted."""
    return method == "PUT" and path.startswith(UPLOADS)


def blueprint(service: Service, openapi: Callable[[], Mapping[str, Any]]) -> Blueprint:
    """The endpoints of *service*, described by what *openapi* makes.

    Register them before pygeoapi's, so that they come first.
    """
    routes = Blueprint("moorage", __name__)
    routes.before_request(service.start)
    routes.after_request(problem.in_place_of_another)
    front, processes, execution = LandingEndpoint(service), ProcessesEndpoint(service), ExecutionEndpoint(service)
    jobs, results, picture, sites = (
        JobsEndpoint(service),
        ResultsEndpoint(service),
        Picture(service),
        SitesEndpoint(service),
    )
    table: tuple[tuple[str, str, Callable[..., Response]], ...] = (
        ("GET", "/", front.landing),
        ("GET", "/conformance", front.conformance),
        ("GET", "/robots.txt", front.robots),
        ("GET", "/openapi", OpenApiEndpoint(service, openapi).openapi),
        ("GET", "/processes", processes.listing),
        ("GET", "/processes/<process_id>", processes.description),
        ("POST", "/processes/<process_id>/execution", execution.execute),
        ("GET", "/jobs", jobs.listing),
        ("GET", "/jobs/<job_id>", jobs.job),
        ("DELETE", "/jobs/<job_id>", jobs.dismiss),
        ("GET", "/jobs/<job_id>/log", jobs.log),
        ("GET", "/jobs/<job_id>/results", results.results),
        ("GET", "/jobs/<job_id>/results/<output_id>", results.output),
        ("GET", "/jobs/<job_id>/results/<output_id>/look", picture.look),
        ("GET", f"{PLACE}/<name>", static_file),
    )
    of_drafts = (("GET", "/processes/<process_id>/execution", execution.execute_by_query),) if service.drafts else ()
    of_sites: tuple[tuple[str, str, Callable[..., Response]], ...] = (
        ("GET", "/sites", sites.listing),
        ("PUT", f"{UPLOADS}<token>", sites.take_in),
        ("GET", "/sites/requests/<token>", sites.hand_out),
    )
    for method, rule, view in (*table, *of_drafts, *(of_sites if service.live_catalogue.takes_sites else ())):
        endpoint, exact = view.__qualname__.replace(".", " "), rule in FILES
        routes.add_url_rule(rule, endpoint, view, methods=[method], strict_slashes=exact)
    return routes
