"""The results of jobs: all of them in the shape that was asked for, or one output as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import request

from moorage_processes.jobs.job import Status
from moorage_processes.ogc import problems
from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.pages.results import results_page
from moorage_processes.ogc.problems import Problem
from moorage_processes.ogc.requests.negotiation import negotiated
from moorage_processes.ogc.responses.results import Results, WantedForm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask import Response

    from moorage_processes.execution.request import Artefact
    from moorage_processes.jobs.job import Job
    from moorage_processes.ogc.service import Service


class ResultsEndpoint:
    """The results of jobs.

    Parameters
    ----------
    service : what they stand on.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def results(self, job_id: str) -> Response:
        """The results in the shape the execute request asked for, or those of them that ``outputs`` names."""
        results = self._finished(job_id)
        named = request.args.get("outputs")
        if named is not None:
            results = results.only([self._artefact(results, name).output for name in _names(named)])
        form = WantedForm.of(negotiated(request))
        return results_page(self._service, results) if form.html else results.answer(form)

    def output(self, job_id: str, output_id: str) -> Response:
        """One output as it is: a file with ranges, or a small JSON value; or a look at it."""
        results = self._finished(job_id)
        artefact = self._artefact(results, output_id)
        if negotiated(request).chosen(("file", "json", "html"), artefact.media_type) == "html":
            return results_page(self._service, results.only([output_id]))
        # a caller who has it, or asks about it only, is answered here
        has_it = request.if_none_match or request.method == "HEAD"
        return (None if has_it else results.link(artefact)) or results.output(artefact)

    def _awaited(self, job: Job) -> Job:
        """The job, once it is done or the time is over for which the caller prefers to wait."""
        wait = negotiated(request).preferences.wait
        if not wait or job.status.is_done:
            return job
        with self._service.place() as is_free:
            return (self._service.engine.wait(job.id, wait) if is_free else None) or job

    def _artefact(self, results: Results, output_id: str) -> Artefact:
        for artefact in results.job.artefacts:
            if artefact.output == output_id:
                return artefact
        outputs = self._outputs_of(results.job)
        if output_id in outputs:
            detail = f"the job has no value for the output {output_id!r}; {_has(results.job.artefacts)}"
            raise Problem(404, ogc.RESULT_NOT_AVAILABLE, detail)
        raise Problem(400, ogc.NO_SUCH_OUTPUT, f"there is no output {output_id[:80]!r}; it takes {', '.join(outputs)}")

    def _outputs_of(self, job: Job) -> Sequence[str]:
        """The outputs of a job's process; those of the job where the process is no longer served."""
        entry = self._service.catalogue.get(job.process)
        return list(entry.description["outputs"]) if entry else list(job.request.outputs)

    def _finished(self, job_id: str) -> Results:
        job = self._service.engine.hold(self._awaited(self._service.job(job_id)))
        if job.failure is not None:
            raise problems.of_failure(job.failure)
        if job.status is Status.DISMISSED:
            raise Problem(404, ogc.RESULT_NOT_AVAILABLE, "the job was dismissed; it has no results")
        if job.status is not Status.SUCCESSFUL:
            raise Problem(404, ogc.RESULT_NOT_READY, f"the job is {job.status}; its results come when it is successful")
        if job.expired is not None:
            raise problems.of_expiry(job.expired)
        if not job.request.outputs:
            raise Problem(404, ogc.RESULT_NOT_AVAILABLE, "no output was asked for, so the job has no results")
        return self._service.results_of(job)


def _names(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    if not names:
        raise Problem(400, ogc.INVALID_QUERY, "outputs: nothing is named; it takes a comma list of outputs")
    return list(dict.fromkeys(names))


def _has(artefacts: Sequence[Artefact]) -> str:
    return f"it has {', '.join(artefact.output for artefact in artefacts)}" if artefacts else "it has none"
