"""The tables of the job store."""

from __future__ import annotations

import sqlalchemy as sa

from moorage_processes.catalogue.queue import LOCAL

SECOND = 1_000_000
"""Microseconds."""


METADATA = sa.MetaData()
# written out, not bound: only so does an index on some of the rows serve a query
ACCEPTED: sa.ColumnElement[str] = sa.literal_column("'accepted'", sa.Text)
RUNNING: sa.ColumnElement[str] = sa.literal_column("'running'", sa.Text)


JOBS = sa.Table(
    "jobs",
    METADATA,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("process", sa.Text, nullable=False),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("message", sa.Text, nullable=False, default=""),
    sa.Column("progress", sa.Integer, nullable=False, default=0),
    # moments: microseconds since 1970
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("started", sa.BigInteger),
    sa.Column("finished", sa.BigInteger),
    sa.Column("updated", sa.BigInteger, nullable=False),
    # JSON
    sa.Column("outputs", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("limits", sa.Text, nullable=False),
    sa.Column("artefacts", sa.Text, nullable=False, default="[]"),
    sa.Column("failure", sa.Text),
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("epoch", sa.Integer, nullable=False, default=0),
    sa.Column("owner", sa.String(36)),
    sa.Column("lease", sa.BigInteger),
    sa.Column("listed", sa.Boolean, nullable=False),
    # bytes of the files among its results
    sa.Column("size", sa.BigInteger, nullable=False, server_default="0"),
    # until when its results are held, and since when they are not kept any more
    sa.Column("needed", sa.BigInteger),
    sa.Column("expired", sa.BigInteger),
    # bytes of its inputs
    sa.Column("input_size", sa.BigInteger, nullable=False, server_default="0"),
)
INPUTS = sa.Table(
    "inputs",
    METADATA,
    sa.Column("job", sa.String(36), primary_key=True),
    sa.Column("content", sa.Text, nullable=False),
    comment="apart from the jobs: SQLite writes a whole row again for each change of it",
)
QUEUES = sa.Table(
    "queues",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("waiting", sa.Integer, nullable=False),
    comment="how many jobs are accepted, so that a bounded queue need not count them",
)
CALLBACKS = sa.Table(
    "callbacks",
    METADATA,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("job", sa.String(36), nullable=False, index=True),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("receiver", sa.Text, nullable=False),
    # moments: microseconds since 1970
    sa.Column("due", sa.BigInteger, nullable=False),
    sa.Column("told", sa.BigInteger, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    comment="who is to be told when a job has a status; a row goes when that is done, or given up, or not wanted",
)
SITES = sa.Table(
    "sites",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    # JSON
    sa.Column("announcement", sa.Text, nullable=False),
    # moments: microseconds since 1970
    sa.Column("announced", sa.BigInteger, nullable=False),
    sa.Column("seen", sa.BigInteger, nullable=False),
    # when its last machine said goodbye; it is back if one was seen since
    sa.Column("departed", sa.BigInteger),
    comment="institutes that dial in, and what they offer",
)
TRANSFER_TOKENS = sa.Table(
    "transfer_tokens",
    METADATA,
    sa.Column("token", sa.String(64), primary_key=True),
    sa.Column("job", sa.String(36), nullable=False, index=True),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("file", sa.Text),
    sa.Column("size", sa.BigInteger),
    sa.Column("expires", sa.BigInteger, nullable=False),
    comment="one file that a site may bring, or one request that it may fetch, once; the token as SHA-256",
)
COUNTERS = sa.Table(
    "counters",
    METADATA,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("queue", "process", "kind", "status", "reason")),
    sa.Column("bound", sa.BigInteger, primary_key=True, autoincrement=False),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("count", "ran", "waited", "size")),
    comment="how many jobs and calls came to which end, raised in the transaction that ends them",
)
LISTED = JOBS.c.listed == sa.true()
DURATION: sa.ColumnElement[int] = JOBS.c.finished - JOBS.c.started
"""How long a job ran that is done [microseconds]."""
RUNS_AT_SITE = JOBS.c.queue != sa.literal_column(f"'{LOCAL}'", sa.Text)
"""Whether a job runs at a site."""
HAS_FILES = sa.and_(JOBS.c.size > sa.literal_column("0"), JOBS.c.expired.is_(None))
IS_DONE = sa.and_(JOBS.c.finished.is_not(None), JOBS.c.started.is_not(None))
for name, columns, condition in (
    ("jobs_waiting", ("queue", "created"), JOBS.c.status == ACCEPTED),
    ("jobs_running", ("owner",), JOBS.c.status == RUNNING),
    ("jobs_unsent", ("queue", "created"), sa.and_(JOBS.c.status == ACCEPTED, JOBS.c.owner.is_(None), RUNS_AT_SITE)),
    ("jobs_sent", ("lease",), sa.and_(JOBS.c.status == ACCEPTED, RUNS_AT_SITE)),
    ("jobs_listed", ("created", "id"), LISTED),
    ("jobs_by_status", ("status", "created", "id"), LISTED),
    ("jobs_by_process", ("process", "status", "created", "id"), LISTED),
    ("jobs_kept", ("finished", "id"), sa.and_(JOBS.c.finished.is_not(None), JOBS.c.expired.is_(None))),
    ("jobs_with_files", ("process", "finished", "size"), HAS_FILES),
):
    sa.Index(name, *(JOBS.c[column] for column in columns), sqlite_where=condition, postgresql_where=condition)
for name, columns in (("jobs_by_duration", ("status",)), ("jobs_by_process_and_duration", ("process", "status"))):
    condition = sa.and_(LISTED, IS_DONE)
    sa.Index(name, *(JOBS.c[c] for c in columns), DURATION, sqlite_where=condition, postgresql_where=condition)
