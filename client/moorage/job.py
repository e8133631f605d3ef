"""A call that goes on at the service: a future that can be asked, waited for, dismissed, and found again."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event, Lock, RLock, Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moorage import cards
from moorage.answers import Received, Receiver
from moorage.connection import document
from moorage.display import TICK, Progress
from moorage.download import Source
from moorage.errors import DismissedError, FailedError, MoorageError, NotFoundError, PendingError, ProblemError
from moorage.problems import of_job
from moorage.results import decode, keep
from moorage.scratch import Scratch
from moorage.signature import bundle
from moorage.status import Status, read_status
from moorage.watch import Watch

if TYPE_CHECKING:
    from requests import Response

    from moorage.connection import Connection
    from moorage.order import Wish

LOG_RELATION = "http://www.opengis.net/def/rel/ogc/1.0/log"
QUICK = 1
"""Seconds within which a job is quick: its results are asked for before its state."""
TAIL = 20
"""Lines of a log that an error repeats."""


class RemoteJob(Future[Any]):
    """One call of a process that goes on at the service.

    A future as :mod:`concurrent.futures` has them, so that :func:`concurrent.futures.wait` and
    :func:`~concurrent.futures.as_completed` take it; it outlives this Python process, and ``service.job(id)`` finds it
    again. Whoever listens to it (a callback, ``wait``, ``as_completed``) lets one thread follow it.

    Parameters
    ----------
    connection : the wire.
    wish : gives what was asked for.
    url : its address; None for a call that the service answered at once, without a job.
    status : what is known of it.
    answer : its results, if they came already.
    """

    def __init__(
        self,
        connection: Connection,
        wish: Callable[[], Wish],
        url: str | None,
        status: Status,
        answer: Response | None = None,
    ) -> None:
        super().__init__()
        self._connection = connection
        self._wish = wish
        self._answer = answer
        self._watch = Watch(connection, url or "", status)
        self._value: tuple[Any] | None = None
        self._is_settled = False
        self._is_inferred = False
        self._settling, self._collecting = Lock(), RLock()
        self._listener: Thread | None = None
        self._waiters = _Waiters(self)
        self.url = url
        self.arrived: tuple[int, int | None] = (0, None)
        """Bytes of the results that have arrived, and how many there are where that is known."""

    # -- what it is -----------------------------------------------------------------------------------------

    @property
    def id(self) -> str | None:
        """What ``service.job(id)`` finds it by; None for a call that was answered without a job."""
        path = (self.url or "").partition("?")[0].rstrip("/")
        return unquote(path.rpartition("/")[2]) or None

    @property
    def process(self) -> str:
        """The id of its process."""
        return self.heard.process or self._wish().description.id

    @property
    def heard(self) -> Status:
        """What was last heard of it; the service is not asked."""
        return self._watch.status

    @property
    def status(self) -> str:
        """``accepted``, ``running``, ``successful``, ``failed`` or ``dismissed``, as of now."""
        return self._ask().name

    @property
    def progress(self) -> int | None:
        """How much is done [%], as of now; None where the service does not tell."""
        return self._ask().progress

    @property
    def message(self) -> str:
        """What it says it is doing, as of now."""
        return self._ask().message

    def log(self) -> str:
        """What its method wrote while it ran; empty where the service does not tell."""
        if self.url is None:
            return ""
        links = self.heard.links or read_status(document(self._connection.get(self.url))).links
        href = links.get(LOG_RELATION)
        return self._connection.get(self._connection.address(href, self.url)).text if href else ""

    def _ask(self) -> Status:
        if self._is_inferred:
            # its results came at once, so nothing was heard of its progress and last message
            self._is_inferred = False
            self._watch.ask_again()
        if not self.heard.is_done:
            self._watch.ask()
            self._settle()
        return self.heard

    # -- a future -------------------------------------------------------------------------------------------

    def done(self) -> bool:
        """Whether it has ended, well or badly, as of now."""
        return self._ask().is_done

    def running(self) -> bool:
        """Whether its method runs, as of now."""
        return self._ask().name == "running"

    def cancelled(self) -> bool:
        """Whether it was dismissed, as of now."""
        return self._ask().name == "dismissed"

    def result(self, timeout: float | None = None) -> Any:
        """What the process gives, once the job is done: the only output, or a named tuple of several.

        Parameters
        ----------
        timeout : seconds to wait for the job; without it as long as it takes.

        Raises
        ------
        PendingError
            if it is not done in time.
        DismissedError
            if it was dismissed.
        FailedError
            if its method failed.
        RefusedError
            if an input turned out to be bad when it was read.
        ResultError
            if the result is broken.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        self._ask_for_results(deadline)
        error = self.exception(None if deadline is None else max(0.0, deadline - time.monotonic()))
        if error is not None:
            raise error
        with self._collecting:
            if self._value is None:
                self._value = (self._collect(),)
            return self._value[0]

    def _ask_for_results(self, deadline: float | None) -> None:
        """Have the results of a quick job in one request, where the service holds it until they are there."""
        is_in_time = deadline is None or deadline - time.monotonic() > QUICK
        is_asked = self._listener is None and self.url is not None and not self.heard.is_done
        if not (is_in_time and is_asked and self._wish().description.is_moored):
            return
        with self._connection.held_place() as is_free:
            if not is_free:
                return
            try:
                answer = self._results.open({"Prefer": f"wait={QUICK}"}, patience=QUICK)
            except ProblemError:
                # not ready, or none: its state tells
                return
        self._answer = answer
        self._watch.status = replace(self.heard, name="successful")
        self._is_inferred = True
        self._settle()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Why it failed, or None, once it is done; it raises what :meth:`result` raises about waiting."""
        deadline = None if timeout is None else time.monotonic() + timeout
        if self._listener is None:
            self._watch.follow(deadline)
            self._settle()
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            return super().exception(left)
        except CancelledError:
            raise DismissedError(f"the job {self.id} of {self.process} was dismissed") from None
        except TimeoutError:
            told = f"the job {self.id} of {self.process} is {self.heard.name} still; it goes on, and may be asked again"
            raise PendingError(told) from None

    def add_done_callback(self, fn: Callable[[Future[Any]], object]) -> None:
        """Call *fn* with this job once it is done."""
        super().add_done_callback(fn)
        self.listen()

    def cancel(self) -> bool:
        """Dismiss it: the service stops it. False if it was done already; its results stay then."""
        if self.url is None or self._ask().is_done:
            return self.heard.name == "dismissed"
        self._delete()
        return True

    def remove(self) -> None:
        """Have the service forget it, with its results; one that is not done is dismissed."""
        if self.url is not None:
            self._delete()

    def _delete(self) -> None:
        with suppress(NotFoundError):  # somebody else may have been faster
            self._connection.delete(str(self.url))
        if not self.heard.is_done:
            self._watch.status = replace(self.heard, name="dismissed", message="")
            self._settle()

    # -- those who wait -------------------------------------------------------------------------------------

    def _settle(self, error: Exception | None = None) -> None:
        """Tell the future's waiters, once, how it ended, or why that will not be known."""
        with self._settling:
            if self._is_settled or not (self.heard.is_done or error):
                return
            self._is_settled = True
        if error is not None:
            self.set_exception(error)
        elif self.heard.name == "successful":
            self.set_result(None)
        elif self.heard.name == "dismissed":
            super().cancel()
            self.set_running_or_notify_cancel()
        else:
            self.set_exception(self._failure())

    def listen(self) -> None:
        """Have a thread follow it from now on; called with the future's lock held, so it must not wait for anything."""
        if self._listener is None and not self._is_settled:
            self._listener = Thread(target=self._attend, name=f"moorage-{self.id}", daemon=True)
            self._listener.start()

    def _attend(self) -> None:
        try:
            self._watch.follow()
            self._settle()
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            self._settle(error)

    # -- results --------------------------------------------------------------------------------------------

    def follow(self) -> RemoteJob:
        """Show its progress until it is done; give it back."""
        ended = Event()
        self.add_done_callback(lambda _: ended.set())
        with Progress(self.process) as progress:
            while not ended.wait(TICK):
                progress.show(self.heard)
        return self

    def download(self, directory: str | Path = ".") -> dict[str, Path]:
        """Save the outputs as files, as they come, without reading them; once the job is done.

        Returns
        -------
        Output id to file.
        """
        error = self.exception()
        if error is not None:
            raise error
        Path(directory).mkdir(parents=True, exist_ok=True)
        scratch = Scratch()
        received = self._receive(scratch)
        return {name: keep(each, name, Path(directory)) for name, each in received.items()}

    def _collect(self) -> Any:
        scratch, wish = Scratch(), self._wish()
        outputs = wish.description.outputs
        values = {name: decode(each, outputs[name], scratch) for name, each in self._receive(scratch).items()}
        if len(wish.chosen) <= 1:
            return next((values.get(each) for each in wish.chosen), None)
        return bundle(wish.description.name, wish.chosen)._make(values.get(name) for name in wish.chosen)

    def _receive(self, scratch: Scratch) -> dict[str, Received]:
        source = self._results
        answer, self._answer = self._answer, None
        if answer is None and not self._wish().chosen:
            # a method without outputs: there is nothing to ask for
            return {}
        return Receiver(self._wish(), scratch, self._report).receive(
            source.open() if answer is None else answer, source
        )

    @property
    def _results(self) -> Source:
        """Where its results are read."""
        return Source(self._connection, self._part("results") if self.url else None)

    def _report(self, arrived: int, total: int | None) -> None:
        self.arrived = (arrived, total)

    def _part(self, name: str) -> str:
        path, mark, query = str(self.url).partition("?")
        return f"{path}/{name}{mark}{query}"

    def _failure(self) -> MoorageError:
        """Why a failed job failed."""
        try:
            self._connection.get(self._part("results"))
        except ProblemError as error:
            failure = of_job(error, self.heard.message, str(self.url))
        except MoorageError as error:
            return error
        else:
            failure = FailedError(self.heard.message or "the job failed", status=500, job=self.url)
        if isinstance(failure, FailedError):
            failure.log = self._last_words()
        return failure

    def _last_words(self) -> str:
        try:
            return "\n".join(self.log().splitlines()[-TAIL:])
        except MoorageError:
            return ""  # the failure itself matters more

    # -- how it looks ---------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        progress = "" if self.heard.progress is None or self.heard.is_done else f" {self.heard.progress} %"
        message = f", {self.heard.message}" if self.heard.message and self.heard.name != "successful" else ""
        return f"<RemoteJob {self.id} of {self.process}: {self.heard.name}{progress}{message}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001, ARG002 - IPython's signature
        self._ask_quietly()
        printer.text(repr(self))

    def _repr_html_(self) -> str:
        self._ask_quietly()
        return cards.job(self.process, self.id, self.url, self.heard)

    def _ask_quietly(self) -> None:
        try:
            self._ask()
        except MoorageError:
            return  # what was last heard is shown then


class _Waiters(list[Any]):
    """The waiters of a job; with the first of them somebody must listen."""

    def __init__(self, job: RemoteJob) -> None:
        super().__init__()
        # not the job itself: in a cycle it would keep its result in memory until the next garbage collection
        self._job = weakref.ref(job)

    def append(self, waiter: Any) -> None:
        super().append(waiter)
        job = self._job()
        if job is not None:
            job.listen()
