"""The service as a WSGI application: our endpoints first, pygeoapi's pages beside them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from werkzeug.exceptions import MethodNotAllowed

from moorage_processes.catalogue.reading import begin_reading
from moorage_processes.configuration.configuration import Configuration, ConfigurationError, read_configuration
from moorage_processes.configuration.engine import check_names, own_processes, policy_of, service_engine
from moorage_processes.jobs.engine import Engine
from moorage_processes.network.hosts import Hosts
from moorage_processes.network.proj import keep_proj_offline
from moorage_processes.ogc.callbacks.subscriber import CallbackRules, Schedule
from moorage_processes.ogc.collections.cache import files_only
from moorage_processes.ogc.collections.collections import Collections
from moorage_processes.ogc.collections.coverage_endpoint import coverage_blueprint
from moorage_processes.ogc.collections.query import check_query
from moorage_processes.ogc.cors import Cors
from moorage_processes.ogc.health import health_blueprint
from moorage_processes.ogc.host_header import HostCheck
from moorage_processes.ogc.live_catalogue import LiveCatalogue
from moorage_processes.ogc.metrics import metrics_blueprint
from moorage_processes.ogc.openapi.document import openapi_document
from moorage_processes.ogc.pages import page, problem
from moorage_processes.ogc.places import Places
from moorage_processes.ogc.pygeoapi_app import embedded_pygeoapi, pygeoapi_openapi
from moorage_processes.ogc.requests.address import refuse_long
from moorage_processes.ogc.requests.body import ChunkedBodies
from moorage_processes.ogc.requests.caller import Callers
from moorage_processes.ogc.routes import blueprint
from moorage_processes.ogc.service import Service

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Catalogue
    from moorage_processes.configuration.settings import Settings

THREADS = 96
"""Threads of one web process."""
HELD, CALLS = THREADS // 3, THREADS // 2
"""Those that may wait for a job, and for the answer to a call; the others answer at once."""
SHORTEST_SECRET = 16
"""Characters of a secret that is worth the name."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})


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
    with begin_reading(settings.modules, **settings.reading) as reading:
        return app_of(configuration, reading.result())


def app_of(configuration: Configuration, catalogue: Catalogue) -> Flask:
    """The same, where its catalogue has been read.

    Raises
    ------
    ConfigurationError
        where the configuration is wrong.
    """
    keep_proj_offline()
    settings = configuration.settings
    app = Flask("moorage_processes", static_folder=None, template_folder="ogc/pages/templates")
    app.config["MAX_CONTENT_LENGTH"] = settings.body_size
    app.wsgi_app = ChunkedBodies(app.wsgi_app)  # type: ignore[method-assign]  # as Flask wants it done
    service = _service(configuration, catalogue)
    app.extensions["moorage"] = service
    collections = Collections(configuration.datasets, configuration.url, settings.answer_size)
    with files_only():  # a server forks what is made here
        pygeoapi_config = _pygeoapi_config(configuration, service, collections)
        openapi = pygeoapi_openapi(pygeoapi_config)
        pygeoapi = embedded_pygeoapi(pygeoapi_config, openapi)
    app.before_request(refuse_long)
    app.before_request(HostCheck(configuration.url, configuration.bind[0], settings.server_names).refuse_others)
    app.register_blueprint(health_blueprint(service))
    if settings.metrics:
        app.register_blueprint(metrics_blueprint(service.engine))
    app.register_blueprint(blueprint(service, lambda: openapi_document(service, openapi)))
    app.register_blueprint(coverage_blueprint(collections))
    app.before_request(lambda: _refresh(collections, pygeoapi.resources))
    service.engine.on_renewal(lambda settings: _renew(service, pygeoapi.resources, own_processes(settings)))
    app.register_blueprint(pygeoapi.blueprint)
    problem.register(app)
    page.register(app, service)
    everything = bool(configuration.pygeoapi["server"].get("cors"))
    app.after_request(Cors(everything, configuration.is_local).tell)
    return app


