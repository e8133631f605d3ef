"""The endpoints of OGC API - Processes, by 18-062r2."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, request, send_file

from mooring_processes.jobs.job import Status
from mooring_processes.ogc import errors
from mooring_processes.ogc import vocabulary as ogc
from mooring_processes.ogc.descriptions import description, summary
from mooring_processes.ogc.errors import Problem
from mooring_processes.ogc.negotiation import Preferences, preferences, runs_async, wants_html
from mooring_processes.ogc.queries import job_query, page_limit
from mooring_processes.ogc.requests import Order, read_order
from mooring_processes.ogc.results import Results
from mooring_processes.ogc.status import job_url, status_info

if TYPE_CHECKING:
    from mooring_processes.catalogue import Entry
    from mooring_processes.jobs.job import Job
    from mooring_processes.ogc.service import Service


NEAR = 0.02
"""Seconds within which a job that begins is likely to end, and a second answer can be spared."""


def blueprint(service: Service) -> Blueprint:
    """The endpoints of *service*; register them before pygeoapi's, so that they come first."""
    routes = Blueprint("mooring", __name__)
    here = Endpoints(service)
    routes.before_request(service.start)
    table: tuple[tuple[str, str, Callable[..., Response]], ...] = (
        ("GET", "/conformance", here.conformance),
        ("GET", "/processes", here.processes),
        ("GET", "/processes/<process_id>", here.process),
        ("POST", "/processes/<process_id>/execution", here.execute),
        ("GET", "/jobs", here.jobs),
        ("GET", "/jobs/<job_id>", here.job),
        ("DELETE", "/jobs/<job_id>", here.dismiss),
        ("GET", "/jobs/<job_id>/log", here.log),
        ("GET", "/jobs/<job_id>/results", here.results),
        ("GET", "/jobs/<job_id>/results/<output_id>", here.output),
    )
    for method, rule, view in table:
        routes.add_url_rule(rule, view.__name__, view, methods=[method], strict_slashes=False)
    return routes


