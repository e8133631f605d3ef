"""Assignment of one job of a hub to a machine of a site."""

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
    """One attempt of the hub at a job; here it is a job of its own, which may take several attempts."""

    ref: Ref
    """Job and epoch at the hub."""
    number: int
    """Number of this attempt at the hub, from 1."""
    log: int
    """Size of the job's log at the hub before this attempt [bytes]."""

    @property
    def local(self) -> str:
        """Id of the job here: the same whenever this attempt is submitted."""
        return str(uuid.uuid5(uuid.UUID(self.ref.job), str(self.ref.epoch)))

    def held_by(self, machine: str) -> AttemptClaim:
        """The claim of a machine on it, for messages to the hub."""
        return AttemptClaim(self.ref, machine)

    @classmethod
    def of(cls, job: Job) -> Assignment:
        """The assignment for which a job is run here."""
        return cls.from_json(job.answer)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Assignment:
        """Read what :meth:`to_json` wrote."""
        return cls(Ref(document["job"], int(document["epoch"])), int(document["number"]), int(document["log"]))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, kept with the job."""
        return {"job": self.ref.job, "epoch": self.ref.epoch, "number": self.number, "log": self.log}
