"""`@process`: what an author writes above a function or class, and what may be said with it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, TypeVar, overload

from moorage_processes.authoring.limits import Limits
from moorage_processes.authoring.quantities import parse_size

Target = TypeVar("Target", bound=Callable[..., Any])

MARK = "__moorage__"
"""The attribute that makes a function or class one to be served."""


@dataclass(frozen=True)
class Options:
    """What ``@process(...)`` says about a method."""

    limits: Limits
    id: str | None = None
    title: str | None = None
    version: str | None = None
    keywords: tuple[str, ...] = ()
    example: Mapping[str, Any] = field(default_factory=dict)


@overload
def process(target: Target, /) -> Target: ...


@overload
def process(
    *,
    id: str | None = ...,
    title: str | None = ...,
    version: str | None = ...,
    keywords: Sequence[str] = ...,
    example: Mapping[str, Any] | None = ...,
    timeout: float | None = ...,
    memory: int | str | None = ...,
    attempts: int = ...,
    idempotent: bool = ...,
    sync: bool = ...,
    asynchronous: bool = ...,
    wait: float = ...,
) -> Callable[[Target], Target]: ...


def process(
    target: Target | None = None,
    /,
    *,
    id: str | None = None,  # noqa: A002 - the standard's own word
    title: str | None = None,
    version: str | None = None,
    keywords: Sequence[str] = (),
    example: Mapping[str, Any] | None = None,
    timeout: float | None = Limits.timeout,
    memory: int | str | None = Limits.memory,
    attempts: int = Limits.attempts,
    idempotent: bool = True,
    sync: bool = True,
    asynchronous: bool = True,
    wait: float = Limits.wait,
) -> Target | Callable[[Target], Target]:
    """Serve a function, or each public method of a class; it stays what it is and can be called as before.

    The inputs of a method are the arguments of the constructor and its own; each call has an instance of its own.
    On a method inside such a class it says what differs for that method.

    Parameters
    ----------
    target : the function or class.
    id : the process id, or what the ids of a class begin with; the name with hyphens where none is given.
    title : the first sentence of the docstring where none is given.
    version : what the module or its distribution states where none is given; see :func:`version_of`.
    keywords : words by which it is found.
    example : values, as JSON, that the calls to copy on the page of the process give for inputs; ``...`` for one that
        follows from the data there, such as a box inside it. Required inputs are given anyway, from such data too.
    timeout : seconds until a call is given up; None for no limit.
    memory : resident memory of a call, as ``"2 GB"`` or in bytes; None for no limit.
    attempts : how often a call is begun at most, where its worker dies.
    idempotent : False for a method with effects outside of what it returns: it is begun once only.
    sync : False where it must not be waited for in one request.
    asynchronous : False where it must not become a job.
    wait : seconds that a job may wait for this institute, while it is away from the hub that passes on its methods.
    """
    limits = Limits(
        timeout=timeout,
        memory=None if memory is None else parse_size(memory),
        attempts=attempts if idempotent else 1,
        sync=sync,
        asynchronous=asynchronous,
        wait=wait,
    )
    options = Options(limits, id, title, version, tuple(keywords), dict(example or {}))

    def marked(target: Target) -> Target:
        kind = type(target).__name__
        if not any(isinstance(each, type | FunctionType) for each in (target, inspect.unwrap(target))):
            raise TypeError(f"@process takes a function or class, not a {kind}; write a function that calls it")
        setattr(target, MARK, options)
        return target

    return marked if target is None else marked(target)


def is_marked(target: object) -> bool:
    """Whether ``@process`` stands above a function or class itself, not above a class it inherits from."""
    return isinstance(getattr(target, "__dict__", {}).get(MARK), Options)
