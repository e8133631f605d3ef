"""File transfer between a site and its hub, over HTTPS: the relay carries only small messages."""

from __future__ import annotations

from pathlib import Path

import requests

SILENCE = 60.0
"""Seconds without a byte after which a transfer is given up."""


class NotBroughtError(Exception):
    """A transfer that failed; it is worth another try with another token."""


class FileTransfer:
    """Uploads files to the hub, and downloads requests from it.

    Parameters
    ----------
    ca : certificates to check the hub's with; None for those that the system trusts.
    """

    def __init__(self, ca: str | None) -> None:
        self._session = requests.Session()
        self._session.verify = ca or True

    def bring(self, file: Path, url: str) -> None:
        """Upload a file to the address that was given for it.

        Raises
        ------
        NotBroughtError
            where the hub did not take it.
        """
        try:
            with file.open("rb") as content:
                answer = self._session.put(url, data=content, timeout=SILENCE)
        except requests.RequestException as error:
            raise NotBroughtError(f"the hub does not answer: {type(error).__name__}") from error
        _check(answer)

    def fetch(self, url: str) -> str:
        """Download a request that was too large for the relay.

        Raises
        ------
        NotBroughtError
            where the hub did not give it.
        """
        try:
            answer = self._session.get(url, timeout=SILENCE)
        except requests.RequestException as error:
            raise NotBroughtError(f"the hub does not answer: {type(error).__name__}") from error
        _check(answer)
        return answer.content.decode()


def _check(answer: requests.Response) -> None:
    if not answer.ok:
        raise NotBroughtError(f"the hub answered {answer.status_code} {answer.reason}")
