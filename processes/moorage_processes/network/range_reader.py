"""One address on the network of which parts are read: pinned, never led elsewhere, given up when it is silent."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import urllib3

from moorage_processes.errors import InputError
from moorage_processes.network.connections import connections
from moorage_processes.network.hosts import target_of

if TYPE_CHECKING:
    from moorage_processes.network.fetch import Policy

CONNECTION = 5.0
"""Seconds after which an address that takes no connection is given up."""
SILENCE = 15.0
"""Seconds after which one that sends nothing is; longer where a server computes its answer first."""
BLOCK = 1 << 20
AT_ONCE = 10
"""Connections kept to one address; parts are read side by side."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
WHOLE, PARTIAL = 200, 206
MISSING = frozenset({403, 404, 410})
"""Answers for what is not there; object stores that may not be listed say 403."""


@dataclass(frozen=True)
class RangeAnswer:
    """What an address answered."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class LedElsewhereError(InputError):
    """An address that redirects."""


class RangeReader:
    """An address whose parts are read as they are needed.

    It is resolved once, checked, and connected to. Redirects are refused: they could lead anywhere.

    Parameters
    ----------
    href : the address; what is beneath it may be read too.
    policy : whether it may be, how many bytes together, and for how long one part.
    name : what an error says it is about, such as the input.
    shown : how an error calls the address.
    silence : seconds after which it is given up when nothing comes.
    """

    def __init__(
        self, href: str, policy: Policy, name: str, *, shown: str | None = None, silence: float = SILENCE
    ) -> None:
        self.parts = policy.check(href, name)
        self.name = name
        self.read = 0
        """Bytes that came so far."""
        self.trouble: InputError | None = None
        """Why the last part could not be read; libraries in between keep it to themselves."""
        self._made_of = (href, policy, name, shown, silence)
        self._policy = policy
        self._shown = shown or href
        self._counting = Lock()
        timeout = urllib3.Timeout(connect=min(CONNECTION, silence), read=silence)
        address = policy.resolve(self.parts, name)
        self._pool = connections(self.parts, address, timeout, policy.seconds, AT_ONCE)

    def __reduce__(self) -> tuple[Any, ...]:
        """For a process that computes a part: there the address is checked, and connected to, anew."""
        return _again, self._made_of

    def __deepcopy__(self, memo: object) -> RangeReader:
        """Itself, so that what is read is counted together."""
        return self

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def beneath(self, key: str) -> str:
        """What is asked for to read *key* beneath the address."""
        path = "/".join(part for part in (self.parts.path.rstrip("/"), quote(key)) if part)
        return target_of(self.parts._replace(path=path))

    def get(self, target: str | None = None, span: str | None = None) -> RangeAnswer:
        """What the host answers when asked for *target*, the address itself where that is None.

        Parameters
        ----------
        target : path and query at the host.
        span : bytes of it, as the header ``Range`` has them.

        Raises
        ------
        InputError
            where nothing comes, too much comes, or it leads elsewhere; any other status is an answer.
        """
        try:
            return self._asked(target_of(self.parts) if target is None else target, span)
        except InputError as error:
            self.trouble = error
            raise

    def unexpected(self, answer: RangeAnswer) -> InputError:
        """The error for an answer that is of no use."""
        self.trouble = InputError(f"{self.name}: {self._shown} answered with status {answer.status}", input=self.name)
        return self.trouble

    def _asked(self, target: str, span: str | None) -> RangeAnswer:
        headers = {"Host": self.parts.netloc, "Accept-Encoding": "identity"} | ({"Range": span} if span else {})
        begun = time.monotonic()
        try:
            response = self._pool.request(
                "GET",
                target,
                headers=headers,
                preload_content=False,
                redirect=False,
                # a connection that was kept may have been closed at the other end
                retries=urllib3.Retry(total=1, connect=0, read=0, other=1, status=0, redirect=False),
            )
            try:
                content = self._content(response, is_part=span is not None)
            finally:
                response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            is_late = time.monotonic() - begun >= self._policy.seconds
            within = f" in full within {self._policy.seconds:g} s" if is_late else ""
            raise InputError(f"{self.name}: {self._shown} does not answer{within}", input=self.name) from error
        if response.status in REDIRECTS:
            raise LedElsewhereError(
                f"{self.name}: {self._shown} redirects, and is to be read in parts; give the final address",
                input=self.name,
            )
        return RangeAnswer(response.status, dict(response.headers), content)

    def _content(self, response: urllib3.BaseHTTPResponse, *, is_part: bool) -> bytes:
        if is_part and response.status == WHOLE:
            response.close()  # all of it, which nobody asked for
            return b""
        pieces = []
        while block := response.read(BLOCK):
            with self._counting:
                self.read += len(block)
            if self.read > self._policy.size:
                response.close()
                raise InputError(
                    f"{self.name}: more than {self._policy.size} bytes of {self._shown} were read, the most one may"
                    " hold; ask for less of it",
                    input=self.name,
                )
            pieces.append(block)
        return b"".join(pieces)


def _again(href: str, policy: Policy, name: str, shown: str | None, silence: float) -> RangeReader:
    return RangeReader(href, policy, name, shown=shown, silence=silence)


class RangedFile(io.RawIOBase):
    """A file behind a link, read in ranges.

    Parameters
    ----------
    link : where it is.
    size : its bytes; asked for where None.

    Raises
    ------
    UnrangedError
        where its host answers with nothing but whole files, or leads elsewhere.
    """

    def __init__(self, link: RangeReader, size: int | None = None) -> None:
        self._link = link
        self._place = 0
        self.size = self._found() if size is None else size

    def _found(self) -> int:
        link = self._link
        try:
            answer = link.get(span="bytes=0-0")
        except LedElsewhereError as error:
            raise UnrangedError from error
        if answer.status == WHOLE:
            raise UnrangedError
        size = _stated_size(answer)
        if answer.status != PARTIAL or size is None:
            raise link.unexpected(answer)
        return size

    def again(self) -> RangedFile:
        """The same file, read from its beginning by somebody else."""
        return RangedFile(self._link, self.size)

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def readinto(self, room: Any) -> int:
        """Fill *room* from here on, as far as the file goes."""
        view = memoryview(room).cast("B")
        wanted = min(len(view), self.size - self._place)
        if wanted <= 0:
            return 0
        answer = self._link.get(span=f"bytes={self._place}-{self._place + wanted - 1}")
        if answer.status != PARTIAL or len(answer.content) != wanted:
            raise self._link.unexpected(answer)
        view[:wanted] = answer.content
        self._place += wanted
        return wanted


class UnrangedError(Exception):
    """A host that answers with whole files only."""


def _stated_size(answer: RangeAnswer) -> int | None:
    """The size of the whole that a part says it is of."""
    stated = next((each for name, each in answer.headers.items() if name.lower() == "content-range"), "")
    size = stated.rpartition("/")[2]
    return int(size) if size.isdecimal() else None
