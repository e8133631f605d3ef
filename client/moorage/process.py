"""A process of a service, as a function."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from inspect import Signature
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from moorage import cards
from moorage.display import TICK, Progress
from moorage.docstring import docstring_of
from moorage.errors import MoorageError
from moorage.order import Wish
from moorage.signature import arguments_of, returned, shown, signature_of, spelled
from moorage.submission import start

if TYPE_CHECKING:
    from moorage.connection import Connection
    from moorage.description import Description
    from moorage.job import RemoteJob
    from moorage.status import Status

CALL = "respond-async, wait=2"
"""A quick answer comes in the one request; a call that takes longer becomes a job that can be followed."""
SUBMIT = "respond-async"
GRACE = 10.0
"""Seconds that an interrupted call waits to learn which job it has to dismiss."""


@dataclass(frozen=True)
class Bound:
    """Inputs of a process that are given before it is called."""

    inputs: Mapping[str, Any]
    """By Python name."""
    rest: Description
    """The process without them."""


class RemoteProcess:
    """A process of a service, as a function: call it, or :meth:`submit` it and go on.

    Its signature, its docstring and its types are what the service tells of it.

    Parameters
    ----------
    connection : to the service.
    description : what the service tells.
    wish : which outputs are wanted; without it all of them.
    bound : inputs that are given already, as those that made the object whose method it is.
    is_shown : whether a call shows its progress.
    """

    def __init__(
        self,
        connection: Connection,
        description: Description,
        wish: Wish | None = None,
        bound: Bound | None = None,
        *,
        is_shown: bool = True,
    ) -> None:
        self._connection = connection
        self._wish = wish or Wish(description)
        self._is_shown = is_shown
        self._bound = bound or Bound({}, description)
        self.description = description
        self.id = description.id
        self.title = description.title
        self.__name__ = self.__qualname__ = description.name
        self.__doc__ = docstring_of(description, connection.url)

    def __get__(self, instance: object, owner: type | None = None) -> RemoteProcess:
        """A routine in the eyes of :mod:`inspect`, so that help() shows it as it shows functions."""
        return self

    @cached_property
    def __signature__(self) -> Signature:
        return signature_of(self._bound.rest, self._wish.outputs)

    @cached_property
    def _defaults(self) -> dict[str, Any]:
        return {name: each.default for name, each in signature_of(self.description).parameters.items()}

    def __call__(self, *arguments: Any, **inputs: Any) -> Any:
        """Call it and wait: the only output, or a named tuple of several.

        Progress is shown in a terminal or notebook. Ctrl-C dismisses the job.

        Raises
        ------
        TypeError, ValueError
            for arguments that do not fit, or cannot be sent.
        RefusedError
            if the service cannot use an input; its message names the input and what it takes.
        FailedError
            if the method failed.
        UnreachableError
            if the service does not answer.
        """
        call = _BackgroundCall(self._connection, self._wish, self._request(arguments, inputs))
        with Progress(self.id, is_shown=self._is_shown) as progress:
            try:
                call.start()
                while not call.is_done.wait(TICK):
                    progress.show(*call.heard)
            except KeyboardInterrupt:
                progress.close()
                call.give_up()
                raise
        return call.value()

    def submit(self, *arguments: Any, **inputs: Any) -> RemoteJob:
        """Call it and go on: a future of the result, and a job that outlives this Python process.

        A service without jobs computes the answer first. It raises what a call raises before it is accepted.
        """
        return start(self._connection, self._wish, self._request(arguments, inputs), SUBMIT)

    def select(self, *outputs: str, **formats: str) -> RemoteProcess:
        """The same process, of which only some outputs are wanted, or some in another format.

        Parameters
        ----------
        outputs : ids of outputs, or their Python names.
        formats : Python name of an output to the short name or media type of its format, as in ``slope="png"``; what
            this client reads comes as data, a picture as a :class:`moorage.File`.

        Raises
        ------
        ValueError
            if there is no such output, or it has no such format.
        """
        wish = self._wish.choose(outputs, formats)
        return RemoteProcess(self._connection, self.description, wish, self._bound, is_shown=self._is_shown)

    def bind(self, inputs: Mapping[str, Any], rest: Description) -> RemoteProcess:
        """The same process with some inputs given, by Python name; *rest* describes it without those."""
        bound = Bound(inputs, rest)
        return RemoteProcess(self._connection, self.description, self._wish, bound, is_shown=self._is_shown)

    def _request(self, arguments: tuple[Any, ...], inputs: dict[str, Any]) -> bytes:
        """The execute request for a call with these arguments."""
        given = {**self._bound.inputs, **arguments_of(self.__name__, self.__signature__, arguments, inputs)}
        stated = {name: value for name, value in given.items() if not (value is None and self._defaults[name] is None)}
        return self._wish.request(stated, wrap=self.description.is_moored or not self._connection.is_pygeoapi)

    def __repr__(self) -> str:
        outputs = spelled(returned(self.description, self._wish.outputs))
        return f"<process {self.__name__}{shown(self.__signature__)} -> {outputs} at {self._connection.url}>"

    def _repr_html_(self) -> str:
        return cards.process(self.description, self._connection.url)


class _BackgroundCall(Thread):
    """One blocking call, in a thread of its own: while the request is out, the caller's thread draws and is
    interruptible, and an interrupted call can still learn which job it has to dismiss.

    Parameters
    ----------
    connection : to the service.
    wish : what is asked for.
    request : the execute request.
    """

    def __init__(self, connection: Connection, wish: Wish, request: bytes) -> None:
        super().__init__(name=f"moorage-{wish.description.id}", daemon=True)
        self._connection = connection
        self._wish = wish
        self._request = request
        self._value: Any = None
        self._error: BaseException | None = None
        self._is_known = Event()
        self.is_done = Event()
        self.job: RemoteJob | None = None

    def run(self) -> None:
        """Send the request, follow the job, fetch the result."""
        try:
            self.job = start(self._connection, self._wish, self._request, CALL)
            self._is_known.set()
            # its state is shown meanwhile
            self.job.exception()
            self._value = self.job.result()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised in the caller's thread
            self._error = error
        finally:
            self._is_known.set()
            self.is_done.set()

    @property
    def heard(self) -> tuple[Status | None, tuple[int, int | None]]:
        """What is known of the job, and how many bytes of its results have arrived."""
        return (self.job.heard, self.job.arrived) if self.job else (None, (0, None))

    def value(self) -> Any:
        """The result, or the error raised."""
        if self._error is not None:
            raise self._error
        return self._value

    def give_up(self) -> None:
        """Dismiss the job, and tell the person at the keyboard what became of it."""
        self._is_known.wait(GRACE)
        if self.job is not None and self.job.url is not None:
            try:
                outcome = "was dismissed" if self.job.cancel() else f"is {self.job.heard.name}"
            except MoorageError as error:
                outcome = f"may go on, for it could not be dismissed: {error}"
            sys.stderr.write(f"interrupted: the job {self.job.id} {outcome}\n")
        elif self._error is None:
            sys.stderr.write("interrupted: the service tells no job; the call may go on there\n")
