"""Services, processes and jobs as notebooks show them: plain HTML that needs no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING

from moorage.docstring import sentences
from moorage.signature import annotation_of, shown, signature_of, spelled, type_of

if TYPE_CHECKING:
    from moorage.description import Described, Description
    from moorage.status import Status


def service(title: str, url: str, processes: Mapping[str, str]) -> str:
    """A service and its processes.

    Parameters
    ----------
    processes : how each is called from Python, to its title.
    """
    rows = ((f"<code>{escape(name)}</code>", escape(text)) for name, text in processes.items())
    return _card(f"{_strong(title)} {_link(url)}", _table(("process", ""), rows))


def process(description: Description, url: str) -> str:
    """A process with its inputs and outputs."""
    head = f"<code>{escape(description.name + shown(signature_of(description)))}</code> at {_link(url)}"
    text = f"<p>{escape(description.description or description.title)}</p>"
    inputs = (
        (f"<code>{escape(name)}</code>", *_about(each, annotation_of(each)))
        for name, each in description.inputs.items()
    )
    outputs = (
        (f"<code>{escape(name)}</code>", *_about(each, type_of(each))) for name, each in description.outputs.items()
    )
    tables = _table(("input", "type", ""), inputs) + _table(("output", "type", ""), outputs)
    return _card(head, text + tables)


def job(name: str, identifier: str | None, url: str | None, status: Status) -> str:
    """A job and how far it is."""
    share = 100 if status.name == "successful" else status.progress or 0
    bar = f'<progress max="100" value="{share}" style="width: 12em; vertical-align: middle"></progress>'
    times = [(word, escape(getattr(status, word))) for word in ("created", "started", "finished")]
    rows = [("id", escape(identifier or "answered without a job")), *times]
    head = f"Job of <code>{escape(name)}</code>: {_strong(status.name)} {bar} {escape(status.message)}"
    return _card(head, _table((), [row for row in rows if row[1]]) + (_link(url) if url else ""))


def _about(described: Described, annotation: object) -> tuple[str, str]:
    default = "" if described.default is None else f" = {described.default!r}"
    return f"<code>{escape(spelled(annotation) + default)}</code>", escape(" ".join(sentences(described)))


def _card(head: str, body: str) -> str:
    return f'<div style="padding: 0.3em 0"><div>{head}</div>{body}</div>'


def _strong(text: str) -> str:
    return f"<strong>{escape(text)}</strong>"


def _link(url: str) -> str:
    """A link, if it is one that a click may follow."""
    shown_url = escape(url, quote=True)
    if not url.startswith(("http://", "https://")):
        return shown_url
    return f'<a href="{shown_url}" target="_blank" rel="noopener">{shown_url}</a>'


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are HTML already; none where there are no rows."""
    cell = 'style="text-align: left; vertical-align: top"'
    body = "".join("<tr>" + "".join(f"<td {cell}>{each}</td>" for each in row) + "</tr>" for row in rows)
    if not body:
        return ""
    head = "".join(f"<th {cell}>{escape(each)}</th>" for each in heads)
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"
