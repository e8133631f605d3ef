"""Running a process: now, or as a job that is followed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from flask import Response, request

from moorage_processes.catalogue.queue import LOCAL
from moorage_processes.jobs.errors import Interrupted, TimedOut
from moorage_processes.jobs.job import Status
from moorage_processes.ogc import problems
from moorage_processes.ogc.callbacks.subscriber import read_subscriber
from moorage_processes.ogc.pages.reply import as_json, reply
from moorage_processes.ogc.pages.results import results_page
from moorage_processes.ogc.problems import Problem
from moorage_processes.ogc.requests.body import whole_body
from moorage_processes.ogc.requests.execute_request import ExecuteRequest, ResponseHeaders, order_of, read_json
from moorage_processes.ogc.requests.kvp import read_query
from moorage_processes.ogc.requests.negotiation import Negotiation, Preferences, check_json, negotiated
from moorage_processes.ogc.responses.results import WantedForm
from moorage_processes.ogc.responses.status import etag_of, job_url, status_info

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Entry
    from moorage_processes.jobs.job import Callback, Job
    from moorage_processes.ogc.service import Service


class ExecutionEndpoint:
    """Execution of one process.

    Parameters
    ----------
    service : what it stands on.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._engine = service.engine

    def execute(self, process_id: str) -> Response:
        """Run a process by an execute request."""
        entry = self._service.entry(process_id)
        check_json(request)
        asked = negotiated(request)
        signals = _headers(asked, is_draft=asked.is_draft)
        document = read_json(whole_body(request))
        order = order_of(document, entry, self._service.snapshot.checkers[entry.id], signals)
        order = replace(order, callbacks=read_subscriber(document, self._service.callbacks.hosts))
        return self._run(order, entry, asked.preferences, WantedForm.of(asked))

    def execute_by_query(self, process_id: str) -> Response:
        """Run a process by a query: one parameter for each input (draft 2.0, KVP-encoded execution)."""
        entry = self._service.entry(process_id)
        if self._service.is_local and request.headers.get("Sec-Fetch-Site") == "cross-site":
            detail = "a page of another site does not run methods of a service on this machine; open the address itself"
            raise Problem(403, "Forbidden", detail)
        query = read_query(request.args, entry)
        asked = negotiated(request).with_query(query.prefer, query.accept)
        checker = self._service.snapshot.checkers[entry.id]
        order = order_of(query.document, entry, checker, _headers(asked, is_draft=True))
        return self._run(order, entry, asked.preferences, WantedForm.of(asked, has_pages=query.accept is None))

    def _run(self, order: ExecuteRequest, entry: Entry, wanted: Preferences, form: WantedForm) -> Response:
        if entry.limits.makes_job(is_wanted=wanted.respond_async):
            return self._submit(order, entry, wanted, form)
        return self._call(order, entry, form)

    def _call(self, order: ExecuteRequest, entry: Entry, form: WantedForm) -> Response:
        with self._service.call_place() as caller:
            if entry.queue != LOCAL:
                return self._call_afar(order, entry, form)
            answer = order.answer.to_json()
            job = self._engine.call(
                order.request, entry.limits, timeout=self._service.sync_timeout, answer=answer, caller=caller
            )
        callbacks = [each for each in order.callbacks if each.status is job.status]
        if job.failure is not None:
            if callbacks:
                self._engine.keep(job, callbacks)
            raise problems.of_failure(job.failure)
        return self._answered(job, form, callbacks)

    def _answered(
        self, job: Job, form: WantedForm, callbacks: Sequence[Callback] = (), *, is_read_again: bool = False
    ) -> Response:
        """The answer to a successful call, which is kept where something leads to it."""
        results = self._service.results_of(job)
        response = results_page(self._service, results) if form.html else results.answer(form)
        if form.html or callbacks or is_read_again or results.holds_links(form):
            self._engine.keep(job, callbacks)
            response.headers.add("Link", f'<{job_url(job, self._service.base)}>; rel="monitor"')
        else:
            self._engine.discard(job)
        return response

    def _call_afar(self, order: ExecuteRequest, entry: Entry, form: WantedForm) -> Response:
        """Call the process of a site: by a durable job, which is dismissed where it takes longer than a call may."""
        job = self._begun(order, entry)
        job = self._engine.wait(job.id, self._service.sync_timeout) or job
        if not job.status.is_done:
            self._engine.dismiss(job.id)
            raise TimedOut(entry.id, self._service.sync_timeout)
        if job.failure is not None:
            raise problems.of_failure(job.failure)
        if job.status is not Status.SUCCESSFUL:
            raise Interrupted("the call was dismissed")
        return self._shown(job, form)

    def _begun(self, order: ExecuteRequest, entry: Entry) -> Job:
        """The job that was accepted for an order."""
        return self._engine.submit(
            order.request,
            entry.limits,
            answer=order.answer.to_json(),
            queue=entry.queue,
            callbacks=order.callbacks,
        )

    def _begun_within(self, wait: float, order: ExecuteRequest, entry: Entry, form: WantedForm) -> Job:
        """What an order has come to after *wait* [s] at most: a call that has ended well by then, or a job."""
        until = time.monotonic() + wait
        with self._service.place() as is_free:
            job = self._tried(wait if is_free else 0.0, order, entry, form) or self._begun(order, entry)
            left = until - time.monotonic()
            is_over = job.status.is_done or left <= 0 or not is_free
            return job if is_over else self._engine.wait(job.id, left) or job

    def _tried(self, wait: float, order: ExecuteRequest, entry: Entry, form: WantedForm) -> Job | None:
        """An order that was begun at once; None where it must be a job from the outset, or no place is free for it."""
        # a page leads to its job, and callbacks and sites know of jobs only
        if entry.queue != LOCAL or order.callbacks or form.html or (wait and not entry.limits.sync):
            return None
        return self._engine.try_out(order.request, entry.limits, wait, order.answer.to_json())

    def _submit(self, order: ExecuteRequest, entry: Entry, wanted: Preferences, form: WantedForm) -> Response:
        if wanted.wait:
            job = self._begun_within(wanted.wait, order, entry, form)
        else:
            job = self._tried(0.0, order, entry, form) or self._begun(order, entry)
        if job.status is Status.SUCCESSFUL:
            # whoever would take a job would read its files again where a connection breaks
            has_files = any(each.file is not None for each in job.artefacts)
            response = self._shown(job, form) if job.listed else self._answered(job, form, is_read_again=has_files)
            response.headers["Preference-Applied"] = f"wait={wanted.wait or 0:.0f}"
            return response
        url = job_url(job, self._service.base)
        if job.failure is not None:
            problem = problems.of_failure(job.failure)
            raise Problem(problem.status, problem.type, problem.detail, members={**problem.members, "job": url})
        document = status_info(job, self._service.base, is_draft=negotiated(request).is_draft)
        response = (
            reply(document, "job", 201, job=job, etag=etag_of(job), asks=True) if form.html else as_json(document, 201)
        )
        response.headers["Location"] = url
        response.set_etag(etag_of(job), weak=True)  # so that the first look at the job can be held until it changes
        response.headers["Preference-Applied"] = "respond-async"
        return response

    def _shown(self, job: Job, form: WantedForm) -> Response:
        results = self._service.results_of(job)
        response = results_page(self._service, results) if form.html else results.answer(form)
        response.headers.add("Link", f'<{job_url(job, self._service.base)}>; rel="monitor"')
        return response


def _headers(asked: Negotiation, *, is_draft: bool) -> ResponseHeaders:
    return ResponseHeaders(accept=asked.accept, returns=asked.preferences.returns, is_draft=is_draft)
