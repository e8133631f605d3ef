"""The job store as a supervisor uses it: claims jobs, renews leases, reports progress and outcomes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Self

import sqlalchemy as sa

from moorage_processes.authoring.limits import Limits
from moorage_processes.catalogue.queue import LOCAL
from moorage_processes.jobs.attempt import Attempt, Ended, Progressed, Ref, Requeued, after_death, lost
from moorage_processes.jobs.job import Status
from moorage_processes.jobs.store import counters
from moorage_processes.jobs.store.completions import Completion, of_attempt, of_call, tell
from moorage_processes.jobs.store.database import Database, clock, compact, now, shift
from moorage_processes.jobs.store.exchange import JobChange, Report, StoreReply, StoreRequest
from moorage_processes.jobs.store.expiry import need, referred_to, size_of
from moorage_processes.jobs.store.lease_statements import CLAIM, END, ENDED, MINE, PROGRESS, RENEW, RETURN, WAITING
from moorage_processes.jobs.store.rows import storable
from moorage_processes.jobs.store.tables import ACCEPTED, INPUTS, JOBS, QUEUES, RUNNING, SECOND


class LeaseStore:
    """Jobs, as a supervisor sees them.

    Parameters
    ----------
    database : where they are.
    owner : in whose name it takes jobs; the same for each supervisor of one state directory, never two at once.
    lease : seconds after which others may take what has not been renewed.
    has_begun : whether a worker had taken up an epoch of a job.
    queue : whose jobs it takes.
    counts : whether the ends of jobs are counted.
    check_new : called before tables are made where there are none; raises where there should be some.
    """

    def __init__(
        self,
        database: Database,
        owner: str,
        lease: float,
        has_begun: Callable[[str, int], bool],
        queue: str = LOCAL,
        *,
        counts: bool = False,
        check_new: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._counts = counts
        self._queue = queue
        self._claimant = {"claimant": owner, "term": int(lease * SECOND)}
        self._has_begun = has_begun
        self._check_new = check_new

    def prepare(self) -> None:
        """Make the tables, unless they are there, and count what waits."""
        self._database.create(self._check_new)
        waiting = sa.select(sa.func.count()).where(JOBS.c.queue == QUEUES.c.name, JOBS.c.status == ACCEPTED)
        with self._database.begin() as connection:
            # who changes a count holds its row until that is committed: after this, jobs and counts are of one moment
            connection.execute(sa.select(QUEUES.c.name).order_by(QUEUES.c.name).with_for_update()).all()
            connection.execute(sa.update(QUEUES).values(waiting=waiting.scalar_subquery()))

    def exchange(self, ask: StoreRequest) -> StoreReply:
        """Tell how attempts go, and take jobs, in one transaction.

        What the store says this supervisor runs, and it does not, is taken back: nobody runs it. So the first exchange
        of a supervisor takes back what its predecessor ran.

        Raises
        ------
        Unavailable
            where the store does not answer; then nothing was changed.
        """
        places = ask.places if self._is_worthwhile(ask) else 0
        ends = (report for report in ask.reports.values() if isinstance(report, Ended))
        # who called is about to be told that it is a job
        must_last = bool(ask.adopted) or any(report.must_last for report in ends)
        try:
            return self._exchange(ask, places, must_last=must_last)
        except _MustLastError:
            return self._exchange(ask, places, must_last=True)

    def _exchange(self, ask: StoreRequest, places: int, *, must_last: bool) -> StoreReply:
        begin = self._database.begin(survives_power_loss=must_last)
        with begin as connection, _Transaction(connection) as transaction:
            self._adopt(transaction, ask.adopted)
            transaction.report(ask.reports)
            self._record(connection, ask.records)
            transaction.ends += map(of_call, ask.records)
            gone = self._compare(transaction, ask) if ask.runs is not None else []
            if ask.renews or ask.adopted:
                connection.execute(RENEW, self._claimant)
            if ask.takes_over:
                self._take_over(transaction)
            claimed = self._claim(transaction, places) if places else []
            if not (must_last or self._database.survives_power_loss) and any(each.is_once for each in claimed):
                # if a power loss made it be forgotten that they were begun, they would run twice
                raise _MustLastError
            watched = _states(connection, ask.watched) if ask.watched else []
            if self._counts:
                counters.add(self._database, connection, transaction.ends)
        tell(transaction.ends)
        return StoreReply(claimed, transaction.refused, gone, transaction.settled, [*transaction.changes, *watched])

    def kept(self, jobs: Iterable[str]) -> dict[str, int | None]:
        """Those of *jobs* whose artefacts are needed, and of which attempt; None where that is not known yet."""
        columns = (JOBS.c.id, JOBS.c.status, JOBS.c.artefacts, JOBS.c.epoch)
        statement = sa.select(*columns).where(JOBS.c.id.in_(list(jobs)))
        with self._database.single() as connection:
            rows = connection.execute(statement).all()
        return {
            job: epoch if Status(status).is_done else None
            for job, status, artefacts, epoch in rows
            if artefacts != "[]" or not Status(status).is_done
        }

    def told_of(self, jobs: Iterable[str]) -> set[str]:
        """Those of *jobs* whose logs are needed."""
        statement = sa.select(JOBS.c.id).where(JOBS.c.id.in_(list(jobs)), JOBS.c.expired.is_(None))
        with self._database.begin() as connection:
            return set(connection.execute(statement).scalars())

    def has_waiting(self) -> bool:
        """Whether a job could be taken."""
        with self._database.single() as connection:
            return connection.execute(WAITING, {"served": self._queue}).first() is not None

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def _is_worthwhile(self, ask: StoreRequest) -> bool:
        """Whether to try to take a job: even an update of nothing takes SQLite's only lock for writing."""
        if not ask.places:
            return False
        writes = bool(ask.reports or ask.records or ask.adopted or ask.renews)
        return self._database.has_many_writers or writes or self.has_waiting()

    def _adopt(self, transaction: _Transaction, calls: Sequence[Mapping[str, Any]]) -> None:
        """Make jobs of calls that this supervisor runs; their lease is set with those of its other jobs."""
        if not calls:
            return
        mine = {"owner": self._claimant["claimant"]}
        rows = [{**call, **mine, "input_size": len(call["content"])} for call in calls]
        self._record(transaction.connection, rows)
        # where they go back to
        self._database.insert_or(transaction.connection, QUEUES, [{"name": self._queue, "waiting": 0}])
        need(transaction.connection, referred_to([call["content"] for call in calls]))
        transaction.changes += [JobChange(call["id"], call["updated"], is_done=False) for call in calls]

    def _record(self, connection: sa.Connection, records: Sequence[Mapping[str, Any]]) -> None:
        if not records:
            return
        rows = [{name: value for name, value in record.items() if name != "content"} for record in records]
        self._database.insert_or(connection, JOBS, rows)
        inputs = [{"job": record["id"], "content": record["content"]} for record in records]
        self._database.insert_or(connection, INPUTS, inputs)

    def _compare(self, transaction: _Transaction, ask: StoreRequest) -> list[Ref]:
        """Take back what this supervisor should run and does not; say what it runs and should not."""
        runs = {*(ask.runs or ()), *ask.reports}
        mine = {Ref(*row) for row in transaction.connection.execute(MINE, self._claimant)}
        if strays := mine - runs:
            condition = JOBS.c.id.in_([ref.job for ref in strays])
            transaction.report(_losses(transaction.connection, condition, self._has_begun))
        return list(runs - mine - ask.reports.keys())

    def _take_over(self, transaction: _Transaction) -> None:
        expired = sa.and_(JOBS.c.owner != self._claimant["claimant"], JOBS.c.lease < clock())
        # whether a worker had begun, only the machine that is gone could tell
        transaction.report(_losses(transaction.connection, expired, lambda _job, _epoch: True))

    def _claim(self, transaction: _Transaction, places: int) -> list[Attempt]:
        moment = now()
        values = {**self._claimant, "served": self._queue, "places": places, "moment": moment}
        # it begins with WITH
        self._database.begin_to_write(transaction.connection)
        rows = transaction.connection.execute(CLAIM, values).mappings().all()
        if not rows:
            return []
        for row in rows:
            transaction.moves[row["queue"]] -= 1
            transaction.changes.append(JobChange(row["id"], moment, is_done=False))
        oldest_first = sorted(rows, key=lambda row: row["created"])
        return [_attempt(row, request_text(row["process"], row["content"], row["outputs"])) for row in oldest_first]


