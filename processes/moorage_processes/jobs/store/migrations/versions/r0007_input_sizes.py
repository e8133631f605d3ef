"""How large the inputs of a job are, so that those that wait can be limited."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the column; jobs that wait already count as having none."""
    present = {each["name"] for each in sa.inspect(op.get_bind()).get_columns("jobs")}
    if "input_size" not in present:
        op.add_column("jobs", sa.Column("input_size", sa.BigInteger, nullable=False, server_default="0"))
