"""Settings of the engine: strings and numbers, the same in every process of a service."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from moorage_processes.jobs.files.job_log import LIMIT
from moorage_processes.jobs.relay.address import Relay
from moorage_processes.jobs.relay.protocol import LEASE
from moorage_processes.jobs.retention import Retention


@dataclass(frozen=True)
class HubSettings:
    """Settings of a hub."""

    relay: Relay
    base: str
    """URL of the service, as sites reach it to bring results."""
    taken: tuple[str, ...] = ()
    """Names that no site may have, because they mean something else here."""
    lease: float = LEASE
    """Seconds without a heartbeat after which a machine loses its jobs to others."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> HubSettings:
        """Read what :meth:`to_json` wrote."""
        return cls(
            Relay.from_json(document["relay"]), document["base"], tuple(document["taken"]), float(document["lease"])
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the supervisor."""
        return {"relay": self.relay.to_json(), "base": self.base, "taken": list(self.taken), "lease": self.lease}


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """What an engine is made from.

    Make it before the web processes are forked, so that they agree on *born*.
    """

    state: Path
    """Directory of jobs, results and logs, on a local disk."""
    executor: Mapping[str, Any]
    """Handed to :class:`moorage_processes.execution.executor.Executor` in each worker."""
    preload: tuple[str, ...] = ()
    """Modules imported once, before workers are made; those that are not installed are passed over."""
    slots: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Jobs that run at once; with 0 they are left to other machines at the same store."""
    call_slots: int = 3
    """Calls that run at once, beside the jobs; one caller has two thirds of them at most."""
    queue: int = 1000
    """Jobs that may wait."""
    queue_size: int = 10**9
    """Bytes that the inputs of waiting jobs may hold."""
    call_queue: int = 256
    """Calls that may wait for a worker."""
    store: str | None = None
    """SQLAlchemy URL of the store; None for SQLite in the state directory."""
    results: str | None = None
    """Directory of results and logs that all machines at one store share, or fsspec's URL of an object store for
    results; None for the state directory."""
    results_options: Mapping[str, Any] = field(default_factory=dict)
    """What fsspec takes beside the URL."""
    retention: Retention = field(default_factory=Retention)
    """How long results are kept."""
    lease: float = 10.0
    """Seconds after which a machine that has not been heard of loses its jobs to others at the same store."""
    drain: float = 30.0
    """Seconds that running jobs are given to finish when the service stops."""
    hub: HubSettings | None = None
    """Where sites dial in; None where there are none."""
    log: str = "text"
    """``text``, or ``json`` for programs: then all parts write to the standard error of the service."""
    log_size: int = LIMIT
    """Bytes of the log of one job at most."""
    environment: tuple[str, ...] = ()
    """Environment variables that methods may see beside the usual ones: names, or patterns such as ``CDSAPI_*``."""
    metrics: bool = False
    """Whether the ends of jobs are counted in the store."""
    born: float = field(default_factory=time.time)
    """When the service began [s since 1970]; a newer one with other settings takes the supervisor's place."""

    def __post_init__(self) -> None:
        if self.slots < 0:
            raise ValueError(f"slots is {self.slots}; it takes 0 or more")
        for name in ("call_slots", "queue", "call_queue", "lease", "log_size", "queue_size"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it takes more than 0")

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> EngineSettings:
        """Read what :meth:`to_json` wrote."""
        hub = document["hub"] and HubSettings.from_json(document["hub"])
        retention = Retention.from_json(document["retention"])
        told = {"state": Path(document["state"]), "preload": tuple(document["preload"])}
        told["environment"] = tuple(document["environment"])
        told |= {"hub": hub, "retention": retention}
        return cls(**{**document, **told})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the supervisor."""
        told = {"hub": self.hub and self.hub.to_json(), "retention": self.retention.to_json()}
        return {**asdict(self), "state": str(self.state), **told}

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the store."""
        return self.store or f"sqlite:///{self.state / 'jobs.sqlite'}"

    @property
    def fingerprint(self) -> str:
        """The same for services that do the same, and other once the file of a method has changed."""
        document = {name: value for name, value in self.to_json().items() if name != "born"}
        text = json.dumps([version("moorage"), document, sorted(_changed(document["executor"]))], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _changed(document: Any) -> Iterator[tuple[str, int]]:
    """Each Python file that *document* names under ``file``, with the time of its last change [ns]."""
    if isinstance(document, Mapping):
        file = document.get("file")
        if isinstance(file, str) and file.endswith(".py") and Path(file).exists():
            yield file, Path(file).stat().st_mtime_ns
        document = list(document.values())
    if isinstance(document, list | tuple):
        for each in document:
            yield from _changed(each)
