"""Celery with Redis, as its documentation shows it: forked workers, jobs that outlive them, results that are kept."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from celery import Celery
from support.ports import free_port
from support.programs import program
from support.waiting import eventually

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Peer:
    """A broker with workers, and the client's side of it."""

    app: Celery
    processes: tuple[int, ...]
    """The broker and the parent of the workers."""

    def run(self, count: int) -> list[Any]:
        """So many jobs, submitted one after another; their results."""
        waiting = [self.app.send_task("hello", kwargs={"name": "Ada"}) for _ in range(count)]
        return [each.get(timeout=600) for each in waiting]


@contextmanager
def celery(folder: Path, workers: int, syncs: str) -> Iterator[Peer]:
    """Celery while the block lasts.

    Parameters
    ----------
    folder : where Redis keeps its files.
    workers : how many there are.
    syncs : when Redis has its writes on the disk, by its own words: each ``everysec`` or ``always`` before it answers.
    """
    folder.mkdir()
    port = free_port()
    url = f"redis://127.0.0.1:{port}"
    command = [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    command += ["--appendonly", "yes", "--appendfsync", syncs, "--save", "", "--loglevel", "warning"]
    environment = {"BENCH_BROKER": f"{url}/0", "BENCH_RESULTS": f"{url}/1", "PYTHONPATH": str(HERE)}
    log = folder / "celery.log"
    with _running(command, log) as broker:
        client = redis.Redis(port=port)
        eventually(lambda: _answers(client))
        command = [sys.executable, "-m", "celery", "-A", "celery_methods", "worker", "-P", "prefork"]
        command += ["-c", str(workers), "-l", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        with _running(command, log, environment) as parent:
            app = Celery("bench", broker=environment["BENCH_BROKER"], backend=environment["BENCH_RESULTS"])
            peer = Peer(app, (broker.pid, parent.pid))
            assert peer.run(1) == ["Hello Ada!"]
            yield peer
            # what is left of the client tells the broker that it goes, which must still be there
            app.close()
            gc.collect()


@contextmanager
def _running(
    command: list[str], log: Path, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    with (
        log.open("ab") as file,
        subprocess.Popen(command, env=os.environ | (environment or {}), stdout=file, stderr=file) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=60)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
