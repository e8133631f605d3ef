"""What all endpoints of a service share: its catalogue, engine and datasets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from flask import g

from moorage_processes.jobs.calls import TOO_MANY
from moorage_processes.jobs.errors import Busy, Elsewhere
from moorage_processes.jobs.job import Status
from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.callbacks.sender import CallbackSender
from moorage_processes.ogc.problems import Problem, of_failure
from moorage_processes.ogc.responses.results import Results, WantedForm
from moorage_processes.ogc.responses.status import status_info
from moorage_processes.ogc.shutdown import StopSignal

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Catalogue, Entry
    from moorage_processes.data.datasets import Datasets
    from moorage_processes.jobs.engine import Engine
    from moorage_processes.jobs.job import Job
    from moorage_processes.ogc.callbacks.subscriber import CallbackRules
    from moorage_processes.ogc.live_catalogue import CatalogueSnapshot, LiveCatalogue
    from moorage_processes.ogc.places import Places
    from moorage_processes.ogc.requests.caller import Callers


@dataclass(frozen=True)
class Service:
    """One service: its methods, its engine, its data."""

    base: str
    """Its URL, without a slash at the end."""
    live_catalogue: LiveCatalogue
    engine: Engine
    datasets: Datasets
    held: Places
    """For requests that are held until a job changes."""
    calls: Places
    """For calls that are waited for."""
    callers: Callers
    """Tells who asks."""
    sync_timeout: float
    """Seconds after which a call that is waited for is given up."""
    drafts: bool
    """Whether the classes of draft 2.0 that are met are declared, and methods run by GET."""
    is_local: bool
    """Whether only this machine reaches it."""
    metadata: Mapping[str, Any]
    """Who offers it, as pygeoapi's configuration has it under ``metadata:``."""
    callbacks: CallbackRules
    """To whom callbacks are sent, and how."""
    stop_signal: StopSignal = field(default_factory=StopSignal, repr=False)
    """Whether the service is about to stop."""

    _starting: Lock = field(default_factory=Lock, repr=False)
    _started: Event = field(default_factory=Event, repr=False)

    def start(self) -> None:
        """Start the engine and the callback sender in this process, unless they run here.

        A service is made before its processes are forked.
        """
        if self._started.is_set():
            return
        with self._starting:
            if not self._started.is_set():
                self.engine.start()
                self._callback_sender.start()
                self._started.set()

    def close(self, *, stop_supervisor: bool = False) -> None:
        """Send no more callbacks from this process, and hang up; the engine's supervisor may end too."""
        if stop_supervisor:
            self.stop_signal.set()
        if self._started.is_set():
            self._callback_sender.stop()
        self.engine.close(stop_supervisor=stop_supervisor)

    @cached_property
    def _callback_sender(self) -> CallbackSender:
        return CallbackSender(self.engine, self.callbacks, self.news_of)

    @property
    def snapshot(self) -> CatalogueSnapshot:
        """What it offers: the same from the beginning of a request to its end."""
        if "snapshot" not in g:
            g.snapshot = self.live_catalogue.now()
        found: CatalogueSnapshot = g.snapshot
        return found

    def ask_sites(self) -> None:
        """Have what sites offer as it is at this moment, where the store can tell."""
        g.snapshot = self.live_catalogue.latest()

    @property
    def catalogue(self) -> Catalogue:
        """Its processes, those of sites among them."""
        return self.snapshot.catalogue

    def entry(self, process_id: str) -> Entry:
        """A process of the catalogue.

        Raises
        ------
        Problem
            404, where there is none.
        """
        entry = self.catalogue.get(process_id)
        if entry is None and "." in process_id:
            # a site may have dialled in just now, or this process has begun while the store was away
            g.snapshot = self.live_catalogue.anew()
            entry = self.catalogue.get(process_id)
        if entry is None:
            raise Problem(404, ogc.NO_SUCH_PROCESS, f"there is no process {process_id[:80]!r}; /processes lists them")
        return entry

    def job(self, job_id: str) -> Job:
        """A job.

        Raises
        ------
        Problem
            404, where there is none.
        """
        job = self.engine.get(job_id)
        if job is None:
            raise self.no_such_job(job_id)
        return job

    def no_such_job(self, job_id: str) -> Problem:
        """What is said where a job is not found."""
        return Problem(404, ogc.NO_SUCH_JOB, f"there is no job {job_id[:80]!r}; it was never here or was removed")

    def results_of(self, job: Job) -> Results:
        """What a successful job gave."""
        try:
            return Results(job, self.engine.files(job), self.base)
        except Elsewhere:
            # removed since it was looked up, perhaps
            if not job.listed or self.engine.get(job.id) is not None:
                raise
            raise self.no_such_job(job.id) from None

    def news_of(self, job: Job) -> bytes:
        """What is told of a job in the status it has: its results, its state or its failure."""
        if job.failure is not None:
            document = of_failure(job.failure).to_json()
        elif job.status is Status.SUCCESSFUL:
            return self.results_of(job).document(WantedForm()).get_data()
        else:
            document = status_info(job, self.base)
        return json.dumps(document).encode()

    def place(self) -> AbstractContextManager[bool]:
        """Whether the caller has a place among the requests that may be held, taken while the block lasts."""
        return self.held.place(self.callers.current())

    @contextmanager
    def call_place(self) -> Iterator[str]:
        """A place among the calls that are waited for, while the block lasts: the caller.

        Raises
        ------
        Busy
            where all are taken, or the caller has as many as one may have.
        """
        caller = self.callers.current()
        with self.calls.place(caller) as is_free:
            if not is_free:
                raise Busy(TOO_MANY)
            yield caller
