"""When a site said goodbye."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column."""
    # a store whose tables are newer than its version has it already
    if "departed" not in {each["name"] for each in sa.inspect(op.get_bind()).get_columns("sites")}:
        op.add_column("sites", sa.Column("departed", sa.BigInteger))
