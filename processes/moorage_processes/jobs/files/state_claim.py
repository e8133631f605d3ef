"""A service's claim on its state directory: services with other settings are kept out while it lives."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from moorage_processes.jobs.files.state_directory import StateDirectory, StateDirectoryError

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 3.0
"""Seconds that another service has to go: it may just be ending."""
RETRY = 0.05


@dataclass(frozen=True)
class StateClaim:
    """A claim, held by the first process of a service, gone with it however it ends; children do not hold it.

    A process that claims the same directory again replaces its own claim.
    """

    path: Path
    file: IO[str]

    @classmethod
    def make(cls, state: StateDirectory, fingerprint: str, patience: float = PATIENCE) -> Self:
        """Claim a state directory, which must be prepared.

        Parameters
        ----------
        state : the directory.
        fingerprint : of the settings; services with the same may share the directory.
        patience : seconds that services with others have to go.

        Raises
        ------
        StateDirectoryError
            where one with other settings stays.
        """
        deadline = time.monotonic() + patience
        while True:
            with _turn(state.run):
                others = [each for each in _claims(state.run) if each["fingerprint"] != fingerprint]
                if not others:
                    return cls._new(state.run, fingerprint)
            if time.monotonic() > deadline:
                raise StateDirectoryError(
                    f"{state.path} is in use by a service with other settings or methods (process {others[0]['pid']}); "
                    "stop that one, or name another directory with --state"
                )
            time.sleep(RETRY)

    @classmethod
    def _new(cls, run: Path, fingerprint: str) -> Self:
        path = run / f"service-{uuid.uuid4()}"
        file = path.open("x")
        # of this process alone: that it leaves is known at once, while what it forked may still be answering
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        json.dump({"fingerprint": fingerprint, "pid": os.getpid()}, file)
        file.flush()
        return cls(path, file)

    def release(self) -> None:
        """Let others in: this service is about to end."""
        self.path.unlink(missing_ok=True)
        self.file.close()


def _claims(run: Path) -> Iterator[dict[str, Any]]:
    """Claims of other processes that live; what dead ones left is removed."""
    for path in run.glob("service-*"):
        with contextlib.suppress(FileNotFoundError), path.open("r+") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield json.load(file)
            else:
                path.unlink()


@contextlib.contextmanager
def _turn(run: Path) -> Iterator[None]:
    """Let no other process claim meanwhile."""
    with (run / "turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield
