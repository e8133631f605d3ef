"""Jobs of a service as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorage.job import RemoteJob

COLUMNS = ("id", "status", "done", "process", "created", "message")


def listed(jobs: Iterable[RemoteJob]) -> Iterator[str]:
    """One line for each job, under one that names the columns; nothing where there is none."""
    rows = [_row(job) for job in jobs]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    for row in (COLUMNS, *rows) if rows else ():
        yield "  ".join(f"{word:{width}}" for word, width in zip(row, widths, strict=True)).rstrip()


def told(job: RemoteJob) -> Iterator[str]:
    """All that was heard of one job."""
    heard = job.heard
    facts = {
        "id": job.id or "",
        "process": job.heard.process,
        "status": heard.name,
        "done": _done(job),
        "message": heard.message,
        "created": heard.created,
        "started": heard.started,
        "finished": heard.finished,
        "ran": _ran(job),
        "url": job.url or "",
    }
    width = max(map(len, facts))
    yield from (f"{name:{width}}  {words}" for name, words in facts.items() if words)


def _row(job: RemoteJob) -> tuple[str, ...]:
    heard = job.heard
    message = " ".join(heard.message.split())
    return job.id or "", heard.name, _done(job), heard.process, heard.created[:19], message


def _done(job: RemoteJob) -> str:
    return "" if job.heard.progress is None else f"{job.heard.progress} %"


def _ran(job: RemoteJob) -> str:
    try:
        began, ended = (datetime.fromisoformat(text) for text in (job.heard.started, job.heard.finished))
        return f"{(ended - began).total_seconds():.3g} s"
    except (ValueError, TypeError):
        # not both are told, or not in the same kind of time
        return ""