def service_of(app: Flask) -> Service:
    """What the endpoints of an application stand on."""
    service: Service = app.extensions["moorage"]
    return service


def _service(configuration: Configuration, catalogue: Catalogue) -> Service:
    settings = configuration.settings
    policy = policy_of(configuration, configuration.url)
    engine = Engine(service_engine(configuration, catalogue))
    has_sites = engine.settings.hub is not None
    return Service(
        base=configuration.url,
        live_catalogue=LiveCatalogue(catalogue, configuration.datasets, policy, engine.sites if has_sites else None),
        engine=engine,
        datasets=configuration.datasets,
        held=Places(HELD),
        calls=Places(CALLS),
        callers=Callers(settings.trusted_proxies),
        sync_timeout=settings.sync_timeout,
        drafts=settings.drafts,
        is_local=configuration.is_local,
        metadata=configuration.pygeoapi.get("metadata") or {},
        callbacks=_callback_rules(settings),
    )


def _callback_rules(settings: Settings) -> CallbackRules:
    schedule = Schedule(
        attempts=settings.callback_attempts,
        pause=settings.callback_pause,
        timeout=settings.callback_timeout,
        progress=settings.callback_progress,
    )
    secret = settings.callback_secret_file
    return CallbackRules(Hosts(settings.callback_hosts), _secret(Path(secret)) if secret else None, schedule)


def _secret(path: Path) -> str:
    try:
        secret = path.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"moorage.callback_secret_file: {path} cannot be read as text") from error
    if len(secret) < SHORTEST_SECRET:
        raise ConfigurationError(
            f"moorage.callback_secret_file: {path} holds less than {SHORTEST_SECRET} characters; "
            "`openssl rand -base64 32` makes a good secret"
        )
    return secret


def _pygeoapi_config(configuration: Configuration, service: Service, collections: Collections) -> dict[str, Any]:
    """pygeoapi's configuration with our processes, engine and datasets in it, so that its pages show them."""
    document = deepcopy(dict(configuration.pygeoapi))
    document["server"]["cors"] = False  # ours covers all routes, pygeoapi's only its own application
    document["resources"] = dict(document.get("resources") or {})
    document["server"]["manager"] = {
        "name": "moorage_processes.plugins.manager.Manager",
        "connection": None,
        "output_dir": None,
        "engine": service.engine.settings.to_json(),
    }
    check_names(configuration, service.live_catalogue.own)
    document["resources"].update(collections.resources())
    document["server"].setdefault("templates", {}).setdefault("path", str(page.TEMPLATES))
    # sites come and go, and are in the store, which is opened later
    document["resources"].update(_process_resources(service.live_catalogue.own))
    return document


def _process_resources(own: Catalogue) -> dict[str, Any]:
    """Processes as pygeoapi has them in its ``resources:``."""
    method = "moorage_processes.plugins.processor.Method"
    return {
        name: {"type": "process", "processor": {"name": method, "entry": entry.to_json()}}
        for name, entry in own.items()
    }


def _renew(service: Service, resources: dict[str, Any], own: Catalogue) -> None:
    """Methods were edited: all that is answered from now on has the new ones."""
    for name in service.live_catalogue.own:
        resources.pop(name, None)
    resources.update(_process_resources(own))
    service.live_catalogue.replace(own)


def _refresh(collections: Collections, resources: dict[str, Any]) -> None:
    """Before pygeoapi answers: what it tells of datasets is brought up to date with their files.

    They are read only; pygeoapi 0.24 would fail at a POST to one rather than say so.
    """
    if request.blueprint != "pygeoapi":
        return
    place = request.view_args or {}
    if place.get("collection_id") in collections.entries:
        if request.method not in READING:
            raise MethodNotAllowed(sorted(READING), "a dataset of this service can be read, not written")
        check_query(place, request.args)
    collections.refresh(resources)
