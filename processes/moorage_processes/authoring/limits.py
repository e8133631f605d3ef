"""What one call may use, and how it may be called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Limits:
    """What one call may use, and how it may be called."""

    timeout: float | None = 3600.0
    """Seconds until a call is given up; None for no limit."""
    memory: int | None = 4 * 2**30
    """Resident memory of the call [bytes]; None for no limit."""
    attempts: int = 3
    """How often a call is begun at most, where its worker dies."""
    sync: bool = True
    """Whether it may be waited for in one request."""
    asynchronous: bool = True
    """Whether it may become a job."""
    wait: float = 7 * 86400.0
    """Seconds that a job may wait for the institute that runs it, while that is away."""

    def makes_job(self, *, is_wanted: bool) -> bool:
        """Whether an execution becomes a job, by the standard's rules.

        Parameters
        ----------
        is_wanted : whether the caller prefers one (``respond-async``).
        """
        return not self.sync or (self.asynchronous and is_wanted)

    def __post_init__(self) -> None:
        for name, value in (
            ("timeout", self.timeout),
            ("memory", self.memory),
            ("attempts", self.attempts),
            ("wait", self.wait),
        ):
            if value is not None and value <= 0:
                raise ValueError(f"{name} is {value}; it takes more than 0")
        if not (self.sync or self.asynchronous):
            raise ValueError("a method that is neither sync nor asynchronous can never be called")

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Limits:
        """Read what :meth:`to_json` wrote."""
        return cls(**document)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the catalogue."""
        return dict(vars(self))
