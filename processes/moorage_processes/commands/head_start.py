"""What a service needs first, begun before its server is imported: its catalogue, then its supervisor.

The server takes as long to import and build as the engine takes to come up, so both are done side by side.
"""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, Self

from moorage_processes.configuration.engine import service_engine
from moorage_processes.errors import OperatorError
from moorage_processes.jobs.files.state_claim import StateClaim
from moorage_processes.jobs.files.state_directory import StateDirectory
from moorage_processes.jobs.supervisor.client import SupervisorClient, end_supervisor

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Catalogue
    from moorage_processes.catalogue.reading import PendingCatalogue
    from moorage_processes.configuration.configuration import Configuration
    from moorage_processes.jobs.settings import EngineSettings


class HeadStart:
    """Waits for the catalogue in a thread, and starts the supervisor, while the block does everything else.

    Where the block fails, the supervisor ends, unless other services use it.

    Parameters
    ----------
    configuration : of the service; its state directory must be prepared.
    pending : the catalogue of that configuration.
    """

    def __init__(self, configuration: Configuration, pending: PendingCatalogue) -> None:
        self._configuration = configuration
        self._pending = pending
        self._owner = os.getpid()
        self._catalogue: Future[Catalogue] = Future()
        self._settings: EngineSettings | None = None
        self._claim: Future[StateClaim] = Future()
        self._thread = Thread(target=self._work, name="head-start", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # web processes are forked inside the block and leave by here too
        if error is None or os.getpid() != self._owner:
            return
        self._pending.close()
        self._thread.join()
        if self._settings is not None:
            with contextlib.suppress(OSError, EOFError):
                end_supervisor(StateDirectory.of(self._settings.to_json()), self._settings.drain)

    def catalogue(self) -> Catalogue:
        """Wait for the catalogue.

        Raises
        ------
        ServingError
            where a method cannot be served.
        """
        return self._catalogue.result()

    def wait(self) -> StateClaim:
        """Wait until the supervisor answers, or could not be started. Fork only then: the thread holds a lock.

        Returns
        -------
        The service's claim on its state directory.

        Raises
        ------
        StateDirectoryError
            where a service with other settings has that.
        OperatorError
            where the configuration is wrong.
        """
        self._thread.join()
        return self._claim.result()

    def _work(self) -> None:
        try:
            catalogue = self._pending.result()
        except BaseException as error:  # noqa: BLE001 - it is raised again where it was asked for
            self._catalogue.set_exception(error)
            return
        self._catalogue.set_result(catalogue)
        try:
            self._start(service_engine(self._configuration, catalogue))
        except (OperatorError, OSError) as error:
            self._claim.set_exception(error)

    def _start(self, settings: EngineSettings) -> None:
        """Claim the state directory, and start the supervisor only then: it has the settings of this service."""
        state = StateDirectory.of(settings.to_json())
        claim = StateClaim.make(state, settings.fingerprint)
        self._settings = settings
        SupervisorClient(settings, state).start_supervisor()
        self._claim.set_result(claim)
