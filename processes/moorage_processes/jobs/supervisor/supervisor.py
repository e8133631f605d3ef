"""The supervisor: one detached process for each state directory, the only one that runs jobs there.

A service starts it, and so does a web process that finds none. A lock elects it, and it ends a while after the last web
process. However it ends, its workers end with it, and the next supervisor takes its jobs back.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from moorage_processes.catalogue.queue import LOCAL
from moorage_processes.jobs.errors import Unavailable
from moorage_processes.jobs.files.known_store import KnownStore
from moorage_processes.jobs.files.state_directory import StateDirectory
from moorage_processes.jobs.ipc import listening
from moorage_processes.jobs.settings import EngineSettings
from moorage_processes.jobs.store.database import Database
from moorage_processes.jobs.store.expiry import Expiry
from moorage_processes.jobs.store.leases import LeaseStore
from moorage_processes.jobs.supervisor.connection import ClientConnection, accepted
from moorage_processes.jobs.supervisor.dispatcher import Dispatcher
from moorage_processes.jobs.supervisor.garbage_collector import GarbageCollector
from moorage_processes.jobs.supervisor.store_thread import StoreThread, SupervisorCallbacks
from moorage_processes.jobs.supervisor.subscriptions import Subscriptions
from moorage_processes.jobs.workers.pool import WorkerPool
from moorage_processes.logs import OperatorLog

if TYPE_CHECKING:
    from moorage_processes.jobs.store.exchange import StoreReply
    from moorage_processes.jobs.supervisor.hub import Hub

LOGGER = logging.getLogger(__name__)

ELECTION = 2.0
"""Seconds for which the lock is tried: the one before may just be ending."""
FIRST = 60.0
"""Seconds a supervisor waits for its first web process: a service starts it before its server is built."""
ALONE = 10.0
"""Seconds until a supervisor ends that no web process needs and that has nothing to do."""
LAST_WORD = 5.0
"""Seconds the store is given to hear the last reports."""


def main() -> NoReturn:
    """What :class:`SupervisorClient` starts: ``python -c PROGRAM [TERMINAL]``, the settings on standard input."""
    settings = EngineSettings.from_json(json.load(sys.stdin))
    if os.fork():
        # no child of the web process, which need not wait for its end
        os._exit(0)
    OperatorLog(settings.log, "supervisor").begin()
    state = StateDirectory.of(settings.to_json())
    lock = _elected(state.run / "lock")
    if lock is not None:
        asyncio.run(_supervise(settings, state, tuple(map(int, sys.argv[1:]))))
    os._exit(0)


async def _supervise(settings: EngineSettings, state: StateDirectory, terminal: tuple[int, ...]) -> None:
    await Supervisor(settings, state, terminal).run()
    # not the usual way out, which waits for threads: the store may hold one
    os._exit(0)


def _elected(path: Path) -> int | None:
    """The lock, held as long as this process lives; None where another holds it."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + ELECTION
    while time.monotonic() < deadline:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        else:
            return lock
    return None


