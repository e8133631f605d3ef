"""What a storm blows over: a hub on one machine or two, a store, a relay with two machines of a site, and a disk."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa
import yaml
from moorage_processes.commands.cli import wait_for
from moorage_processes.jobs.ipc import connected
from moorage_processes.jobs.job import Status
from moorage_processes.jobs.store.store import Store
from support.engines import METHODS, family
from support.nats_server import Nats, serving_nats
from support.patience import PATIENCE
from support.ports import free_port
from support.postgres_server import Postgres, serving_postgres
from support.small_disk import NoSmallDiskError, small_disk
from support.waiting import NeverTrueError, eventually

LEASE = 10.0
"""Seconds after which a machine of the hub that is not heard of loses its jobs to the other."""
SITE_LEASE = 6.0
ROOM = 48 * 10**6
"""Bytes of the disk that results lie on."""
FULL = 1.5
"""Seconds for which it is full."""


@dataclass(frozen=True)
class Fault:
    """One thing that may go wrong."""

    name: str
    strike: Callable[[random.Random], None]


@dataclass
class ServiceMachine:
    """One machine: of the hub, or of the site; it is started again whenever its own process is gone.

    Parameters
    ----------
    command : what starts it.
    state : its state directory.
    url : where it serves, if it does.
    """

    command: list[str]
    state: Path
    url: str | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it, unless it runs."""
        if self.process is None or self.process.poll() is not None:
            with (self.state.parent / f"{self.state.name}.log").open("ab") as log:
                self.process = subprocess.Popen(self.command, stderr=log, stdout=log)

    def stop(self) -> None:
        """Stop it in good order."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE)

    def engine(self) -> dict[str, Any]:
        """The processes of its engine; empty where it has none at this moment."""
        try:
            with closing(connected(self.state / "run" / "socket")) as connection:
                connection.send({"do": "describe"})
                return connection.receive(2.0).head
        except (OSError, EOFError):
            return {}

    def pids(self, part: str) -> list[int]:
        """Processes of one part."""
        if part == "own":
            return [self.process.pid] if self.process is not None else []
        if part == "web":
            return [each.pid for each in psutil.Process(self.pids("own")[0]).children() if "serve" in each.cmdline()]
        found = self.engine().get("workers" if part == "worker" else part) or []
        return found if isinstance(found, list) else [found]

    def all_pids(self) -> list[int]:
        """All that runs on it, its own process first."""
        return [*self.pids("own"), *self.pids("supervisor"), *family(self.state)]


def strike_one(pids: list[int], dice: random.Random, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to one of some processes, if there is any."""
    if pids:
        with suppress(ProcessLookupError):
            os.kill(dice.choice(sorted(pids)), number)


def sleep(pids: list[int], seconds: float) -> None:
    """Let processes sleep for a while."""
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        if number is signal.SIGSTOP:
            time.sleep(seconds)


