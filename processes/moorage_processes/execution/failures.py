"""What the operator reads of a call that failed, and what its caller is told."""

from __future__ import annotations

import logging
import secrets
from itertools import dropwhile
from typing import TYPE_CHECKING

from moorage_processes.authoring import invocation
from moorage_processes.execution.request import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

LOGGER = logging.getLogger(__name__)


def logged_failure(process: str, error: BaseException) -> Failure:
    """The failure of a process whose reason only its log tells, under a reference number."""
    reference = secrets.token_hex(4)
    sentence = ": ".join(filter(None, (type(error).__qualname__, str(error))))
    told = (type(error), error, authors_part(error.__traceback__))
    LOGGER.error("%s (%s failed, reference %s)", sentence, process, reference, exc_info=told)
    detail = f"the method {process!r} failed; its operator finds the reason under reference {reference}"
    return Failure("error", detail, reference=reference)


def not_stored(process: str, error: BaseException) -> Failure:
    """The failure of a process whose results found no place, which is not its fault."""
    told = logged_failure(process, error)
    detail = f"the results of {process!r} could not be stored; the operator finds the reason under {told.reference}"
    return Failure("storage", detail, reference=told.reference)


def no_room(process: str, error: BaseException) -> Failure:
    """The failure of a process that found the disk full, which is not its fault."""
    told = logged_failure(process, error)
    detail = f"the results of {process!r} could not be stored, because the disk is full; reference {told.reference}"
    return Failure("storage", detail, reference=told.reference)


def authors_part(trace: TracebackType | None) -> TracebackType | None:
    """The frames from the method on; all of them where it was not reached, or only its call failed."""
    inside = dropwhile(lambda each: not _calls(each), _frames(trace))
    return next(dropwhile(_calls, inside), trace)


def _frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _calls(trace: TracebackType) -> bool:
    """Whether this frame is the one that calls the method."""
    return trace.tb_frame.f_code.co_filename == invocation.__file__
