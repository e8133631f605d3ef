"""A caller of a service in few words: submit, wait, look at what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from support.patience import PATIENCE
from support.waiting import eventually

AS_JOB = {"Prefer": "respond-async"}
DONE = ("successful", "failed", "dismissed")
HELD = 2
"""Seconds for which our own service may hold a request until a job has changed."""


def identifier(job: str) -> str:
    """The id of a job, by its URL."""
    return job.rpartition("/jobs/")[2].partition("/")[0]


@dataclass(frozen=True)
class ServiceClient:
    """A service, as its callers reach it. A job is its URL, even where another machine of the same store is asked.

    Parameters
    ----------
    url : of the service.
    verify : file of the certificate that it must have; True for those that the machine trusts.
    timeout : seconds within which it must answer.
    """

    url: str
    verify: str | bool = field(default=True, kw_only=True)
    timeout: float = field(default=2 * PATIENCE, kw_only=True)

    def request(self, method: str, place: str, **options: Any) -> requests.Response:
        """What this service answers at a path, or at the path of a URL."""
        url = self.url + urlsplit(place)._replace(scheme="", netloc="").geturl()
        return requests.request(method, url, verify=self.verify, timeout=self.timeout, **options)

    def get(self, place: str, **headers: str) -> requests.Response:
        """What is found there."""
        return self.request("GET", place, headers=headers)

    def answers(self, place: str) -> bool:
        """Whether something is there and answers well."""
        try:
            return self.get(place).ok
        except requests.RequestException:
            return False

    def execute(self, process: str, body: Mapping[str, Any], **headers: str) -> requests.Response:
        """The answer to an execute request, whatever it is."""
        return self.request("POST", f"/processes/{process}/execution", json=body, headers=headers)

    def call(self, process: str, members: Mapping[str, Any] | None = None, /, **inputs: Any) -> requests.Response:
        """The answer to a call that is waited for, with further members of the execute request."""
        return self.execute(process, {"inputs": inputs, **(members or {})})

    def submit(self, process: str, members: Mapping[str, Any] | None = None, /, **inputs: Any) -> str:
        """The URL of a new job, with further members of the execute request."""
        answer = self.execute(process, {"inputs": inputs, **(members or {})}, **AS_JOB)
        assert answer.status_code == 201, answer.text
        job = answer.headers["Location"]
        assert job.startswith(f"{self.url}/jobs/"), job
        return job

    def run(self, process: str, members: Mapping[str, Any] | None = None, /, **inputs: Any) -> str:
        """The URL of a job that was submitted and is successful."""
        job = self.submit(process, members, **inputs)
        self.until(job, "successful")
        return job

    def status(self, job: str) -> dict[str, Any]:
        """A job as it is now."""
        answer = self.get(job, Accept="application/json")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def until(self, job: str, *statuses: str) -> dict[str, Any]:
        """A job once it has one of these statuses; wrong at once where it is done and has another."""
        watch = _Watch(self, job)

        def has() -> bool:
            now = watch.look().get("status")
            assert now in statuses or now not in DONE, watch.known
            return now in statuses

        eventually(has, told=lambda: f"{job} is {' or '.join(statuses)}, it is {watch.known}")
        return watch.known

    def done(self, job: str) -> dict[str, Any]:
        """A job once it is done."""
        return self.until(job, *DONE)

    def value(self, job: str) -> Any:
        """The only result of a job, once it is successful."""
        self.until(job, "successful")
        answer = self.get(f"{job}/results")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def log(self, job: str) -> str:
        """What a job's log says so far."""
        return self.get(f"{job}/log", Accept="text/plain").text

    def dismiss(self, job: str) -> requests.Response:
        """The answer to the wish that a job be stopped, or removed where it is done."""
        return self.request("DELETE", job)


class _Watch:
    """What is known of a job: asked for anew when it has changed, where the service holds requests for that."""

    def __init__(self, client: ServiceClient, job: str) -> None:
        self.known: dict[str, Any] = {}
        self._client = client
        self._job = job
        self._tag = ""

    def look(self) -> dict[str, Any]:
        held = {"If-None-Match": self._tag, "Prefer": f"wait={HELD}"} if self._tag else {}
        answer = self._client.get(self._job, Accept="application/json", **held)
        if answer.status_code == 200:
            self.known, self._tag = answer.json(), answer.headers.get("ETag", "")
        # it has not changed, or the service asks to come back later
        else:
            assert answer.status_code in (304, 503), answer.text
        return self.known
