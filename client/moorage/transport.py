"""Requests to one service: kept connections, time limits, repetition where it is safe, credentials kept at home."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.utils import get_netrc_auth
from urllib3.exceptions import ReadTimeoutError

from moorage.errors import UnreachableError
from moorage.exchange import exchange
from moorage.problems import raise_for_problem

JSON = "application/json"
PREFER_JSON = f"{JSON}, */*;q=0.5"
RETRIES = 3
FIRST_PAUSE = 0.2
"""Seconds before the first repetition; each further pause is twice as long."""
LONGEST_PAUSE = 60.0
"""Seconds of ``Retry-After`` that are still waited for."""
REDIRECTS = 10
SOCKETS = 32
SEE_OTHER, BAD_GATEWAY, UNAVAILABLE = 303, 502, 503

Auth = tuple[str, str] | AuthBase | None


class Transport:
    """What sends the requests of one connection, from any thread.

    Parameters
    ----------
    root : URL below which the service lives; its credentials go nowhere else.
    headers : sent with each request to the service.
    auth : user name and password, or whatever ``requests`` takes; without it what ``.netrc`` says.
    timeout : seconds without an answer, or without a further byte of it, after which a request fails.
    verify : whether to check certificates, or a file of certificates to check with.
    """

    def __init__(
        self, root: str, headers: Mapping[str, str], auth: Auth, timeout: float, *, verify: bool | str
    ) -> None:
        self.root = root
        self.timeout = timeout
        self._headers = headers
        self._session = _session(root, auth, verify=verify)
        self._stranger = requests.Session()

    def close(self) -> None:
        """Give the sockets back."""
        self._session.close()
        self._stranger.close()

    def is_own(self, url: str) -> bool:
        """Whether *url* lies at the service's host, where its credentials may go."""
        session: Any = self._session
        return url.startswith(self.root) or not session.should_strip_auth(self.root, url)

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        stream: bool = False,
        patience: float = 0.0,
        address: Callable[[str, str], str] = urljoin,
    ) -> requests.Response:
        """Send one request and give its answer, wherever redirections lead.

        Reading requests are repeated after a broken connection or the answer of an overloaded gateway, others only
        where the service says that it accepted nothing.

        Parameters
        ----------
        stream : whether the body of the answer is left to be read.
        patience : seconds that the answer may take beyond the timeout.
        address : from where a link is seen and the link, to where it leads.

        Raises
        ------
        UnreachableError
            if no answer comes.
        ProblemError
            if the answer tells a problem.
        """
        history: list[requests.Response] = []
        while True:
            response = self._send(method, url, headers or {}, data, stream=stream, patience=patience)
            if method == "POST" and response.status_code == SEE_OTHER:
                # it was done, and what came of it is to be fetched there
                method, data, headers = "GET", None, _without_content(headers or {})
            if not response.is_redirect or method != "GET" or len(history) == REDIRECTS:
                break
            history.append(response)
            url = address(url, response.headers["Location"])
            response.close()
        response.history = history
        raise_for_problem(response)
        return response

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], data: bytes | None, *, stream: bool, patience: float
    ) -> requests.Response:
        """One request without redirections, repeated where that is safe."""
        is_own = self.is_own(url)
        send = partial(exchange, self._session) if is_own else partial(self._stranger.request, allow_redirects=False)
        sent = {"Accept": PREFER_JSON, **(self._headers if is_own else {}), **headers}
        timeout = (self.timeout, self.timeout + patience)
        is_reading = method == "GET"
        for attempt in count():
            pause = FIRST_PAUSE * 2**attempt if attempt < RETRIES else None
            try:
                response = send(method, url, headers=sent, data=data, stream=stream, timeout=timeout)
            except requests.RequestException as error:
                if pause is None or not is_reading or not is_broken(error):
                    raise unreachable(error, url) from None  # its chain is long and says no more
            else:
                pause = _respite(response, pause, is_reading=is_reading)
                if pause is None:
                    return response
                response.close()
            time.sleep(pause)
        raise AssertionError  # the loop above has no end


def _without_content(headers: Mapping[str, str]) -> dict[str, str]:
    """What a request says of the answer it would like, and not of what it sends."""
    return {name: value for name, value in headers.items() if name.startswith("Accept")}


def _respite(response: requests.Response, pause: float | None, *, is_reading: bool) -> float | None:
    """Seconds to wait before asking again, or None where the answer stands."""
    if pause is None or response.status_code not in (BAD_GATEWAY, UNAVAILABLE):
        return None
    stated = _retry_after(response.headers.get("Retry-After", ""))
    if response.status_code == UNAVAILABLE and stated is not None:
        return stated if stated <= LONGEST_PAUSE else None
    return pause if is_reading else None


def _retry_after(text: str) -> float | None:
    """Seconds that a ``Retry-After`` header asks to wait, or None where it does not say."""
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def is_broken(error: requests.RequestException) -> bool:
    """Whether a connection was refused or cut; a timeout is the caller's own limit and stands."""
    if isinstance(error, requests.Timeout) or isinstance(next(iter(error.args), None), ReadTimeoutError):
        return False
    return isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError)


def unreachable(error: requests.RequestException, url: str) -> UnreachableError:
    """What a caller is told about a request without an answer."""
    cause: BaseException = error
    while cause.__context__ is not None:
        cause = cause.__context__
    host = urlsplit(url).netloc or url
    return UnreachableError(f"no answer from {host}: {str(cause) or type(cause).__name__}")


def _session(url: str, auth: Auth, *, verify: bool | str) -> requests.Session:
    """A session that has read proxies, certificates and ``.netrc`` once, not for each request."""
    session = requests.Session()
    environment = session.merge_environment_settings(url, {}, None, verify, None)
    session.proxies, session.verify = environment["proxies"], environment["verify"]
    session.auth = auth or get_netrc_auth(url)
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, _LastingAdapter(pool_maxsize=SOCKETS))
    return session


class _LastingAdapter(HTTPAdapter):
    """Sockets that notice when the other side is gone while an answer takes its time."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        alive = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
        if hasattr(socket, "TCP_KEEPIDLE"):
            alive += [(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60), (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15)]
        super().init_poolmanager(
            *arguments, **options, socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), *alive]
        )
