"""The job store as web processes use it: what it returns is committed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import exc

from moorage_processes.execution.request import Request
from moorage_processes.jobs.errors import QueueFull, Unavailable
from moorage_processes.jobs.job import Callback, Job, JobPage, JobQuery, Status, Submission
from moorage_processes.jobs.store import counters, outbox, statistics
from moorage_processes.jobs.store.admission import admit, check_size, is_admitted
from moorage_processes.jobs.store.completions import of_dismissal, tell
from moorage_processes.jobs.store.database import Database, compact, now, shift
from moorage_processes.jobs.store.expiry import need, referred_to
from moorage_processes.jobs.store.listing import page_of
from moorage_processes.jobs.store.outbox import Outbox
from moorage_processes.jobs.store.rows import job_of, row_of
from moorage_processes.jobs.store.sites import RegisteredSite, read_sites
from moorage_processes.jobs.store.tables import INPUTS, JOBS, QUEUES
from moorage_processes.jobs.store.transfer_tokens import TransferTokens

if TYPE_CHECKING:
    from moorage_processes.jobs.store.statistics import JobStatistics


# made once: making a statement takes as long as running it
PROBE = sa.select(QUEUES.c.name).limit(1)
GET = sa.select(JOBS).where(JOBS.c.id == sa.bindparam("job"))
GET_INPUTS = sa.select(INPUTS.c.content).where(INPUTS.c.job == sa.bindparam("job"))


class Store:
    """Jobs, kept.

    Parameters
    ----------
    url : SQLAlchemy URL, of SQLite or PostgreSQL.
    survives_power_loss : whether what it has said is on the disk; callers are promised that it is.
    counts : whether the ends of jobs are counted.
    """

    def __init__(self, url: str, *, survives_power_loss: bool = True, counts: bool = False) -> None:
        self._counts = counts
        self._database = Database(url, survives_power_loss=survives_power_loss)

    def prepare(self, check_new: Callable[[], None] = lambda: None) -> None:
        """Make the tables, or bring those of an older version up to date; parameters as :meth:`Database.create`."""
        self._database.create(check_new)

    def probe(self) -> None:
        """Read a word; Unavailable where the database does not answer, or has no tables yet."""
        try:
            with self._database.begin() as connection:
                connection.execute(PROBE)
        except exc.DatabaseError as error:
            raise Unavailable("the job store has no tables yet") from error

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def submit(self, order: Submission, room: int, size: int = sys.maxsize) -> Job:
        """Accept a job; it is committed when this returns.

        Parameters
        ----------
        order : what is asked.
        room : how many jobs may wait in its queue.
        size : bytes that the inputs of all waiting jobs may hold.

        Raises
        ------
        QueueFull
            where so many wait already, or hold so much.
        """
        job = order.accepted()
        content = compact(dict(order.request.inputs))
        # its length is its size: other characters than those of ASCII are escaped
        row = row_of(job) | {"input_size": len(content)}
        check_size(self._database, len(content), size)
        inputs, needed = {"job": order.id, "content": content}, referred_to([content])
        if order.callbacks or needed or not is_admitted(self._database, row, inputs, room):
            with self._database.begin() as connection:
                if not admit(self._database, connection, row, inputs, room):
                    raise QueueFull(f"{room} jobs wait already; try again later")
                need(connection, needed)
                outbox.add(connection, order.id, order.callbacks)
        return job

    def keep(self, job: Job, callbacks: Sequence[Callback] = ()) -> None:
        """Keep a finished call with its artefacts, as a job that is not listed, and who is to be told of it."""
        with self._database.begin() as connection:
            self._database.insert_or(connection, JOBS, [row_of(job)], replacing=["artefacts", "owner", "size"])
            content = {"job": job.id, "content": compact(dict(job.request.inputs))}
            self._database.insert_or(connection, INPUTS, [content])
            outbox.add(connection, job.id, callbacks)

    def get(self, job: str) -> Job | None:
        """One job, or None where there is none."""
        with self._database.single() as connection:
            row = connection.execute(GET, {"job": job}).mappings().first()
        return self._read(row) if row else None

    def sites(self) -> list[RegisteredSite]:
        """Sites that ever dialled in, and what they offer."""
        with self._database.begin() as connection:
            return read_sites(connection)

    @property
    def transfer_tokens(self) -> TransferTokens:
        """What sites may bring and fetch."""
        return TransferTokens(self._database)

    def find(self, query: JobQuery) -> JobPage:
        """Listed jobs, newest first."""
        with self._database.single() as connection:
            rows = page_of(connection, query)
        jobs = tuple(self._read(row) for row in rows[: query.limit])
        return JobPage(jobs, has_more=len(rows) > query.limit)

    def hold(self, job: str) -> bool:
        """Hold the results of a job for a while; False where they are not kept any more."""
        with self._database.begin() as connection:
            return need(connection, [job]) > 0

    def dismiss(self, job: str) -> Job | None:
        """Dismiss a job that is not done, or remove one that is; as it was before, or None where there is none."""
        while (found := self.get(job)) is not None:
            change = self._remove if found.status.is_done else self._stop
            if change(found):
                return found
        return None

    def figures(self) -> JobStatistics:
        """What waits, what runs, and what has been done."""
        with self._database.begin() as connection:
            return statistics.read(connection)

    @property
    def outbox(self) -> Outbox:
        """Callbacks that are still to be sent."""
        return Outbox(self._database)

    def inputs(self, job: str) -> Mapping[str, Any]:
        """The inputs of a job; empty where it was removed."""
        with self._database.single() as connection:
            content = connection.execute(GET_INPUTS, {"job": job}).scalar()
        return json.loads(content) if content else {}

    def _stop(self, job: Job) -> bool:
        moment_now = now()
        statement = (
            sa.update(JOBS)
            .where(JOBS.c.id == job.id, JOBS.c.status == job.status.value, JOBS.c.epoch == job.epoch)
            .values(status=Status.DISMISSED.value, finished=moment_now, updated=moment_now)
        )
        with self._database.begin() as connection:
            is_stopped = connection.execute(statement).rowcount == 1
            if is_stopped and self._counts:
                counters.add(self._database, connection, [of_dismissal(job, moment_now)])
            if is_stopped and job.status is Status.ACCEPTED:
                shift(connection, job.queue, -1)
            if is_stopped:
                outbox.clear(connection, job.id)
        if is_stopped:
            tell([of_dismissal(job, moment_now)])
        return is_stopped

    def _remove(self, job: Job) -> bool:
        with self._database.begin() as connection:
            is_removed = connection.execute(sa.delete(JOBS).where(JOBS.c.id == job.id)).rowcount == 1
            connection.execute(sa.delete(INPUTS).where(INPUTS.c.job == job.id))
            outbox.clear(connection, job.id)
        return is_removed

    def _read(self, row: sa.RowMapping) -> Job:
        inputs = StoredInputs(row["id"], self.inputs)
        return job_of(row, Request(row["process"], inputs, json.loads(row["outputs"])))


class StoredInputs(Mapping[str, Any]):
    """The inputs of a job, read when they are first looked at: they may be large, and few ask.

    Parameters
    ----------
    job : whose they are.
    read : how they are read.
    """

    def __init__(self, job: str, read: Callable[[str], Mapping[str, Any]]) -> None:
        self._job = job
        self._read = read

    @cached_property
    def _inputs(self) -> Mapping[str, Any]:
        return self._read(self._job)

    def __getitem__(self, key: str) -> Any:
        return self._inputs[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._inputs)

    def __len__(self) -> int:
        return len(self._inputs)
