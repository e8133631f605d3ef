"""Selects results that may be removed, and notes in the store that they are, before their files go.

Results are kept while in use: by an unfinished job, as another job's input, or if read or linked to within the last
hour, or while a callback or a transfer token needs them. The update that notes their end asks for all this again, so a
request in between is not overlooked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import sqlalchemy as sa
from sqlalchemy import bindparam

from moorage_processes.jobs.store.database import Database, clock
from moorage_processes.jobs.store.tables import (
    ACCEPTED,
    CALLBACKS,
    HAS_FILES,
    INPUTS,
    JOBS,
    RUNNING,
    SECOND,
    TRANSFER_TOKENS,
)

if TYPE_CHECKING:
    from moorage_processes.jobs.retention import Allowance, Retention

HOLD = 2 * 3600.0
"""Seconds for which a result that was read is held."""
LEFT = 3600.0
"""Seconds for which it is held at least from any time it is read."""
MANY = 100
"""Jobs whose results go at once."""
REFERENCE = re.compile(r"/jobs/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")

IS_KEPT = sa.and_(JOBS.c.finished.is_not(None), JOBS.c.expired.is_(None))
IS_FREE = sa.and_(
    IS_KEPT,
    sa.or_(JOBS.c.needed.is_(None), JOBS.c.needed <= clock()),
    ~sa.exists().where(CALLBACKS.c.job == JOBS.c.id),
    ~sa.exists().where(TRANSFER_TOKENS.c.job == JOBS.c.id, TRANSFER_TOKENS.c.expires > clock()),
)
LIVE_INPUTS = (
    sa.select(INPUTS.c.content)
    .join(JOBS, JOBS.c.id == INPUTS.c.job)
    .where(sa.or_(JOBS.c.status == ACCEPTED, JOBS.c.status == RUNNING), INPUTS.c.content.contains("jobs"))
)
EXPIRE = (
    sa.update(JOBS)
    .where(JOBS.c.id.in_(bindparam("ids", expanding=True)), IS_FREE)
    .values(expired=clock(), artefacts="[]", size=0)
    .returning(JOBS.c.id)
)
FORGET_INPUTS = sa.delete(INPUTS).where(INPUTS.c.job.in_(bindparam("ids", expanding=True)))
UNTIL = clock() + bindparam("term")
NEED = (
    sa.update(JOBS)
    .where(JOBS.c.id.in_(bindparam("ids", expanding=True)), JOBS.c.expired.is_(None))
    .values(needed=sa.case((JOBS.c.needed > UNTIL, JOBS.c.needed), else_=UNTIL))
)


class Expiry:
    """The end of what is kept.

    Parameters
    ----------
    database : the store.
    retention : what may be kept.
    """

    def __init__(self, database: Database, retention: Retention) -> None:
        self._database = database
        self._retention = retention

    def expire(self, most: int = MANY) -> list[str]:
        """Note that results have gone that are too old or too many; of which jobs. The oldest go first.

        Returns
        -------
        At most *most* by each rule, so that nobody waits for long; empty where there is nothing to do.

        Raises
        ------
        Unavailable
            where the store does not answer.
        """
        return [job for rule, size in self._rules() for job in self._by(rule, size, most)]

    def _rules(self) -> Iterator[tuple[sa.ColumnElement[bool], int | None]]:
        """Which jobs, and how many bytes they may hold; None where all of them go."""
        overall, single = self._retention.overall, self._retention.processes
        own = [name for name, each in single.items() if each.age is not None]
        yield from _of(overall, JOBS.c.process.not_in(own), sa.true())
        for name, allowance in single.items():
            yield from _of(allowance, JOBS.c.process == name, JOBS.c.process == name)

    def _by(self, rule: sa.ColumnElement[bool], size: int | None, most: int) -> list[str]:
        with self._database.begin(survives_power_loss=True) as connection:
            excess = None if size is None else _held(connection, rule) - size
            if excess is not None and excess <= 0:
                return []
            oldest = sa.select(JOBS.c.id, JOBS.c.size).where(rule, IS_FREE).order_by(JOBS.c.finished, JOBS.c.id)
            if connection.execute(oldest.limit(1)).first() is None:
                return []
            needed = referred_to(connection.execute(LIVE_INPUTS).scalars())
            found = connection.execute(oldest.where(JOBS.c.id.not_in(needed)).limit(most)).all()
            ids = list(_first(found, excess))
            gone = list(connection.execute(EXPIRE, {"ids": ids}).scalars()) if ids else []
            if gone:
                connection.execute(FORGET_INPUTS, {"ids": gone})
        return gone


def _of(
    allowance: Allowance, aged: sa.ColumnElement[bool], sized: sa.ColumnElement[bool]
) -> Iterator[tuple[sa.ColumnElement[bool], int | None]]:
    if allowance.age is not None:
        yield sa.and_(aged, JOBS.c.finished < clock() - int(allowance.age * SECOND)), None
    if allowance.size is not None:
        yield sa.and_(sized, HAS_FILES), allowance.size


def _held(connection: sa.Connection, rule: sa.ColumnElement[bool]) -> int:
    """Bytes of results that are kept."""
    return int(connection.execute(sa.select(sa.func.sum(JOBS.c.size)).where(rule, IS_KEPT)).scalar() or 0)


def _first(found: Sequence[Any], excess: int | None) -> Iterator[str]:
    """As many of them as hold the excess; all where that is None."""
    for job, size in found:
        if excess is not None:
            if excess <= 0:
                return
            excess -= size
        yield job


def need(connection: sa.Connection, jobs: Iterable[str], seconds: float = HOLD) -> int:
    """Hold results for a while; how many of these jobs still have any."""
    ids = list(jobs)
    return connection.execute(NEED, {"ids": ids, "term": int(seconds * SECOND)}).rowcount if ids else 0


def referred_to(contents: Iterable[str]) -> list[str]:
    """Jobs whose results some inputs refer to, which are given as JSON."""
    found = (REFERENCE.findall(text) for content in contents for text in (content, unquote(content)))
    return sorted({job for jobs in found for job in jobs})


def size_of(artefacts: str) -> int:
    """Bytes of the files among artefacts, which are given as JSON."""
    if '"file":"' not in artefacts:
        return 0
    return sum(int(each["size"]) for each in json.loads(artefacts) if each["file"] is not None)
