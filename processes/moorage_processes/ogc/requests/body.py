"""The body of a request, as a server reads it from the connection piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, BinaryIO

from werkzeug.exceptions import ClientDisconnected

if TYPE_CHECKING:
    from flask import Request

CHUNKED = "HTTP_TRANSFER_ENCODING"


def whole_body(request: Request) -> bytes:
    """All of a body.

    Raises
    ------
    ClientDisconnected
        where it is shorter than its stated length, or not chunked as HTTP has it.
    RequestEntityTooLarge
        where it is longer than this service takes.
    """
    body = request.get_data(cache=False)
    request.stream.read(1)  # a body of unstated length that is too large is cut, and tells so only here
    if request.content_length is not None and len(body) < request.content_length:
        raise ClientDisconnected
    return body


class ChunkedBodies:
    """A WSGI application that meets any trouble with a chunked body as one kind of error, whatever the server raises.

    Parameters
    ----------
    application : what it is.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        if CHUNKED in environ:
            environ["wsgi.input"] = _ChunkedBody(environ["wsgi.input"])
        return self._application(environ, start_response)


class _ChunkedBody:
    """What is read of a chunked body; Werkzeug makes 400 of an :class:`OSError`, and of nothing else."""

    def __init__(self, inner: BinaryIO) -> None:
        self._inner = inner

    def read(self, size: int = -1) -> bytes:
        """At most *size* bytes."""
        try:
            return self._inner.read(size)
        except Exception as error:
            raise OSError("the body is not chunked as HTTP has it") from error

    def readline(self, size: int = -1) -> bytes:
        """The same, up to the end of a line."""
        try:
            return self._inner.readline(size)
        except Exception as error:
            raise OSError("the body is not chunked as HTTP has it") from error
