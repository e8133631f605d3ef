"""How long results are kept: by age and by size, for all processes and for single ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from moorage_processes.authoring.quantities import parse_age, parse_size


@dataclass(frozen=True)
class Allowance:
    """What may be kept."""

    age: float | None = None
    """Seconds since a job ended; None for ever."""
    size: int | None = None
    """Bytes of all results together; None for any."""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Read what an operator wrote, once the configuration has checked it."""
        age, size = given.get("age"), given.get("size")
        return cls(None if age is None else parse_age(age), None if size is None else parse_size(size))


@dataclass(frozen=True)
class Retention:
    """What is kept of jobs that have ended, until then everything."""

    overall: Allowance = field(default_factory=Allowance)
    processes: Mapping[str, Allowance] = field(default_factory=dict)
    """Of single processes; their age goes before that of all, their size counts beside it."""

    @property
    def is_limited(self) -> bool:
        """Whether anything is ever removed."""
        return any(each != Allowance() for each in (self.overall, *self.processes.values()))

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Read what an operator wrote, once the configuration has checked it."""
        processes = given.get("processes") or {}
        return cls(Allowance.read(given), {name: Allowance.read(each or {}) for name, each in processes.items()})

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote."""
        processes = {name: Allowance(**each) for name, each in document["processes"].items()}
        return cls(Allowance(**document["overall"]), processes)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the supervisor."""
        return {"overall": vars(self.overall), "processes": {name: vars(each) for name, each in self.processes.items()}}
