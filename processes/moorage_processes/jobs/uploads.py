"""Receives files that sites upload to the hub."""

from __future__ import annotations

import shutil
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from moorage_processes.jobs.files.state_directory import StateDirectory
    from moorage_processes.jobs.store.transfer_tokens import TransferToken, TransferTokens

BLOCK = 1 << 20


class WrongSizeError(ValueError):
    """An upload that has not the size that was announced."""


class UploadReceiver:
    """Receives files, each once.

    Parameters
    ----------
    transfer_tokens : permissions to upload and download.
    state : where the files are kept.
    """

    def __init__(self, transfer_tokens: TransferTokens, state: StateDirectory) -> None:
        self._transfer_tokens = transfer_tokens
        self._state = state

    def admit(self, token: str) -> TransferToken | None:
        """What a token permits, this once; None where it is not valid, or not any more."""
        return self._transfer_tokens.use(token)

    def take_in(self, transfer_token: TransferToken, content: IO[bytes]) -> None:
        """Receive a file; it is there complete, or not at all.

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
            if size != transfer_token.size:
                raise WrongSizeError(f"{size} bytes were brought; {transfer_token.size} were announced")
            self._state.publisher.receive(incoming, *transfer_token.ref, str(transfer_token.file))
        finally:
            incoming.unlink(missing_ok=True)
