"""Jobs, their inputs, and how many of them wait."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(36), primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("process", "queue")),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("progress", sa.Integer, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.BigInteger) for name in ("started", "finished")),
        sa.Column("updated", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("outputs", "answer", "limits", "artefacts")),
        sa.Column("failure", sa.Text),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("attempt", "epoch")),
        sa.Column("owner", sa.String(36)),
        sa.Column("lease", sa.BigInteger),
        sa.Column("listed", sa.Boolean, nullable=False),
    )
    op.create_table(
        "inputs",
        sa.Column("job", sa.String(36), primary_key=True),
        sa.Column("content", sa.Text, nullable=False),
        comment="apart from the jobs: SQLite writes a whole row again for each change of it",
    )
    op.create_table(
        "queues",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("waiting", sa.Integer, nullable=False),
        comment="how many jobs are accepted, so that a bounded queue need not count them",
    )
    for name, columns, condition in (
        ("jobs_waiting", ["queue", "created"], "status = 'accepted'"),
        ("jobs_running", ["owner"], "status = 'running'"),
        ("jobs_listed", ["created"], "listed"),
    ):
        where = sa.text(condition)
        op.create_index(name, "jobs", columns, sqlite_where=where, postgresql_where=where)
