"""Tokens that permit a site to upload one file of an attempt, or to download one request; each is used once."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import bindparam

from moorage_processes.jobs.attempt import Ref
from moorage_processes.jobs.store.database import Database, clock
from moorage_processes.jobs.store.tables import SECOND, TRANSFER_TOKENS

LIFE = 3600.0
"""Seconds for which a token is valid."""

ADD = sa.insert(TRANSFER_TOKENS).values(expires=clock() + bindparam("life"))
USE = (
    sa.delete(TRANSFER_TOKENS)
    .where(TRANSFER_TOKENS.c.token == bindparam("key"), TRANSFER_TOKENS.c.expires > clock())
    .returning(TRANSFER_TOKENS.c.job, TRANSFER_TOKENS.c.epoch, TRANSFER_TOKENS.c.file, TRANSFER_TOKENS.c.size)
)
CLEAR = sa.delete(TRANSFER_TOKENS).where(TRANSFER_TOKENS.c.expires <= clock())


@dataclass(frozen=True)
class TransferToken:
    """Permission to upload one file, or to download one request."""

    ref: Ref
    file: str | None
    """Name of a file among the artefacts; None for the request of the job, to be downloaded."""
    size: int | None
    """Bytes it has."""


class TransferTokens:
    """The transfer tokens of a store.

    Parameters
    ----------
    database : where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(self, *transfer_tokens: TransferToken) -> list[str]:
        """Make tokens; the secret of each, of which the store keeps only a hash."""
        tokens = [secrets.token_urlsafe(32) for _ in transfer_tokens]
        rows = [
            {
                "token": _key(token),
                "job": transfer_token.ref.job,
                "epoch": transfer_token.ref.epoch,
                "file": transfer_token.file,
                "size": transfer_token.size,
                "life": int(LIFE * SECOND),
            }
            for token, transfer_token in zip(tokens, transfer_tokens, strict=True)
        ]
        with self._database.begin() as connection:
            connection.execute(CLEAR)
            connection.execute(ADD, rows)
        return tokens

    def use(self, token: str) -> TransferToken | None:
        """What a token permits, this once; None where it is not valid, or not any more."""
        with self._database.begin() as connection:
            row = connection.execute(USE, {"key": _key(token)}).first()
        return None if row is None else TransferToken(Ref(row.job, row.epoch), row.file, row.size)


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
