"""Which machines of the sites are there, as far as one supervisor has heard."""

from __future__ import annotations

import time

from moorage_processes.jobs.relay.protocol import HEARTBEAT
from moorage_processes.jobs.store.sites import MISSED


class Attendance:
    """When the machines of each site were heard of last, and whether they are leaving."""

    def __init__(self) -> None:
        self._heard: dict[str, dict[str, float]] = {}
        """By site and machine (monotonic) [s]."""
        self._leaving: set[tuple[str, str]] = set()

    def hear(self, site: str, machine: str, *, leaves: bool = False) -> None:
        """A machine was heard of; one that *leaves* finishes what it has in hand."""
        self._heard.setdefault(site, {})[machine] = time.monotonic()
        if leaves:
            self._leaving.add((site, machine))
        else:
            self._leaving.discard((site, machine))

    def is_heard(self, site: str, within: float) -> bool:
        """Whether any machine of a site was heard of within so many seconds."""
        return any(time.monotonic() - heard < within for heard in self._heard.get(site, {}).values())

    def is_present(self, site: str) -> bool:
        """Whether a machine of a site takes jobs."""
        return any(
            (site, machine) not in self._leaving and time.monotonic() - heard < MISSED * HEARTBEAT
            for machine, heard in self._heard.get(site, {}).items()
        )
