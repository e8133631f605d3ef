"""Whether a service is about to stop, known to all its processes."""

from __future__ import annotations

from collections.abc import Callable
from mmap import mmap


class StopSignal:
    """A flag that all processes of a service share: it is about to stop. Create it before they are forked."""

    def __init__(self) -> None:
        self._shared = mmap(-1, 1)
        self._actions: list[Callable[[], None]] = []

    def then(self, action: Callable[[], None]) -> None:
        """Have something done in the process that announces the stop."""
        self._actions.append(action)

    def set(self) -> None:
        """Announce the stop."""
        self._shared[0] = 1
        for action in self._actions:
            action()

    @property
    def is_set(self) -> bool:
        """Whether the stop was announced."""
        return self._shared[0] == 1
