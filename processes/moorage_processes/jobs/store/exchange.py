"""Request and reply between supervisor and store, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from moorage_processes.jobs.attempt import Attempt, Ended, Progressed, Ref, Requeued

Report = Progressed | Ended | Requeued


@dataclass(frozen=True)
class JobChange:
    """A job that is not as it was."""

    job: str
    updated: int
    """Microseconds since 1970, as in the store."""
    is_done: bool


@dataclass(frozen=True)
class StoreRequest:
    """What a supervisor tells and asks at once."""

    reports: Mapping[Ref, Report] = field(default_factory=dict)
    """The last word of each attempt."""
    records: Sequence[Mapping[str, Any]] = ()
    """Calls that were answered, as rows of the jobs with their inputs under ``content``."""
    adopted: Sequence[Mapping[str, Any]] = ()
    """Calls that run and are jobs from now on, as such rows."""
    places: int = 0
    """How many jobs it could begin."""
    runs: Collection[Ref] | None = None
    """Attempts it has in hand, where that is to be compared with the store."""
    renews: bool = False
    """Whether its leases are renewed."""
    takes_over: bool = False
    """Whether jobs of others whose lease ran out are taken back."""
    watched: Collection[str] = ()
    """Jobs that somebody waits for."""


@dataclass(frozen=True)
class StoreReply:
    """Reply of the store to a supervisor."""

    claimed: Sequence[Attempt] = ()
    refused: Sequence[Ref] = ()
    """Attempts whose end came too late: the job had been dismissed, or given to somebody else."""
    gone: Sequence[Ref] = ()
    """Attempts it has in hand whose job was dismissed, or given to somebody else."""
    settled: Mapping[Ref, bool] = field(default_factory=dict)
    """Attempts that are over, and whether their artefacts are the results of the job."""
    changes: Sequence[JobChange] = ()
