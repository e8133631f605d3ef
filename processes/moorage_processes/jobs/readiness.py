"""Whether an engine can be given work now: its store, supervisor and workers, asked at short notice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from threading import Lock, Thread
from typing import TYPE_CHECKING

from moorage_processes.jobs.errors import NoWorker, Unavailable

if TYPE_CHECKING:
    from moorage_processes.jobs.engine import Engine

PATIENCE = 2.0
"""Seconds within which each part must answer."""


class Readiness:
    """Asks the parts of an engine.

    Each is asked in a thread of its own, by one question at a time: a database that swallows what it is sent holds one
    thread, however often it is asked after.

    Parameters
    ----------
    engine : may be asked before it is started.
    patience : seconds within which each part must answer.
    """

    def __init__(self, engine: Engine, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._questions: Mapping[str, Callable[[], None]] = {
            "store": engine.ask_store,
            "storage": engine.ask_storage,
            "supervisor": lambda: engine.ask_supervisor(patience),
        }
        self._lock = Lock()
        self._asked: dict[str, Future[None]] = {}

    def trouble(self) -> dict[str, str]:
        """What is away, and how that shows; empty where work can be given."""
        asked = {name: self._ask(name) for name in self._questions}
        return dict(trouble for name, answer in asked.items() if (trouble := self._told(name, answer)))

    def _ask(self, name: str) -> Future[None]:
        with self._lock:
            if name not in self._asked or self._asked[name].done():
                self._asked[name] = Future()
                # a daemon: one that waits for ever must not keep the process from its end
                work = (self._asked[name], self._questions[name])
                Thread(target=_answer, args=work, name="readiness", daemon=True).start()
            return self._asked[name]

    def _told(self, name: str, answer: Future[None]) -> tuple[str, str] | None:
        """The part that is away and how that shows; None where all is well."""
        try:
            answer.result(self._patience)
        except NoWorker as error:
            return "workers", str(error)
        except Unavailable as error:
            return name, str(error)
        except TimeoutError:
            return name, f"it does not answer within {self._patience:g} s"
        return None


def _answer(future: Future[None], question: Callable[[], None]) -> None:
    try:
        question()
    except BaseException as error:  # noqa: BLE001 - it is raised again where it was asked
        future.set_exception(error)
    else:
        future.set_result(None)
