"""Messages between a hub and its sites, and their subjects.

A site may publish below ``moorage.hub.<site>``, pull from its own queue, and subscribe to ``moorage.site.<site>``; the
relay enforces that (``config/nats.conf``), so the subject tells which site speaks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moorage_processes.errors import OperatorError
from moorage_processes.jobs.attempt import Ref

STREAM = "MOORAGE"
"""The stream of all queues."""
HUB = "hub"
"""The hub's own name at the relay, which no site can have."""
SITE_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")

PUBLISHED = "results"
"""Below the address of a site, where what stayed there is found: by job and output."""

HEARTBEAT = 2.0
"""Seconds between two heartbeats of a machine."""
LEASE = 30.0
"""Seconds without a heartbeat after which a machine loses its jobs to others."""


class SiteNameError(OperatorError, ValueError):
    """A name that no site can have."""


def check_name(site: str) -> None:
    """Refuse a name that no site can have.

    Raises
    ------
    SiteNameError
        where it is one.
    """
    if not SITE_NAME.fullmatch(site):
        raise SiteNameError(f"{site!r} is not a name of a site; it takes small letters, digits and hyphens")


def notice(site: str, job: str) -> str:
    """Subject of the notice of a job."""
    return f"moorage.jobs.{site}.{job}"


def to_hub(site: str, verb: str) -> str:
    """Subject on which a site speaks to the hub."""
    return f"moorage.hub.{site}.{verb}"


def to_site(site: str, verb: str) -> str:
    """Subject on which the hub speaks to all machines of a site."""
    return f"moorage.site.{site}.{verb}"


def inbox(name: str) -> str:
    """Prefix of the subjects on which replies to a site come; the hub has another."""
    return f"_INBOX.{name}"


def speaker(subject: str) -> str:
    """Which site speaks on a subject."""
    return subject.split(".")[2]


@dataclass(frozen=True)
class Announcement:
    """What a site offers."""

    machine: str
    """Which of its machines speaks."""
    processes: tuple[Mapping[str, Any], ...]
    """Of each its ``id``, ``description`` and ``limits``."""
    datasets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of each its ``kind`` and ``title``; their paths stay at the site."""
    allowed_hosts: tuple[str, ...] = ()
    """From where the site fetches inputs by reference."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Announcement:
        """Read what :meth:`to_json` wrote."""
        return cls(
            machine=str(document["machine"]),
            processes=tuple(document["processes"]),
            datasets=dict(document["datasets"]),
            allowed_hosts=tuple(document["allowed_hosts"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the hub and its store."""
        return {
            "machine": self.machine,
            "processes": list(self.processes),
            "datasets": dict(self.datasets),
            "allowed_hosts": list(self.allowed_hosts),
        }


@dataclass(frozen=True)
class AttemptClaim:
    """An attempt that a machine has in hand."""

    ref: Ref
    machine: str

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> AttemptClaim:
        """Read what :meth:`to_json` wrote."""
        return cls(Ref(str(document["job"]), int(document["epoch"])), str(document["machine"]))

    def to_json(self, **more: Any) -> dict[str, Any]:
        """Plain JSON, with what is said of it."""
        return {"job": self.ref.job, "epoch": self.ref.epoch, "machine": self.machine, **more}


NAMES = ("settled", "gone")


@dataclass(frozen=True)
class RetentionReply:
    """What the hub has to say of jobs that are done here."""

    settled: frozenset[Ref] = frozenset()
    """It has written their end down, and leads callers here."""
    gone: frozenset[Ref] = frozenset()
    """It has no more use for them."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> RetentionReply:
        """Read what :meth:`to_json` wrote."""
        return cls(*(frozenset(Ref(str(job), int(epoch)) for job, epoch in document[name]) for name in NAMES))

    def __or__(self, other: RetentionReply) -> RetentionReply:
        return RetentionReply(self.settled | other.settled, self.gone | other.gone)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the site."""
        return {"settled": list(self.settled), "gone": list(self.gone)}
