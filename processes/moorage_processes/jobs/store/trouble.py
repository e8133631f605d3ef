"""What an error of the database means: it is away, full or damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import exc

from moorage_processes.execution.disk_space import is_full
from moorage_processes.jobs.errors import StorageFull, StoreDamaged, Unavailable

AWAY = (exc.OperationalError, exc.InterfaceError, exc.InternalError, exc.TimeoutError)
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
WRITES = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
"""What SQLite may say where its log or its shared memory finds no room."""
PRIMARY = 0xFF
"""The part of SQLite's extended result codes that tells the kind."""
DISK_FULL = "53100"
"""PostgreSQL's word for it."""


def trouble_of(error: Exception, folder: Path | None = None) -> Unavailable | None:
    """The error for the caller; None where the database has none of these troubles.

    Parameters
    ----------
    error : of SQLAlchemy.
    folder : where SQLite keeps its file.
    """
    cause = error.orig if isinstance(error, exc.DBAPIError) else None
    code = getattr(cause, "sqlite_errorcode", 0) & PRIMARY
    if code in DAMAGED:
        return StoreDamaged("the job store is damaged; its operator has to restore it")
    is_room_lost = code in WRITES and folder is not None and is_full(folder)
    if code == sqlite3.SQLITE_FULL or is_room_lost or getattr(cause, "sqlstate", None) == DISK_FULL:
        return StorageFull("the disk of the job store is full; try again when its operator has made room")
    return Unavailable("the job store does not answer") if isinstance(error, AWAY) else None
