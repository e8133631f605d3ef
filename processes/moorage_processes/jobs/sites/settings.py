"""What a hub is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moorage_processes.jobs.relay.address import Relay
from moorage_processes.jobs.relay.protocol import LEASE


@dataclass(frozen=True)
class HubSettings:
    """What a hub is made from: strings and numbers."""

    relay: Relay
    base: str
    """URL of the service, as sites reach it to bring results."""
    taken: tuple[str, ...] = ()
    """Names that no site may have, because they mean something else here."""
    lease: float = LEASE
    """Seconds after which a machine that is not heard of loses its jobs to others."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> HubSettings:
        """Read what :meth:`to_json` wrote."""
        return cls(
            Relay.from_json(document["relay"]), document["base"], tuple(document["taken"]), float(document["lease"])
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the supervisor."""
        return {"relay": self.relay.to_json(), "base": self.base, "taken": list(self.taken), "lease": self.lease}
