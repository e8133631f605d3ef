"""The pygeoapi manager plugin: our engine beneath any pygeoapi.

In the configuration of any pygeoapi::

    server:
      manager:
        name: moorage_processes.plugins.manager.Manager
        connection: /var/lib/moorage          # the state directory

Processes of :class:`moorage_processes.plugins.processor.Method` then become durable jobs in killable worker processes.
Other processors run in the web process, synchronously, as they would without a manager.
"""

from __future__ import annotations

import uuid
from functools import cached_property
from pathlib import Path
from typing import Any

from pygeoapi.process.base import JobNotFoundError, JobResultNotFoundError
from pygeoapi.process.manager.base import BaseManager
from pygeoapi.util import JobStatus, RequestedProcessExecutionMode, RequestedResponse

from moorage_processes.catalogue.catalogue import Catalogue
from moorage_processes.jobs.engine import Engine
from moorage_processes.jobs.job import Job, JobQuery, Status
from moorage_processes.jobs.preload import preloaded
from moorage_processes.jobs.settings import EngineSettings
from moorage_processes.ogc import problems
from moorage_processes.ogc.requests.execute_request import ResponseForm, ResponseShape
from moorage_processes.ogc.responses.status import status_info
from moorage_processes.plugins.processor import Method, RefusedError, checked_order, entry_of, payload

METHOD = f"{Method.__module__}.{Method.__qualname__}"
SYNC_TIMEOUT = 60.0
DEFAULT_ITEMS = 10


class Manager(BaseManager):  # type: ignore[misc]  # pygeoapi is untyped
    """Jobs of a pygeoapi, kept and run by our engine.

    Parameters
    ----------
    manager_def : the ``manager:`` section of the configuration, with the state directory as ``connection``, or with
        the settings of an ``engine`` that is there already.
    """

    def __init__(self, manager_def: dict[str, Any]) -> None:
        super().__init__(manager_def)
        self.is_async = True
        self._given = manager_def.get("engine")

    @cached_property
    def engine(self) -> Engine:
        """The engine, started when the first job asks for it and so in the process that serves."""
        engine = Engine(self._settings())
        engine.start()
        return engine

    def _settings(self) -> EngineSettings:
        if self._given is not None:
            return EngineSettings.from_json(self._given)
        if not self.connection:
            raise ValueError("manager: 'connection' is missing; it takes a directory for jobs and results")
        catalogue = self._catalogue()
        return EngineSettings(
            state=Path(str(self.connection)).absolute(),
            executor={"catalogue": catalogue.to_json()},
            preload=preloaded(catalogue.values()),
        )

    def _catalogue(self) -> Catalogue:
        return Catalogue(
            entry_of(conf["processor"]) for conf in self.processes.values() if conf["processor"]["name"] == METHOD
        )

    def execute_process(  # pyright: ignore[reportIncompatibleMethodOverride] - pygeoapi states its own wrongly
        self,
        process_id: str,
        data_dict: Any,
        execution_mode: RequestedProcessExecutionMode | None = None,
        requested_outputs: Any = None,
        subscriber: Any = None,  # noqa: ARG002 - pygeoapi's signature; callbacks are not sent
        requested_response: str = RequestedResponse.raw.value,
    ) -> tuple[str, str, Any, JobStatus, dict[str, str] | None]:
        """Run a process: job id, media type, payload, status and further headers, as pygeoapi takes them."""
        processor = self.get_processor(process_id)
        if not isinstance(processor, Method):
            return self._inline(processor, data_dict, requested_outputs)
        order = checked_order(processor.entry, data_dict, requested_outputs, requested_response)
        limits = processor.entry.limits
        answer = order.answer.to_json()
        wants_async = execution_mode == RequestedProcessExecutionMode.respond_async
        if limits.makes_job(is_wanted=wants_async):
            job = self.engine.submit(order.request, limits, answer=answer)
            applied = {"Preference-Applied": "respond-async"}
            return job.id, "application/json", status_info(job, ""), JobStatus.accepted, applied
        job = self.engine.call(order.request, limits, timeout=SYNC_TIMEOUT, answer=answer)
        self.engine.keep(job)
        if job.failure is not None:
            raise RefusedError(problems.of_failure(job.failure))
        media_type, content = self._payload(job)
        return job.id, media_type, content, JobStatus.successful, None

    def _inline(self, processor: Any, inputs: Any, outputs: Any) -> tuple[str, str, Any, JobStatus, None]:
        extra = {"outputs": outputs} if processor.supports_outputs else {}
        media_type, content = processor.execute(inputs, **extra)
        return str(uuid.uuid4()), media_type, content, JobStatus.successful, None

    def get_jobs(self, status: Any = None, limit: int | None = None, offset: int | None = None) -> dict[str, Any]:
        """One page of jobs, newest first."""
        statuses = (Status(getattr(status, "value", status)),) if status else ()
        query = JobQuery(statuses=statuses, limit=limit or DEFAULT_ITEMS, offset=offset or 0)
        page = self.engine.find(query)
        # pygeoapi shows a next page where more match than it has shown
        matched = query.offset + len(page.jobs) + page.has_more
        return {"jobs": [_record(job) for job in page.jobs], "numberMatched": matched}

    def get_job(self, job_id: str) -> dict[str, Any]:
        """One job."""
        return _record(self._job(job_id))

    def get_job_result(self, job_id: str) -> tuple[str, Any]:
        """Media type and payload of a successful job."""
        job = self._job(job_id)
        if job.status is not Status.SUCCESSFUL:
            raise JobResultNotFoundError
        return self._payload(job)

    def delete_job(self, job_id: str) -> bool:
        """Stop a job that is not done; remove one that is."""
        if self.engine.dismiss(job_id) is None:
            raise JobNotFoundError
        return True

    def _payload(self, job: Job) -> tuple[str, Any]:
        return payload(job.artefacts, self.engine.files(job), is_map=_is_map(job))

    def _job(self, job_id: str) -> Job:
        job = self.engine.get(job_id)
        if job is None:
            raise JobNotFoundError
        return job


def _is_map(job: Job) -> bool:
    """Whether its results are an object by output: in a document, or where several outputs were asked for."""
    return ResponseForm.from_json(job.answer).shape is ResponseShape.DOCUMENT or len(job.request.outputs) != 1


def _record(job: Job) -> dict[str, Any]:
    """A job in pygeoapi's own words."""
    times = {name: _moment(getattr(job, name)) for name in ("created", "started", "finished", "updated")}
    return {
        "identifier": job.id,
        "process_id": job.process,
        "status": job.status.value,
        "message": job.message,
        "progress": job.progress,
        "mimetype": "application/json" if _is_map(job) or not job.artefacts else job.artefacts[0].media_type,
        **times,
        "started": times["started"] or times["created"],  # pygeoapi sorts by it
    }


def _moment(moment: Any) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else None
