"""Sites: who they are, which of their jobs have been sent, and what they may bring."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ACCEPTED = "status = 'accepted'"
AFAR = "queue != 'local'"


def upgrade() -> None:
    """Make the tables and the indexes."""
    op.create_table(
        "sites",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("announcement", sa.Text, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("announced", "seen")),
        comment="institutes that dial in, and what they offer",
        if_not_exists=True,
    )
    op.create_table(
        "transfer_tokens",
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(36), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("file", sa.Text),
        sa.Column("size", sa.BigInteger),
        sa.Column("expires", sa.BigInteger, nullable=False),
        comment="one file that a site may bring, or one request that it may fetch, once; the token as SHA-256",
        if_not_exists=True,
    )
    op.create_index("ix_transfer_tokens_job", "transfer_tokens", ["job"], if_not_exists=True)
    for name, columns, condition in (
        ("jobs_unsent", ["queue", "created"], f"{ACCEPTED} AND owner IS NULL AND {AFAR}"),
        ("jobs_sent", ["lease"], f"{ACCEPTED} AND {AFAR}"),
    ):
        where = sa.text(condition)
        op.create_index(name, "jobs", columns, sqlite_where=where, postgresql_where=where, if_not_exists=True)
