"""The section `moorage:` of a configuration as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from moorage_processes.authoring.quantities import parse_size
from moorage_processes.configuration.keys import ANYTHING, MOORAGE
from moorage_processes.configuration.validation import ConfigurationError, check, refusal, unknown
from moorage_processes.jobs.relay.address import Relay, RelayError
from moorage_processes.jobs.relay.protocol import LEASE
from moorage_processes.jobs.retention import TAKES, Retention


@dataclass(frozen=True)
class Settings:
    """The ``moorage:`` section."""

    modules: tuple[str, ...] = ()
    installed: bool = True
    description_cache: bool = True
    state: str | None = None
    store: str | None = None
    scheduler: str | None = None
    results: str | None = None
    results_options: Mapping[str, Any] = field(default_factory=dict)
    retention: Retention = field(default_factory=Retention)
    allowed_hosts: tuple[str, ...] = ()
    reference_size: int = 10**9
    reference_seconds: float = 60.0
    body_size: int = 64 * 10**6
    answer_size: int = 10**8
    result_size: int = 10**10
    sync_timeout: float = 60.0
    jobs: bool = True
    slots: int = 0
    call_slots: int = 2
    queue: int = 1000
    drain: float = 30.0
    shutdown_delay: float = 0.0
    log: str = "text"
    metrics: bool = False
    drafts: bool = False
    nats: str | None = None
    nats_credentials: str | None = None
    nats_ca: str | None = None
    site_lease: float = LEASE
    callback_hosts: tuple[str, ...] = ()
    callback_secret_file: str | None = None
    callback_attempts: int = 6
    callback_pause: float = 20.0
    callback_timeout: float = 10.0
    callback_progress: float = 3.0

    @classmethod
    def read(cls, section: Mapping[str, Any]) -> Self:
        """Read the section; relative to nothing, with sizes such as ``64 MB``."""
        known = {each.name: each for each in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in section.items():
            if name not in known:
                raise unknown(f"moorage.{name}", name, known)
            if value is not None:
                values[name] = _read(name, value)
        return cls(**values)

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
            return Relay(self.nats, self.nats_credentials, self.nats_ca)
        except RelayError as error:
            raise ConfigurationError(f"moorage: nats: {error}") from error


def _read(name: str, value: Any) -> Any:
    takes = {each.name: str(each.type) for each in fields(Settings)}[name]
    check(f"moorage.{name}", value, MOORAGE.get(name, ANYTHING))
    try:
        return _READERS[takes](value)
    except (TypeError, ValueError) as error:
        raise refusal(f"moorage.{name}", value, _TAKES[takes]) from error


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple | None):
        raise TypeError
    return tuple(str(each) for each in value or ())


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping | None):
        raise TypeError
    return dict(value or {})


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "Mapping[str, Any]": _mapping,
    "Retention": Retention.read,
    "tuple[str, ...]": _names,
    "bool": _flag,
    "str | None": _text,
    "int": parse_size,
    "float": _number,
    "str": str,
}
_TAKES = {
    "Mapping[str, Any]": "a mapping",
    "Retention": TAKES,
    "tuple[str, ...]": "a list",
    "bool": "true or false",
    "str | None": "text",
    "str": "text",
    "int": "a whole number, or a size such as 64 MB",
    "float": "a number of seconds",
}
