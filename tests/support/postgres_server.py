"""A real PostgreSQL in a process of its own, on a free port, for the tests of a store that several machines share."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.ports import free_port
from support.programs import program

DEBIAN = Path("/usr/lib/postgresql")
UNPRIVILEGED = "postgres"
"""Whom it runs as where the tests are root, which it refuses to be; Debian's package makes this user."""
OPTIONS = ("max_connections=300", "listen_addresses=127.0.0.1", "autovacuum=off")
"""It writes nothing that no test has asked for."""


@dataclass(frozen=True)
class Postgres:
    """A server, and how it is stopped and started again.

    Parameters
    ----------
    data : its directory.
    port : where it listens on loopback.
    """

    data: Path
    port: int

    def start(self) -> None:
        """Begin, or begin again; returns when it answers."""
        settings = (*OPTIONS, f"port={self.port}", f"unix_socket_directories={self.data}")
        options = " ".join(f"-c {each}" for each in settings)
        _run("pg_ctl", "start", "-w", "-D", str(self.data), "-o", options, "-l", str(self.data / "server.log"))

    def stop(self, mode: str = "immediate") -> None:
        """End it: ``immediate`` as a power loss would, ``fast`` in good order."""
        _run("pg_ctl", "stop", "-w", "-D", str(self.data), "-m", mode)

    def database(self) -> str:
        """URL of a new and empty database."""
        import sqlalchemy as sa

        name = f"d{uuid.uuid4().hex}"
        engine = sa.create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self._url(name)

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg://{UNPRIVILEGED}@127.0.0.1:{self.port}/{name}"


@contextmanager
def serving_postgres() -> Iterator[Postgres]:
    """A server while the block lasts."""
    # not below pytest's own folder, which the server's user may not enter
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if os.geteuid() == 0:
        shutil.chown(folder, UNPRIVILEGED)
    server = Postgres(folder / "data", free_port())
    try:
        _run("initdb", "-D", str(server.data), "-U", UNPRIVILEGED, "--auth", "trust", "--no-sync", "-E", "UTF8")
        server.start()
        yield server
    finally:
        if (server.data / "postmaster.pid").exists():
            server.stop()
        shutil.rmtree(folder)


def _run(name: str, *arguments: str) -> None:
    user = {"user": UNPRIVILEGED, "group": pwd.getpwnam(UNPRIVILEGED).pw_gid} if os.geteuid() == 0 else {}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    extra = {"extra_groups": []} if user else {}
    subprocess.run([_program(name), *arguments], check=True, cwd="/", timeout=120, **quiet, **user, **extra)


def _program(name: str) -> str:
    """Debian keeps the programs of each version apart, out of the path."""
    versions = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(versions[-1]) if versions else program(name)
