"""Nothing that a method returns runs in a browser as a page of the service."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask import Response
from moorage.formats import FORMATS
from moorage_processes.authoring.limits import Limits
from moorage_processes.execution.request import Artefact, Request
from moorage_processes.jobs.files.artefacts import DirectoryFiles
from moorage_processes.jobs.job import Job, Status
from moorage_processes.ogc.responses.headers import seal
from moorage_processes.ogc.responses.results import Results, WantedForm

SHOWN = ["text/html", "TEXT/HTML;charset=utf-8", "text/html ;a=b", "application/xhtml+xml", "image/svg+xml", "text/xml"]
PASSIVE = [each.media_type for each in FORMATS if each.media_type not in SHOWN]
PASSIVE += ["application/json; charset=utf-8", "application/prs.coverage+json", "text/plain", "image/jpeg", "IMAGE/PNG"]
DOWNLOADED = ["text/xsl", "application/xslt+xml", "application/rss+xml", "application/mathml+xml", "text/javascript"]
DOWNLOADED += ["multipart/related; boundary=a", "message/rfc822", "application/x-shockwave-flash", "text/x-unheard-of"]


def sealed(media_type: str) -> Response:
    """An output of that type on its way out."""
    response = Response(b"", content_type=media_type, headers={"Content-Disposition": 'inline; filename="a"'})
    return seal(response)


@pytest.mark.parametrize("media_type", PASSIVE)
def test_what_browsers_only_show_is_shown(media_type):
    headers = sealed(media_type).headers
    assert "Content-Security-Policy" not in headers
    assert headers["Content-Disposition"] == 'inline; filename="a"'
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("media_type", SHOWN)
def test_a_page_is_shown_and_runs_nothing(media_type):
    headers = sealed(media_type).headers
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert headers["Content-Disposition"] == 'inline; filename="a"'


@pytest.mark.parametrize("media_type", DOWNLOADED)
def test_all_else_is_saved_rather_than_shown(media_type):
    headers = sealed(media_type).headers
    assert headers["Content-Security-Policy"].startswith("sandbox;")
    assert headers["Content-Disposition"] == 'attachment; filename="a"'
    assert headers["X-Content-Type-Options"] == "nosniff"


def job_with(*artefacts: Artefact) -> Job:
    """A successful job that gave these."""
    now = datetime.now(UTC)
    return Job(
        id="0",
        process="p",
        status=Status.SUCCESSFUL,
        message="",
        progress=100,
        created=now,
        started=now,
        finished=now,
        updated=now,
        request=Request("p", {}, {each.output: each.media_type for each in artefacts}),
        answer={"shape": "raw", "transmissions": {}},
        limits=Limits(),
        attempt=1,
        epoch=1,
        artefacts=artefacts,
        failure=None,
        listed=True,
    )


def test_small_values_and_several_outputs_are_sealed_like_files(tmp_path):
    value = Artefact("page", "text/xsl", None, "<script>alert(1)</script>", 27)
    results = Results(job_with(value), DirectoryFiles(tmp_path), "http://service.example")
    several = Results(job_with(value, replace(value, output="other")), DirectoryFiles(tmp_path), results.base)
    for response in (results.answer(WantedForm()), results.output(value), several.answer(WantedForm())):
        assert response.headers["Content-Security-Policy"].startswith("sandbox;")
        assert response.headers["Content-Disposition"].startswith("attachment")
