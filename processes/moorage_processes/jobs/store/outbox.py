"""Callbacks that are still to be sent: kept in the store beside the jobs, so that no death of a process loses them.

What is due follows from the status of the job alone, so supervisors need not know of it. A callback is taken by
one guarded update that also puts off its next attempt: if its sender dies, it is due again by itself. So it is
delivered at least once, unless it is given up.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from moorage_processes.jobs.job import Callback, Status
from moorage_processes.jobs.store.database import Database, clock
from moorage_processes.jobs.store.tables import CALLBACKS, JOBS, RUNNING, SECOND

LOOKED_AT = 100
"""Callbacks that are read at once."""

ADD = sa.insert(CALLBACKS)
CLEAR = sa.delete(CALLBACKS).where(CALLBACKS.c.job == bindparam("owner"))
DONE = tuple(status.value for status in Status if status.is_done)
HAS_NEWS = sa.and_(
    JOBS.c.status == CALLBACKS.c.status,
    sa.or_(JOBS.c.status != RUNNING, JOBS.c.updated != CALLBACKS.c.told),
    CALLBACKS.c.due <= clock(),
    CALLBACKS.c.receiver.not_in(bindparam("busy", expanding=True)),
)
IS_NEEDLESS = sa.or_(JOBS.c.id.is_(None), sa.and_(JOBS.c.status.in_(DONE), JOBS.c.status != CALLBACKS.c.status))
"""The job was removed, or has ended in another way."""
LOOK = (
    sa.select(CALLBACKS, IS_NEEDLESS.label("is_needless"))
    .select_from(CALLBACKS.outerjoin(JOBS, JOBS.c.id == CALLBACKS.c.job))
    .where(sa.or_(HAS_NEWS, IS_NEEDLESS))
    .order_by(CALLBACKS.c.due)
    .limit(LOOKED_AT)
)
# what was read may have been taken by somebody else since
AS_READ = (
    CALLBACKS.c.id == bindparam("callback"),
    CALLBACKS.c.attempt == bindparam("number"),
    CALLBACKS.c.due == bindparam("moment"),
)
TAKE = sa.update(CALLBACKS).where(*AS_READ).values(attempt=CALLBACKS.c.attempt + 1, due=clock() + bindparam("pause"))
OWN = (CALLBACKS.c.id == bindparam("callback"), CALLBACKS.c.attempt == bindparam("number"))
POSTPONE = sa.update(CALLBACKS).where(*OWN).values(due=clock() + bindparam("pause"))
FOLLOW = sa.update(CALLBACKS).where(*OWN).values(told=bindparam("news"), attempt=0, due=clock() + bindparam("pause"))
REMOVE = sa.delete(CALLBACKS).where(CALLBACKS.c.id == bindparam("callback"))
SILENCE = sa.delete(CALLBACKS).where(CALLBACKS.c.job == bindparam("owner"), CALLBACKS.c.url == bindparam("address"))


@dataclass(frozen=True)
class PendingCallback:
    """A callback that is due, claimed by a sender."""

    id: str
    job: str
    callback: Callback
    attempt: int
    """Number of this attempt to deliver it, from 1."""


class Outbox:
    """The callbacks of a store.

    Parameters
    ----------
    database : where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, most: int, each: int, lease: float, in_hand: Mapping[str, int]) -> list[PendingCallback]:
        """Take what is due; what needs no telling any more is removed.

        Parameters
        ----------
        most : how many callbacks at most.
        each : how many at most that are in hand for one receiver.
        lease : seconds after which others may take them again.
        in_hand : how many are in hand already, by receiver.

        Raises
        ------
        Unavailable
            where the store does not answer.
        """
        busy = [receiver for receiver, count in in_hand.items() if count >= each]
        with self._database.begin() as connection:
            rows = connection.execute(LOOK, {"busy": busy}).mappings().all()
        if not rows:
            # nothing is written, so that nobody waits for SQLite's only lock for writing
            return []
        with self._database.begin() as connection:
            if needless := [{"callback": row["id"]} for row in rows if row["is_needless"]]:
                connection.execute(REMOVE, needless)
            chosen = _chosen([row for row in rows if not row["is_needless"]], most, each, Counter(in_hand))
            return [_pending(row) for row in chosen if _is_taken(connection, row, lease)]

    def delivered(self, pending: PendingCallback, updated: int, pause: float) -> None:
        """A callback has arrived.

        Parameters
        ----------
        pending : which.
        updated : the moment of the job that it told of; while the job runs, what comes later is told too.
        pause : seconds until that at the earliest.
        """
        if pending.callback.status is Status.RUNNING:
            self._change(FOLLOW, pending, news=updated, pause=int(pause * SECOND))
        else:
            self.drop(pending)

    def postpone(self, pending: PendingCallback, pause: float) -> None:
        """Try again in *pause* [s]."""
        self._change(POSTPONE, pending, pause=int(pause * SECOND))

    def drop(self, pending: PendingCallback) -> bool:
        """Do not try again; whether it was still wanted."""
        with self._database.begin() as connection:
            return connection.execute(REMOVE, {"callback": pending.id}).rowcount == 1

    def silence(self, pending: PendingCallback) -> bool:
        """Tell nothing more of this job to this address; whether anything was still to be told."""
        with self._database.begin() as connection:
            return connection.execute(SILENCE, {"owner": pending.job, "address": pending.callback.url}).rowcount > 0

    def _change(self, statement: sa.Executable, pending: PendingCallback, **values: int) -> None:
        with self._database.begin() as connection:
            connection.execute(statement, {"callback": pending.id, "number": pending.attempt, **values})


def add(connection: sa.Connection, job: str, callbacks: Sequence[Callback]) -> None:
    """Note the callbacks of a job."""
    if callbacks:
        connection.execute(ADD, [_row(job, callback) for callback in callbacks])


def clear(connection: sa.Connection, job: str) -> None:
    """Tell nobody of a job any more."""
    connection.execute(CLEAR, {"owner": job})


def _row(job: str, callback: Callback) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "job": job,
        "status": callback.status.value,
        "url": callback.url,
        "receiver": callback.receiver,
        "due": 0,
        "told": 0,
        "attempt": 0,
    }


def _chosen(rows: list[sa.RowMapping], most: int, each: int, in_hand: Counter[str]) -> list[sa.RowMapping]:
    chosen: list[sa.RowMapping] = []
    for row in rows:
        if len(chosen) < most and in_hand[row["receiver"]] < each:
            in_hand[row["receiver"]] += 1
            chosen.append(row)
    return chosen


def _is_taken(connection: sa.Connection, row: sa.RowMapping, lease: float) -> bool:
    as_read = {"callback": row["id"], "number": row["attempt"], "moment": row["due"]}
    return connection.execute(TAKE, {**as_read, "pause": int(lease * SECOND)}).rowcount == 1


def _pending(row: sa.RowMapping) -> PendingCallback:
    callback = Callback(Status(row["status"]), row["url"], row["receiver"])
    return PendingCallback(row["id"], row["job"], callback, row["attempt"] + 1)
