"""What can be computed: process id to description, read in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from moorage_processes.authoring.limits import Limits
from moorage_processes.authoring.process import Address, Process
from moorage_processes.catalogue.discovery import describe, find_process, installed_sources
from moorage_processes.catalogue.modules import load_module
from moorage_processes.errors import Refusal, ServingError

CHILD = "from moorage_processes.catalogue.catalogue import describe_for_parent; describe_for_parent()"


@dataclass(frozen=True)
class Entry:
    """One process of the catalogue: strings and numbers only."""

    id: str
    description: dict[str, Any]
    limits: Limits
    address: Address | None
    """Where its method is found; None for that of a site, which nobody here may import."""
    queue: str = "local"
    """Who runs its jobs."""

    @classmethod
    def of(cls, process: Process) -> Entry:
        """The entry of a process."""
        return cls(process.id, process.describe(), process.limits, process.address)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Entry:
        """Read what :meth:`to_json` wrote."""
        return cls(
            document["id"],
            document["description"],
            Limits.from_json(document["limits"]),
            None if document["address"] is None else Address.from_json(document["address"]),
            document["queue"],
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for children and other processes."""
        return {
            "id": self.id,
            "description": self.description,
            "limits": self.limits.to_json(),
            "address": None if self.address is None else self.address.to_json(),
            "queue": self.queue,
        }


class Catalogue(Mapping[str, Entry]):
    """The processes of a service by id; it never changes.

    Parameters
    ----------
    entries : what it holds, in the order in which it is shown.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries = {entry.id: entry for entry in entries}

    def __getitem__(self, key: str) -> Entry:
        return self._entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    @classmethod
    def from_json(cls, document: Sequence[Mapping[str, Any]]) -> Catalogue:
        """Read what :meth:`to_json` wrote."""
        return cls(Entry.from_json(each) for each in document)

    def to_json(self) -> list[dict[str, Any]]:
        """Plain JSON, for children and other processes."""
        return [entry.to_json() for entry in self.values()]


def read_catalogue(sources: Sequence[str], *, installed: bool = True) -> Catalogue:
    """Describe all methods in a child process, so that this one never imports them.

    Parameters
    ----------
    sources : method files and modules, such as ``flood.py``, ``package.module`` or ``package.module:function``.
    installed : whether those that installed distributions offer are added.

    Raises
    ------
    ServingError
        with all that stands against serving all of them.
    """
    asked = json.dumps({"sources": list(sources), "installed": installed})
    # -P: the current folder must not come before the standard library
    command = [sys.executable, "-P", "-c", CHILD, asked]
    last: dict[str, Any] = {}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as child:  # noqa: S603 - ourselves
        for line in child.stdout or ():
            last = json.loads(line)
            if "importing" not in last:
                break  # what a module left running may hold the pipe open
    if "refusals" in last:
        raise ServingError(tuple(Refusal(**each) for each in last["refusals"]))
    if "entries" not in last:
        raise ServingError((_death(child.returncode, last.get("importing", "moorage_processes")),))
    return Catalogue.from_json(last["entries"])


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
    try:
        processes = describe(
            asked["sources"],
            installed_sources() if asked["installed"] else (),
            importing=lambda module: tell({"importing": module}),
        )
        tell({"entries": [Entry.of(process).to_json() for process in processes]})
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
    return Entry.of(processes[0])


@cache
def load_process(address: Address | None) -> Process:
    """Import a method; each process does it once.

    Raises
    ------
    ServingError
        where the method is no longer what it was when the catalogue was read.
    """
    if address is None:
        raise LookupError("the method of a site runs there")
    process = find_process(load_module(address), address)
    if process is None:
        reason = f"{address.name} is no longer there"
        raise ServingError(
            (Refusal(address.file or address.module, 1, address.name, reason, "start the service again"),)
        )
    return process
