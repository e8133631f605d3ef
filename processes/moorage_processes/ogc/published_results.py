"""Results that stayed at a site, given out at its own address: nothing else is there, and nothing runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask

from moorage_processes.jobs.job import Status
from moorage_processes.jobs.relay.protocol import PUBLISHED
from moorage_processes.ogc import problems
from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.cors import Cors
from moorage_processes.ogc.health import healthz
from moorage_processes.ogc.pages import problem
from moorage_processes.ogc.problems import Problem
from moorage_processes.ogc.responses.results import Results
from moorage_processes.ogc.shutdown import StopSignal

if TYPE_CHECKING:
    from flask import Response

    from moorage_processes.jobs.engine import Engine


class PublishedResults:
    """The results of a site's jobs, for whoever has been told where they are.

    The number of a job is random, and the hub tells it only to those who may ask for its results.

    Parameters
    ----------
    engine : whose jobs they are; it is read, and not started.
    base : the address, without a slash at the end.
    """

    def __init__(self, engine: Engine, base: str) -> None:
        self._engine = engine
        self.base = base
        self.stop_signal = StopSignal()

    def start(self) -> None:
        """Nothing runs here."""

    def close(self, *, stop_supervisor: bool = False) -> None:  # noqa: ARG002 - that of the site is not this one's
        """Close the connections of this process."""
        self._engine.close()

    def output(self, job_id: str, output_id: str) -> Response:
        """One output of a successful job, with ranges, ETag and Content-Length."""
        job = self._engine.get(job_id)
        if job is None or job.status is not Status.SUCCESSFUL:
            raise _nothing()
        job = self._engine.hold(job)
        if job.expired is not None:
            raise problems.of_expiry(job.expired)
        artefact = next((each for each in job.artefacts if each.output == output_id), None)
        if artefact is None:
            raise _nothing()
        results = Results(job, self._engine.files(job), self.base)
        return results.link(artefact) or results.output(artefact)


def published_app(published: PublishedResults) -> Flask:
    """The application that gives them out."""
    app = Flask(__name__, static_folder=None)
    app.add_url_rule(f"/{PUBLISHED}/<job_id>/<output_id>", view_func=published.output, methods=["GET"])
    app.add_url_rule("/healthz", view_func=healthz, methods=["GET"])
    app.after_request(Cors().tell)
    problem.register(app, pages=False)
    return app


def _nothing() -> Problem:
    return Problem(404, ogc.RESULT_NOT_AVAILABLE, "there is no such result here; it was removed, or never was here")
