"""The statements by which jobs are claimed, reported and returned."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import bindparam

from moorage_processes.jobs.job import Status
from moorage_processes.jobs.store.database import clock
from moorage_processes.jobs.store.tables import ACCEPTED, INPUTS, JOBS, RUNNING

# what an attempt reports counts only while the job is still its own
OWN = sa.update(JOBS).where(JOBS.c.id == bindparam("job"), JOBS.c.epoch == bindparam("at"), JOBS.c.status == RUNNING)
PROGRESS = OWN.values(progress=bindparam("percent"), message=bindparam("words"), updated=bindparam("moment"))
END = OWN.values(
    status=bindparam("end"),
    progress=sa.func.coalesce(bindparam("percent"), JOBS.c.progress),
    message=sa.func.coalesce(bindparam("words"), JOBS.c.message),
    artefacts=bindparam("results"),
    size=bindparam("bytes"),
    failure=bindparam("reason"),
    finished=bindparam("moment"),
    updated=bindparam("moment"),
)
RETURN = OWN.values(
    status=Status.ACCEPTED.value,
    progress=0,
    message=bindparam("words"),
    attempt=bindparam("number"),
    started=None,
    owner=None,
    lease=None,
    updated=bindparam("moment"),
).returning(JOBS.c.queue)
ENDED = sa.select(
    *(
        JOBS.c[name]
        for name in ("id", "epoch", "status", "process", "queue", "attempt", "created", "started", "finished")
    )
).where(JOBS.c.id.in_(bindparam("jobs", expanding=True)))
CHOSEN = (
    sa.select(JOBS.c.id)
    .where(JOBS.c.queue == bindparam("served"), JOBS.c.status == ACCEPTED)
    .order_by(JOBS.c.created)
    .limit(bindparam("places"))
    .with_for_update(skip_locked=True)
    # inside the update: Python's sqlite3 begins no transaction for a statement that does not begin with its verb
    .cte("chosen", nesting=True)
)
CLAIM = (
    sa.update(JOBS)
    .where(JOBS.c.id.in_(sa.select(CHOSEN.c.id)), JOBS.c.status == ACCEPTED)
    .values(
        status=Status.RUNNING.value,
        owner=bindparam("claimant"),
        lease=clock() + bindparam("term"),
        epoch=JOBS.c.epoch + 1,
        attempt=JOBS.c.attempt + 1,
        started=bindparam("moment"),
        updated=bindparam("moment"),
    )
    .returning(
        *(JOBS.c[name] for name in ("id", "process", "queue", "outputs", "limits", "epoch", "attempt", "created")),
        sa.select(INPUTS.c.content).where(INPUTS.c.job == JOBS.c.id).scalar_subquery().label("content"),
    )
)
WAITING = sa.select(sa.literal(1)).where(JOBS.c.queue == bindparam("served"), JOBS.c.status == ACCEPTED).limit(1)
MINE = sa.select(JOBS.c.id, JOBS.c.epoch).where(JOBS.c.owner == bindparam("claimant"), JOBS.c.status == RUNNING)
RENEW = (
    sa.update(JOBS)
    .where(JOBS.c.owner == bindparam("claimant"), JOBS.c.status == RUNNING)
    .values(lease=clock() + bindparam("term"))
)
