"""Whether a service is about to stop, known to all its processes."""

from __future__ import annotations

from mmap import mmap


class StopSignal:
    """A word that all processes of a service hear at once: it is about to stop. Make it before they are forked."""

    def __init__(self) -> None:
        self._shared = mmap(-1, 1)

    def say(self) -> None:
        """Say it."""
        self._shared[0] = 1

    @property
    def is_said(self) -> bool:
        """Whether it was said."""
        return self._shared[0] == 1
