"""Transactions on the job store, alike on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

from moorage_processes.jobs.errors import StoreDamaged, Unavailable
from moorage_processes.jobs.store.schema_version import bring_up_to_date, is_present
from moorage_processes.jobs.store.tables import METADATA, QUEUES
from moorage_processes.jobs.store.trouble import trouble_of

QUIET = 1.0
"""Seconds of rest after which a connection is asked whether it still stands, before it is used."""


# made once: a call has several columns
ENCODER = json.JSONEncoder(separators=(",", ":"))


class clock(FunctionElement[int]):  # noqa: N801 - it reads as a function of SQL
    """The database's own clock [microseconds since 1970], the same for all machines at one store."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(clock, "sqlite")
def _sqlite_clock(*_: Any, **__: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


@compiles(clock, "postgresql")
def _postgresql_clock(*_: Any, **__: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"


class Database:
    """Connections to a store.

    Parameters
    ----------
    url : SQLAlchemy URL, of SQLite or PostgreSQL.
    survives_power_loss : whether a commit returns only when it is on the disk, unless it is told otherwise (SQLite;
        PostgreSQL always does so).
    """

    def __init__(self, url: str, *, survives_power_loss: bool) -> None:
        address = sa.make_url(url)
        is_sqlite = address.get_backend_name() == "sqlite"
        self._folder = Path(address.database).parent if is_sqlite and address.database else None
        self.survives_power_loss = survives_power_loss or not is_sqlite
        # a web process has 64 threads; none holds its connection for long
        self._engine = sa.create_engine(url, pool_size=8, max_overflow=56)
        self._insert = sqlite.insert if is_sqlite else postgresql.insert
        if is_sqlite:
            event.listen(self._engine, "connect", _prepared("FULL" if survives_power_loss else "NORMAL"))
        else:
            event.listen(self._engine, "checkin", _note_use)
            event.listen(self._engine, "checkout", _still_there(self._engine.dialect))
        self._single = self._engine if is_sqlite else self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self.has_many_writers = not is_sqlite
        """Whether several may write at once, and a statement may hold others that write."""

    @contextmanager
    def begin(self, *, survives_power_loss: bool = False) -> Iterator[sa.Connection]:
        """A transaction, committed at the end of the block.

        Parameters
        ----------
        survives_power_loss : whether this commit returns only when it is on the disk, whatever the others do.

        Raises
        ------
        Unavailable
            where the database does not answer.
        """
        with (
            self._answering(),
            self._engine.connect() as connection,
            self._lasting(connection, survives_power_loss),
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def single(self) -> Iterator[sa.Connection]:
        """A connection for statements that read, or write nested, each a transaction: PostgreSQL is asked only once.

        Raises
        ------
        Unavailable
            where the database does not answer.
        """
        with self._answering(), self._single.connect() as connection:
            yield connection

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (exc.DBAPIError, exc.TimeoutError) as error:
            trouble = trouble_of(error, self._folder)
            if trouble is None:
                raise
            raise trouble from error

    @contextmanager
    def _lasting(self, connection: sa.Connection, is_wanted: bool) -> Iterator[None]:  # noqa: FBT001 - a question
        """Let what is committed inside the block be on the disk then."""
        if self.survives_power_loss or not is_wanted:
            yield
            return
        _synchronise(connection, "FULL")
        try:
            yield
        finally:
            _synchronise(connection, "NORMAL")

    def create(self, check_new: Callable[[], None] = lambda: None) -> None:
        """Make the tables, or bring those of an older version up to date.

        Parameters
        ----------
        check_new : called before tables are made where there are none; raises where there should be some.

        Raises
        ------
        StoreDamaged
            where the database cannot be read.
        Unavailable
            where the database does not answer.
        StateDirectoryError
            where a later version of Moorage made them.
        """
        for pause in (0.05, 0.1, 0.2, 0.4, 0.8):
            try:
                self._create(check_new)
            except StoreDamaged:
                raise
            except (Unavailable, exc.DatabaseError):
                # other processes do the same at this moment, and neither database lets them wait for each other
                time.sleep(pause)
            else:
                return
        self._create(check_new)

    def _create(self, check_new: Callable[[], None]) -> None:
        with self.begin() as connection:
            if is_present(connection):
                return
        with self.begin() as connection:
            bring_up_to_date(connection, METADATA, check_new)

    def begin_to_write(self, connection: sa.Connection) -> None:
        """Hold all that follows together, from a statement on that does not begin with the word for what it writes.

        SQLite's driver would commit such a one by itself.
        """
        if connection.dialect.name == "sqlite" and not connection.connection.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    def insert_or(
        self,
        connection: sa.Connection,
        table: sa.Table,
        rows: Sequence[Mapping[str, Any]],
        replacing: Sequence[str] = (),
    ) -> None:
        """Insert rows; where one is there already, only its columns *replacing* are written."""
        statement = self._insert(table)
        key = list(table.primary_key)
        if replacing:
            new = {name: statement.excluded[name] for name in replacing}
            connection.execute(statement.on_conflict_do_update(index_elements=key, set_=new), rows)
        else:
            connection.execute(statement.on_conflict_do_nothing(index_elements=key), rows)

    def add_up(
        self, connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], numbers: Sequence[str]
    ) -> None:
        """Insert rows; where one is there already, its *numbers* are raised by those of the new one."""
        statement = self._insert(table)
        raised = {name: table.c[name] + statement.excluded[name] for name in numbers}
        key = list(table.primary_key)
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=raised), rows)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _synchronise(connection: sa.Connection, how: str) -> None:
    # between two transactions, the only place where SQLite takes it
    connection.exec_driver_sql(f"PRAGMA synchronous = {how}")
    connection.rollback()


def _note_use(_: object, record: Any) -> None:
    if record is not None:
        record.info["used"] = time.monotonic()


def _still_there(dialect: sa.Dialect) -> Any:
    def check(connection: Any, record: Any, _: object) -> None:
        if time.monotonic() - record.info.get("used", math.inf) < QUIET:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            # all of them are made anew
            raise exc.InvalidatePoolError from error

    return check


def _prepared(synchronous: str) -> Any:
    def prepare(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        # first of all: turning on the write-ahead log takes a lock that another process may hold
        cursor.execute("PRAGMA busy_timeout = 10000")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(f"PRAGMA synchronous = {synchronous}")
        cursor.close()

    return prepare


def shift(connection: sa.Connection, queue: str, by: int) -> None:
    """Note that *by* more jobs wait in a queue, or fewer."""
    connection.execute(SHIFT, {"queue": queue, "by": by})


SHIFT = (
    sa.update(QUEUES)
    .where(QUEUES.c.name == sa.bindparam("queue"))
    .values(waiting=QUEUES.c.waiting + sa.bindparam("by"))
)


def compact(document: object) -> str:
    """JSON for a column."""
    return ENCODER.encode(document)


def now() -> int:
    """The clock of this machine [microseconds since 1970]."""
    return time.time_ns() // 1000


def moment(microseconds: int) -> datetime:
    """A moment of a column."""
    return EPOCH + timedelta(microseconds=microseconds)


def microseconds(moment: datetime) -> int:
    """A moment for a column, exactly."""
    return (moment - EPOCH) // timedelta(microseconds=1)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
