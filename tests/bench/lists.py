"""How long it takes to see what is there: descriptions, the process list, and the job list, however long it is."""

from __future__ import annotations

import http.client
import random
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, in_turn
from moorage_processes.jobs.store.store import Store
from peers import processes_alike
from support.services import serve

HERE = Path(__file__).parent
METHODS = str(HERE / "methods.py")
FEW, MANY = 100, 1_000_000
BEGIN = 1_767_225_600_000_000
"""2026 [microseconds since 1970]."""
SECOND = 1_000_000
COLUMNS = (
    *("id", "process", "queue", "status", "message", "progress", "created", "started", "finished", "updated"),
    *("outputs", "answer", "limits", "artefacts", "failure", "attempt", "epoch", "owner", "lease", "listed"),
)
INSERT = f"INSERT INTO jobs ({','.join(COLUMNS)}) VALUES ({','.join('?' * len(COLUMNS))})"  # noqa: S608 - our own names
FILTERS = {
    "no filter": "",
    "processID": "processID=echo",
    "processID, status": "processID=echo,terrain&status=failed,successful",
    "status": "status=failed",
    "datetime": "datetime=2026-01-01T00:00:10Z/2026-01-01T00:01:00Z",
    "minDuration, many": "minDuration=0.001",
    "minDuration, none": "minDuration=100000",
    "maxDuration": "maxDuration=100000",
    "all": "processID=echo&status=successful&minDuration=1&maxDuration=5&datetime=2026-01-01T00:00:00Z/..",
}


class Reader:
    """A keep-alive connection that reads documents."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"))

    def read(self, path: str) -> bytes:
        """One document as JSON."""
        self._connection.request("GET", path, headers={"Accept": "application/json"})
        response = self._connection.getresponse()
        content = response.read()
        assert response.status == 200, content
        return content


def descriptions(folder: Path) -> Iterator[Figure]:
    """One description, and the list of as many processes."""
    with serve(folder / "ours", [METHODS], ours=True) as ours, processes_alike(folder / "plain", count=6) as plain:
        mine, theirs = Reader(ours.url), Reader(plain.url)
        pairs = {
            "describe": ("/processes/hello", "/processes/hello-world?f=json"),
            "process-list": ("/processes?limit=6", "/processes?f=json&limit=6"),
        }
        for name, (our_path, their_path) in pairs.items():
            calls = [lambda p=our_path: mine.read(p), lambda p=their_path: theirs.read(p)]
            here, there = in_turn(*calls, runs=300, warm=30)
            yield Figure(name, here * 1e3, there * 1e3, "ms", "at most 1x", "pygeoapi, as many processes")


def job_list(folder: Path) -> Iterator[Figure]:
    """The job list with a million jobs beside the same with a hundred, with each filter."""
    places = {count: folder / str(count) for count in (FEW, MANY)}
    for count, place in places.items():
        fill(place, count)
    with serve(places[FEW], [METHODS], ours=True) as few, serve(places[MANY], [METHODS], ours=True) as many:
        small, large = Reader(few.url), Reader(many.url)
        for name, query in FILTERS.items():
            path = f"/jobs?limit=5&{query}"
            ours, peer = in_turn(lambda p=path: large.read(p), lambda p=path: small.read(p), runs=60)
            yield Figure(f"job-list, {name}", ours * 1e3, peer * 1e3, "ms", "at most 2x", "the same with 100 jobs")


def fill(folder: Path, count: int) -> None:
    """A state directory with so many jobs that are done."""
    state = folder / "state"
    state.mkdir(parents=True)
    path = state / "jobs.sqlite"
    store = Store(f"sqlite:///{path}")
    store.prepare()
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        connection.executemany(INSERT, rows(count))
        for _, statement in indexes:
            connection.execute(statement)
    connection.close()


def rows(count: int) -> Iterator[tuple]:
    """Jobs of four processes, nine of ten successful, created one a second."""
    rng = random.Random(1)
    processes = ("echo", "terrain", "climatology", "zonal-statistics")
    limits = '{"timeout":3600,"memory":null,"attempts":3,"sync":true,"asynchronous":true}'
    answer = '{"shape":null,"transmissions":{},"returns":null}'
    for number in range(count):
        created = BEGIN + number * SECOND
        finished = created + int(rng.lognormvariate(1, 1) * SECOND)
        status = rng.choices(("successful", "failed", "dismissed"), (90, 9, 1))[0]
        yield (
            *(str(uuid.UUID(int=rng.getrandbits(128))), rng.choice(processes), "local", status, "", 100),
            *(created, created, finished, finished, '{"result":"application/json"}', answer, limits, "[]", None),
            *(1, 1, None, None, 1),
        )
