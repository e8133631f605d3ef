"""Jobs: the list of them, each one's state and log, and its end by dismissal."""

from __future__ import annotations

from contextlib import suppress
from io import SEEK_END
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Response, request, send_file

from moorage_processes.jobs.job import Status
from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.pages.filters import dates, form_arguments
from moorage_processes.ogc.pages.page import page
from moorage_processes.ogc.pages.reply import reply
from moorage_processes.ogc.requests.negotiation import negotiated
from moorage_processes.ogc.requests.query_parameters import job_query, page_limit, place_after
from moorage_processes.ogc.responses.paging import page_links
from moorage_processes.ogc.responses.status import etag_of, status_info

if TYPE_CHECKING:
    from moorage_processes.jobs.job import Job
    from moorage_processes.ogc.service import Service

NEAR = 0.02
"""Seconds within which a job that begins is likely to end, and a second answer can be spared."""
SHOWN = 64 * 1024
"""Bytes at the end of a log that its page shows."""


class JobsEndpoint:
    """The job list, and single jobs.

    Parameters
    ----------
    service : what they stand on.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._engine = service.engine

    def listing(self) -> Response:
        """The job list, newest first."""
        base = self._service.base
        arguments = form_arguments(request.args) if negotiated(request).wants_html else request.args
        limit, offset = page_limit(arguments)
        query = job_query(arguments, self._service.catalogue, limit, offset)
        found = self._engine.find(query)
        items = [status_info(job, base, is_draft=negotiated(request).is_draft) for job in found.jobs]
        following = {"after": place_after(found.jobs[-1])} if found.has_more else None
        document = {
            "jobs": items,
            "numberReturned": len(items),
            "links": page_links(f"{base}/jobs", arguments, following),
        }
        return reply(document, "jobs", query=query, arguments=arguments, dates=dates(arguments), statuses=list(Status))

    def job(self, job_id: str) -> Response:
        """The state of a job; with ``Prefer: wait`` and ``If-None-Match`` as soon as it differs from the known one."""
        job = self._service.job(job_id)
        wait = negotiated(request).preferences.wait
        job, is_waited_for = self._changed(job, wait)
        if request.if_none_match.contains_weak(etag_of(job)):
            response = Response(status=304)
        else:
            document = status_info(job, self._service.base, is_draft=negotiated(request).is_draft)
            # inputs may be large, and who follows a job has seen them
            shown: dict[str, Any] = {"etag": etag_of(job), "asks": not request.if_none_match}
            if negotiated(request).wants_html:
                shown["log"] = _end_of(self._engine.log(job))
            response = reply(document, "job", job=job, **shown)
        response.set_etag(etag_of(job), weak=True)
        if is_waited_for:
            response.headers["Preference-Applied"] = f"wait={wait:.0f}"
        return response

    def _changed(self, job: Job, wait: float | None) -> tuple[Job, bool]:
        """The job once it differs from what the caller knows, and whether that was waited for as they prefer."""
        if not wait or not request.if_none_match or job.status.is_done:
            return job, False
        if not request.if_none_match.contains_weak(etag_of(job)):
            return job, True
        with self._service.place() as is_free:
            return (self._await_news(job, wait) if is_free else None) or job, is_free

    def _await_news(self, job: Job, wait: float) -> Job | None:
        """The job once there is news; that it begins is told with its end where that is near."""
        news = self._engine.wait(job.id, wait, job)
        if job.status is Status.ACCEPTED and news is not None and news.status is Status.RUNNING:
            return self._engine.wait(job.id, min(wait, NEAR), news)
        return news

    def dismiss(self, job_id: str) -> Response:
        """Stop a job that is not done; remove one that is, with its results."""
        job = self._engine.dismiss(job_id)
        if job is None:
            raise self._service.no_such_job(job_id)
        return reply(
            status_info(job, self._service.base, is_draft=negotiated(request).is_draft),
            "job",
            job=job,
            is_dismissal=True,
        )

    def log(self, job_id: str) -> Response:
        """What a job's method said while it ran, as text."""
        job = self._service.job(job_id)
        path = self._engine.log(job)
        if negotiated(request).chosen(("text", "html"), ogc.TEXT) == "html":
            return page("log", status_info(job, self._service.base), job=job, log=_end_of(path))
        try:
            return send_file(path, mimetype=f"{ogc.TEXT}; charset=utf-8", conditional=True)
        except FileNotFoundError:
            # a method that said nothing leaves no log
            return Response("", content_type=f"{ogc.TEXT}; charset=utf-8")


def _end_of(path: Path) -> str:
    """The last part of a log, as text; nothing where a method said nothing, and so has no log."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        file.seek(max(0, file.seek(0, SEEK_END) - SHOWN))
        return file.read().decode("utf-8", "replace")
    return ""
