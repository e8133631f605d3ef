"""`moorage serve --reload`: methods that their author edits are described and served anew, while the service goes on.

A process of its own watches the files that the methods were imported from. When one has changed it describes them
again, and tells the supervisor, which has workers with the new methods from then on and lets all web processes know.
Jobs that run go on to their end. A mistake is told, and changes nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from moorage_processes import logs
from moorage_processes.authoring.version import OURS
from moorage_processes.catalogue.catalogue import Catalogue
from moorage_processes.catalogue.environment import clean_environment
from moorage_processes.catalogue.reading import TICK
from moorage_processes.catalogue.rereading import Reading, Rereader, forget_compiled
from moorage_processes.catalogue.snapshot import texts_of
from moorage_processes.configuration.engine import check_names, own_processes, service_engine, state_of
from moorage_processes.errors import OperatorError, Refusal
from moorage_processes.jobs.supervisor.client import renew_supervisor, settings_of_supervisor
from moorage_processes.jobs.workers.forkserver import preload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorage_processes.catalogue.imported_files import ImportedFiles, Stamp
    from moorage_processes.configuration.configuration import Configuration

LOGGER = logging.getLogger(__name__)

GLANCE = 0.15
"""Seconds between two looks at the files; longer than the clock of a file system may be behind."""
TRIES = 3
"""Times in a row that it cannot be known what was imported, after which what was known before is watched."""


def begin(configuration: Configuration) -> None:
    """Watch from now on, in a process that ends with this one, but is not its child: it waits for all of these."""
    parent = os.pidfd_open(os.getpid())
    between = os.fork()
    if between:
        os.waitpid(between, 0)
        os.close(parent)
        return
    if os.fork():
        os._exit(0)
    try:
        # Ctrl-C is for the service, with which this process ends
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if configuration.settings.log == logs.JSON:
            logs.OperatorLog(logs.JSON, "reload").begin()
        # methods are imported here, which must not see the secrets of the service
        visible = clean_environment(configuration.settings.environment)
        os.environ.clear()
        os.environ.update(visible)
        Reloader(configuration, parent).run()
    except Exception:  # whatever it is, the service goes on, and its author must know
        LOGGER.exception("edited methods are no longer served anew; start the service again")
    finally:
        os._exit(0)


class Reloader:
    """Watches methods, describes them, and has them served.

    Parameters
    ----------
    configuration : of the service.
    parent : descriptor of the process that serves.
    """

    def __init__(self, configuration: Configuration, parent: int) -> None:
        self._configuration = configuration
        self._state = state_of(configuration)
        self._rereader = Rereader(configuration.settings.modules, configuration.settings.installed)
        self._parent = parent
        self._ours = Catalogue()
        self._served: tuple[list[dict[str, Any]], Mapping[str, Stamp]] = ([], {})

    def run(self) -> None:
        """Work until the service ends."""
        since, watched = time.time_ns() - TICK, self._rereader.method_files()
        served = self._catalogue_of_service()
        self._ours = Catalogue(each for each in served.values() if each.address and _is_ours(each.address.module))
        self._warm_up(served)
        reading = self._rereader.read(since)
        if reading.imported is not None and reading.catalogue is not None:
            # nothing has been edited since the service began
            self._serve(self._beside_ours(reading.catalogue), reading.imported, is_same=True)
        tries = 0
        while True:
            tries = 0 if reading.imported is not None else tries + 1
            found = reading.imported or (watched if tries >= TRIES else None)
            if found is not None:
                self._serve_anew(reading, found)
                watched = self._changed(found)
            watched = self._settled(watched)
            reading = self._rereader.read(time.time_ns() - TICK)

    # -- what is served -----------------------------------------------------------------------------------------

    def _catalogue_of_service(self) -> Catalogue:
        """What the service has begun with; its web processes are there, so what is told now is newer than theirs."""
        while True:
            with contextlib.suppress(OSError, EOFError):
                settings = settings_of_supervisor(self._state)
                if settings is not None:
                    return own_processes(settings)
            self._pause()

    def _warm_up(self, served: Catalogue) -> None:
        """Import what takes long and no author edits."""
        if not sys.flags.safe_path:
            # as wherever methods are imported: the current folder must not come before the standard library
            del sys.path[0]
        libraries = dict.fromkeys(name for entry in served.values() for name in entry.libraries)
        preload(["moorage_processes.authoring.schema", *libraries])

    def _beside_ours(self, authors: Catalogue) -> Catalogue:
        return Catalogue([*self._ours.values(), *authors.values()])

    def _serve_anew(self, reading: Reading, imported: ImportedFiles) -> None:
        """Have what was read served, unless it is served already; tell what stands against it."""
        trouble = reading.trouble if reading.catalogue is None else self._clash(reading.catalogue)
        if trouble or reading.catalogue is None:
            self._say(f"{trouble}\nuntil that is mended, the methods are served as they were before", logging.ERROR)
            return
        if self._serve(self._beside_ours(reading.catalogue), imported):
            self._say(f"edited, and served anew: {', '.join(reading.catalogue)}", logging.INFO)

    def _clash(self, authors: Catalogue) -> str:
        """Why they cannot be served beside all else; empty where they can."""
        taken = {name.replace("-", "_") for name in self._ours}
        for entry in authors.values():
            if entry.id.replace("-", "_") in taken and entry.address is not None:
                place, reason = entry.address, f"the id {entry.id!r} is taken by a method that comes with Moorage"
                remedy = 'write @process(id="...") with another id'
                return str(Refusal(place.file or place.module, 1, place.name, reason, remedy))
        try:
            check_names(self._configuration, authors)
        except OperatorError as error:
            return str(error)
        return ""

    def _serve(self, catalogue: Catalogue, imported: ImportedFiles, *, is_same: bool = False) -> bool:
        """Have methods served from these files, unless they are, or files were edited meanwhile; whether it did."""
        now, texts = (_essence(catalogue), imported.files), texts_of(imported.files)
        if now == self._served or imported.now() != imported:
            return False
        settings = service_engine(self._configuration, catalogue)
        settings = replace(settings, executor={**settings.executor, "texts": texts})
        while True:
            with contextlib.suppress(OSError, EOFError):
                renew_supervisor(self._state, settings, is_same=is_same)
                self._served = now
                return True
            self._pause()

    def _say(self, words: str, level: int) -> None:
        if self._configuration.settings.log == logs.JSON:
            LOGGER.log(level, "%s", words)
        else:
            print(words, file=sys.stderr if level > logging.INFO else sys.stdout, flush=True)

    # -- waiting ------------------------------------------------------------------------------------------------

    def _changed(self, known: ImportedFiles) -> ImportedFiles:
        """What is known of the files, once some are no longer as they were."""
        while known.now() == known:
            self._pause()
        return known

    def _settled(self, known: ImportedFiles) -> ImportedFiles:
        """The files once an editor has written all that it writes; what Python kept of them is removed."""
        before = known.now()
        while True:
            self._pause()
            now = known.now()
            if now == before:
                break
            before = now
        forget_compiled(known, now)
        return now

    def _pause(self) -> None:
        """Wait a moment, and end with the service."""
        end = select.poll()
        end.register(self._parent, select.POLLIN)
        if end.poll(GLANCE * 1000):
            os._exit(0)


def _is_ours(module: str) -> bool:
    return module.startswith(OURS)


def _essence(catalogue: Catalogue) -> list[dict[str, Any]]:
    """What callers see of a catalogue, and where its methods are."""
    return [{**entry, "libraries": ()} for entry in catalogue.to_json()]
