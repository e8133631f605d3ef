"""What a service tells of a job: the standard's statusInfo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DONE = frozenset({"successful", "failed", "dismissed"})


@dataclass(frozen=True)
class Status:
    """The state of a job when it was last asked for.

    Parameters
    ----------
    name : accepted, running, successful, failed or dismissed.
    progress : how much is done [%], where the service tells.
    message : what the job says it is doing.
    process : the id of its process, where the service tells.
    created, started, finished : when (RFC 3339), where the service tells.
    links : addresses by relation.
    tag : the ETag of this state.
    """

    name: str
    progress: int | None = None
    message: str = ""
    process: str = ""
    created: str = ""
    started: str = ""
    finished: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""

    @property
    def is_done(self) -> bool:
        """Whether it will not change any more."""
        return self.name in DONE


def read_status(document: Any, tag: str = "") -> Status:
    """Read a statusInfo; what is none tells no more than that the job was accepted."""
    if not isinstance(document, Mapping) or not document.get("status"):
        return Status("accepted", tag=tag)
    progress = document.get("progress")
    return Status(
        name=str(document["status"]),
        progress=round(progress) if isinstance(progress, int | float) else None,
        tag=tag,
        links={link["rel"]: link["href"] for link in document.get("links") or () if {"rel", "href"} <= link.keys()},
        process=document.get("processID") or "",
        **{name: document.get(name) or "" for name in ("message", "created", "started", "finished")},
    )
