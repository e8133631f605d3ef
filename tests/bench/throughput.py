"""How many jobs are done in a second: many small ones beside Celery's, and long ones by two supervisors beside one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from celery_peer import celery
from figures import Figure
from jobs import SLOTS, asked, engine
from moorage_processes.jobs.job import Status
from moorage_processes.jobs.workers.linux import descendants
from support.postgres_server import serving_postgres

if TYPE_CHECKING:
    from moorage_processes.jobs.engine import Engine
    from moorage_processes.jobs.job import Job

SMALL = 200
"""Jobs of a round."""
ROUNDS = 11
LONG = 60
"""Jobs of a round that compute; many, for the second supervisor begins half a second late: nobody told it."""
LONG_ROUNDS = 5
STEPS = 3_000_000
"""What each of them computes: a tenth of a second, where nobody else does."""
PATIENCE = 600.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Side:
    """Who runs the jobs of a round, and how it went."""

    run: Callable[[], list[Any]]
    processes: tuple[int, ...]
    """Those that do it, beside this one; what they began is counted with them."""
    seconds: list[float] = field(default_factory=list)
    computed: list[float] = field(default_factory=list)
    """Processor time, of the caller too [s]."""

    def round(self, expected: list[Any]) -> None:
        """Run them once more."""
        used, began = self._used(), time.perf_counter()
        assert self.run() == expected
        self.seconds.append(time.perf_counter() - began)
        self.computed.append(self._used() - used)

    def _used(self) -> float:
        return time.process_time() + sum(map(_used, self._family()))

    def _family(self) -> set[int]:
        return {each for pid in self.processes for each in (pid, *descendants(pid))}


def _used(pid: int) -> float:
    """Processor time of a process [s]."""
    try:
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(user) + int(system)) / TICKS


def engine_throughput(folder: Path) -> Iterator[Figure]:
    """Small jobs: submitted one after another by one thread, until it has all their results."""
    with ExitStack() as stack:
        server = stack.enter_context(serving_postgres())
        postmaster = int((server.data / "postmaster.pid").read_text().split()[0])
        embedded = stack.enter_context(engine(folder / "embedded"))
        shared = stack.enter_context(engine(folder / "shared", store=server.database()))
        # as Redis comes a job that was accepted may be forgotten; that each is on the disk first, as with us, costs
        lax, strict = (stack.enter_context(celery(folder / how, SLOTS, how)) for how in ("everysec", "always"))
        ours = {
            "embedded": Side(lambda: _greetings(embedded), _supervisors(embedded)),
            "PostgreSQL": Side(lambda: _greetings(shared), (*_supervisors(shared), postmaster)),
        }
        peers = {
            "Celery, Redis": Side(lambda: lax.run(SMALL), lax.processes),
            "Celery, Redis that syncs": Side(lambda: strict.run(SMALL), strict.processes),
        }
        _alternate([*ours.values(), *peers.values()], ["Hello Ada!"] * SMALL)
    for store, target in (("embedded", "at least 2x"), ("PostgreSQL", "at least 1x")):
        for against, peer in peers.items():
            rates = (SMALL / median(side.seconds) for side in (ours[store], peer))
            yield Figure(f"engine-throughput, {store}", *rates, "1/s", target, against)
        costs = (median(side.computed) / SMALL * 1e3 for side in (ours[store], peers["Celery, Redis"]))
        yield Figure("  processor time of a job", *costs, "ms", "", "Celery, Redis")


def _greetings(ours: Engine) -> list[Any]:
    return [artefact.value for job in _done(ours, "hello", SMALL, name="Ada") for artefact in job.artefacts]


def scale_out(folder: Path) -> Iterator[Figure]:
    """Jobs that compute: two supervisors at one store, each with one place, beside one."""
    with serving_postgres() as server, ExitStack() as stack:
        alone = stack.enter_context(engine(folder / "alone", store=server.database(), slots=1))
        store = server.database()
        first, _ = (stack.enter_context(engine(folder / name, store=store, slots=1)) for name in ("first", "second"))
        spans = [(_span(first), _span(alone)) for _ in range(LONG_ROUNDS)]
    two, one = (LONG / median(column) for column in zip(*spans, strict=True))
    yield Figure("scale-out, two to one", two, one, "1/s", "at least 1.8x", "one supervisor")


def _span(ours: Engine) -> float:
    """From the first job of a round to the end of the last by the store's word, which is heard later elsewhere [s]."""
    jobs = _done(ours, "count", LONG, to=STEPS)
    ends = [job.finished for job in jobs if job.finished and job.status is Status.SUCCESSFUL]
    assert len(ends) == LONG
    return (max(ends) - min(job.created for job in jobs)).total_seconds()


def _alternate(sides: list[Side], expected: list[Any]) -> None:
    for side in sides:
        side.run()
    for number in range(ROUNDS):
        # whoever comes first in a round is no better off
        for side in sides[:: 1 if number % 2 else -1]:
            side.round(expected)


def _done(ours: Engine, process: str, count: int, **inputs: Any) -> list[Job]:
    """So many jobs, submitted one after another, once they are done."""
    request, limits = asked(process, **inputs)
    jobs = [ours.submit(request, limits) for _ in range(count)]
    return [ours.wait(job.id, PATIENCE) or job for job in jobs]


def _supervisors(*engines: Engine) -> tuple[int, ...]:
    return tuple(each.describe()["supervisor"] for each in engines)
