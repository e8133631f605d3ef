"""The engine: its job store, its lock and its supervisor."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from moorage_processes.commands.doctor.finding import Finding
from moorage_processes.jobs.ipc import connected
from moorage_processes.jobs.store import schema_version

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
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return Finding("store", f"{shown} will be made")
    try:
        found = _schema_version(url)
    except ModuleNotFoundError as error:
        remedy = 'pip install "moorage[postgres]"'
        return Finding("store", f"{shown} needs {error.name}, which is not installed", remedy)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        return Finding("store", f"{shown} does not answer: {reason}", "start it, or mend moorage.store")
    if found not in (None, *schema_version.VERSIONS):
        return Finding(
            "store", f"{shown} has schema version {found}", "install the version that made it, or a later one"
        )
    known = {None: ", and its tables will be made", schema_version.PRESENT: ""}
    return Finding("store", f"{shown} answers{known.get(found, ', and will be brought up to date')}")


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