class _MustLastError(Exception):
    """A transaction that must be on the disk when it is committed, as turned out."""


class _Transaction:
    """One transaction, and what it changed."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.changes: list[JobChange] = []
        self.refused: list[Ref] = []
        self.settled: dict[Ref, bool] = {}
        self.moves: Counter[str] = Counter()
        self.ends: list[Completion] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            # last of all: a transaction that waits for a row of the queues then holds no other that is needed here
            for queue, by in sorted(self.moves.items()):
                shift(self.connection, queue, by)

    def report(self, reports: Mapping[Ref, Report]) -> None:
        """Write down how attempts go; those whose job is no longer theirs are refused."""
        moment = now()
        ends = {ref: report for ref, report in reports.items() if isinstance(report, Ended)}
        if ends:
            self._end(ends, moment)
        for ref, report in reports.items():
            if isinstance(report, Progressed):
                self._progress(ref, report, moment)
            elif isinstance(report, Requeued):
                self._return(ref, report, moment)

    def _end(self, ends: Mapping[Ref, Ended], moment: int) -> None:
        """All at once: statements one by one would cost more than the jobs of a queue of quick ones."""
        self.connection.execute(END, [_end(ref, report, moment) for ref, report in ends.items()])
        rows = self.connection.execute(ENDED, {"jobs": [ref.job for ref in ends]}).mappings()
        found = {Ref(row["id"], row["epoch"]): row for row in rows}
        for ref, report in ends.items():
            row = found.get(ref)
            # already recorded: the acknowledgement was lost
            if row is None or row["status"] != report.status.value:
                self._refuse(ref, row)
                continue
            self.changes.append(JobChange(ref.job, row["finished"], is_done=True))
            self.settled[ref] = report.status is Status.SUCCESSFUL
            if row["finished"] == moment:
                self.ends.append(of_attempt(row, report, moment))

    def _refuse(self, ref: Ref, row: Mapping[str, Any] | sa.RowMapping | None) -> None:
        """It came too late; but what a supervisor wrote that was killed as it did so may stand, and its files stay."""
        if row is not None and row["status"] == Status.SUCCESSFUL.value:
            self.settled[ref] = True
        else:
            self.refused.append(ref)

    def _progress(self, ref: Ref, report: Progressed, moment: int) -> None:
        values = {"percent": report.percent, "words": storable(report.message)}
        if self.connection.execute(PROGRESS, {**_own(ref, moment), **values}).rowcount:
            self.changes.append(JobChange(ref.job, moment, is_done=False))

    def _return(self, ref: Ref, report: Requeued, moment: int) -> None:
        values = {"words": report.message, "number": report.number}
        row = self.connection.execute(RETURN, {**_own(ref, moment), **values}).first()
        if row is None:
            found = self.connection.execute(ENDED, {"jobs": [ref.job]}).mappings().first()
            self._refuse(ref, found if found is not None and found["epoch"] == ref.epoch else None)
            return
        self.changes.append(JobChange(ref.job, moment, is_done=False))
        self.settled[ref] = False
        self.moves[row.queue] += 1


def request_text(process: str, inputs: str, outputs: str) -> bytes:
    """A request as JSON, from the JSON of its parts: the inputs may be large, so they are not parsed."""
    return f'{{"process":{json.dumps(process)},"inputs":{inputs},"outputs":{outputs}}}'.encode()


def _own(ref: Ref, moment: int) -> dict[str, Any]:
    return {"job": ref.job, "at": ref.epoch, "moment": moment}


def _end(ref: Ref, report: Ended, moment: int) -> dict[str, Any]:
    failure = report.failure
    return {
        **_own(ref, moment),
        "end": report.status.value,
        "percent": report.percent,
        "words": _words(failure.detail if failure else report.message),
        "results": report.artefacts,
        "bytes": size_of(report.artefacts),
        "reason": compact(failure.to_json()) if failure else None,
    }


def _words(words: str | None) -> str | None:
    return None if words is None else storable(words)


def _losses(
    connection: sa.Connection, condition: sa.ColumnElement[bool], has_begun: Callable[[str, int], bool]
) -> dict[Ref, Report]:
    """What becomes of running jobs that nobody runs."""
    names = ("id", "process", "limits", "epoch", "attempt")
    statement = sa.select(*(JOBS.c[name] for name in names)).where(JOBS.c.status == RUNNING, condition)
    attempts = [_attempt(row, b"") for row in connection.execute(statement).mappings()]
    return {
        Ref(each.job, each.epoch): after_death(each, lost(each), has_begun=has_begun(each.job, each.epoch))
        for each in attempts
    }


def _attempt(row: sa.RowMapping, request: bytes) -> Attempt:
    limits = Limits.from_json(json.loads(row["limits"]))
    return Attempt(row["id"], row["process"], limits, request, row["epoch"], row["attempt"])


def _states(connection: sa.Connection, jobs: Collection[str]) -> list[JobChange]:
    """How jobs are; one that was removed will not change any more."""
    statement = sa.select(JOBS.c.id, JOBS.c.updated, JOBS.c.status).where(JOBS.c.id.in_(list(jobs)))
    found = {
        row.id: JobChange(row.id, row.updated, Status(row.status).is_done) for row in connection.execute(statement)
    }
    return [found.get(job, JobChange(job, 0, is_done=True)) for job in jobs]
