"""pygeoapi inside our application: landing page, collections, templates and static files, one instance an app.

``pygeoapi.flask_app`` reads its configuration when it is imported and so serves one configuration in a process. A
private instance of that module for each application, never entered in ``sys.modules``, serves as many as there are.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from pygeoapi.openapi import get_oas

from moorage_processes.catalogue.environment import lent

if TYPE_CHECKING:
    from flask import Blueprint

ENVIRONMENT = Lock()
"""pygeoapi takes the places of its files from the environment, and its reader from a module; threads share both."""


@dataclass(frozen=True)
class Embedded:
    """One instance of pygeoapi."""

    blueprint: Blueprint
    resources: dict[str, Any]
    """The ``resources:`` that it reads at every request."""


def pygeoapi_openapi(config: Mapping[str, Any]) -> dict[str, Any]:
    """What pygeoapi says of its own routes for one configuration, as OpenAPI."""
    document: dict[str, Any] = get_oas(deepcopy(dict(config)), fail_on_invalid_collection=False)
    return document


def embedded_pygeoapi(config: Mapping[str, Any], openapi: Mapping[str, Any]) -> Embedded:
    """pygeoapi's own routes for one configuration and what :func:`pygeoapi_openapi` says of it."""
    spec = find_spec("pygeoapi.flask_app")
    if spec is None or spec.loader is None:
        raise ImportError('pygeoapi.flask_app is not there; install it with: pip install "moorage[server]"')
    module = module_from_spec(spec)
    with _files(config, openapi), _reader(config):
        spec.loader.exec_module(module)
    return Embedded(module.BLUEPRINT, module.api_.config["resources"])


@contextmanager
def _reader(config: Mapping[str, Any]) -> Iterator[None]:
    """Let pygeoapi have its configuration without its YAML parser, which takes a second for what is in ours."""
    # by its name: the package has a command of the same
    reader: Any = import_module("pygeoapi.config")
    usual = reader.get_config
    # as if it came from the file
    document = json.loads(json.dumps(config, default=str))
    reader.get_config = lambda raw=False: document  # noqa: ARG005 - pygeoapi's signature
    try:
        yield
    finally:
        reader.get_config = usual


@contextmanager
def _files(config: Mapping[str, Any], openapi: Mapping[str, Any]) -> Iterator[None]:
    """Configuration and OpenAPI where pygeoapi looks for them, while the block lasts. JSON is YAML too."""
    with ENVIRONMENT, tempfile.TemporaryDirectory() as folder:
        places = {
            "PYGEOAPI_CONFIG": _written(Path(folder) / "config.yml", config),
            "PYGEOAPI_OPENAPI": _written(Path(folder) / "openapi.json", openapi),
        }
        with lent(places):
            yield


def _written(path: Path, document: Mapping[str, Any]) -> str:
    path.write_text(json.dumps(document, default=str), encoding="utf-8")
    return str(path)
