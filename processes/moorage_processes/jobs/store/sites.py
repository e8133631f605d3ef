"""The job store as a hub uses it: its sites, the jobs that wait for them, and which machine runs which."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import bindparam

from moorage_processes.authoring.limits import Limits
from moorage_processes.execution.request import Failure
from moorage_processes.jobs.attempt import Attempt, Ref, failed
from moorage_processes.jobs.job import Status
from moorage_processes.jobs.relay.protocol import HEARTBEAT, Announcement, AttemptClaim, RetentionReply
from moorage_processes.jobs.store import counters
from moorage_processes.jobs.store.completions import Completion, of_attempt, tell
from moorage_processes.jobs.store.database import Database, clock, compact, moment, now, shift
from moorage_processes.jobs.store.exchange import JobChange
from moorage_processes.jobs.store.leases import request_text
from moorage_processes.jobs.store.tables import ACCEPTED, INPUTS, JOBS, RUNNING, RUNS_AT_SITE, SECOND, SITES

if TYPE_CHECKING:
    from collections.abc import Sequence

SENT = "sent"
"""In place of an owner: the notice of a job is in the queue of its site."""
MISSED = 4
"""Heartbeats in a row after which a site is away."""
FORGOTTEN = timedelta(days=30)
TOGETHER = 500
"""Jobs that are sent, or given up, at once."""

WAITS = sa.and_(JOBS.c.status == ACCEPTED, RUNS_AT_SITE)
UNSENT = (
    sa.select(JOBS.c.id, JOBS.c.queue, JOBS.c.epoch, JOBS.c.limits)
    .where(WAITS, JOBS.c.owner.is_(None))
    .order_by(JOBS.c.queue, JOBS.c.created)
    .limit(TOGETHER)
)
MARK_SENT = (
    sa.update(JOBS)
    .where(JOBS.c.id == bindparam("job"), JOBS.c.epoch == bindparam("at"), JOBS.c.status == ACCEPTED)
    .values(owner=SENT, lease=sa.func.coalesce(JOBS.c.lease, clock() + bindparam("patience")))
)
UNMARK = sa.update(JOBS).where(WAITS, JOBS.c.owner == SENT).values(owner=None)
OLDEST = (
    sa.select(JOBS.c.id).where(WAITS, JOBS.c.owner == SENT).order_by(JOBS.c.created).limit(TOGETHER).scalar_subquery()
)
UNMARK_OLDEST = UNMARK.where(JOBS.c.id.in_(OLDEST))
OVERDUE = (
    sa.select(*(JOBS.c[name] for name in ("id", "process", "queue", "attempt", "started", "created")))
    .where(WAITS, JOBS.c.lease < clock())
    .limit(TOGETHER)
)
GIVE_UP = (
    sa.update(JOBS)
    .where(JOBS.c.id == bindparam("job"), JOBS.c.status == ACCEPTED, JOBS.c.lease < clock())
    .values(
        status=Status.FAILED.value,
        message=bindparam("words"),
        failure=bindparam("reason"),
        finished=bindparam("moment"),
        updated=bindparam("moment"),
    )
)
THEIRS = (JOBS.c.id == bindparam("job"), JOBS.c.queue == bindparam("site"))
HELD = (*THEIRS, JOBS.c.status == RUNNING, JOBS.c.owner == bindparam("machine"))
IN_HAND = {
    "status": Status.RUNNING.value,
    "owner": bindparam("holder"),
    "lease": clock() + bindparam("term"),
    "started": bindparam("moment"),
    "updated": bindparam("moment"),
}
BEGIN = (
    sa.update(JOBS)
    .where(*THEIRS, JOBS.c.status == ACCEPTED)
    .values(**IN_HAND, epoch=JOBS.c.epoch + 1, attempt=JOBS.c.attempt + 1)
)
REVIVE = sa.update(JOBS).where(*THEIRS, JOBS.c.status == ACCEPTED, JOBS.c.epoch == bindparam("at")).values(**IN_HAND)
ORDER = sa.select(*(JOBS.c[name] for name in ("process", "outputs", "limits", "epoch", "attempt", "updated"))).where(
    *HELD
)
HOLDS = sa.select(sa.literal(1)).where(*HELD, JOBS.c.epoch == bindparam("at"))
CONTENT = sa.select(INPUTS.c.content).where(INPUTS.c.job == bindparam("job"))
RENEW = (
    sa.update(JOBS)
    .where(
        JOBS.c.owner == bindparam("machine"),
        JOBS.c.queue == bindparam("site"),
        JOBS.c.status == RUNNING,
        JOBS.c.id.in_(bindparam("jobs", expanding=True)),
    )
    .values(lease=clock() + bindparam("term"))
    .returning(JOBS.c.id, JOBS.c.epoch)
)
FATE = sa.select(*(JOBS.c[name] for name in ("id", "epoch", "status", "artefacts", "expired"))).where(
    JOBS.c.queue == bindparam("site"), JOBS.c.id.in_(bindparam("jobs", expanding=True))
)
SEE = sa.update(SITES).where(SITES.c.name == bindparam("site")).values(seen=bindparam("moment"))
DEPART = sa.update(SITES).where(SITES.c.name == bindparam("site")).values(departed=bindparam("moment"))
LIST = sa.select(SITES).order_by(SITES.c.name)


@dataclass(frozen=True)
class RegisteredSite:
    """A site, as the hub knows it."""

    name: str
    announcement: Announcement
    announced: datetime
    seen: datetime
    """When one of its machines was heard of last."""
    departed: datetime | None = None
    """When the last of its machines said goodbye."""

    def is_present(self) -> bool:
        """Whether one of its machines is there now."""
        if self.departed is not None and self.departed >= self.seen:
            return False
        return datetime.now(UTC) - self.seen < timedelta(seconds=MISSED * HEARTBEAT)

    def is_known(self) -> bool:
        """Whether it was heard of within the last month; otherwise it is no longer listed."""
        return datetime.now(UTC) - self.seen < FORGOTTEN


@dataclass(frozen=True)
class JobNotice:
    """What tells a site that a job waits for it."""

    job: str
    site: str
    epoch: int
    patience: float
    """Seconds that it may wait there."""


class SiteRegistry:
    """Sites and their jobs, in the hub's store.

    Parameters
    ----------
    database : where they are.
    lease : seconds after which a machine that is not heard of loses its jobs.
    counts : whether the ends of jobs are counted.
    """

    def __init__(self, database: Database, lease: float, *, counts: bool = False) -> None:
        self._database = database
        self._counts = counts
        self._term = int(lease * SECOND)

    def enrol(self, site: str, announcement: Announcement) -> None:
        """Note what a site offers; whatever it offered before is forgotten."""
        moment_now = now()
        row = {"name": site, "announcement": compact(announcement.to_json()), "announced": moment_now}
        with self._database.begin() as connection:
            replaced = ("announcement", "announced", "seen")
            self._database.insert_or(connection, SITES, [row | {"seen": moment_now}], replacing=replaced)

    def depart(self, site: str) -> None:
        """Note that the last machine of a site has said goodbye."""
        with self._database.begin() as connection:
            connection.execute(DEPART, {"site": site, "moment": now()})

    def sites(self) -> list[RegisteredSite]:
        """All sites that ever dialled in."""
        with self._database.begin() as connection:
            return read_sites(connection)

    def unsent(self) -> list[JobNotice]:
        """Notices that are still to be put into the queues, some of them."""
        with self._database.begin() as connection:
            rows = connection.execute(UNSENT).all()
        return [JobNotice(row.id, row.queue, row.epoch, Limits.from_json(json.loads(row.limits)).wait) for row in rows]

    def mark_sent(self, notices: Sequence[JobNotice]) -> None:
        """They lie in the queues."""
        values = [{"job": each.job, "at": each.epoch, "patience": int(each.patience * SECOND)} for each in notices]
        with self._database.begin() as connection:
            connection.execute(MARK_SENT, values)

    def forget_sent(self, *, oldest: bool = False) -> None:
        """Have all that wait sent once more, or the oldest of them: the relay may have lost them."""
        with self._database.begin() as connection:
            connection.execute(UNMARK_OLDEST if oldest else UNMARK)

    def begin(self, site: str, machine: str, job: str) -> tuple[Attempt, JobChange] | None:
        """Give a job to a machine; the same again where it asks twice, None where it is not to be run."""
        key = {"job": job, "site": site, "machine": machine}
        with self._database.begin() as connection:
            if self._take(connection, BEGIN, site, machine, job=job):
                shift(connection, site, -1)
            row = connection.execute(ORDER, key).first()
            if row is None:
                return None
            inputs = connection.execute(CONTENT, {"job": job}).scalar() or "{}"
        limits = Limits.from_json(json.loads(row.limits))
        request = request_text(row.process.removeprefix(f"{site}."), inputs, row.outputs)
        attempt = Attempt(job, row.process, limits, request, row.epoch, row.attempt)
        return attempt, JobChange(job, row.updated, is_done=False)

    def renew(self, site: str, machine: str, runs: Collection[Ref], *, leaves: bool = False) -> Renewal:
        """A machine was heard of, and has attempts in hand; one that leaves finishes them and takes no others."""
        with self._database.begin() as connection:
            if not leaves:
                connection.execute(SEE, {"site": site, "moment": now()})
            if not runs:
                return Renewal()
            values = {"machine": machine, "site": site, "jobs": [ref.job for ref in runs], "term": self._term}
            kept = {Ref(*row) for row in connection.execute(RENEW, values)}
            revived = [ref for ref in runs if ref not in kept and self._revive(connection, site, machine, ref)]
            if revived:
                shift(connection, site, -len(revived))
        return Renewal(tuple(revived), tuple(ref for ref in runs if ref not in kept and ref not in revived))

    def holds(self, site: str, holding: AttemptClaim) -> bool:
        """Whether a machine of a site has an attempt in hand."""
        ref = holding.ref
        key = {"job": ref.job, "site": site, "machine": holding.machine, "at": ref.epoch}
        with self._database.begin() as connection:
            return connection.execute(HOLDS, key).first() is not None

    def fate(self, site: str, refs: Collection[Ref]) -> RetentionReply:
        """What is known here of attempts that are done at their site."""
        with self._database.begin() as connection:
            rows = connection.execute(FATE, {"site": site, "jobs": [ref.job for ref in refs]}).all()
        found = {Ref(row.id, row.epoch): row for row in rows}
        going = {ref for ref, row in found.items() if not Status(row.status).is_done}
        settled = {ref for ref, row in found.items() if row.expired is None and _stayed(row.artefacts)}
        return RetentionReply(frozenset(refs) & settled, frozenset(refs) - settled - going)

    def give_up(self) -> list[JobChange]:
        """Let jobs fail that have waited for their sites as long as they may."""
        with self._database.begin() as connection:
            rows = connection.execute(OVERDUE).mappings().all()
        if not rows:
            return []
        moment_now = now()
        with self._database.begin() as connection:
            ends = [end for row in rows if (end := self._given_up(connection, row, moment_now)) is not None]
            if self._counts:
                counters.add(self._database, connection, ends)
        tell(ends)
        return [JobChange(end.job, moment_now, is_done=True) for end in ends]

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def _given_up(self, connection: sa.Connection, row: sa.RowMapping, moment_now: int) -> Completion | None:
        failure = waited(row["process"], row["queue"])
        reason = {"words": failure.detail, "reason": compact(failure.to_json()), "moment": moment_now}
        if not connection.execute(GIVE_UP, {"job": row["id"], **reason}).rowcount:
            return None
        shift(connection, row["queue"], -1)
        return of_attempt(row, failed(failure), moment_now)

    def _revive(self, connection: sa.Connection, site: str, machine: str, ref: Ref) -> bool:
        """Take a job back from the queue that nobody else has begun since its machine was thought lost."""
        return self._take(connection, REVIVE, site, machine, job=ref.job, at=ref.epoch)

    def _take(self, connection: sa.Connection, change: sa.Update, site: str, machine: str, **key: object) -> bool:
        values = {**key, "site": site, "holder": machine, "term": self._term, "moment": now()}
        return connection.execute(change, values).rowcount == 1


@dataclass(frozen=True)
class Renewal:
    """What became of the attempts that a machine has in hand."""

    revived: tuple[Ref, ...] = ()
    """Thought lost, but nobody else had begun them."""
    gone: tuple[Ref, ...] = ()
    """Dismissed, or given to another machine."""


def read_sites(connection: sa.Connection) -> list[RegisteredSite]:
    """All sites of a store."""
    return [
        RegisteredSite(
            row["name"],
            Announcement.from_json(json.loads(row["announcement"])),
            moment(row["announced"]),
            moment(row["seen"]),
            None if row["departed"] is None else moment(row["departed"]),
        )
        for row in connection.execute(LIST).mappings()
    ]


def _stayed(artefacts: str) -> bool:
    """Whether some of the artefacts, given as JSON, are at their site."""
    return any("href" in each for each in json.loads(artefacts))


def waited(process: str, site: str) -> Failure:
    """The end of a job that no machine took up in time."""
    return Failure(
        "waited", f"the site {site!r} was away for as long as a job of {process!r} may wait; ask again later"
    )
