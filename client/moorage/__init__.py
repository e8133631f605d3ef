"""Methods moored beside the data, called as functions: ``hub = moorage.connect(url)``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from moorage.errors import (
    DismissedError,
    FailedError,
    MoorageError,
    NotFoundError,
    PendingError,
    ProblemError,
    RefusedError,
    ResultError,
    ServiceError,
    SignatureError,
    UnreachableError,
)
from moorage.values import BBox, Link, Media, Unit

if TYPE_CHECKING:
    from moorage.callbacks import Callback, verify_callback
    from moorage.job import RemoteJob
    from moorage.process import RemoteProcess
    from moorage.results import File
    from moorage.service import Service, connect

__all__ = [
    "BBox",
    "Callback",
    "DismissedError",
    "FailedError",
    "File",
    "Link",
    "Media",
    "MoorageError",
    "NotFoundError",
    "PendingError",
    "ProblemError",
    "RefusedError",
    "RemoteJob",
    "RemoteProcess",
    "ResultError",
    "Service",
    "ServiceError",
    "SignatureError",
    "Unit",
    "UnreachableError",
    "connect",
    "verify_callback",
]

_LATE = {
    "Callback": "callbacks",
    "File": "results",
    "RemoteJob": "job",
    "RemoteProcess": "process",
    "Service": "service",
    "connect": "service",
    "verify_callback": "callbacks",
}
"""What is imported when it is first asked for: OWSLib and requests take a third of a second."""


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
