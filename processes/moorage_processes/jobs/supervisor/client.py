"""A web process's link to the supervisor: connections for its threads, and a supervisor whenever there is none."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, TextIO

from moorage_processes.jobs.errors import Unavailable
from moorage_processes.jobs.ipc import Connection, connected
from moorage_processes.jobs.settings import EngineSettings
from moorage_processes.logs import JSON

if TYPE_CHECKING:
    from moorage_processes.jobs.files.state_directory import StateDirectory

LOGGER = logging.getLogger(__name__)

PROGRAM = "from moorage_processes.jobs.supervisor.supervisor import main; main()"
"""The supervisor, in a process of its own; only that imports it."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.02, 1.0
"""Seconds between two tries to reach a supervisor that was started."""
START = 60.0
"""Seconds the start of a supervisor may take."""
PATIENCE = 10.0
"""Seconds to wait for a supervisor that is being started."""
MARGIN = 5.0
"""Seconds within which the supervisor keeps its times."""
STANDARD_ERROR = 2
RETRY = 0.1
"""Seconds until a supervisor that hung up is asked again."""


class SupervisorClient:
    """Connections to the supervisor.

    Parameters
    ----------
    settings : for a supervisor that must be started.
    state : where it is found.
    renewed : called with other settings, when methods were edited.
    """

    def __init__(
        self,
        settings: EngineSettings,
        state: StateDirectory,
        renewed: Callable[[EngineSettings], None] = lambda _settings: None,
    ) -> None:
        self._settings = settings
        self._renewed = renewed
        self._state = state
        self._lock = Lock()
        self._idle: list[Connection] = []
        self._presence: Connection | None = None
        self._is_there = Event()
        self._is_closed = False
        self._watcher = Thread(target=self._watch, name="moorage-link", daemon=True)

    def start(self) -> None:
        """Be present at the supervisor from now on, and start one whenever there is none."""
        self._watcher.start()

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            self._is_closed = True
            if self._presence is not None:
                self._presence.close()
        self._hang_up()
        self._watcher.join(START)

    @contextlib.contextmanager
    def connection(self, patience: float) -> Iterator[Connection]:
        """A connection for one exchange; any error ends it.

        Parameters
        ----------
        patience : how long to wait for a supervisor [s].

        Raises
        ------
        Unavailable
            where there is none by then.
        """
        connection = self._idle_connection() or self._new_connection(patience)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)

    def _idle_connection(self) -> Connection | None:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None or connection.is_open:
                return connection
            connection.close()

    def _new_connection(self, patience: float) -> Connection:
        deadline = time.monotonic() + patience
        while True:
            try:
                return connected(self._state.run / "socket")
            except OSError as error:
                left = deadline - time.monotonic()
                if self._is_closed or left <= 0:
                    raise Unavailable("the engine does not answer") from error
                self._is_there.wait(min(left, LONGEST_PAUSE))
                time.sleep(min(left, SHORTEST_PAUSE))

    def _watch(self) -> None:
        """Be present; when the supervisor goes, have another."""
        pause = SHORTEST_PAUSE
        while not self._is_closed:
            try:
                connection = connected(self._state.run / "socket")
            except OSError:
                self.start_supervisor()
                # it may have ended at once
                time.sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
                continue
            came = time.monotonic()
            with contextlib.suppress(EOFError, OSError):
                self._stay(connection)
            if time.monotonic() - came > LONGEST_PAUSE:
                pause = SHORTEST_PAUSE
            self._is_there.clear()
            connection.close()
            self._hang_up()

    def _stay(self, connection: Connection) -> None:
        with self._lock:
            self._presence = connection
            if self._is_closed:
                return
        hello = {"fingerprint": self._settings.fingerprint, "born": self._settings.born}
        connection.send({"do": "hello", **hello})
        # this returns when the supervisor has gone
        while True:
            frame = connection.receive()
            if "renew" in frame.head:
                self._settings = EngineSettings.from_json(json.loads(frame.body))
                self._renewed(self._settings)
            elif frame.head["welcome"]:
                self._is_there.set()

    def start_supervisor(self) -> None:
        """Start a supervisor, unless another web process has just done so; return when it can be reached."""
        try:
            with (self._state.run / "start").open("w") as turn:
                fcntl.flock(turn, fcntl.LOCK_EX)
                if not self._is_closed and not self._is_reachable():
                    self._launch()
        except (OSError, subprocess.TimeoutExpired) as error:
            LOGGER.warning("the supervisor cannot be started: %s", error)

    def _launch(self) -> None:
        # -P: the current folder must not come before the standard library
        command = [sys.executable, "-P", "-c", PROGRAM]
        with tempfile.TemporaryFile("w+") as file, self._log() as log, _terminal() as terminal:
            json.dump(self._settings.to_json(), file)
            file.seek(0)
            starter = subprocess.Popen(  # noqa: S603 - ourselves
                [*command, *map(str, terminal)],
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=terminal,
                start_new_session=True,
            )
            starter.communicate(timeout=START)

    def _log(self) -> contextlib.AbstractContextManager[TextIO | None]:
        """What the supervisor has for its standard error; None for the same as this process."""
        if self._settings.log == JSON:
            return contextlib.nullcontext()
        return self._state.supervisor_log.open("a")

    def _is_reachable(self) -> bool:
        try:
            connected(self._state.run / "socket").close()
        except OSError:
            return False
        return True

    def _hang_up(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


@contextlib.contextmanager
def _terminal() -> Iterator[tuple[int, ...]]:
    """A descriptor of where this process says what is wrong, for failures of methods; none where it has no such place.

    The supervisor's own standard error may be a file.
    """
    try:
        terminal = os.dup(STANDARD_ERROR)
    except OSError:
        yield ()
        return
    try:
        yield (terminal,)
    finally:
        os.close(terminal)


def settings_of_supervisor(state: StateDirectory) -> EngineSettings | None:
    """What the supervisor of a state directory works by; None as long as no web process uses it.

    Raises
    ------
    OSError, EOFError
        where there is none, or it ends.
    """
    with contextlib.closing(connected(state.run / "socket")) as connection:
        connection.send({"do": "settings"})
        frame = connection.receive(MARGIN)
        return EngineSettings.from_json(json.loads(frame.body)) if frame.head["is_used"] else None


def renew_supervisor(state: StateDirectory, settings: EngineSettings, *, is_same: bool) -> bool:
    """Let a supervisor and all its web processes have other methods; whether these were newer than theirs.

    Parameters
    ----------
    state : directory of the supervisor.
    settings : with the methods.
    is_same : whether its workers have these methods already.

    Raises
    ------
    OSError, EOFError
        where there is none, or it ends.
    """
    with contextlib.closing(connected(state.run / "socket")) as connection:
        connection.send({"do": "renew", "is_same": is_same}, json.dumps(settings.to_json()).encode())
        return bool(connection.receive(MARGIN).head["renewed"])


def end_supervisor(state: StateDirectory, drain: float) -> None:
    """End the supervisor of a state directory, unless it has others to serve; return when it has ended.

    Parameters
    ----------
    state : the directory.
    drain : seconds that its running jobs have.

    Raises
    ------
    OSError, EOFError
        where there is none, or it ends.
    """
    with contextlib.closing(connected(state.run / "socket")) as connection:
        connection.send({"do": "leave"})
        if connection.receive(MARGIN).head["leaving"]:
            # nothing more comes: this ends with the supervisor
            connection.receive(drain + MARGIN)
