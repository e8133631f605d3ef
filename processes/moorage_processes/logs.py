"""What the processes of a service write for its operator: text for people, or JSON for programs, one object a line."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

TEXT, JSON = "text", "json"
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LOGGER = logging.getLogger(__name__)
MANY = "moorage_processes.jobs.store.completions"
"""Who writes a line for each job."""


@dataclass(frozen=True)
class Subject:
    """The attempt at a job or a call that something was written about."""

    job: str
    process: str | None = None
    attempt: int | None = None
    """1 for the first."""


def about(job: str, process: str | None = None, attempt: int | None = None, **more: Any) -> dict[str, Any]:
    """``extra`` of a line about a job; *more* stands in JSON alone."""
    return {"subject": Subject(job, process, attempt), "more": more}


class TextLines(logging.Formatter):
    """Lines for people."""

    def __init__(self) -> None:
        super().__init__(FORMAT)


class JsonLines(logging.Formatter):
    """Lines for programs: ``time``, ``level``, ``part``, ``pid``, ``logger``, ``message``; ``job``, ``process`` and
    ``attempt`` in what concerns a job; ``error`` where there is one.

    Parameters
    ----------
    part : of the service, such as ``web``.
    """

    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part
        self.subject: Subject | None = None
        """What each line is about that does not say so itself."""

    def format(self, record: logging.LogRecord) -> str:
        """One object, without line breaks."""
        subject: Subject | None = getattr(record, "subject", None) or self.subject
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "part": self._part,
            "pid": os.getpid(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if subject is not None:
            document |= {name: value for name, value in asdict(subject).items() if value is not None}
        document |= getattr(record, "more", {})
        if record.exc_info:
            document["error"] = self.formatException(record.exc_info)
        return json.dumps(document, default=str)


class OperatorLog:
    """What one process writes for the operator.

    Parameters
    ----------
    kind : ``text`` or ``json``.
    part : of the service, such as ``supervisor``.
    terminal : descriptor of where a person at the keyboard sees what went wrong, if there is one.
    """

    def __init__(self, kind: str, part: str, terminal: tuple[int, ...] = ()) -> None:
        self._kind = kind
        self._terminal = terminal
        self._lines = JsonLines(part)

    def begin(self) -> None:
        """Write all that this process logs to its standard error."""
        logging.basicConfig(level=logging.INFO, handlers=[self._handler(sys.stderr)], force=True)
        if self._kind == JSON:
            tell_of_errors()
        else:
            # it goes to a file that nobody rotates
            logging.getLogger(MANY).setLevel(logging.WARNING)

    def move(self) -> None:
        """Go on where standard error is now, also once that leads elsewhere, as it does to the log of each job.

        In text nothing moves: what a method logs is for whoever asked for the job; only why a method failed is also for
        the person at the keyboard. In JSON all of it is for both.
        """
        if self._kind == JSON:
            logging.basicConfig(level=logging.INFO, handlers=[self._handler(_stream(sys.stderr.fileno()))], force=True)
            return
        for descriptor in self._terminal:
            logging.getLogger("moorage_processes").addHandler(_TerminalHandler(_stream(descriptor)))

    @contextmanager
    def on(self, subject: Subject) -> Iterator[None]:
        """While the block lasts each line is about one attempt, and stands in the log of its job too."""
        self._lines.subject = subject
        beside = logging.StreamHandler(sys.stderr) if self._kind == JSON else None
        if beside is not None:
            beside.setFormatter(TextLines())
            logging.getLogger().addHandler(beside)
        try:
            yield
        finally:
            if beside is not None:
                logging.getLogger().removeHandler(beside)
            self._lines.subject = None

    def _handler(self, stream: TextIO) -> logging.Handler:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(self._lines if self._kind == JSON else TextLines())
        return handler


class _TerminalHandler(logging.StreamHandler[TextIO]):
    """Writes errors to a terminal that may be gone."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.setLevel(logging.ERROR)
        self.setFormatter(TextLines())

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own
        """Say nothing: the same stands in the log of the job."""


def _stream(descriptor: int) -> TextIO:
    return os.fdopen(os.dup(descriptor), "w", buffering=1, errors="backslashreplace")


def write_as_json(part: str, *names: str) -> None:
    """Let the handlers that others have given to loggers write JSON from now on."""
    for name in ("", *names):
        for handler in logging.getLogger(name).handlers:
            handler.setFormatter(JsonLines(part))


def tell_of_errors() -> None:
    """Log warnings, and errors that nobody catches, rather than write them as they come."""
    logging.captureWarnings(capture=True)

    def of_program(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        LOGGER.critical("an error that nobody caught", exc_info=(kind, error, trace))

    def of_thread(hook: threading.ExceptHookArgs) -> None:
        name = hook.thread.name if hook.thread else "?"
        error = hook.exc_value or hook.exc_type()
        LOGGER.error("an error that nobody caught in thread %s", name, exc_info=error)

    sys.excepthook = of_program
    threading.excepthook = of_thread
