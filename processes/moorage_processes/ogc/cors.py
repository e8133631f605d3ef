"""CORS: what pages of other origins may ask, and may read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import request

if TYPE_CHECKING:
    from flask import Response

EXPOSED = "Location, Link, Preference-Applied, ETag, Content-Range, Accept-Ranges, Retry-After"
READING = "GET, HEAD, OPTIONS"
ALL = "GET, HEAD, POST, DELETE, OPTIONS"
SENT = "Content-Type, Prefer, Range, If-None-Match, If-Match, Authorization"
DESCRIBING = ("moorage.LandingEndpoint", "moorage.OpenApiEndpoint", "moorage.ProcessesEndpoint")
"""Endpoints, by how their names begin, that say what the service is and computes."""
UNSAFE = ("moorage.ExecutionEndpoint", "moorage.SitesEndpoint hand_out")
"""Those at which even a GET changes something."""


@dataclass(frozen=True)
class Cors:
    """What a service lets pages of other origins do: read, unless the operator lets them do everything.

    Parameters
    ----------
    everything : whether they may also run methods, and stop and remove jobs.
    is_local : whether the service is for this machine alone: of it they may read no data, jobs or results.
    """

    everything: bool = False
    is_local: bool = False

    def tell(self, response: Response) -> Response:
        """State it in an answer."""
        if self.everything or self._is_safe():
            response.headers["Access-Control-Allow-Origin"] = "*"
            response.headers["Access-Control-Expose-Headers"] = EXPOSED
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = ALL if self.everything else READING
                response.headers["Access-Control-Allow-Headers"] = SENT
                response.headers["Access-Control-Max-Age"] = "86400"
        return response

    def _is_safe(self) -> bool:
        """Whether the request reads, and what anybody may read."""
        endpoint = request.endpoint or ""
        if request.method not in READING.split(", ") or endpoint.startswith(UNSAFE):
            return False
        return not self.is_local or endpoint.startswith(DESCRIBING)
