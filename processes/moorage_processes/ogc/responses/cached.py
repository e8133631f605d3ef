"""Answers that stay the same as long as a service runs: made once, then served from memory with an ETag."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from flask import Response, request

if TYPE_CHECKING:
    from werkzeug.datastructures import Headers

MOST = 256
"""Answers that are kept; beyond that the oldest goes."""


@dataclass(frozen=True)
class CachedContent:
    """What an answer was made of."""

    body: bytes
    headers: Headers


class CachedResponses:
    """Good answers by what was asked."""

    def __init__(self) -> None:
        self._contents: dict[Hashable, CachedContent] = {}
        self._making = Lock()

    def answer(self, asked: Hashable, make: Callable[[], Response]) -> Response:
        """The answer to *asked*, which *make* makes the first time; 304 where the caller has it."""
        content = self._contents.get(asked) or self._made(asked, make)
        response = Response(content.body, headers=content.headers)
        response.make_conditional(request)
        return response

    def _made(self, asked: Hashable, make: Callable[[], Response]) -> CachedContent:
        with self._making:
            if asked in self._contents:
                return self._contents[asked]
            response = make()
            body = response.get_data()
            response.set_etag(hashlib.sha256(body).hexdigest()[:32])
            if len(self._contents) >= MOST:
                self._contents.pop(next(iter(self._contents)))
            self._contents[asked] = CachedContent(body, response.headers)
            return self._contents[asked]
