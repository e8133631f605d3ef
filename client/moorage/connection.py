"""The wire to one service: OWSLib's client of the standard, with its defects cured.

The only module that imports OWSLib. Cured are: headers shared by all clients of a Python process, a timeout that is
stored but never used, a ``Prefer`` header that stays on for later requests, and results that must be JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urljoin, urlsplit, urlunsplit

from owslib.ogcapi import REQUEST_HEADERS
from owslib.ogcapi.processes import Processes

from moorage.description import text
from moorage.errors import RefusedError, ResultError
from moorage.transport import JSON, Auth, Transport

if TYPE_CHECKING:
    import requests

EXECUTION = 3600.0
"""Seconds that a service without jobs may take to execute."""
PAGE = 1000
HELD = 16
"""Requests that one connection lets the service hold until a job changes; a service has a thread for each."""


class Connection(Processes):  # type: ignore[misc]  # OWSLib is untyped
    """A keep-alive connection to one service, for all threads.

    Parameters
    ----------
    url : the landing page; a query string, such as a token, goes along with every request.
    json_ : the landing page's document, if it is at hand already.
    timeout : seconds without an answer after which a request fails; an execution may take an hour.
    headers : sent with every request to this service, and to no other.
    auth : user name and password, or whatever ``requests`` takes.
    verify : whether to check certificates, or a file of certificates to check with.

    Raises
    ------
    UnreachableError
        if nothing answers at *url*.
    ProblemError
        if the service refuses.
    ResultError
        if what answers is not an OGC API.
    """

    def __init__(
        self,
        url: str,
        json_: str | None = None,
        timeout: float = 30.0,
        headers: Mapping[str, str] | None = None,
        auth: Auth = None,
        *,
        verify: bool | str = True,
    ) -> None:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        root = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + "/", "", ""))
        agent = {"User-Agent": f"moorage/{version('moorage')} {REQUEST_HEADERS['User-Agent']}"}
        own_headers = {**agent, **(headers or {})}
        self._transport = Transport(root, own_headers, auth, timeout, verify=verify)
        self._token = parts.query
        self.is_pygeoapi = False
        """Whether pygeoapi answers, which hands values to its methods as they stand in the request."""
        super().__init__(root, json_=json_ or self._landing(root))
        self.timeout = timeout
        self.headers = own_headers
        self.url, self.url_query_string = self._transport.root, self._token or None
        self._declared = self._declared_root()
        self._held = BoundedSemaphore(HELD)

    def _landing(self, root: str) -> str:
        response = self._transport.send("GET", f"{root}?{self._token}" if self._token else root)
        if not self._transport.is_own(response.url):  # credentials for one host are not for another
            message = f"{root} has moved to {response.url.partition('?')[0]}; connect there"
            raise RefusedError(message, status=response.history[0].status_code)
        if response.history:  # as after http became https
            self._transport.root = response.url.partition("?")[0].rstrip("/") + "/"
        self.is_pygeoapi = response.headers.get("X-Powered-By", "").startswith("pygeoapi")
        members(response)
        return response.text

    def _declared_root(self) -> str | None:
        """Where the service believes to be, if that is not where we found it: behind a tunnel or a proxy."""
        own = next((link.get("href") for link in self.links if link.get("rel") == "self"), None)
        root = urljoin(self.url, str(own)).partition("?")[0].rstrip("/") + "/" if own else None
        return None if root == self.url else root

    @contextmanager
    def held_place(self) -> Iterator[bool]:
        """Whether the service may hold one more request of this connection, while the block lasts."""
        is_free = self._held.acquire(blocking=False)
        try:
            yield is_free
        finally:
            if is_free:
                self._held.release()

    @property
    def title(self) -> str:
        """What the service is called."""
        return text(json.loads(self.response).get("title"))

    def close(self) -> None:
        """Give the sockets back."""
        self._transport.close()

    # -- addresses ------------------------------------------------------------------------------------------

    def _build_url(self, path: str | None = None, params: Mapping[str, Any] | None = None) -> str:
        query = "&".join(each for each in (self._token, urlencode(params or {})) if each)
        return self.url + (path or "") + (f"?{query}" if query else "")

    def address(self, href: str, seen_at: str | None = None) -> str:
        """A link of this service as an address that works from here.

        Parameters
        ----------
        href : the link, absolute or relative.
        seen_at : the address of the document it stands in.
        """
        absolute = urljoin(seen_at or self.url, href)
        if self._declared and absolute.startswith(self._declared):
            absolute = self.url + absolute.removeprefix(self._declared)
        if self._token and absolute.startswith(self.url) and self._token not in absolute:
            absolute += ("&" if "?" in absolute else "?") + self._token
        return absolute

    # -- requests -------------------------------------------------------------------------------------------

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, stream: bool = False, patience: float = 0.0
    ) -> requests.Response:
        """Read from an address; it raises what :meth:`Transport.send` raises."""
        return self._transport.send(
            "GET", url, headers=headers, stream=stream, patience=patience, address=self._redirected
        )

    def delete(self, url: str) -> requests.Response:
        """Remove what an address stands for; it raises what :meth:`Transport.send` raises."""
        return self._transport.send("DELETE", url)

    def _redirected(self, seen_at: str, href: str) -> str:
        return self.address(href, seen_at)

    def _request(
        self,
        method: str = "GET",
        path: str | None = None,
        data: str | bytes | Mapping[str, Any] | None = None,
        as_dict: bool = True,  # noqa: FBT001, FBT002 - OWSLib's signature
        kwargs: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """What all of OWSLib's operations are made of; what is not JSON comes back as bytes."""
        body = json.dumps(data) if isinstance(data, Mapping) else data
        response = self._transport.send(
            method,
            self._build_url(path, kwargs),
            headers={**({"Content-Type": JSON} if body is not None else {}), **(headers or {})},
            data=body.encode() if isinstance(body, str) else body,
            patience=EXECUTION if method == "POST" else 0.0,
        )
        self.request, self.response_headers = response.url, response.headers
        if not response.content:
            return {} if as_dict else b""
        return document(response) if as_dict and is_json(response) else response.content

    # -- operations -----------------------------------------------------------------------------------------

    def api(self) -> Any:
        """The OpenAPI definition of the service."""
        for link in self.links:
            if link.get("rel") == "service-desc" and "json" in link.get("type", "json"):
                return document(self.get(self.address(link["href"])))
        raise ResultError(f"{self.url} links to no OpenAPI definition in JSON")

    def process(self, process_id: str) -> dict[str, Any]:
        """The description of one process."""
        return members(self.get(self._build_url(_process_path(process_id))))

    def processes(self) -> list[dict[str, Any]]:
        """The summaries of all processes."""
        return list(self.items("processes", {"limit": PAGE}))

    def items(self, member: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The items of a list, ``processes`` or ``jobs``, through all its pages."""
        url: str | None = self._build_url(member, params)
        seen: set[str] = set()
        while url and url not in seen:
            seen.add(url)
            page = members(self.get(url))
            yield from page.get(member, ())
            following = [link for link in page.get("links", ()) if link.get("rel") == "next"]
            following.sort(key=lambda link: link.get("type") != JSON)
            url = self.address(following[0]["href"], url) if following else None

    def execute(
        self,
        process_id: str,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any] | None = None,
        response: str = "document",
        async_: bool = False,  # noqa: FBT001, FBT002 - OWSLib's signature
    ) -> Any:
        """Execute a process as OWSLib does; what is not JSON comes back as bytes."""
        body = {"inputs": inputs, "response": response} | ({"outputs": outputs} if outputs else {})
        headers = {"Prefer": "respond-async"} if async_ else {}
        return self._request("POST", f"{_process_path(process_id)}/execution", body, headers=headers)

    def start(self, process_id: str, body: bytes, prefer: str) -> requests.Response:
        """Send an execute request; the body of its answer is left to be read.

        Parameters
        ----------
        body : the request as JSON.
        prefer : how the caller would like the answer, this time.
        """
        return self._transport.send(
            "POST",
            self._build_url(f"{_process_path(process_id)}/execution"),
            headers={"Content-Type": JSON, "Accept": "*/*", "Accept-Encoding": "identity", "Prefer": prefer},
            data=body,
            stream=True,
            patience=EXECUTION,
        )

    def job_url(self, job_id: str) -> str:
        """Where a job of this service is found."""
        return self._build_url(f"jobs/{quote(job_id, safe='')}")


def _process_path(process_id: str) -> str:
    return f"processes/{quote(process_id, safe='')}"


def document(response: requests.Response, content: bytes | None = None) -> Any:
    """The JSON in an answer.

    Parameters
    ----------
    content : its body, where that was read already.

    Raises
    ------
    ResultError
        if it holds no JSON.
    """
    try:
        return json.loads(response.content if content is None else content)
    except ValueError as error:
        media_type = response.headers.get("Content-Type", "something without a type")
        raise ResultError(f"{response.url.partition('?')[0]} answers with {media_type}, not with JSON") from error


def members(response: requests.Response) -> dict[str, Any]:
    """The members of the JSON object in an answer.

    Raises
    ------
    ResultError
        if it holds none.
    """
    found = document(response)
    if not isinstance(found, dict):
        raise ResultError(f"{response.url.partition('?')[0]} answers with JSON that is not an object")
    return found


def is_json(response: requests.Response) -> bool:
    """Whether an answer says that it holds JSON."""
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return media_type == JSON or media_type.endswith("+json")