class Supervisor:
    """The supervisor of one state directory.

    Parameters
    ----------
    settings : of the web process that started it.
    state : the directory.
    terminal : descriptor to which failures of methods are written too, where there is one.
    """

    def __init__(self, settings: EngineSettings, state: StateDirectory, terminal: tuple[int, ...] = ()) -> None:
        self._settings = settings
        self._fingerprint = settings.fingerprint
        self._state = state
        self._present: set[ClientConnection] = set()
        # as if the last of them had gone, but for the time that a server takes to be built
        self._alone_since = time.monotonic() + FIRST - ALONE
        self._renewed = b""
        self._patience: float | None = None
        self._began = time.time()
        self._has_recovered = False
        self._is_leaving = asyncio.Event()
        self.subscriptions = Subscriptions()
        self.dispatcher = Dispatcher(settings.slots, settings.call_slots, settings.call_queue, state)
        database = Database(settings.url, survives_power_loss=False)
        identity = state.identity
        known = KnownStore(state, settings.store, settings.born)
        self._leases = LeaseStore(
            database, identity, settings.lease, state.has_begun, counts=settings.metrics, check_new=known.check_new
        )
        expiry = Expiry(database, settings.retention) if settings.retention.is_limited else None
        self._garbage_collector = GarbageCollector(state, self._leases, expiry)
        callbacks = SupervisorCallbacks(
            self.dispatcher.places, self.dispatcher.runs, lambda: self.subscriptions.jobs, self._told
        )
        self.store_thread = self.dispatcher.store_thread = StoreThread(self._leases, settings.lease, callbacks)
        size = settings.slots + settings.call_slots
        self._pool = WorkerPool(settings.to_json(), identity, size, self.dispatcher, terminal)
        self.hub = self._new_hub()

    async def run(self) -> None:
        """Serve until it is time to leave."""
        loop = asyncio.get_running_loop()
        listener = listening(self._state.run / "socket")
        listener.settimeout(0)
        loop.add_reader(listener, self._accept, listener)
        # whoever started it reads its standard output, and learns by the end of that that it can be reached
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        loop.add_signal_handler(signal.SIGTERM, self._leave, self._settings.drain)
        LOGGER.info("supervisor %d of %s begins", os.getpid(), self._state.path)
        self._pool.start()
        leaving = asyncio.create_task(self._is_leaving.wait())
        works = [self.store_thread.work(), self._keep_house(), *([self.hub.run()] if self.hub else [])]
        done, _ = await asyncio.wait([leaving, *map(asyncio.create_task, works)], return_when=asyncio.FIRST_COMPLETED)
        if leaving in done:
            await self._end()
        else:
            # without one of them jobs would be stuck: better to end, and be replaced
            LOGGER.error("supervisor %d ends", os.getpid(), exc_info=done.pop().exception())

    async def _end(self) -> None:
        LOGGER.info("supervisor %d ends", os.getpid())
        await self.dispatcher.drain(self._patience or 0.0)
        await self.store_thread.finish(LAST_WORD)
        self._pool.stop()
        self.dispatcher.close()
        (self._state.run / "socket").unlink(missing_ok=True)

    def _new_hub(self) -> Hub | None:
        if self._settings.hub is None:
            return None
        from moorage_processes.jobs.supervisor.hub import Hub  # noqa: PLC0415 - only where there are sites

        database = Database(self._settings.url, survives_power_loss=False)
        return Hub(self._settings.hub, database, self._state, self, counts=self._settings.metrics)

    @property
    def settings(self) -> EngineSettings:
        """What it works by, with the methods as they are now."""
        return self._settings

    @property
    def is_used(self) -> bool:
        """Whether a web process is there."""
        return bool(self._present)

    def look(self) -> None:
        """A job may wait, here or for a site."""
        self.store_thread.look(may_wait=self.dispatcher.is_brisk)
        if self.hub is not None:
            self.hub.look()

    def stop(self, job: str, queue: str, *, runs: bool, on_end: Callable[[], None]) -> None:
        """Stop a job that was dismissed; *on_end* is called when nothing runs any more for it."""
        if queue == LOCAL:
            self.dispatcher.stop(job, on_end=on_end)
        elif self.hub is not None:
            self.hub.stop(job, queue, runs=runs, on_end=on_end)
        else:
            on_end()

    def greet(self, connection: ClientConnection, hello: Mapping[str, Any]) -> bool:
        """A web process introduces itself; one with newer settings needs another supervisor."""
        if hello["fingerprint"] != self._fingerprint and hello["born"] > self._settings.born:
            LOGGER.info("a newer service has other settings")
            self._leave(0.0)
        self._present.add(connection)
        if self._renewed and hello["born"] < self._settings.born:
            connection.renew(self._renewed)
        return self._patience is None

    def renew(self, body: bytes, *, is_same: bool) -> bool:
        """Have other methods from now on, and let all web processes know; whether that was new."""
        settings = EngineSettings.from_json(json.loads(body))
        if settings.born <= self._settings.born or self._patience is not None:
            return False
        self._settings, self._fingerprint, self._renewed = settings, settings.fingerprint, body
        self._pool.renew(settings.to_json(), is_same=is_same)
        for connection in self._present:
            connection.renew(body)
        return True

    def asked_to_leave(self) -> bool:
        """The service stops; where another one is here, the supervisor stays."""
        if self._present:
            return False
        self._leave(self._settings.drain)
        return True

    def describe(self) -> dict[str, Any]:
        """Process ids: this one's, the forkserver's, the workers's; and what these do."""
        return {"supervisor": os.getpid(), **self._pool.describe(), "work": self.dispatcher.at_work()}

    def part(self, connection: ClientConnection) -> None:
        """A client connection has closed."""
        if connection in self._present:
            self._present.discard(connection)
            self._alone_since = time.monotonic()

    def _accept(self, listener: socket.socket) -> None:
        sock = accepted(listener)
        if sock is not None:
            ClientConnection(sock, self)

    def _told(self, exchange: StoreReply) -> None:
        if not self._has_recovered:
            # the first answer of the store: what the supervisor before this one ran has been taken back
            self._has_recovered = True
            self._garbage_collector.settle(before=self._began)
        self.subscriptions.notice(exchange.changes)
        self.dispatcher.take(exchange)
        if self.hub is not None:
            self.hub.take(exchange)

    def _leave(self, patience: float) -> None:
        """Leave, after giving what runs *patience* [s] to finish."""
        if self._patience is None:
            self._patience = patience
            self._is_leaving.set()

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            await asyncio.to_thread(self._garbage_collector.work)
            if await self._is_needless():
                self._leave(0.0)

    async def _is_needless(self) -> bool:
        if self._present or self.dispatcher.is_busy or time.monotonic() - self._alone_since < ALONE:
            return False
        try:
            return not await asyncio.to_thread(self._leases.has_waiting)
        except Unavailable:
            return False
