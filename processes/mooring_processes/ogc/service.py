"""What the endpoints of one service stand on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Event, Lock, Semaphore
from typing import TYPE_CHECKING

from mooring_processes.ogc.inputs import Checker

if TYPE_CHECKING:
    from mooring_processes.catalogue import Catalogue
    from mooring_processes.datasets import Datasets
    from mooring_processes.jobs.engine import Engine
    from mooring_processes.references import Policy


@dataclass(frozen=True)
class Service:
    """One service: its methods, its engine, its data."""

    base: str
    """Its URL, without a slash at the end."""
    catalogue: Catalogue
    engine: Engine
    datasets: Datasets
    policy: Policy
    held: Semaphore
    """Places for requests that are held until a job changes."""
    sync_timeout: float = 60.0
    """Seconds after which a call that is waited for is given up."""

    _starting: Lock = field(default_factory=Lock, repr=False)
    _started: Event = field(default_factory=Event, repr=False)

    def start(self) -> None:
        """Start the engine in this process, unless it runs here; a service is made before its processes are forked."""
        if self._started.is_set():
            return
        with self._starting:
            if not self._started.is_set():
                self.engine.start()
                self._started.set()

    @cached_property
    def checkers(self) -> Mapping[str, Checker]:
        """What checks the inputs of each process."""
        return {name: Checker(entry, self.datasets, self.policy) for name, entry in self.catalogue.items()}
