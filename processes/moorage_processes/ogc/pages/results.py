"""The results of a job as a page: a look at each output, and the way to have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Response, request

from moorage_processes.jobs.job import Status
from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.descriptions import metadata
from moorage_processes.ogc.pages import previews
from moorage_processes.ogc.pages.page import page
from moorage_processes.ogc.pages.previews import Previews
from moorage_processes.ogc.pages.text_filters import json_text
from moorage_processes.ogc.problems import Problem
from moorage_processes.ogc.responses.status import job_url

if TYPE_CHECKING:
    from moorage_processes.execution.request import Artefact
    from moorage_processes.jobs.files.artefacts import ArtefactFiles
    from moorage_processes.ogc.responses.results import Results
    from moorage_processes.ogc.service import Service

MOST = 6
"""Outputs of one page of which a worker tells more."""
LETTERS = 4000
"""Letters of a text that a page shows."""
TALLEST = 672
"""Pixels of the height of a picture on a page; the whole of it is behind its link."""
KEPT = 3600
"""Seconds for which a browser keeps a picture."""


@dataclass(frozen=True)
class ShownOutput:
    """One output as its page shows it."""

    output: str
    title: str
    description: str
    unit: str
    media_type: str
    size: int
    href: str
    """Its own page, and for programs the output itself."""
    download: str
    picture: str | None
    size_drawn: tuple[int, int] | None
    """Width and height of the picture, where they are known exactly."""
    facts: Mapping[str, Any] | None
    value: Any
    """Where it is small."""
    text: str | None
    """How it begins, where it is text."""
    host: str | None
    """Where it stayed, if not here."""

    @property
    def size_shown(self) -> tuple[int, int] | None:
        """Width and height that the page leaves for the picture, nearly where it was not drawn yet."""
        size = self.size_drawn or (self.facts or {}).get("picture")
        if not size:
            return None
        share = min(1.0, TALLEST / size[1])
        return round(size[0] * share), round(size[1] * share)


def results_page(service: Service, results: Results) -> Response:
    """The results for a person.

    Parameters
    ----------
    service : describes the outputs, and has the looks made.
    results : what is shown.
    """
    job = results.job
    shown = list(_shown(service, results))
    document = {"links": _links(service, results)}
    known = job.process in service.catalogue
    title = service.catalogue[job.process].description["title"] if known else job.process
    response = page("results", document, job=job, outputs=shown, process_title=title, is_served=known)
    response.vary.add("Accept")
    return response


def _links(service: Service, results: Results) -> list[dict[str, str]]:
    url = job_url(results.job, service.base)
    return [
        *({"rel": "item", "type": each.media_type, "href": results.href(each), "title": each.output}
          for each in results.job.artefacts),
        {"rel": "up", "type": ogc.JSON, "href": url, "title": "The job"},
    ]  # fmt: skip


def _shown(service: Service, results: Results) -> Iterator[ShownOutput]:
    entry = service.catalogue.get(results.job.process)
    described = entry.description["outputs"] if entry else {}
    looks, left = Previews(service.engine, service.callers.current()), MOST
    for artefact in results.job.artefacts:
        words = described.get(artefact.output, {})
        wants = previews.can_tell(artefact) and left > 0
        left -= wants
        yield ShownOutput(
            output=artefact.output,
            title=words.get("title", artefact.output),
            description=words.get("description", ""),
            unit=metadata(words, "moorage:unit") or "",
            media_type=artefact.media_type,
            size=artefact.size,
            href=results.href(artefact),
            download=f"{results.href(artefact)}?f=file",
            picture=_picture(results, artefact),
            size_drawn=looks.size(results, artefact) if _picture(results, artefact) else None,
            facts=looks.facts(results, artefact) if wants else None,
            value=artefact.value,
            text=_beginning(results.artefact_files, artefact),
            host=None if artefact.href is None else urlsplit(artefact.href).netloc,
        )


def _picture(results: Results, artefact: Artefact) -> str | None:
    if previews.is_picture(artefact):
        return f"{results.href(artefact)}?f=file"
    return f"{results.href(artefact)}/look" if previews.can_draw(artefact) else None


def _beginning(artefact_files: ArtefactFiles, artefact: Artefact) -> str | None:
    """How an output begins that is here, is text and has no rows."""
    if artefact.href is not None:
        return None
    if artefact.file is None:
        return None if isinstance(artefact.value, str) else json_text(artefact.value)
    bare = artefact.media_type.partition(";")[0]
    if previews.can_tell(artefact) or not (bare.startswith("text/") or bare.endswith(("json", "xml"))):
        return None
    with artefact_files.open(artefact.file) as file:
        text = file.read(LETTERS).decode("utf-8", "replace")
    return text if artefact.size <= LETTERS else f"{text}…"


class Picture:
    """Pictures of results.

    Parameters
    ----------
    service : what they stand on.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def look(self, job_id: str, output_id: str) -> Response:
        """A picture of one output."""
        job = self._service.job(job_id)
        artefact = next((each for each in job.artefacts if each.output == output_id), None)
        if job.status is not Status.SUCCESSFUL or artefact is None:
            detail = f"the job has no value for {output_id[:80]!r}; its status page tells what it has"
            raise Problem(404, ogc.RESULT_NOT_AVAILABLE, detail, members={"job": job_url(job, self._service.base)})
        etag = f"look-{job.id}-{job.attempt}-{output_id}"
        if request.if_none_match.contains(etag):
            return _lasting(Response(status=304), etag)
        entry = self._service.catalogue.get(job.process)
        described = entry.description["outputs"].get(output_id, {}) if entry else {}
        results = self._service.results_of(job)
        with self._service.call_place() as caller:
            content = Previews(self._service.engine, caller).picture(results, artefact, described)
        if content is None:
            raise Problem(404, ogc.NO_PICTURE, f"there is no picture of {output_id[:80]!r}; fetch the output itself")
        return _lasting(Response(content, content_type=previews.PNG), etag)


def _lasting(response: Response, etag: str) -> Response:
    response.set_etag(etag)
    response.headers["Cache-Control"] = f"private, max-age={KEPT}"
    return response
