"""Where the hub takes in what machines of sites bring, and hands out requests that are too large for the relay."""

from __future__ import annotations

import shutil
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from moorage_processes.jobs.files.state_directory import State
    from moorage_processes.jobs.store.transfer_tokens import Grant, Grants

BLOCK = 1 << 20


class WrongSizeError(ValueError):
    """What was brought has not the size that was announced."""


class Berth:
    """Takes in files, each once.

    Parameters
    ----------
    grants : what may be brought and fetched.
    state : where it is kept.
    """

    def __init__(self, grants: Grants, state: State) -> None:
        self._grants = grants
        self._state = state

    def admit(self, token: str) -> Grant | None:
        """What a token grants, this once; None where it grants nothing any more."""
        return self._grants.use(token)

    def take_in(self, grant: Grant, content: IO[bytes]) -> None:
        """Take in a file; it is there whole, or not at all.

        Raises
        ------
        WrongSizeError
            where it is longer or shorter than was announced.
        OSError
            where there is no room for it.
        """
        incoming = self._state.incoming()
        try:
            with incoming.open("xb") as file:
                shutil.copyfileobj(content, file, BLOCK)
                size = file.tell()
            if size != grant.size:
                raise WrongSizeError(f"{size} bytes were brought; {grant.size} were announced")
            self._state.receive(incoming, *grant.ref, str(grant.file))
        finally:
            incoming.unlink(missing_ok=True)
