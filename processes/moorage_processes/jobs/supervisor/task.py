"""An attempt in the hands of the supervisor, and why its worker may be killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from moorage_processes.jobs.attempt import Attempt, Ref

if TYPE_CHECKING:
    from moorage_processes.jobs.workers.file_memory import Family
    from moorage_processes.jobs.workers.pool import WorkerHandle


class KillReason(Enum):
    """Why we killed a worker."""

    TIME = auto()
    MEMORY = auto()
    NOT_WANTED = auto()
    """The job was dismissed, or the caller has gone."""
    STOPPING = auto()
    """The service stops."""


@dataclass(eq=False)
class Task:
    """An attempt that the supervisor has taken on: it waits, or a worker runs it."""

    attempt: Attempt
    answer: Callable[[Mapping[str, Any], bytes], None] | None = None
    """Receives the answer to a call; None for a job."""
    caller: str = ""
    """Who waits for the answer, where that is known."""
    become_job: Callable[[], None] | None = None
    """Makes a job of a call; None for a job, and for a call that never becomes one."""
    must_last: bool = True
    """Whether its worker publishes its files so that they survive a power loss; those of a call need not."""
    worker: WorkerHandle | None = None
    came: float = field(default_factory=time.monotonic)
    """When it was taken on (monotonic) [s]."""
    began: float = 0.0
    """When it was given to a worker (monotonic) [s]."""
    percent: int = 0
    message: str = ""
    reports: int = 0
    """Number of the last progress report that was read."""
    family: Family | None = None
    """Its worker and the processes that this started."""
    in_files: int = 0
    """Memory that these hold as files [bytes]."""
    kill_reason: KillReason | None = None
    on_end: list[Callable[[], None]] = field(default_factory=list)
    """Called when its worker has ended, or has finished with it."""

    @property
    def ref(self) -> Ref:
        """Which attempt it is."""
        return Ref(self.attempt.job, self.attempt.epoch)

    @property
    def is_job(self) -> bool:
        """Whether the store knows of it, or is just being told."""
        return self.answer is None

    @property
    def has_place_of_job(self) -> bool:
        """Whether it takes one of the places that jobs have: it is a job, or may become one."""
        return self.is_job or self.become_job is not None
