"""The catalogue, read in a child process, so that this one never imports a method."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from moorage_processes.catalogue.catalogue import Catalogue, Entry, _imported, begin_reading
from moorage_processes.catalogue.discovery import describe, installed_sources
from moorage_processes.catalogue.imported_files import ImportRecorder
from moorage_processes.errors import Refusal, ServingError

CHILD = "from moorage_processes.catalogue.reading import describe_for_parent; describe_for_parent()"


def read_catalogue(sources: Sequence[str], *, installed: bool = True, cached: bool = True) -> Catalogue:
    """Describe all methods in a child process, and wait for it; parameters as for :func:`begin_reading`.

    Raises
    ------
    ServingError
        with all that stands against serving all of them.
    """
    with begin_reading(sources, installed=installed, cached=cached) as pending:
        return pending.result()


def _death(code: int, source: str) -> Refusal:
    how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
    return Refusal(source, 1, source, f"importing it ended Python {how}", "run python with it alone to see why")


def describe_for_parent() -> None:
    """What the child of :func:`read_catalogue` runs; its standard output belongs to the answer alone."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # what authors' modules print goes to the terminal, also from C
    os.dup2(2, 1)

    def tell(document: Mapping[str, Any]) -> None:
        print(json.dumps(document), file=answer, flush=True)

    asked = json.loads(sys.argv[1])
    recorder = ImportRecorder()
    sys.meta_path.insert(0, recorder)
    try:
        processes = describe(
            asked["sources"],
            installed_sources() if asked["installed"] else (),
            importing=lambda module: tell({"importing": module}),
        )
        tell(
            {
                "entries": [Entry.of(process).to_json() for process in processes],
                "imported": _imported(processes, recorder, asked["since"]),
            }
        )
    except ServingError as error:
        tell({"refusals": [vars(refusal) for refusal in error.refusals]})
    sys.stdout.flush()
    sys.stderr.flush()
    # threads that a module began must not keep the service waiting
    os._exit(0)


def describe_here(source: str) -> Entry:
    """Describe one function in this process, as an unmodified pygeoapi does.

    Raises
    ------
    ServingError
        where it cannot be served, or *source* means several processes.
    """
    processes = describe((source,))
    if len(processes) != 1:
        reason = f"it means {len(processes)} processes: {', '.join(each.id for each in processes)}"
        raise ServingError((Refusal(source, 1, source, reason, "name one, as in flood.py:flood_days"),))
    # what else this process has imported is another matter in each
    return replace(Entry.of(processes[0]), libraries=())
