"""How large the results of a job are, until when they are held, and since when they are not kept any more."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

MANY = 1000
JOBS = sa.table("jobs", sa.column("id"), sa.column("artefacts"), sa.column("size"))


def upgrade() -> None:
    """Make the columns and the indexes, and note the sizes of what is there."""
    present = {each["name"] for each in sa.inspect(op.get_bind()).get_columns("jobs")}
    for column in (
        sa.Column("size", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("needed", sa.BigInteger),
        sa.Column("expired", sa.BigInteger),
    ):
        if column.name not in present:
            op.add_column("jobs", column)
    _note_sizes(op.get_bind())
    for name, columns, condition in (
        ("jobs_kept", ["finished", "id"], "finished IS NOT NULL AND expired IS NULL"),
        ("jobs_with_files", ["process", "finished", "size"], "size > 0 AND expired IS NULL"),
    ):
        where = sa.text(condition)
        op.create_index(name, "jobs", columns, sqlite_where=where, postgresql_where=where, if_not_exists=True)


def _note_sizes(connection: sa.Connection) -> None:
    rows = connection.execute(sa.select(JOBS.c.id, JOBS.c.artefacts).where(JOBS.c.artefacts.contains('"file":"')))
    noted = sa.update(JOBS).where(JOBS.c.id == sa.bindparam("job")).values(size=sa.bindparam("bytes"))
    for some in list(rows.partitions(MANY)):
        connection.execute(noted, [{"job": job, "bytes": _size(artefacts)} for job, artefacts in some])


def _size(artefacts: str) -> int:
    return sum(int(each["size"]) for each in json.loads(artefacts) if each["file"] is not None)
