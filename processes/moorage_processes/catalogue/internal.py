"""Processes that a service runs for its own pages: workers know them, the catalogue does not list them."""

from __future__ import annotations

from moorage_processes.authoring.limits import Limits
from moorage_processes.authoring.process import ImportPath
from moorage_processes.catalogue.catalogue import Entry

LIMITS = Limits(timeout=30.0, memory=10**9, attempts=1, asynchronous=False)
MODULE = "moorage_processes.methods.preview"


def _entry(name: str) -> Entry:
    """An entry that only workers know; its id begins as no id of an author's process does."""
    return Entry(f"_{name}", {}, LIMITS, ImportPath(None, None, MODULE, name))


PICTURE, FACTS = _entry("picture"), _entry("facts")
INTERNAL = (PICTURE, FACTS)
"""All of them."""
