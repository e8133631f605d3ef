"""Connection to the relay; the only module that imports NATS.

Messages are JSON. A request has a reply or fails; a message without a reply may be lost. Only the queues are durable: a
job notice that was put into one stays there until a machine has acknowledged it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from math import inf
from typing import TYPE_CHECKING, Any, Self

import nats
import nats.errors
from nats.js import api
from nats.js.errors import APIError, NotFoundError

from moorage_processes.jobs.relay import protocol
from moorage_processes.jobs.relay.address import RelayError
from moorage_processes.jobs.relay.complaints import Complaints, level_of, reason_of, stranger
from moorage_processes.jobs.relay.credentials import check_key

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

    from moorage_processes.jobs.relay.address import Relay

LOGGER = logging.getLogger(__name__)

AGAIN = 0.5
"""Seconds between two tries to reach the relay."""
SILENCE = 3
"""Seconds between two looks at whether the relay is still there; after three without an answer it is away."""
NOTICE_LEASE = 15.0
"""Seconds after which a job notice that was pulled, and not acknowledged, is given to another machine."""
CLOSING = 2
"""Seconds in which what was told must have left."""
PULL = 5.0
"""Seconds that one request for a job notice waits."""

Handler = Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]]
"""Takes the subject and what was said; gives the answer, if there is to be one."""


class RelayAway(ConnectionError):  # noqa: N818 - a state of the connection, told to the caller
    """No reply: the relay is away, or the receiver."""


class NotAllowedError(PermissionError):
    """The relay does not let this key say that."""


class RelayConnection:
    """A connection to the relay that is made again whenever it breaks.

    Parameters
    ----------
    connection : of the NATS library.
    complaints : what that library complained of.
    """

    def __init__(self, connection: Client, complaints: Complaints) -> None:
        self._connection = connection
        self._complaints = complaints
        self._queues: JetStreamContext = connection.jetstream(timeout=PULL)

    @classmethod
    async def dialled(
        cls,
        relay: Relay,
        name: str,
        inbox: str,
        on_return: Callable[[], Awaitable[None]] | None = None,
        patience: float = inf,
    ) -> Self:
        """Dial the relay until it answers.

        Parameters
        ----------
        relay : where.
        name : what the operator of the relay sees of this connection.
        inbox : subject below which answers come.
        on_return : awaited whenever the relay is back after it was away.
        patience : seconds that a relay is waited for which does not answer.

        Raises
        ------
        PermissionError
            where the relay does not let this one in.
        RelayError
            where it has not answered in time, or the files named do not hold what they should.
        """
        if relay.credentials is not None:
            check_key(relay.credentials)
        complaints = Complaints(level_of(patience))
        known = {
            "tls": relay.tls(),
            "nkeys_seed": relay.credentials,
            "inbox_prefix": inbox,
            "error_cb": complaints.hear,
        }
        await _let_in(relay, name, known, patience)
        connection = await nats.connect(
            relay.url,
            name=name,
            max_reconnect_attempts=-1,
            reconnect_time_wait=AGAIN,  # pyright: ignore[reportArgumentType] - it sleeps so long, whole or not
            ping_interval=SILENCE,
            max_outstanding_pings=2,
            reconnected_cb=on_return,
            **known,
        )
        return cls(connection, complaints)

    @property
    def is_up(self) -> bool:
        """Whether the relay is there, as far as can be told."""
        return self._connection.is_connected

    @property
    def longest(self) -> int:
        """Bytes that may be said at once."""
        return self._connection.max_payload

    async def hear(self, subject: str, handler: Handler, group: str = "") -> None:
        """Have *handler* called with whatever is said on *subject*.

        Parameters
        ----------
        subject : with ``*`` for any word.
        handler : its errors are logged; then no reply is sent.
        group : of those that share the work: only one of them hears each.
        """
        tasks: set[asyncio.Task[None]] = set()

        async def called(message: Msg) -> None:
            # each in a task of its own, begun in the order in which they came
            task = asyncio.create_task(self._answer(message, handler))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        await self._connection.subscribe(subject, queue=group, cb=called)

    async def tell(self, subject: str, said: Mapping[str, Any]) -> None:
        """Say something; it is lost where the relay is away."""
        if self.is_up:
            with contextlib.suppress(nats.errors.Error):
                await self._connection.publish(subject, _packed(said))

    async def ask(self, subject: str, said: Mapping[str, Any], patience: float) -> dict[str, Any]:
        """Ask, and wait for the answer.

        Raises
        ------
        NotAllowedError
            where the relay does not let this one ask that.
        RelayAway
            where there is none within *patience* [s].
        """
        try:
            answer = await self._connection.request(subject, _packed(said), timeout=patience)
        except (TimeoutError, nats.errors.Error, OSError) as error:
            if self._complaints.refuses(subject):
                raise NotAllowedError(f"the relay does not let this key publish to {subject}") from error
            raise RelayAway(f"{subject}: no answer") from error
        document: dict[str, Any] = json.loads(answer.data)
        return document

    # the queues of the sites

    async def make_queues(self) -> None:
        """Make the stream of all queues, unless it is there; only the hub may."""
        wanted = api.StreamConfig(
            name=protocol.STREAM,
            subjects=[protocol.notice("*", "*")],
            retention=api.RetentionPolicy.WORK_QUEUE,
            storage=api.StorageType.FILE,
            # the same notice again replaces the first
            max_msgs_per_subject=1,
            duplicate_window=1,
        )
        try:
            await self._queues.stream_info(protocol.STREAM)
        except NotFoundError:
            await self._queues.add_stream(wanted)

    async def make_queue(self, site: str) -> None:
        """Make the queue of a site, unless it is there; only the hub may."""
        wanted = api.ConsumerConfig(
            durable_name=site,
            filter_subject=protocol.notice(site, "*"),
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=NOTICE_LEASE,
            max_ack_pending=10_000,
        )
        await self._queues.add_consumer(protocol.STREAM, wanted)

    async def put(self, site: str, job: str) -> None:
        """Put the notice of a job into the queue of its site; it is on the relay's disk when this returns.

        Raises
        ------
        RelayAway
            where the relay does not say so.
        """
        try:
            await self._queues.publish(protocol.notice(site, job), _packed({"job": job}), timeout=PULL)
        except (TimeoutError, nats.errors.Error, OSError) as error:
            raise RelayAway("the relay did not accept the job notice") from error

    async def withdraw(self, site: str, job: str) -> None:
        """Remove the notice of a job from the queue, if it is there."""
        # not by purging the subject: after that, nats-server 2.9 gives nobody what else is in the queue
        with contextlib.suppress(nats.errors.Error, OSError, TimeoutError):
            found = await self._queues.get_last_msg(protocol.STREAM, protocol.notice(site, job))
            await self._queues.delete_msg(protocol.STREAM, found.seq or 0)

    async def pull(self, site: str) -> MessageQueue:
        """The queue of a site, to pull job notices from."""
        return MessageQueue(await self._queues.pull_subscribe_bind(site, protocol.STREAM))

    async def close(self) -> None:
        """Hang up, once what was told has left."""
        with contextlib.suppress(nats.errors.Error, OSError, asyncio.TimeoutError):
            if self.is_up:
                await self._connection.flush(timeout=CLOSING)
            await self._connection.close()

    async def _answer(self, message: Msg, handler: Handler) -> None:
        try:
            answer = await handler(message.subject, json.loads(message.data))
            if answer is not None and message.reply:
                await message.respond(_packed(answer))
        except Exception:
            # without a reply the sender asks again
            LOGGER.exception("%s was not answered", message.subject)


class MessageQueue:
    """The job notices of one site, as one of its slots pulls them."""

    def __init__(self, subscription: JetStreamContext.PullSubscription) -> None:
        self._subscription = subscription

    async def next(self) -> QueueMessage | None:
        """The next job notice; None where none came within a few seconds, or the relay is away."""
        try:
            (message,) = await self._subscription.fetch(1, timeout=PULL)
            return QueueMessage(message)
        except (TimeoutError, nats.errors.TimeoutError):
            return None
        except (nats.errors.Error, APIError, OSError) as error:
            LOGGER.info("no job notice: %s", error)
            await asyncio.sleep(AGAIN)
            return None


class QueueMessage:
    """One job that waits for this site."""

    def __init__(self, message: Msg) -> None:
        self._message = message

    @property
    def job(self) -> str:
        """Which job, as the hub calls it."""
        return str(json.loads(self._message.data)["job"])

    async def done(self) -> None:
        """It need not be given to anybody again."""
        with contextlib.suppress(nats.errors.Error, OSError):
            await self._message.ack()

    async def back(self, delay: float) -> None:
        """Give it to somebody after *delay* [s]."""
        with contextlib.suppress(nats.errors.Error, OSError):
            await self._message.nak(delay=delay)


async def _let_in(relay: Relay, name: str, known: Mapping[str, Any], patience: float) -> None:
    """Return when the relay answers and lets this one in; a connection that lasts would try for ever."""
    deadline = time.monotonic() + patience
    told = ""
    while True:
        try:
            await _try(relay, name, known)
        except (TimeoutError, nats.errors.Error, OSError) as error:
            if "authorization" in str(error).lower():
                raise PermissionError(stranger(relay)) from error
            reason = f"no relay answers at {relay.url}: {reason_of(error)}"
            if time.monotonic() > deadline:
                raise RelayError(f"{reason}; check the address, and that nats-server listens there") from error
            if reason != told:
                told = reason
                LOGGER.log(level_of(patience), reason)
            await asyncio.sleep(AGAIN)
        else:
            return


async def _try(relay: Relay, name: str, known: Mapping[str, Any]) -> None:
    """Reach the relay once; raise what kept it from answering."""
    heard: list[Exception] = []

    async def hear(error: Exception) -> None:
        heard.append(error)

    options = {**known, "error_cb": hear}
    try:
        probe = await nats.connect(
            relay.url,
            name=name,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=AGAIN,  # pyright: ignore[reportArgumentType] - as above
            **options,
        )
    except nats.errors.NoServersError as error:
        # the library raises this in place of the reason
        raise (heard or [error])[-1] from error
    await probe.close()


def _packed(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
