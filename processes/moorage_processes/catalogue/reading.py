"""The catalogue, read in a child process, so that this one never imports a method."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn, Self, TextIO

from moorage_processes.catalogue.catalogue import Catalogue, Entry
from moorage_processes.catalogue.description_cache import CachedDescriptions
from moorage_processes.catalogue.discovery import describe, installed_sources
from moorage_processes.catalogue.environment import clean_environment
from moorage_processes.catalogue.imported_files import ImportedFiles, ImportRecorder
from moorage_processes.errors import Refusal, ServingError

if TYPE_CHECKING:
    from moorage_processes.authoring.process import ImportPath, Process

CHILD = "from moorage_processes.catalogue.reading import describe_for_parent; describe_for_parent()"
TICK = 100_000_000
"""Nanoseconds by which the clock of a file system may be behind."""


def read_catalogue(
    sources: Sequence[str],
    *,
    installed: bool = True,
    builtin: bool | None = None,
    cached: bool = True,
    environment: Sequence[str] = (),
) -> Catalogue:
    """Describe all methods in a child process, and wait for it; parameters as for :func:`begin_reading`.

    Raises
    ------
    ServingError
        with all that stands against serving all of them.
    """
    pending = begin_reading(sources, installed=installed, builtin=builtin, cached=cached, environment=environment)
    with pending:
        return pending.result()


def _death(code: int, source: str) -> Refusal:
    how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
    return Refusal(source, 1, source, f"importing it ended Python {how}", "run python with it alone to see why")


def describe_for_parent() -> None:
    """What the child of :func:`read_catalogue` runs; its standard output belongs to the answer alone."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # what authors' modules print goes to the terminal, also from C
    os.dup2(2, 1)
    asked = json.loads(sys.argv[1])
    installed = installed_sources(ours=asked["builtin"], others=asked["installed"])
    describe_into(answer, asked["sources"], installed, asked["since"])


def describe_into(
    answer: TextIO, sources: Sequence[str], installed: Sequence[ImportPath], since: int | None
) -> NoReturn:
    """Describe methods in this process, tell that, and end: their modules are imported here.

    Parameters
    ----------
    answer : told each module before it is imported, and in the last line the descriptions or what stands against them.
    sources : method files and modules.
    installed : modules that come before them.
    since : time [ns since 1970] after which no file may have changed that is told among those imported; None for none.
    """

    def tell(document: Mapping[str, Any]) -> None:
        print(json.dumps(document), file=answer, flush=True)

    recorder = ImportRecorder()
    sys.meta_path.insert(0, recorder)
    try:
        processes = describe(
            sources,
            installed,
            importing=lambda module: tell({"importing": module}),
        )
        tell(
            {
                "entries": [Entry.of(process).to_json() for process in processes],
                "imported": _imported(processes, recorder, since),
            }
        )
    except ServingError as error:
        imported = _imported((), recorder, since)
        tell({"refusals": [vars(refusal) for refusal in error.refusals], "imported": imported})
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


def last_word(lines: Iterable[str | bytes]) -> dict[str, Any]:
    """What a describing child said last."""
    last: dict[str, Any] = {}
    for line in lines:
        last = json.loads(line)
        if "importing" not in last:
            break  # what a module left running may hold the pipe open
    return last


def catalogue_in(last: Mapping[str, Any], code: int) -> Catalogue:
    """The catalogue in the last word of a describing child, which ended with this code.

    Raises
    ------
    ServingError
        with all that stands against serving all of it.
    """
    if "refusals" in last:
        raise ServingError(tuple(Refusal(**each) for each in last["refusals"]))
    if "entries" not in last:
        raise ServingError((_death(code, last.get("importing", "moorage_processes")),))
    return Catalogue.from_json(last["entries"])


class PendingCatalogue:
    """A catalogue that a child process is reading while this one does something else.

    Use it as a context manager where the result may not be asked for: leaving the block ends the child.

    Parameters
    ----------
    child : the describing child; its standard output is the answer.
    cached : where the answer is kept, unless it is a refusal.
    """

    def __init__(self, child: subprocess.Popen[bytes], cached: CachedDescriptions | None = None) -> None:
        self._child = child
        self._cached = cached

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def result(self) -> Catalogue:
        """Wait for the catalogue; ask once.

        Raises
        ------
        ServingError
            with all that stands against serving all of it.
        """
        with self._child as child:
            last = last_word(child.stdout or ())
        catalogue = catalogue_in(last, child.returncode)
        if self._cached is not None and last["imported"] is not None:
            self._cached.write(last["entries"], last["imported"])
        return catalogue

    def close(self) -> None:
        """End the child, if it is still at work."""
        with self._child as child:
            if child.poll() is None:
                child.kill()


class CachedCatalogue(PendingCatalogue):
    """One that was known already; no child was started.

    Parameters
    ----------
    catalogue : what was known.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def result(self) -> Catalogue:
        """What was known."""
        return self._catalogue

    def close(self) -> None:
        """Nothing is at work."""


def begin_reading(
    sources: Sequence[str],
    *,
    installed: bool = True,
    builtin: bool | None = None,
    cached: bool = True,
    environment: Sequence[str] = (),
) -> PendingCatalogue:
    """Begin to describe all methods in a child process, so that this one never imports them.

    Parameters
    ----------
    sources : method files and modules, such as ``flood.py``, ``package.module`` or ``package.module:function``.
    installed : whether to add those that installed distributions offer.
    builtin : whether to add those that come with Moorage; the same as *installed* where nothing is said.
    cached : whether to use the descriptions of an earlier time, where no file has changed that was imported for them.
    environment : environment variables that the modules may see beside the usual ones.
    """
    offered = {"installed": installed, "builtin": installed if builtin is None else builtin}
    place = CachedDescriptions.of(sources, **offered) if cached else None
    known = None if place is None else place.read(Catalogue.from_json)
    if known is not None:
        return CachedCatalogue(known)
    asked = {"sources": list(sources), **offered, "since": time.time_ns() - TICK if place else None}
    # -P: the current folder must not come before the standard library
    command = [sys.executable, "-P", "-c", CHILD, json.dumps(asked)]
    child = subprocess.Popen(  # noqa: S603 - ourselves
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=clean_environment(environment)
    )
    return PendingCatalogue(child, place)


def _imported(processes: Iterable[Process], recorder: ImportRecorder, since: int | None) -> dict[str, Any] | None:
    """What the descriptions of some processes depend on; None where it is not asked for, or cannot be known."""
    if since is None:
        return None
    modules = ["moorage", __name__, *(process.address.module for process in processes)]
    try:
        imported = ImportedFiles.of_this_process(recorder, {each.partition(".")[0] for each in modules}, since)
    except Exception:  # noqa: BLE001 - modules may leave anything in sys.modules, and can be served all the same
        return None
    return None if imported is None else imported.to_json()