@dataclass
class StormService:
    """All that a storm may strike."""

    hubs: list[ServiceMachine]
    sites: list[ServiceMachine]
    store: str
    postgres: Postgres | None = None
    nats: Nats | None = None
    disk: Path | None = None
    network: CuttableNetwork | None = None
    prefetch: float = 0.15
    """Seconds from one job to the next, on average."""

    def urls(self) -> list[str]:
        """Where jobs are submitted."""
        return [str(hub.url) for hub in self.hubs]

    def anywhere(self, job: str) -> str:
        """A job, as any of the hub's machines may tell of it."""
        return f"{random.choice(self.urls())}/jobs/{job.rpartition('/')[2]}"

    def prefix(self, dice: random.Random) -> str:
        """Where a job is to run."""
        return "awi." if self.sites and dice.random() < 0.5 else ""

    def faults(self) -> list[Fault]:
        """All that may go wrong here."""
        faults = [
            Fault(f"{part} killed", lambda dice, part=part: strike_one(dice.choice(self.hubs).pids(part), dice))
            for part in ("web", "supervisor", "forkserver", "worker")
        ]
        if self.disk is not None:
            faults.append(Fault("disk full", self._fill))
        if self.postgres is not None:
            faults.append(Fault("PostgreSQL killed", self._restart_postgres))
            faults.append(
                Fault("machine asleep past its lease", lambda dice: sleep(_engine(self.hubs, dice), LEASE + 2))
            )
        else:
            faults.append(Fault("supervisor asleep", lambda _: sleep(self.hubs[0].pids("supervisor"), 3.0)))
        return faults + (self._faults_of_sites() if self.sites else [])

    def _faults_of_sites(self) -> list[Fault]:
        faults = [
            Fault("relay killed", self._restart_relay),
            Fault("site killed", self._kill_site),
            Fault("site's machine killed", self._kill_machine),
            Fault(
                "site's supervisor killed", lambda dice: strike_one(dice.choice(self.sites).pids("supervisor"), dice)
            ),
            Fault(
                "site asleep past its lease", lambda dice: sleep(dice.choice(self.sites).all_pids(), SITE_LEASE + 2.0)
            ),
        ]
        if self.network is not None:
            faults.append(Fault("site cut off", self._cut))
        return faults

    def _fill(self, _: random.Random) -> None:
        ballast = Path(str(self.disk)) / "ballast"
        with suppress(OSError), ballast.open("wb") as file:
            while True:
                file.write(b"\0" * 65536)
        time.sleep(FULL)
        ballast.unlink()

    def _restart_postgres(self, dice: random.Random) -> None:
        assert self.postgres is not None
        self.postgres.stop("immediate")
        time.sleep(dice.random() * 2)
        self.postgres.start()

    def _restart_relay(self, dice: random.Random) -> None:
        assert self.nats is not None
        self.nats.stop()
        time.sleep(dice.random() * 3)
        self.nats.start()

    def _kill_site(self, dice: random.Random) -> None:
        site = dice.choice(self.sites)
        strike_one(site.pids("own"), dice)
        assert site.process is not None
        site.process.wait()
        time.sleep(dice.random())
        site.start()

    def _kill_machine(self, dice: random.Random) -> None:
        site = dice.choice(self.sites)
        for pid in site.all_pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert site.process is not None
        site.process.wait()
        time.sleep(dice.random() * 2)
        site.start()

    def _cut(self, dice: random.Random) -> None:
        assert self.network is not None
        self.network.close()
        time.sleep(2.0 + dice.random() * (SITE_LEASE + 4.0))
        self.network.open()

    def wrongs(self, jobs: list[str]) -> list[str]:
        """What is not as it should be once all jobs are done."""
        store = Store(self.store)
        known = {url.rpartition("/")[2]: store.get(url.rpartition("/")[2]) for url in jobs}
        kept = {(name, str(job.epoch)) for name, job in known.items() if job and job.status is Status.SUCCESSFUL}

        def strays() -> list[str]:
            results = (self.disk or self.hubs[0].state) / "results"
            found = {(each.parent.name, each.name) for each in results.glob("*/*")}
            return [f"left over: {'/'.join(each)}" for each in sorted(found - kept)]

        with suppress(NeverTrueError):
            eventually(lambda: not strays(), within=30.0)
        engine = sa.create_engine(self.store)
        with engine.connect() as connection:
            waiting = connection.execute(sa.text("SELECT name, waiting FROM queues WHERE waiting <> 0")).all()
        engine.dispose()
        store.close()
        return [*strays(), *(f"the queue {name} counts {count} that wait" for name, count in waiting)]


def _engine(machines: list[ServiceMachine], dice: random.Random) -> list[int]:
    """The supervisor of one of some machines, and its workers."""
    machine = dice.choice(machines)
    return [*machine.pids("supervisor"), *family(machine.state)]


