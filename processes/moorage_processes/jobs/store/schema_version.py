"""Schema version of a job store, and its migration to the present one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from moorage_processes.jobs.files.state_directory import StateDirectoryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection

TABLE = "schema_version"
FIRST, PRESENT = "0001", "0007"
"""Schema version of stores without that table, and the one that this version of Moorage works with."""
VERSIONS = (FIRST, "0002", "0003", "0004", "0005", "0006", PRESENT)
LOCK = 0x6D6F6F72
"""Any number that nobody else locks at a PostgreSQL."""

SCHEMA_VERSION = sa.Table(TABLE, sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))
"""As Alembic has it."""


def is_present(connection: Connection) -> bool:
    """Whether a store has the present schema version; it only reads."""
    return version_of(connection) == PRESENT


def bring_up_to_date(connection: Connection, tables: sa.MetaData, check_new: Callable[[], None]) -> None:
    """Make the tables of an empty store, or take an older one to the present schema version, in one transaction.

    Services that start together wait for each other.

    Parameters
    ----------
    connection : in no transaction yet that has written.
    tables : of the present schema version.
    check_new : called, while others wait, where there are no tables; raises where there should be some.

    Raises
    ------
    StateDirectoryError
        where a later version of Moorage made the store.
    """
    _lock(connection)
    version = version_of(connection)
    if version == PRESENT:
        return
    if version is None:
        check_new()
        tables.create_all(connection)
        SCHEMA_VERSION.create(connection, checkfirst=True)
        connection.execute(sa.insert(SCHEMA_VERSION), {"version_num": PRESENT})
    elif version in VERSIONS:
        migrate(connection, version)
    else:
        raise StateDirectoryError(
            f"the job store has schema version {version}, and this version of Moorage works with {PRESENT}: "
            "install the version that made it, or a later one"
        )


def version_of(connection: Connection) -> str | None:
    """Schema version of a store; None for one without any table of ours."""
    names = set(sa.inspect(connection).get_table_names())
    if TABLE in names:
        told: str | None = connection.execute(sa.select(SCHEMA_VERSION.c.version_num)).scalar()
        if told is not None:
            return told
    return FIRST if "jobs" in names else None


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        # the driver itself begins a transaction only at the first change of a row
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))


def migrate(connection: Connection, version: str | None, target: str = PRESENT) -> None:
    """Run the migrations from one schema version to another, in the transaction of *connection*.

    Parameters
    ----------
    connection : to the store.
    version : of the store; None for an empty one.
    target : the schema version it is to have.
    """
    from alembic import command  # noqa: PLC0415 - only where there is something to do
    from alembic.config import Config  # noqa: PLC0415 - the same

    SCHEMA_VERSION.create(connection, checkfirst=True)
    connection.execute(sa.delete(SCHEMA_VERSION))
    if version is not None:
        connection.execute(sa.insert(SCHEMA_VERSION), {"version_num": version})
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, target)
