"""One connection of a web process: what is read from it, who answers, and when it ends."""

# waitress states no types, and what is inferred is narrower than what it does
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

from __future__ import annotations

import io
import json
import os
import socket
import time
from http import HTTPStatus
from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import BadRequest

from moorage_processes.commands.web.sent_file import TURN, FileSlice, SentFile
from moorage_processes.commands.web.upload import IncomingRequest, UploadStream
from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.problems import Problem, too_large

HEADER_PATIENCE = 20.0
"""Seconds within which the header of a request must come."""
BODY_PATIENCE = 60.0
"""Seconds within which a body must come, and one more for each :data:`SLOWEST` bytes of it."""
SLOWEST = 4096
LINGER = 5.0
"""Seconds in which a caller who is still sending can read why that is refused."""
SEND = 1 << 17
"""Bytes that are read of an answer and handed to the kernel at a time."""
DISCARD = 1 << 18


class Gathered:
    """Stands for a connection while what goes there is gathered.

    Parameters
    ----------
    server : that of the connection.
    """

    def __init__(self, server: Any) -> None:
        self.server = server
        self.pieces: list[bytes] = []

    def write_soon(self, data: bytes) -> None:
        """Gather it."""
        self.pieces.append(data)


class Answer(WSGITask):  # type: ignore[misc]  # waitress is untyped
    """The application's answer to one request."""

    channel: Any
    _keeps_open = False

    def build_response_header(self) -> Any:
        """The header. waitress would end the connection wherever no length is stated, as of 304 and in chunks."""
        ends = self.request.headers.get("CONNECTION", "").lower() == "close"
        self._keeps_open = self.version == "1.1" and not (ends or self.close_on_finish)
        try:
            return super().build_response_header()
        finally:
            self._keeps_open = False

    def set_close_on_finish(self) -> None:
        """End the connection after this answer."""
        if not self._keeps_open:
            super().set_close_on_finish()

    def execute(self) -> None:
        """Ask the application."""
        if self.channel.server.is_leaving or self.channel.is_half_closed or self.request.is_upload:
            self.set_close_on_finish()
        if self.request.is_upload:
            # of an upload that is refused, the rest is still to come
            self.channel.is_unread = True
        super().execute()

    def get_environment(self) -> dict[str, Any]:
        """What the application is told of the request."""
        environ: dict[str, Any] = super().get_environment()
        environ |= {"wsgi.multiprocess": True, "wsgi.file_wrapper": SentFile, "SERVER_SOFTWARE": "moorage"}
        if self.request.is_upload:
            environ["wsgi.input"] = io.BufferedReader(UploadStream(self.channel.socket, self.request), DISCARD)
        return environ

    def write(self, data: bytes) -> None:
        """Send some of the answer: its header and the beginning of its body at once, or callers would wake twice."""
        if self.wrote_header or len(data) > SEND:
            super().write(data)
            return
        self.channel, channel = (gathered := Gathered(self.channel.server)), self.channel
        try:
            super().write(data)
        finally:
            self.channel = channel
        channel.write_soon(b"".join(gathered.pieces))

    def finish(self) -> None:
        """Send what is left."""
        if self.request.command != "HEAD":
            super().finish()
        elif not self.wrote_header:
            # and no more: of unknown length it would end in a chunk, which the next answer would begin with
            self.write(b"")


class Refusal(ErrorTask):  # type: ignore[misc]  # waitress is untyped
    """The answer to what is not a request, or one that is too large: a problem document, as of the application."""

    def execute(self) -> None:
        """Write it, and let the connection end."""
        problem = self._problem()
        document = problem.to_json()
        body = json.dumps(document).encode()
        self.status = f"{problem.status} {document['title']}"
        # as the application does it
        is_json = ogc.JSON in self.request.headers.get("ACCEPT", "")
        self.response_headers.append(("Content-Type", ogc.JSON if is_json else ogc.PROBLEM))
        self.content_length = len(body)
        self.channel.is_unread = True
        self.set_close_on_finish()
        self.write(body)

    def _problem(self) -> Problem:
        error = self.request.error
        if error.code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return too_large(self.channel.adj.max_request_body_size - 1)
        return Problem(error.code, HTTPStatus(error.code).phrase.replace(" ", ""), error.body)


