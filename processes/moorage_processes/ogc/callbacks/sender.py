"""Send due callbacks from the store's outbox, in threads of its own that nobody waits for."""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from importlib.metadata import version
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from moorage.callbacks import HEADER, Callback, sign

from moorage_processes.jobs.errors import Elsewhere, Unavailable
from moorage_processes.jobs.job import Status
from moorage_processes.jobs.store.database import microseconds
from moorage_processes.logs import about
from moorage_processes.network.post import PostError, Receipt, RefusedPostError, post
from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.callbacks.subscriber import EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorage_processes.jobs.engine import Engine
    from moorage_processes.jobs.job import Job
    from moorage_processes.jobs.store.outbox import PendingCallback
    from moorage_processes.ogc.callbacks.subscriber import CallbackRules

LOGGER = logging.getLogger(__name__)

POLL = 0.5
"""Seconds between two looks at the outbox."""
CARRIED = 8
"""Callbacks on their way at once, from one process."""
CARRIED_TO_ONE = 2
"""The same, to one receiver: one that is slow keeps none but its own waiting."""
LONGEST_PAUSE = 3600.0
"""Seconds after which a callback is tried again, whatever its receiver asks for."""
JITTER = 0.25
"""Part by which a pause is longer or shorter, so that not all come back at once."""
GRACE = 2.0
"""Seconds that what is on its way has when the service stops; what does not arrive is sent again later."""
GONE = 410
TRY_AGAIN = (408, 429)


class CallbackSender:
    """Sends callbacks.

    Parameters
    ----------
    engine : whose jobs they tell of; it must be started.
    rules : where they may be sent, how they are signed, how often they are tried.
    news_of : what is told of a job in the status it has.
    """

    def __init__(self, engine: Engine, rules: CallbackRules, news_of: Callable[[Job], bytes]) -> None:
        self._engine = engine
        self._rules = rules
        self._news_of = news_of
        self._outbox = engine.outbox
        # long enough for an attempt in time not to be taken for dead
        self._lease = 2 * self._rules.schedule.timeout + 2 * POLL
        self._secret = self._rules.secret or engine.secret()
        self._lock = Lock()
        self._in_hand: Counter[str] = Counter()
        self._is_wanted = Event()
        self._is_stopping = False
        self._thread = Thread(target=self._work, name="callbacks", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more, and give what is on its way a moment to arrive."""
        self._is_stopping = True
        self._is_wanted.set()
        self._thread.join(GRACE)
        deadline = time.monotonic() + GRACE
        while self._in_hand.total() and time.monotonic() < deadline:
            time.sleep(0.01)

    def _work(self) -> None:
        while not self._is_stopping:
            self._is_wanted.clear()
            try:
                self._send_out()
            except Unavailable:
                LOGGER.debug("the job store does not answer")
            except Exception:
                # without this thread nothing would be sent any more
                LOGGER.exception("callbacks were not looked for")
            self._is_wanted.wait(POLL)

    def _send_out(self) -> None:
        with self._lock:
            in_hand = +self._in_hand
        free = CARRIED - in_hand.total()
        if free <= 0:
            return
        for pending in self._outbox.take(free, CARRIED_TO_ONE, self._lease, in_hand):
            with self._lock:
                self._in_hand[pending.callback.receiver] += 1
            Thread(target=self._carry, args=(pending,), name="callback", daemon=True).start()

    def _carry(self, pending: PendingCallback) -> None:
        try:
            self._deliver(pending)
        except Unavailable:
            LOGGER.debug("the job store does not answer; callback %s will be sent again", pending.id)
        except Exception:
            LOGGER.exception("callback %s", pending.id)
        finally:
            with self._lock:
                self._in_hand[pending.callback.receiver] -= 1
            # there may be more
            self._is_wanted.set()

    def _deliver(self, pending: PendingCallback) -> None:
        job = self._engine.get(pending.job)
        if job is None or job.status is not pending.callback.status:
            # what is to be told has changed since it was taken
            return
        if pending.attempt > self._rules.schedule.attempts:
            # whoever tried last was killed
            self._give_up(pending, "nobody knows whether the last attempt arrived")
            return
        try:
            body = self._news_of(job)
        except (OSError, Elsewhere):
            LOGGER.exception(
                "the results of job %s cannot be read", job.id, extra=about(job.id, job.process, job.attempt)
            )
            self._try_again(pending, "the results could not be read")
            return
        try:
            receipt = self._post(pending, job, body)
        except RefusedPostError as error:
            self._give_up(pending, str(error))
        except PostError as error:
            self._try_again(pending, str(error))
        else:
            self._settle(pending, job, receipt)

    def _post(self, pending: PendingCallback, job: Job, body: bytes) -> Receipt:
        delivery = pending.id
        if job.status is Status.RUNNING:
            # each state of a running job is news of its own
            delivery = f"{pending.id}.{microseconds(job.updated)}"
        told = Callback(job.id, EVENTS[job.status], delivery, int(time.time()))
        headers = {
            "Content-Type": ogc.JSON,
            "User-Agent": f"Moorage/{version('moorage')}",
            "Moorage-Job": told.job,
            "Moorage-Event": told.event,
            "Moorage-Delivery": told.delivery,
            HEADER: sign(body, self._secret, told),
        }
        return post(pending.callback.url, body, headers, self._rules.hosts, self._rules.schedule.timeout)

    def _settle(self, pending: PendingCallback, job: Job, receipt: Receipt) -> None:
        status = receipt.status
        if 200 <= status < 300:  # noqa: PLR2004 - HTTP's own borders
            self._outbox.delivered(pending, microseconds(job.updated), self._rules.schedule.progress)
        elif status == GONE:
            if self._outbox.silence(pending):
                self._note(pending, "given up: it answered with status 410 and is told nothing more of this job")
        elif 400 <= status < 500 and status not in TRY_AGAIN:  # noqa: PLR2004
            self._give_up(pending, f"it answered with status {status}")
        else:
            self._try_again(pending, f"it answered with status {status}", receipt.retry_after)

    def _try_again(self, pending: PendingCallback, reason: str, at_least: float = 0.0) -> None:
        schedule = self._rules.schedule
        if pending.attempt >= schedule.attempts:
            self._give_up(pending, reason)
            return
        pause = schedule.pause * 2 ** (pending.attempt - 1) * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
        self._outbox.postpone(pending, min(max(pause, at_least), LONGEST_PAUSE))

    def _give_up(self, pending: PendingCallback, reason: str) -> None:
        if self._outbox.drop(pending):
            times = "once" if pending.attempt == 1 else f"{pending.attempt} times"
            self._note(pending, f"given up, tried {times}: {reason}")

    def _note(self, pending: PendingCallback, words: str) -> None:
        """Say in the log of the job what became of a callback; the query of a URL may hold a secret."""
        url = pending.callback.url.partition("?")[0]
        line = f"callback {EVENTS[pending.callback.status]} to {url} {words}"
        LOGGER.warning("job %s: %s", pending.job, line, extra=about(pending.job))
        self._engine.note(pending.job, line)
