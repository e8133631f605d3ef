"""The section `moorage:` of a configuration: each key once, with its type, what it takes and what is so without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self, TypeVar

from moorage_processes.configuration.keys import (
    AGE,
    FLAG,
    HOSTS,
    NAMES,
    NETWORKS,
    OPTIONS,
    RESULTS,
    SIZE,
    STORE,
    TEXT,
    TEXTS,
    one_of,
    seconds,
    whole,
)
from moorage_processes.configuration.validation import ConfigurationError, KeyRule, Section, check
from moorage_processes.jobs.relay.address import Relay, RelayError, found_credentials
from moorage_processes.jobs.relay.protocol import HUB
from moorage_processes.jobs.retention import Retention
from moorage_processes.jobs.settings import EngineSettings, HubSettings
from moorage_processes.network.fetch import Policy

T = TypeVar("T")

DAY = 86_400
KEPT = {"age": AGE, "size": SIZE}
RETENTION = Section(KEPT | {"processes": Section(names=Section(KEPT))}, read=Retention.read)


def key(takes: KeyRule[T] | Section[T], default: T) -> T:
    """A field of :class:`Settings`: what its key takes, and its value where a configuration says nothing."""
    # a dataclass refuses a default that could be changed, such as a mapping, but not what makes one
    made: T = field(default_factory=lambda: default, metadata={"takes": takes})
    return made


@dataclass(frozen=True)
class Settings:
    """The ``moorage:`` section."""

    modules: tuple[str, ...] = key(TEXTS, ())
    installed: bool = key(FLAG, default=True)
    description_cache: bool = key(FLAG, default=True)
    environment: tuple[str, ...] = key(TEXTS, ())
    state: str | None = key(TEXT, None)
    store: str | None = key(STORE, None)
    scheduler: str | None = key(TEXT, None)
    results: str | None = key(RESULTS, None)
    results_options: Mapping[str, Any] = key(OPTIONS, {})
    retention: Retention = key(RETENTION, Retention())  # noqa: RUF009 - it is frozen
    server_names: tuple[str, ...] = key(NAMES, ())
    trusted_proxies: tuple[str, ...] = key(NETWORKS, ())
    allowed_hosts: tuple[str, ...] = key(HOSTS, ())
    reference_size: int = key(SIZE, Policy.size)
    reference_seconds: float = key(seconds(above_zero=True), Policy.seconds)
    body_size: int = key(SIZE, 64 * 10**6)
    answer_size: int = key(SIZE, 10**8)
    result_size: int = key(SIZE, 10**10)
    sync_timeout: float = key(seconds(above_zero=True), 60.0)
    jobs: bool = key(FLAG, default=True)
    slots: int = key(whole(0), 0)
    call_slots: int = key(whole(1), EngineSettings.call_slots)
    queue: int = key(whole(1), EngineSettings.queue)
    queue_size: int = key(SIZE, EngineSettings.queue_size)
    log_size: int = key(SIZE, EngineSettings.log_size)
    drain: float = key(seconds(above_zero=False), EngineSettings.drain)
    shutdown_delay: float = key(seconds(above_zero=False), 0.0)
    log: str = key(one_of("text", "json"), EngineSettings.log)
    metrics: bool = key(FLAG, EngineSettings.metrics)
    drafts: bool = key(FLAG, default=False)
    nats: str | None = key(TEXT, None)
    nats_credentials: str | None = key(TEXT, None)
    nats_ca: str | None = key(TEXT, None)
    site_lease: float = key(seconds(above_zero=True), HubSettings.lease)
    callback_hosts: tuple[str, ...] = key(HOSTS, ())
    callback_secret_file: str | None = key(TEXT, None)
    callback_attempts: int = key(whole(1, 1000), 6)
    callback_pause: float = key(seconds(above_zero=True, most=DAY), 20.0)
    callback_timeout: float = key(seconds(above_zero=True, most=DAY), 10.0)
    callback_progress: float = key(seconds(above_zero=True, most=DAY), 3.0)

    @classmethod
    def read(cls, section: Mapping[str, Any]) -> Self:
        """Read the section; file names in it stay as they are written.

        Raises
        ------
        ConfigurationError
            naming the key that is wrong and what it takes.
        """
        takes = {each.name: each.metadata["takes"] for each in fields(cls)}
        check("moorage", section, Section(takes))
        return cls(**{name: takes[name].read(value) for name, value in section.items() if value is not None})

    def beside(self, base: Path) -> Self:
        """The same, with files of methods and for the relay named as they lie in *base*, the configuration's folder."""
        return replace(
            self,
            modules=tuple(str(base / name) if name.endswith(".py") else name for name in self.modules),
            nats_credentials=self.nats_credentials and str(base / Path(self.nats_credentials).expanduser()),
            nats_ca=self.nats_ca and str(base / Path(self.nats_ca).expanduser()),
        )

    @property
    def reading(self) -> dict[str, Any]:
        """How methods are described, for :func:`moorage_processes.catalogue.reading.begin_reading`."""
        return {"installed": self.installed, "cached": self.description_cache, "environment": self.environment}

    def relay(self) -> Relay | None:
        """Where sites dial in; None where there are none.

        Raises
        ------
        ConfigurationError
            naming the key that is wrong and what it takes.
        """
        if self.nats is None:
            return None
        try:
            return Relay(self.nats, self.nats_credentials or found_credentials(HUB), self.nats_ca)
        except RelayError as error:
            raise ConfigurationError(f"moorage: nats: {error}") from error