class CuttableNetwork:
    """A network namespace that is joined to this one by a wire, which can be cut."""

    def __init__(self, number: int) -> None:
        self.name = f"moorage{number}"
        self.here, self.there = f"10.213.{number % 250}.1", f"10.213.{number % 250}.2"
        self._wire = (f"moor{number % 100000}a", f"moor{number % 100000}b")

    def make(self) -> None:
        """Make it; CalledProcessError where that is not permitted."""
        ours, theirs = self._wire
        _ip("netns", "add", self.name)
        _ip("link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", self.name)
        _ip("addr", "add", f"{self.here}/30", "dev", ours)
        _ip("link", "set", ours, "up")
        _ip("-n", self.name, "addr", "add", f"{self.there}/30", "dev", theirs)
        self.open()

    def open(self) -> None:
        """Join the wire."""
        _ip("-n", self.name, "link", "set", self._wire[1], "up")

    def close(self) -> None:
        """Cut the wire: what is sent is lost, and nobody is told."""
        _ip("-n", self.name, "link", "set", self._wire[1], "down")

    def remove(self) -> None:
        """Remove it, and the wire with it."""
        with suppress(subprocess.CalledProcessError, FileNotFoundError):
            _ip("netns", "del", self.name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def _cuttable_network() -> Iterator[CuttableNetwork | None]:
    """A namespace, or None where this user may make none."""
    network = CuttableNetwork(os.getpid())
    try:
        network.make()
        yield network
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        print(f"no site is cut off here, since no network namespace can be made: {error}", file=sys.stderr)
        yield None
    finally:
        network.remove()


@contextmanager
def _disk(folder: Path) -> Iterator[Path | None]:
    """A small file system, or None where this user may mount none."""
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(small_disk(folder, ROOM))
        except NoSmallDiskError as error:
            print(f"no disk is filled here, since none can be mounted: {error}", file=sys.stderr)
            disk = None
        yield disk


@contextmanager
def storm_service(folder: Path, store: str, *, sites: bool) -> Iterator[StormService]:
    """All of it, while the block lasts; nothing runs afterwards."""
    with ExitStack() as stack:
        postgres = stack.enter_context(serving_postgres()) if store == "postgresql" else None
        network = stack.enter_context(_cuttable_network()) if sites else None
        disk = stack.enter_context(_disk(folder / "disk"))
        here = network.here if network else "127.0.0.1"
        nats = stack.enter_context(serving_nats(folder / "relay", "awi", address=here)) if sites else None
        url = postgres.database() if postgres else f"sqlite:///{folder / 'jobs.sqlite'}"
        service = StormService([], [], url, postgres, nats, disk, network)
        moorage: dict[str, Any] = {"store": url, "results": str(disk or folder / "results"), "drain": 5.0}
        if nats is not None:
            credentials = str(nats.credentials("hub"))
            moorage |= {"nats": nats.url, "nats_credentials": credentials, "site_lease": SITE_LEASE}
        for number in range(2 if postgres else 1):
            service.hubs.append(stack.enter_context(_hub(folder / f"hub{number}", here, moorage)))
        for number in range(2 if sites else 0):
            prefix = ["ip", "netns", "exec", network.name] if network and number == 1 else []
            service.sites.append(stack.enter_context(_site(folder / f"site{number}", nats, prefix)))
        yield service


@contextmanager
def _hub(folder: Path, address: str, moorage: dict[str, Any]) -> Iterator[ServiceMachine]:
    folder.mkdir()
    port, config = free_port(), folder / "config.yml"
    url = f"http://{address}:{port}"
    settings = {"installed": False, "modules": [str(METHODS)], "slots": 2, **moorage}
    bind = {"host": address, "port": port}
    config.write_text(yaml.safe_dump({"server": {"bind": bind, "url": url}, "moorage": settings}))
    command = [sys.executable, "-m", "moorage.cli", "serve", "--config", str(config), "--state", str(folder / "state")]
    with _running(ServiceMachine(command, folder / "state", url)) as machine:
        assert machine.process is not None
        wait_for(url, machine.process)
        yield machine


@contextmanager
def _site(folder: Path, nats: Nats | None, prefix: list[str]) -> Iterator[ServiceMachine]:
    assert nats is not None
    folder.mkdir()
    config = folder / "config.yml"
    config.write_text(yaml.safe_dump({"moorage": {"installed": False, "slots": 2, "drain": 5.0}}))
    command = [*prefix, sys.executable, "-m", "moorage.cli", "join", nats.url, "--site", "awi"]
    command += ["--credentials", str(nats.credentials("awi")), "--config", str(config)]
    with _running(
        ServiceMachine([*command, "--state", str(folder / "state"), str(METHODS)], folder / "state")
    ) as machine:
        eventually((machine.state / "run" / "socket").exists)
        yield machine


@contextmanager
def _running(machine: ServiceMachine) -> Iterator[ServiceMachine]:
    machine.start()
    try:
        yield machine
    finally:
        machine.stop()
    with contextlib.suppress(FileNotFoundError):
        eventually(lambda: not family(machine.state))
