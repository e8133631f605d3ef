"""The service as a WSGI application: our endpoints first, pygeoapi's pages beside them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from threading import Semaphore
from typing import TYPE_CHECKING, Any

from flask import Flask, request

from mooring_processes.catalogue import Catalogue, read_catalogue
from mooring_processes.configuration import Configuration, read_configuration
from mooring_processes.jobs.engine import Engine
from mooring_processes.jobs.settings import EngineSettings
from mooring_processes.ogc import errors, looks, pages
from mooring_processes.ogc.embedding import pygeoapi_blueprint
from mooring_processes.ogc.routes import blueprint
from mooring_processes.ogc.service import Service
from mooring_processes.references import Policy

if TYPE_CHECKING:
    from flask import Response

THREADS = 64
"""Threads of one web process; at most half of them hold requests that wait for a job."""
EXPOSED = "Location, Link, Preference-Applied, ETag, Content-Range, Accept-Ranges, Retry-After"


def create_app(config: Configuration | Path | str | Mapping[str, Any] | None = None) -> Flask:
    """A service made from a configuration; several in one process do not know of each other.

    Parameters
    ----------
    config : what :func:`read_configuration` gives, or a YAML file, or its parsed content, or None for the
        configuration that is shipped.

    Raises
    ------
    ConfigurationError
        where the configuration is wrong.
    ServingError
        where a method cannot be served.
    """
    configuration = config if isinstance(config, Configuration) else read_configuration(config)
    settings = configuration.settings
    catalogue = read_catalogue(settings.modules, installed=settings.installed)
    app = Flask("mooring_processes", static_folder=None, template_folder="ogc/templates")
    app.config["MAX_CONTENT_LENGTH"] = settings.body_size
    service = _service(configuration, catalogue)
    app.extensions["mooring"] = service
    app.register_blueprint(blueprint(service))
    app.register_blueprint(pygeoapi_blueprint(_pygeoapi_config(configuration, service)))
    errors.register(app)
    pages.register(app, service)
    if configuration.pygeoapi["server"].get("cors"):
        app.after_request(_allow_other_origins)
    return app


def service_of(app: Flask) -> Service:
    """What the endpoints of an application stand on."""
    service: Service = app.extensions["mooring"]
    return service


def _service(configuration: Configuration, catalogue: Catalogue) -> Service:
    settings = configuration.settings
    policy = Policy(
        own=configuration.url,
        allowed_hosts=settings.allowed_hosts,
        size=settings.reference_size,
        seconds=settings.reference_seconds,
    )
    workplace = {
        "catalogue": Catalogue([*catalogue.values(), *looks.ENTRIES]).to_json(),
        "datasets": configuration.datasets.to_json(),
        "references": policy.to_json(),
    }
    engine = EngineSettings(
        state=configuration.state,
        workplace=workplace,
        slots=settings.slots or os.cpu_count() or 1,
        call_slots=settings.call_slots,
        queue=settings.queue,
        store=settings.store,
        drain=settings.drain,
    )
    return Service(
        base=configuration.url,
        catalogue=catalogue,
        engine=Engine(engine),
        datasets=configuration.datasets,
        policy=policy,
        held=Semaphore(THREADS // 2),
        sync_timeout=settings.sync_timeout,
        drafts=settings.drafts,
        metadata=configuration.pygeoapi.get("metadata") or {},
    )


def _pygeoapi_config(configuration: Configuration, service: Service) -> dict[str, Any]:
    """pygeoapi's configuration with our processes and our engine in it, so that its pages show them and their jobs."""
    document = deepcopy(dict(configuration.pygeoapi))
    document["server"]["cors"] = False  # ours covers all routes, pygeoapi's only its own application
    document["resources"] = dict(document.get("resources") or {})
    document["server"]["manager"] = {
        "name": "mooring_processes.ogc.manager.Manager",
        "connection": None,
        "output_dir": None,
        "engine": service.engine.settings.to_json(),
    }
    document["server"].setdefault("templates", {}).setdefault("path", str(pages.TEMPLATES))
    for name, entry in service.catalogue.items():
        processor = {"name": "mooring_processes.ogc.plugin.Method", "entry": entry.to_json()}
        document["resources"][name] = {"type": "process", "processor": processor}
    return document


def _allow_other_origins(response: Response) -> Response:
    """CORS: pages of other sites may call, and may read what a client needs."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = EXPOSED
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST, DELETE, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = (
            "Content-Type, Prefer, Range, If-None-Match, If-Match, Authorization"
        )
        response.headers["Access-Control-Max-Age"] = "86400"
    return response
