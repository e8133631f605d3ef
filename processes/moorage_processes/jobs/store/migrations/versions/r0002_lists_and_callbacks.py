"""The job list by any filter, and who is to be told of a job.

Stores that were made before they had a version may have some of it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

LISTED = "listed = true"
DONE = f"{LISTED} AND finished IS NOT NULL AND started IS NOT NULL"
DURATION = sa.text("(finished - started)")


def upgrade() -> None:
    """Make the indexes and the table."""
    op.drop_index("jobs_listed", "jobs", if_exists=True)
    indexes: tuple[tuple[str, list[str | sa.TextClause], str], ...] = (
        ("jobs_listed", ["created", "id"], LISTED),
        ("jobs_by_status", ["status", "created", "id"], LISTED),
        ("jobs_by_process", ["process", "status", "created", "id"], LISTED),
        ("jobs_by_duration", ["status", DURATION], DONE),
        ("jobs_by_process_and_duration", ["process", "status", DURATION], DONE),
    )
    for name, columns, condition in indexes:
        where = sa.text(condition)
        op.create_index(name, "jobs", columns, sqlite_where=where, postgresql_where=where, if_not_exists=True)
    op.create_table(
        "callbacks",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("job", sa.String(36), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("url", "receiver")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("due", "told")),
        sa.Column("attempt", sa.Integer, nullable=False),
        comment="who is to be told when a job has a status; a row goes when that is done, or given up, or not wanted",
        if_not_exists=True,
    )
    op.create_index("ix_callbacks_job", "callbacks", ["job"], if_not_exists=True)
