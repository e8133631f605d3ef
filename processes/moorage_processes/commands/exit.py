"""The end of a process that has closed what it had open: nothing else is torn down."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from typing import NoReturn


def exit_now(status: str | int | None) -> NoReturn:
    """End this process without taking Python apart, which takes half a second once the libraries are loaded.

    What was registered with ``atexit`` runs, such as the removal of temporary directories, and what was written is
    flushed. Threads that still run are not waited for.

    Parameters
    ----------
    status : as :class:`SystemExit` has it: None is success, a text is an error that it tells.
    """
    if isinstance(status, str):
        print(status, file=sys.stderr)
    with contextlib.suppress(Exception):
        atexit._run_exitfuncs()  # noqa: SLF001 - Python's own way to run them, and there is no other
    for stream in (sys.stdout, sys.stderr):
        # one that is closed, or whose reader has gone, has nobody to be told
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))
