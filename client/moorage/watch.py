"""Polls a service for the state of one job, at intervals that both sides bear."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from moorage.connection import document
from moorage.errors import NotFoundError, ServiceError, UnreachableError
from moorage.status import Status, read_status

if TYPE_CHECKING:
    from requests import Response

    from moorage.connection import Connection

HOLD = 20.0
"""Seconds that the service may hold a question until its answer changes."""
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.02, 5.0, 1.5
"""Seconds between two questions where the service answers at once, and how they grow."""
PATIENCE = 300.0
"""Seconds that the service may be silent or overloaded while a job is followed."""
NOT_MODIFIED = 304


class Watch:
    """Follows one job.

    Parameters
    ----------
    connection : the wire.
    url : the job's address.
    status : what is known of it.
    """

    def __init__(self, connection: Connection, url: str, status: Status) -> None:
        self._connection = connection
        self._url = url
        self.status = status

    def ask(self, hold: float = 0.0) -> bool:
        """Ask once.

        Parameters
        ----------
        hold : seconds that the answer may be held back until it differs from what is known.

        Returns
        -------
        Whether another question may follow at once: the answer was held, or is the first to which another can refer.
        """
        known, begin = self.status, time.monotonic()
        headers = {"If-None-Match": known.tag} if known.tag else {}
        try:
            response = self._get(headers, hold if known.tag else 0.0)
        except NotFoundError:
            self._learn(replace(known, name="dismissed", message="it was removed from the service"))
            return True
        if response.status_code != NOT_MODIFIED:
            self._learn(read_status(document(response), response.headers.get("ETag", "")))
        is_news = self.status.tag != known.tag or self.status.is_done
        was_held = "wait" in response.headers.get("Preference-Applied", "")
        return (was_held and (is_news or time.monotonic() - begin > 1)) or bool(self.status.tag and not known.tag)

    def ask_again(self) -> None:
        """Ask for all there is to know of a job that has ended; it keeps what is known where it was removed since."""
        with suppress(NotFoundError):
            self.status = read_status(document(self._get({}, 0.0)))

    def _get(self, headers: dict[str, str], hold: float) -> Response:
        if hold < 1:
            return self._connection.get(self._url, headers=headers)
        with self._connection.held_place() as is_free:
            wait = {"Prefer": f"wait={int(hold)}"} if is_free else {}
            return self._connection.get(self._url, headers=headers | wait, patience=hold)

    def _learn(self, status: Status) -> None:
        if not self.status.is_done:  # another thread may have heard of the end already
            self.status = status

    def follow(self, deadline: float | None = None) -> None:
        """Ask until the job is done, or time is up.

        Parameters
        ----------
        deadline : when time is up, on the clock of :func:`time.monotonic`.

        Raises
        ------
        UnreachableError, ServiceError
            if the service is silent or overloaded for minutes.
        """
        pause, heard = FIRST_PAUSE, time.monotonic()
        while not self.status.is_done:
            left = HOLD if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                may_go_on = self.ask(min(HOLD, left))
                heard = time.monotonic()
            except (UnreachableError, ServiceError):
                if time.monotonic() - heard > PATIENCE:
                    raise
                may_go_on = False
            if not left:
                return
            if not may_go_on and not self.status.is_done:
                time.sleep(min(pause, left))
                pause = min(pause * GROWTH, LONGEST_PAUSE)
