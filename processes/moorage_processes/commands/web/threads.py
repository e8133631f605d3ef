"""The threads of a web process, each of which answers one request at a time."""

from __future__ import annotations

import logging
from collections import deque
from threading import Lock, Thread
from typing import Protocol

LOGGER = logging.getLogger(__name__)


class Task(Protocol):
    """Something to be done by a thread."""

    def service(self) -> None:
        """Do it."""


class IdleThread:
    """A thread that waits for something to do."""

    def __init__(self) -> None:
        self._gate = Lock()
        self._gate.acquire()
        self._task: Task | None = None

    def wake(self, task: Task) -> None:
        """Give it something to do."""
        self._task = task
        self._gate.release()

    def wait(self) -> Task | None:
        """What it is given."""
        self._gate.acquire()
        task, self._task = self._task, None
        return task


class Threads:
    """Threads that are begun when they are needed.

    Of those that are idle the one that was busy last is next: it is the quickest, since all it needs is in the caches.

    Parameters
    ----------
    most : how many there may be; what comes beyond that waits.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._lock = Lock()
        self._idle: list[IdleThread] = []
        self._waiting: deque[Task] = deque()

    def add_task(self, task: Task) -> None:
        """Have something done as soon as a thread is free."""
        with self._lock:
            if self._idle:
                self._idle.pop().wake(task)
            elif self._count < self._most:
                self._count += 1
                Thread(target=self._work, args=[task], name=f"web-{self._count}", daemon=True).start()
            else:
                self._waiting.append(task)

    def _work(self, task: Task | None) -> None:
        me = IdleThread()
        while True:
            if task is not None:
                self._do(task)
            with self._lock:
                task = self._waiting.popleft() if self._waiting else None
                if task is None:
                    self._idle.append(me)
            if task is None:
                task = me.wait()

    def _do(self, task: Task) -> None:
        try:
            task.service()
        except BaseException:
            LOGGER.exception("an answer has failed")
