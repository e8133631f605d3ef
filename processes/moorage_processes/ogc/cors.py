"""CORS: pages of other origins may call, and may read what a client needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import request

if TYPE_CHECKING:
    from flask import Response

EXPOSED = "Location, Link, Preference-Applied, ETag, Content-Range, Accept-Ranges, Retry-After"


def allow_others(response: Response) -> Response:
    """Say so in an answer."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = EXPOSED
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST, DELETE, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = (
            "Content-Type, Prefer, Range, If-None-Match, If-Match, Authorization"
        )
        response.headers["Access-Control-Max-Age"] = "86400"
    return response
