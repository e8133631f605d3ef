"""How many jobs came to which end, counted as they do."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "counters",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("queue", "process", "kind", "status", "reason")),
        sa.Column("bound", sa.BigInteger, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("count", "ran", "waited", "size")),
        comment="how many jobs and calls came to which end, raised in the transaction that ends them",
        if_not_exists=True,
    )
