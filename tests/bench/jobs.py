"""How soon a job is stopped or heard of, and whether a long queue makes the engine slow."""

from __future__ import annotations

import http.client
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from figures import Figure, in_turn
from moorage_processes.catalogue.reading import read_catalogue
from moorage_processes.execution.request import Request
from moorage_processes.jobs.engine import Engine
from moorage_processes.jobs.job import Submission
from moorage_processes.jobs.settings import EngineSettings
from moorage_processes.jobs.store.database import Database
from moorage_processes.jobs.store.exchange import StoreRequest
from moorage_processes.jobs.store.leases import LeaseStore
from moorage_processes.jobs.store.store import Store
from moorage_processes.jobs.store.tables import INPUTS, JOBS, QUEUES
from support.engines import is_alive
from support.services import serve
from support.waiting import eventually

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Catalogue

HERE = Path(__file__).parent
METHODS = str(HERE / "methods.py")
SLOTS = 2
FEW, MANY = 100, 100_000
ROOM = 10**9


def cancel(folder: Path) -> Iterator[Figure]:
    """From the wish to dismiss a job that computes until its process is no more."""
    with engine(folder / "state") as ours:
        times = sorted(_stopped(ours) for _ in range(40))
    yield Figure("cancel, p95", quantiles(times, n=20)[-1] * 1e3, None, "ms", "under 100 ms", "")
    yield Figure("cancel, median", median(times) * 1e3, None, "ms", "", "")


def _stopped(ours: Engine) -> float:
    job = ours.submit(*asked("spin"))
    worker = eventually(lambda: next((int(pid) for pid, each in ours.describe()["work"].items() if each == job.id), 0))
    began = time.perf_counter()
    ours.dismiss(job.id)
    while is_alive(worker):
        time.sleep(0.0005)
    return time.perf_counter() - began


def progress(folder: Path) -> Iterator[Figure]:
    """From a method's word to the caller who holds a request for it."""
    with serve(folder / "ours", [METHODS], ours=True) as service:
        connection = http.client.HTTPConnection(service.url.removeprefix("http://"))
        body = json.dumps({"inputs": {"times": 40}})
        headers = {"Content-Type": "application/json", "Prefer": "respond-async"}
        job, tag = _asked(connection, "POST", "/processes/tell/execution", body, headers)
        delays: list[float] = []
        said = ""
        while job["status"] in ("accepted", "running"):
            wait = {"Prefer": "wait=20", "If-None-Match": tag, "Accept": "application/json"}
            job, tag = _asked(connection, "GET", f"/jobs/{job['jobID']}", None, wait)
            if job["status"] == "running" and job["message"] not in ("", said):
                said = job["message"]
                delays.append(time.time() - float(said))
    yield Figure("progress, to the caller", median(delays) * 1e3, None, "ms", "under 20 ms", "")


def _asked(
    connection: http.client.HTTPConnection, method: str, path: str, body: str | None, headers: dict[str, str]
) -> tuple[dict[str, Any], str]:
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return json.loads(response.read()), response.headers["ETag"]


def queue_depth(folder: Path) -> Iterator[Figure]:
    """To submit one, and to take one, behind so many that wait."""
    many, few = (StoreOfJobs(folder / str(count), count) for count in (MANY, FEW))
    for name in ("submit", "claim"):
        ours, peer = in_turn(getattr(many, name), getattr(few, name), runs=60)
        yield Figure(f"queue-depth, {name}", ours * 1e3, peer * 1e3, "ms", "at most 1.5x", f"{MANY:,} beside {FEW}")


def power_loss(folder: Path) -> Iterator[Figure]:
    """To accept a job so that a power loss cannot take it away, beside so that it might."""
    lasting, other = (_submitter(folder / str(lasts), lasts=lasts) for lasts in (True, False))
    ours, peer = in_turn(lasting, other, runs=400)
    yield Figure("power-loss, submit", ours * 1e3, peer * 1e3, "ms", "", "not on the disk yet")


def _submitter(folder: Path, *, lasts: bool) -> Callable[[], object]:
    folder.mkdir(parents=True)
    store = Store(f"sqlite:///{folder / 'jobs.sqlite'}", survives_power_loss=lasts)
    store.prepare()
    request, limits = asked("hello", name="Ada")
    return lambda: store.submit(Submission(id=str(uuid.uuid4()), request=request, limits=limits), ROOM)


class StoreOfJobs:
    """A store in which so many jobs wait, seen from both its sides.

    Parameters
    ----------
    folder : where it is made.
    count : how many.
    """

    def __init__(self, folder: Path, count: int) -> None:
        folder.mkdir(parents=True)
        url = f"sqlite:///{folder / 'jobs.sqlite'}"
        self._store = Store(url)
        self._store.prepare()
        self._request, self._limits = asked("hello", name="Ada")
        self._store.submit(self._order(), ROOM)
        _multiply(Database(url, survives_power_loss=False), count)
        self._leases = LeaseStore(Database(url, survives_power_loss=False), "bench", 3600.0, lambda *_: True)

    def submit(self) -> None:
        """One more."""
        self._store.submit(self._order(), ROOM)

    def claim(self) -> None:
        """Take the oldest."""
        (attempt,) = self._leases.exchange(StoreRequest(places=1)).claimed
        assert attempt.process == "hello"

    def _order(self) -> Submission:
        return Submission(id=str(uuid.uuid4()), request=self._request, limits=self._limits)


def _multiply(database: Database, count: int) -> None:
    """Lay so many copies of the only job beside it."""
    with database.begin() as connection:
        (job,) = connection.execute(sa.select(JOBS)).mappings().all()
        (content,) = connection.execute(sa.select(INPUTS.c.content)).scalars()
        names = [str(uuid.uuid4()) for _ in range(count - 1)]
        connection.execute(sa.insert(JOBS), [{**job, "id": name} for name in names])
        connection.execute(sa.insert(INPUTS), [{"job": name, "content": content} for name in names])
        connection.execute(sa.update(QUEUES).values(waiting=count))
    database.close()


@cache
def catalogue() -> Catalogue:
    """The methods of the bench."""
    return read_catalogue([METHODS], installed=False)


def asked(process: str, **inputs: Any) -> tuple[Request, Any]:
    """A request of the methods of the bench, and what it may use."""
    entry = catalogue()[process]
    return Request(process, inputs, dict.fromkeys(entry.description["outputs"], "application/json")), entry.limits


@contextmanager
def engine(state: Path, store: str | None = None, slots: int = SLOTS) -> Iterator[Engine]:
    """Our engine while the block lasts, its store in the state directory or elsewhere."""
    executor = {"catalogue": catalogue().to_json()}
    made = Engine(EngineSettings(state=state, executor=executor, slots=slots, queue=ROOM, drain=0.0, store=store))
    made.start()
    try:
        made.call(*asked("hello", name="Ada"), timeout=60.0)
        yield made
    finally:
        made.close(stop_supervisor=True)
