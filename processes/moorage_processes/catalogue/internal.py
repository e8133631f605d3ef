"""Processes that a service runs for its own pages: workers know them, the catalogue does not list them."""

from __future__ import annotations

from typing import Any

from moorage_processes.authoring.limits import Limits
from moorage_processes.authoring.process import ImportPath
from moorage_processes.catalogue.catalogue import Entry

LIMITS = Limits(timeout=30.0, memory=10**9, attempts=1, asynchronous=False)
MODULE = "moorage_processes.methods.preview"
UNTOLD = {"title": "", "description": "", "metadata": []}
"""What nobody is told of them."""
TEXT = {"schema": {"type": "string"}, "minOccurs": 1, **UNTOLD}
OPTIONAL = {**TEXT, "minOccurs": 0}
INPUTS = {"path": TEXT, "media_type": TEXT, "content": OPTIONAL}


def _entry(name: str, answer: dict[str, Any], **more: dict[str, Any]) -> Entry:
    """An entry that only workers know; its id begins as no id of an author's process does."""
    outputs = {"result": {"schema": answer, **UNTOLD}}
    described = {"id": f"_{name}", "version": "", "keywords": [], "inputs": INPUTS | more}
    described |= {"outputs": outputs, **UNTOLD}
    return Entry(f"_{name}", described, LIMITS, ImportPath(None, None, MODULE, name))


IMAGE = {"type": "string", "format": "byte", "contentMediaType": "image/png"}
PICTURE = _entry("picture", IMAGE, label=OPTIONAL, unit=OPTIONAL)
FACTS = _entry("facts", {"type": "object"})
INTERNAL = (PICTURE, FACTS)
"""All of them."""
