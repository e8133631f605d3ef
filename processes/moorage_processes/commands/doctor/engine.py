"""The engine: its job store, its lock and its supervisor."""

from __future__ import annotations

import fcntl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from moorage_processes.commands.doctor.finding import Finding
from moorage_processes.jobs.errors import StoreDamaged
from moorage_processes.jobs.files.known_store import EMPTY, KnownStore
from moorage_processes.jobs.ipc import connected
from moorage_processes.jobs.store import schema_version
from moorage_processes.jobs.store.trouble import trouble_of

if TYPE_CHECKING:
    from moorage_processes.jobs.files.state_directory import StateDirectory

PATIENCE = 5
"""Seconds that a database and a supervisor have to answer."""


def store(state: StateDirectory, stated: str | None) -> Finding:
    """Whether the job store answers, and this version of Moorage can work with it.

    Parameters
    ----------
    state : where it lies without a URL.
    stated : its URL, where the configuration has one.
    """
    url = sa.make_url(stated or f"sqlite:///{state.path / 'jobs.sqlite'}")
    shown = url.render_as_string(hide_password=True)
    known = KnownStore(state, stated, time.time())
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return _empty(known, shown) or Finding("store", f"{shown} will be made")
    try:
        found = _schema_version(url)
    except ModuleNotFoundError as error:
        remedy = 'pip install "moorage[postgres]"'
        return Finding("store", f"{shown} needs {error.name}, which is not installed", remedy)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        if isinstance(trouble_of(error), StoreDamaged):
            return Finding("store", f"{shown} is damaged: {reason}", known.way_out)
        return Finding("store", f"{shown} does not answer: {reason}", "start it, or mend moorage.store")
    return _of_version(found, known, shown)


def _of_version(found: str | None, known: KnownStore, shown: str) -> Finding:
    """What the schema version of a store that answers means for it."""
    if found not in (None, *schema_version.VERSIONS):
        return Finding(
            "store", f"{shown} has schema version {found}", "install the version that made it, or a later one"
        )
    if found is None:
        return _empty(known, shown) or Finding("store", f"{shown} answers, and its tables will be made")
    is_present = found == schema_version.PRESENT
    return Finding("store", f"{shown} answers{'' if is_present else ', and will be brought up to date'}")


def _empty(known: KnownStore, shown: str) -> Finding | None:
    """The finding that a store has lost its tables, where it has."""
    return Finding("store", f"{shown} {EMPTY}", known.way_out) if known.is_expected else None


def _schema_version(url: sa.URL) -> str | None:
    options: dict[str, Any] = {"connect_timeout": PATIENCE} if url.get_backend_name() == "postgresql" else {}
    engine = sa.create_engine(url, connect_args=options)
    try:
        with engine.connect() as connection:
            return schema_version.version_of(connection)
    finally:
        engine.dispose()


def supervisor(state: StateDirectory) -> Finding:
    """Whether whoever holds the lock of the state directory is a supervisor that answers."""
    lock = state.run / "lock"
    if not _is_held(lock):
        return Finding("supervisor", "none runs, and the lock is free: a service will start one")
    try:
        connection = connected(state.run / "socket")
        try:
            connection.send({"do": "describe"})
            told = connection.receive(PATIENCE).head
        finally:
            connection.close()
    except (OSError, EOFError):
        remedy = f"end the process that `fuser {lock}` names; jobs go back to their queue"
        return Finding("supervisor", "one holds the lock and does not answer", remedy)
    return Finding("supervisor", f"process {told['supervisor']} answers, and has {len(told['workers'])} workers")


def _is_held(lock: Path) -> bool:
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        # there was never a service here; that the place cannot be read is told elsewhere
        return False
    return False
