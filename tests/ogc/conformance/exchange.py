"""How the tests of the standard speak with a service, and how they read its answers."""

from __future__ import annotations

import email
import email.policy
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

import requests
from requests.utils import parse_header_links
from standard import EXCEPTIONS, valid
from support.patience import patience
from support.waiting import followed

PROBLEMS = ("application/json", "application/problem+json")
DONE = ("successful", "failed", "dismissed")
MESSAGE = {"message": "teststring"}
SLOW = "echo-slowly"


def get(url: str, **headers: str) -> requests.Response:
    """A GET that follows no redirect, so that what is answered is what is seen."""
    return requests.get(url, headers=headers, timeout=60, allow_redirects=False)


def get_json(url: str, schema: str) -> Any:
    """A document that is answered with 200 and is valid."""
    answer = get(url, Accept="application/json")
    assert answer.status_code == 200, answer.text
    assert bare(answer.headers["Content-Type"]) == "application/json"
    return valid(answer.json(), schema)


def execute(url: str, process: str, body: Mapping[str, Any], **headers: str) -> requests.Response:
    """Execute a process."""
    return requests.post(f"{url}/processes/{process}/execution", json=body, headers=headers, timeout=60)


def submit(url: str, process: str, body: Mapping[str, Any]) -> str:
    """Where the job of an execute request is found."""
    answer = execute(url, process, body, Prefer="respond-async")
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def status(job: str) -> Any:
    """The valid status of a job."""
    return get_json(job, "statusInfo")


def ended(job: str) -> Any:
    """The status of a job once it is done."""
    return awaited(job, *DONE)


def awaited(job: str, *states: str) -> Any:
    """The status of a job once it is one of *states*."""
    return followed(lambda: status(job), lambda state: state["status"] in states, within=patience(30.0))[-1]


@contextmanager
def long_job(url: str, pause: float = 50.0) -> Iterator[str]:
    """A job that runs while the block lasts."""
    job = submit(url, SLOW, {"inputs": {**MESSAGE, "pause": pause}})
    try:
        yield job
    finally:
        requests.delete(job, timeout=60)


def problem(answer: requests.Response, code: int, kind: str | None = None) -> Any:
    """The valid exception of an answer; *kind* is the last part of the standard's URI for it."""
    assert answer.status_code == code, f"{answer.status_code}: {answer.text[:500]}"
    assert bare(answer.headers["Content-Type"]) in PROBLEMS
    document = valid(answer.json(), "exception")
    assert document["status"] == code
    assert kind is None or document["type"] == EXCEPTIONS + kind
    return document


def bare(media_type: str) -> str:
    """A media type without its parameters."""
    return media_type.partition(";")[0].strip().lower()


def links(document: Mapping[str, Any], rel: str) -> list[dict[str, str]]:
    """The links of a document with one relation."""
    return [link for link in document["links"] if link.get("rel") == rel]


def header_links(answer: requests.Response) -> list[dict[str, str]]:
    """What the Link headers of an answer say."""
    return parse_header_links(answer.headers.get("Link", ""))


def parts(answer: requests.Response) -> dict[str, EmailMessage]:
    """The parts of a multipart/related answer by Content-ID."""
    assert answer.status_code == 200, answer.text[:500]
    assert bare(answer.headers["Content-Type"]) == "multipart/related"
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.content, policy=email.policy.HTTP)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return {str(part["Content-ID"]).strip("<>"): part for part in message.iter_parts()}


def content(part: EmailMessage) -> bytes:
    """The body of a part."""
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload


def value(part: EmailMessage) -> Any:
    """The JSON value in a part."""
    return json.loads(content(part))
