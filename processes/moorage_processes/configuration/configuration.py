"""The configuration of one service: pygeoapi's YAML and our two sections, read once and checked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from moorage_processes.configuration.keys import BIND, DATASET, SECTIONS
from moorage_processes.configuration.settings import Settings
from moorage_processes.configuration.validation import ConfigurationError, check
from moorage_processes.data import datasets
from moorage_processes.data.datasets import Datasets
from moorage_processes.network.hosts import authority, is_loopback

__all__ = ["Configuration", "ConfigurationError", "Settings", "read_configuration", "shipped"]


@dataclass(frozen=True)
class Configuration:
    """All that a service is made from."""

    pygeoapi: Mapping[str, Any]
    """pygeoapi's own part, with ``server.url`` always set."""
    datasets: Datasets
    settings: Settings

    @property
    def url(self) -> str:
        """Where callers find the service, without a slash at the end."""
        return str(self.pygeoapi["server"]["url"])

    @property
    def bind(self) -> tuple[str, int]:
        """Host and port to listen on."""
        bind = self.pygeoapi["server"]["bind"]
        return str(bind["host"]), int(bind["port"])

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches the service: where it listens and where callers find it are loopback.

        One that listens on loopback and is found elsewhere has a proxy in front of it, and is public.
        """
        return is_loopback(self.bind[0]) and is_loopback(urlsplit(self.url).hostname or "")

    @property
    def state(self) -> Path:
        """Where jobs, results and logs are kept."""
        return self.state_called(str(self.bind[1]))

    def state_called(self, name: str) -> Path:
        """Where they are kept: where the configuration says, or in a directory of this name."""
        stated = self.settings.state or os.environ.get("MOORAGE_STATE")
        if stated:
            return Path(stated).expanduser().absolute()
        home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        return home / "moorage" / name

    @property
    def results(self) -> str | None:
        """Directory or URL where results are kept that several machines serve; None for the state directory."""
        stated = self.settings.results
        if stated and "://" in stated:
            return stated
        return str(Path(stated).expanduser().absolute()) if stated else None


def read_configuration(
    source: Path | str | Mapping[str, Any] | None = None,
    *,
    modules: Sequence[str] = (),
    host: str | None = None,
    port: int | None = None,
    state: Path | str | None = None,
) -> Configuration:
    """Read a configuration, and lay what the command line says over it.

    Parameters
    ----------
    source : a YAML file, whose missing keys come from the one that is shipped; or the parsed content of a whole
        one; or None for the one that is shipped.
    modules : method files and modules on top of those it names.
    host, port : where to listen.
    state : where to keep jobs, results and logs.

    Raises
    ------
    ConfigurationError
        naming the key that is wrong and what it takes.
    """
    document, base = _load(source)
    check("", document, SECTIONS)
    settings = Settings.read(document.pop("moorage", None) or {}).beside(base)
    settings = replace(settings, modules=(*settings.modules, *modules))
    if state is not None:
        settings = replace(settings, state=str(state))
    known = _read_datasets(document.pop("datasets", None) or {}, base)
    return Configuration(_with_address(document, host, port), known, settings)


def shipped(name: str) -> Path:
    """A file of ``config/``: in the installed package, or in the checkout beside it."""
    here = Path(__file__).parents[1]
    return next(path for path in (here / "config" / name, here.parents[1] / "config" / name) if path.exists())


def _read_datasets(section: Mapping[str, Any], base: Path) -> Datasets:
    named = {name: {"path": values} if isinstance(values, str) else values or {} for name, values in section.items()}
    for name, values in named.items():
        check(f"datasets.{name}", values, DATASET)
    stated = {name: {key: each for key, each in values.items() if each is not None} for name, values in named.items()}
    try:
        return Datasets(datasets.from_config(stated, base))
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def _load(source: Path | str | Mapping[str, Any] | None) -> tuple[dict[str, Any], Path]:
    if isinstance(source, Mapping):
        return deepcopy(dict(source)), Path.cwd()
    default = _parsed(shipped("local.yml"))
    if source is None:
        return default, Path.cwd()
    path = Path(source)
    return _over(default, _parsed(path)), path.absolute().parent


def _over(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, and where it says nothing what *base* says, however deep."""
    merged = {**base, **{name: value for name, value in given.items() if value is not None}}
    for name, value in given.items():
        if isinstance(value, dict) and isinstance(base.get(name), dict):
            merged[name] = _over(base[name], value)
    return merged


def _parsed(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(os.path.expandvars(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} cannot be read: it is not text in UTF-8") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is not YAML: {_in_one_line(error)}") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path} is not a mapping of sections such as server: and moorage:")
    return document


def _in_one_line(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} in line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
    return " ".join(str(error).split())


def _with_address(document: dict[str, Any], host: str | None, port: int | None) -> dict[str, Any]:
    server = document.get("server")
    if not isinstance(server, dict):
        raise ConfigurationError("the section server: is missing; config/local.yml shows one")
    bind: dict[str, Any] = {"host": "localhost", "port": 5000}
    for stated in (server.get("bind") or {}, {"host": host, "port": port}):
        bind |= {name: value for name, value in stated.items() if value is not None}
    check("server.bind", bind, BIND)
    server["bind"] = bind
    server["url"] = str(server.get("url") or f"http://{authority(bind['host'], bind['port'])}").rstrip("/")
    return document