class Connection(HTTPChannel):  # type: ignore[misc]  # waitress is untyped
    """A connection, read by the loop of its process, and answered by threads."""

    sendbuf_len: int
    request: Any
    will_close: bool
    task_class = Answer
    error_task_class = Refusal
    parser_class = IncomingRequest
    is_unread = False
    """Whether the caller may still be sending what nobody wants."""
    is_half_closed = False
    """Whether the caller has ended their side of the connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sendbuf_len = min(self.sendbuf_len, SEND)
        self._begun = 0.0
        self._turn = 0
        self._lingers_until = 0.0

    @property
    def caller(self) -> str:
        """Address of the peer."""
        return str(self.addr[0])

    @property
    def is_idle(self) -> bool:
        """Whether nobody works on an answer; one may still be on its way, and the next request too."""
        return not self.requests

    @property
    def is_silent(self) -> bool:
        """Whether nothing is on its way, in either direction."""
        return not (self.requests or self.total_outbufs_len or self.request)

    @property
    def unfinished(self) -> int:
        """Bytes that are kept of a body that is not complete."""
        request = self.request
        return request.body_bytes_received if request is not None else 0

    def is_late(self, now: float) -> bool:
        """Whether its time is over: to send a request, or to read why that was refused.

        Parameters
        ----------
        now : monotonic time [s].
        """
        if self._lingers_until:
            return now > self._lingers_until
        request = self.request
        if request is None or request.empty:
            return False
        if not request.headers_finished:
            return now > self._begun + HEADER_PATIENCE
        received: int = request.body_bytes_received
        return now > self._begun + BODY_PATIENCE + received / SLOWEST

    def received(self, data: bytes) -> bool:
        """Take in what came."""
        if self.request is None:
            self._begun = time.monotonic()
        return bool(super().received(data))

    def send_continue(self) -> None:
        """Tell a caller who asks first to go on, unless it has been refused already, or is read by the application."""
        request = self.request
        is_complete = request.completed
        if request.error is None and not request.is_upload:
            super().send_continue()
            # waitress takes this for the beginning of a body, even where none comes
            request.completed = is_complete
        else:
            self.sent_continue = True

    def readable(self) -> bool:
        """Whether the loop reads here."""
        if self._lingers_until:
            return True
        if self.is_half_closed:
            self.will_close = self.will_close or not (self.requests or self.total_outbufs_len)
            return False
        if not self.requests:
            # asked of every connection at every turn
            return not (self.total_outbufs_len or self.will_close or self.close_when_flushed)
        return not any(request.is_upload for request in self.requests) and bool(super().readable())

    def handle_read(self) -> None:
        """Something came, or the caller has ended their side."""
        try:
            data = self.socket.recv(DISCARD if self._lingers_until else self.adj.recv_bytes)
        except BlockingIOError:
            return
        except OSError:
            self.handle_close()
            return
        if self._lingers_until:
            if not data:
                self.handle_close()
        elif data:
            self.last_activity = time.time()
            self.received(data)
        else:
            self._end_of_requests()

    def _end_of_requests(self) -> None:
        """The caller sends no more, but may still read: answer what is whole, refuse what is cut."""
        self.is_half_closed = True
        with self.requests_lock:
            request = self.request
            self.request = None
            if request is None or request.empty:
                return
            request.error = BadRequest("the request ends before its header or body is complete; send it again")
            request.completed = True
            self.requests.append(request)
            if len(self.requests) == 1:
                self.server.add_task(self)

    def handle_write(self) -> None:
        """Send what can be sent; then end, or linger."""
        if not (self.is_unread and self.close_when_flushed) or self.will_close:
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if not self.connected or self.will_close:
            self.handle_close()
        elif not self.total_outbufs_len:
            self._linger()

    def _flush_some(self, do_close: bool = True) -> Any:  # noqa: FBT001, FBT002 - waitress's signature
        self._turn = TURN
        return super()._flush_some(do_close=do_close)

    def send(self, data: Any, do_close: bool = True) -> int:  # noqa: FBT001, FBT002 - waitress's signature
        """Hand something to the kernel; how many bytes of it were taken."""
        if not isinstance(data, FileSlice):
            return int(super().send(data, do_close))
        try:
            sent = os.sendfile(self.socket.fileno(), data.file, data.start, min(data.count, self._turn))
        except BlockingIOError:
            return 0
        except ConnectionError:
            if do_close:
                self.handle_close()
            return 0
        if not sent and self._turn:
            # the file has become shorter than was promised
            self.will_close = True
        self._turn -= sent
        return sent

    def _linger(self) -> None:
        """Say that all is said, and take in what the caller still sends: closed at once, it would lose the answer."""
        self.close_when_flushed = False
        self._lingers_until = time.monotonic() + LINGER
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.handle_close()
