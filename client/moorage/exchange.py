"""One request and its answer, as ``requests`` has them, without what it does anew for each although nothing changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import requests
from requests.cookies import extract_cookies_to_jar
from requests.hooks import default_hooks, dispatch_hook


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    data: bytes | None,
    stream: bool,
    timeout: tuple[float, float],
) -> requests.Response:
    """What ``session.request`` gives without following redirections, for a session that trusts no environment.

    ``requests`` merges settings, parses the URL and asks for credentials again for each request, which takes longer
    than all that the rest of a small call takes on this side.
    """
    request = _prepared(session, method, url, headers, data)
    way: dict[str, Any] = {
        "stream": stream,
        "timeout": timeout,
        "verify": session.verify,
        "cert": session.cert,
        "proxies": session.proxies,
    }
    response: requests.Response = session.get_adapter(request.url or url).send(request, **way)
    # credentials that take two requests, such as those of digest, hook in here
    response = dispatch_hook("response", request.hooks, response, **way)  # type: ignore[no-untyped-call]
    for each in (*response.history, response):
        extract_cookies_to_jar(session.cookies, each.request, each.raw)  # type: ignore[no-untyped-call]
    if not stream:
        response.content  # noqa: B018 - it reads the body
    return response


def _prepared(
    session: requests.Session, method: str, url: str, headers: Mapping[str, str], data: bytes | None
) -> requests.PreparedRequest:
    request = requests.PreparedRequest()
    request.method = method
    request.url = _quoted(url)
    request.prepare_headers({**session.headers, **headers})
    request.hooks = default_hooks()
    request.body = data
    if data is not None:
        request.headers["Content-Length"] = str(len(data))
    request._cookies = session.cookies  # type: ignore[attr-defined]  # noqa: SLF001 - what prepare_cookies sets
    if session.cookies:
        request.prepare_cookies(session.cookies)
    if session.auth is not None or "@" in url:
        request.prepare_auth(session.auth, url)
    return request


@lru_cache(256)
def _quoted(url: str) -> str:
    """A URL in the letters that may travel."""
    request = requests.PreparedRequest()
    request.prepare_url(url, None)
    return str(request.url)