class Endpoints:
    """One method for each operation of the standard.

    Parameters
    ----------
    service : what they stand on.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._engine = service.engine
        self._base = service.base

    def conformance(self) -> Response:
        """The classes that are built to the letter."""
        return _json({"conformsTo": list(ogc.CONFORMS_TO)})

    def processes(self) -> Response:
        """The process list, ten at a time unless ``limit`` says otherwise."""
        if wants_html(request):
            return _pygeoapi("get_processes", process_id=None)
        limit, offset = page_limit(request.args)
        entries = list(self._service.catalogue.values())
        items = [summary(entry, self._base) for entry in entries[offset : offset + limit]]
        links = self._page_links("processes", limit, offset, len(entries))
        return _json({"processes": items, "links": links})

    def process(self, process_id: str) -> Response:
        """One process in full."""
        entry = self._entry(process_id)
        if wants_html(request):
            return _pygeoapi("get_processes", process_id=process_id)
        return _json(description(entry, self._base))

    def execute(self, process_id: str) -> Response:
        """Run a process: now, or as a job that is followed."""
        entry = self._entry(process_id)
        wanted = preferences(request)
        order = read_order(_body(), entry, self._service.checkers[entry.id], request.headers.get("Accept", ""))
        if runs_async(wanted, entry.limits):
            return self._submit(order, entry, wanted)
        return self._call(order, entry)

    def _call(self, order: Order, entry: Entry) -> Response:
        job = self._engine.call(
            order.request, entry.limits, timeout=self._service.sync_timeout, answer=order.answer.to_json()
        )
        if job.failure is not None:
            raise errors.of_failure(job.failure)
        results = self._results_of(job)
        response = results.answer()
        if results.holds_links():
            self._engine.keep(job)
        else:
            self._engine.discard(job)
        return response

    def _submit(self, order: Order, entry: Entry, wanted: Preferences) -> Response:
        job = self._engine.submit(order.request, entry.limits, answer=order.answer.to_json())
        if wanted.wait:
            job = self._hold(job, wanted.wait)
        url = job_url(job, self._base)
        if job.status is Status.SUCCESSFUL:
            response = self._results_of(job).answer()
            response.headers["Preference-Applied"] = f"wait={wanted.wait:.0f}"
            response.headers.add("Link", f'<{url}>; rel="monitor"')
            return response
        if job.failure is not None:
            problem = errors.of_failure(job.failure)
            raise Problem(problem.status, problem.type, problem.detail, members={**problem.members, "job": url})
        response = _json(status_info(job, self._base), status=201)
        response.headers["Location"] = url
        response.set_etag(_etag(job))  # so that the first look at the job can be held until it changes
        response.headers["Preference-Applied"] = "respond-async"
        return response

    def jobs(self) -> Response:
        """The job list, newest first."""
        if wants_html(request):
            return _pygeoapi("get_jobs", job_id=None)
        limit, offset = page_limit(request.args)
        query = job_query(request.args, self._service.catalogue, limit, offset)
        page = self._engine.find(query)
        items = [status_info(job, self._base) for job in page.jobs]
        links = self._page_links("jobs", limit, offset, page.matched)
        return _json({"jobs": items, "numberMatched": page.matched, "numberReturned": len(items), "links": links})

    def job(self, job_id: str) -> Response:
        """The state of a job; with ``Prefer: wait`` and ``If-None-Match`` as soon as it differs from the known one."""
        job = self._job(job_id)
        if wants_html(request):
            return _pygeoapi("get_jobs", job_id=job_id)
        wait = preferences(request).wait
        job, is_waited_for = self._changed(job, wait)
        if request.if_none_match.contains(_etag(job)):
            response = Response(status=304)
        else:
            response = _json(status_info(job, self._base))
        response.set_etag(_etag(job))
        if is_waited_for:
            response.headers["Preference-Applied"] = f"wait={wait:.0f}"
        return response

    def _changed(self, job: Job, wait: float | None) -> tuple[Job, bool]:
        """The job once it differs from what the caller knows, and whether that was waited for as she prefers."""
        if not wait or not request.if_none_match or job.status.is_done:
            return job, False
        if not request.if_none_match.contains(_etag(job)):
            return job, True
        with self._place() as is_free:
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
            raise _no_such_job(job_id)
        return _json(status_info(job, self._base))

    def log(self, job_id: str) -> Response:
        """What a job's method said while it ran, as text."""
        path = self._engine.log(self._job(job_id).id)
        if not path.exists():
            return Response("", content_type=f"{ogc.TEXT}; charset=utf-8")
        return send_file(path, mimetype=f"{ogc.TEXT}; charset=utf-8", conditional=True)

    def results(self, job_id: str) -> Response:
        """The results in the shape the execute request asked for."""
        return self._finished(job_id).answer()

    def output(self, job_id: str, output_id: str) -> Response:
        """One output as it is: a file with ranges, or a small JSON value."""
        results = self._finished(job_id)
        for artefact in results.job.artefacts:
            if artefact.output == output_id:
                return results.output(artefact)
        known = ", ".join(artefact.output for artefact in results.job.artefacts)
        raise Problem(404, ogc.NO_SUCH_OUTPUT, f"the job has no output {output_id!r}; it has {known}")

    def _finished(self, job_id: str) -> Results:
        job = self._job(job_id)
        if job.failure is not None:
            raise errors.of_failure(job.failure)
        if job.status is Status.DISMISSED:
            raise Problem(404, ogc.RESULT_NOT_AVAILABLE, "the job was dismissed; it has no results")
        if job.status is not Status.SUCCESSFUL:
            raise Problem(404, ogc.RESULT_NOT_READY, f"the job is {job.status}; its results come when it is successful")
        return self._results_of(job)

    def _results_of(self, job: Job) -> Results:
        return Results(job, self._engine.directory(job), self._base)

    def _hold(self, job: Job, seconds: float) -> Job:
        """The job once it is done, or after *seconds*; at once where too many requests are held already."""
        with self._place() as is_free:
            return (self._engine.wait(job.id, seconds, None) if is_free else None) or job

    @contextmanager
    def _place(self) -> Iterator[bool]:
        """Whether there is a place among the requests that may be held, taken while the block lasts."""
        is_free = self._service.held.acquire(blocking=False)
        try:
            yield is_free
        finally:
            if is_free:
                self._service.held.release()

    def _entry(self, process_id: str) -> Entry:
        entry = self._service.catalogue.get(process_id)
        if entry is None:
            raise Problem(404, ogc.NO_SUCH_PROCESS, f"there is no process {process_id!r}; /processes lists them")
        return entry

    def _job(self, job_id: str) -> Job:
        job = self._engine.get(job_id)
        if job is None:
            raise _no_such_job(job_id)
        return job

    def _page_links(self, path: str, limit: int, offset: int, matched: int) -> list[dict[str, str]]:
        def link(rel: str, at: int, media_type: str = ogc.JSON) -> dict[str, str]:
            kept = {name: value for name, value in request.args.items() if name not in ("limit", "offset", "f")}
            query = urlencode({**kept, "limit": limit, "offset": at, "f": "html" if media_type == ogc.HTML else "json"})
            return {"rel": rel, "type": media_type, "href": f"{self._base}/{path}?{query}"}

        links = [link("self", offset), link("alternate", offset, ogc.HTML)]
        if offset + limit < matched:
            links.append(link("next", offset + limit))
        if offset > 0:
            links.append(link("prev", max(0, offset - limit)))
        return links


def _no_such_job(job_id: str) -> Problem:
    return Problem(404, ogc.NO_SUCH_JOB, f"there is no job {job_id[:80]!r}; it was never here or was removed")


def _body() -> bytes:
    body = request.get_data(cache=False)
    request.stream.read(1)  # a body of unstated length that is too large is cut, and tells so only here
    return body


def _json(document: object, status: int = 200) -> Response:
    return Response(json.dumps(document), status=status, content_type=ogc.JSON)


def _etag(job: Job) -> str:
    return f"{job.status}-{job.progress}-{job.updated.timestamp() if job.updated else 0}"


def _pygeoapi(view: str, **arguments: str | None) -> Response:
    """Pages for people are pygeoapi's."""
    page = current_app.ensure_sync(current_app.view_functions[f"pygeoapi.{view}"])
    return current_app.make_response(page(**arguments))
