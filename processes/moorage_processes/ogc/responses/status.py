"""A job's state as the standard's statusInfo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moorage_processes.jobs.job import Status
from moorage_processes.ogc import vocabulary as ogc

if TYPE_CHECKING:
    from datetime import datetime

    from moorage_processes.jobs.job import Job


def status_info(job: Job, base: str, *, is_draft: bool = False) -> dict[str, Any]:
    """statusInfo with its links; times that have not come yet are left out.

    Both of 1.0's and draft 2.0's names for the same thing stand in it. Only ``processID`` cannot be both: it is the id
    of the process, or for callers who speak the draft, as *is_draft* says, its URI.
    """
    document: dict[str, Any] = {
        "type": "process",
        "processingEntityType": "ogc-api-processes",
        "processID": f"{base}/processes/{job.process}" if is_draft else job.process,
        "jobID": job.id,
        "id": job.id,
        "status": job.status.value,
        "progress": job.progress,
    }
    if job.message:
        document["message"] = job.message
    for name in ("created", "started", "finished", "updated"):
        moment: datetime | None = getattr(job, name)
        if moment is not None:
            document[name] = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    document["links"] = _links(job, base)
    return document


def job_url(job: Job, base: str) -> str:
    """Where a job is found."""
    return f"{base}/jobs/{job.id}"


def etag_of(job: Job) -> str:
    """The same as long as nothing changes in the state of a job."""
    return f"{job.status}-{job.progress}-{job.updated.timestamp() if job.updated else 0}"


def _links(job: Job, base: str) -> list[dict[str, str]]:
    href = job_url(job, base)
    links = [
        _link("self", href, "This job"),
        _link("alternate", f"{href}?f=html", "This job as HTML", ogc.HTML),
        _link("monitor", href, "Its status"),
        _link("up", f"{base}/jobs", "All jobs"),
        _link(ogc.REL_LOG, f"{href}/log", "Its log", ogc.TEXT),
    ]
    if job.status is Status.SUCCESSFUL and job.request.outputs and job.expired is None:
        links += [_link(rel, f"{href}/results", "Its results") for rel in (ogc.REL_RESULTS, "results")]
    if job.status is Status.FAILED:
        links += [_link(ogc.REL_EXCEPTIONS, f"{href}/results", "Why it failed")]
    return links


def _link(rel: str, href: str, title: str, media_type: str = ogc.JSON) -> dict[str, str]:
    return {"rel": rel, "type": media_type, "href": href, "title": title}
