"""The job list as SQL that takes the same time however many jobs are kept.

A database merges a filter on several values with an order only by sorting all that match. So each combination of a
process and a status is asked for by itself, newest first and no further than the page goes, through an index in just
that order; their union, which is short, is put in order at the end.

How long a job ran has an order of its own. Where few jobs ran for so long, they are all found through its index and put
in order; where many did, the newest of them are near the top of the list, and it is walked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import sqlalchemy as sa

from moorage_processes.jobs.job import JobQuery, Status
from moorage_processes.jobs.store.database import microseconds, now
from moorage_processes.jobs.store.tables import DURATION, IS_DONE, JOBS, SECOND

FEW = 500
"""Jobs that are quickly put in order."""
HAVE_RUN = (Status.RUNNING, Status.SUCCESSFUL, Status.FAILED, Status.DISMISSED)
"""Jobs that have a duration, where no status is asked for."""
NEWEST = (JOBS.c.created.desc(), JOBS.c.id.desc())
# a sum has no index: so the database walks, or sorts, where it is to
CREATED_TO_SORT: sa.ColumnElement[int] = JOBS.c.created + 0
DURATION_TO_LOOK_AT: sa.ColumnElement[int] = DURATION + 0

Conditions = list[sa.ColumnElement[bool]]


def page_of(connection: sa.Connection, query: JobQuery) -> Sequence[sa.RowMapping]:
    """The rows of one page, and of one job more where the list goes on."""
    most = query.offset + query.limit + 1
    branches = [_newest_of(connection, query, each, most) for each in _combinations(query)]
    found = sa.union_all(*branches).subquery() if len(branches) > 1 else branches[0].subquery()
    chosen = sa.select(JOBS).join(found, JOBS.c.id == found.c.id).order_by(*NEWEST)
    return connection.execute(chosen.limit(query.limit + 1).offset(query.offset)).mappings().all()


@dataclass(frozen=True)
class Combination:
    """One process and one status; None for any."""

    process: str | None
    status: Status | None

    def conditions(self) -> Conditions:
        """As SQL."""
        conditions: Conditions = [JOBS.c.listed == sa.true()]
        if self.process is not None:
            conditions.append(JOBS.c.process == self.process)
        if self.status is not None:
            conditions.append(JOBS.c.status == sa.literal_column(f"'{self.status.value}'", sa.Text))
        return conditions


def _combinations(query: JobQuery) -> Iterator[Combination]:
    has_duration = query.shortest is not None or query.longest is not None
    statuses: tuple[Status | None, ...] = query.statuses
    if not statuses:
        # a process alone has no index in the order of the list; a process with each status has
        statuses = HAVE_RUN if has_duration else tuple(Status) if query.processes else (None,)
    for process, status in product(query.processes or (None,), statuses):
        yield Combination(process, status)


def _newest_of(connection: sa.Connection, query: JobQuery, combination: Combination, most: int) -> sa.Select[Any]:
    """The newest *most* jobs of one combination."""
    conditions = [*combination.conditions(), *_created(query)]
    found = [*conditions, *_ran(query, combination, DURATION)]
    if len(found) > len(conditions) and _many(connection, conditions) and not _many(connection, found):
        return _newest(found, most, CREATED_TO_SORT)
    return _newest([*conditions, *_ran(query, combination, DURATION_TO_LOOK_AT)], most)


def _newest(conditions: Conditions, most: int, created: sa.ColumnElement[int] = JOBS.c.created) -> sa.Select[Any]:
    """The ids of the newest jobs."""
    chosen = sa.select(JOBS.c.id).where(*conditions).order_by(created.desc(), JOBS.c.id.desc()).limit(most)
    # SQLite takes no order in a part of a union, but in a query inside one
    return sa.select(chosen.subquery().c.id)


def _many(connection: sa.Connection, conditions: Conditions) -> bool:
    """Whether more jobs than are quickly put in order meet conditions."""
    some = sa.select(sa.literal(1)).select_from(JOBS).where(*conditions).limit(FEW + 1).subquery()
    return connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one() > FEW


def _created(query: JobQuery) -> Iterator[sa.ColumnElement[bool]]:
    if query.created_from is not None:
        yield JOBS.c.created >= microseconds(query.created_from)
    if query.created_to is not None:
        yield JOBS.c.created <= microseconds(query.created_to)
    if query.after is not None:
        created = microseconds(query.after.created)
        yield JOBS.c.created <= created
        yield sa.or_(JOBS.c.created < created, JOBS.c.id < query.after.id)


def _ran(
    query: JobQuery, combination: Combination, duration: sa.ColumnElement[int]
) -> Iterator[sa.ColumnElement[bool]]:
    """How long they ran: up to now, or up to their end; those that never began have no duration."""
    if query.shortest is None and query.longest is None:
        return
    if combination.status is Status.RUNNING:
        duration = sa.literal(now(), sa.BigInteger) - JOBS.c.started
        yield JOBS.c.started.is_not(None)
    else:
        yield IS_DONE
    if query.shortest is not None:
        yield duration >= int(query.shortest * SECOND)
    if query.longest is not None:
        yield duration <= int(query.longest * SECOND)
