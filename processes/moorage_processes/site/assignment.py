"""One job of a hub, from a machine of a site having taken it to the hub having heard the end."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage_processes.jobs.attempt import Ref
from moorage_processes.jobs.relay.protocol import AttemptClaim

if TYPE_CHECKING:
    from moorage_processes.jobs.job import Job


@dataclass(frozen=True)
class Assignment:
    """One attempt of the hub's at a job; here it is a job of its own, which may take several attempts."""

    ref: Ref
    """How the hub calls it."""
    number: int
    """The how manieth attempt of the hub's it is."""
    log: int
    """Bytes that the hub's log of the job had before."""

    @property
    def local(self) -> str:
        """How the engine here calls the job: the same whenever it is asked to begin this attempt."""
        return str(uuid.uuid5(uuid.UUID(self.ref.job), str(self.ref.epoch)))

    def held_by(self, machine: str) -> AttemptClaim:
        """The same as a machine speaks of it to the hub."""
        return AttemptClaim(self.ref, machine)

    @classmethod
    def of(cls, job: Job) -> Assignment:
        """The errand for which a job is run here."""
        return cls.from_json(job.answer)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Assignment:
        """Read what :meth:`to_json` wrote."""
        return cls(Ref(document["job"], int(document["epoch"])), int(document["number"]), int(document["log"]))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, kept with the job."""
        return {"job": self.ref.job, "epoch": self.ref.epoch, "number": self.number, "log": self.log}
