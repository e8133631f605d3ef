"""Whether a service is about to stop, known to all its processes."""

from __future__ import annotations

from mmap import mmap


class StopSignal:
    """A flag that all processes of a service share: it is about to stop. Create it before they are forked."""

    def __init__(self) -> None:
        self._shared = mmap(-1, 1)

    def set(self) -> None:
        """Announce the stop."""
        self._shared[0] = 1

    @property
    def is_set(self) -> bool:
        """Whether the stop was announced."""
        return self._shared[0] == 1
