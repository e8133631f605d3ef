"""Whether a function can be run anywhere, any number of times, with the same result."""

from __future__ import annotations

import dis
import inspect
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from moorage_processes.authoring.annotation import UnservableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moorage_processes.authoring.source_location import SourceLocation

SHARED_WRITES = {
    "STORE_GLOBAL": "global",
    "DELETE_GLOBAL": "global",
    "STORE_DEREF": "nonlocal",
    "DELETE_DEREF": "nonlocal",
}


def check_fitness(function: Callable[..., Any], place: SourceLocation) -> None:
    """Look at the code of a function; what stands against serving it is kept in *place*."""
    inner: FunctionType = inspect.unwrap(function)
    for error in _shape_flaws(inner):
        place.refuse(error)
    for name, line, scope in _shared_writes(inner.__code__, frozenset(inner.__code__.co_freevars)):
        reason = f"it writes to {name!r}, which is {scope}, so one call would change the next"
        place.refuse(UnservableError(reason, f"return {name}, or keep it inside the function"), line)


def _shape_flaws(function: FunctionType) -> Iterator[UnservableError]:
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        yield UnservableError("it is async", "write a plain def; each call has a process of its own")
    if function.__name__ == "<lambda>":
        yield UnservableError("a lambda has no name, types or docstring", "write it as def")
        return
    enclosed = [name for name in function.__code__.co_freevars if name != "__class__"]
    if enclosed:
        names = ", ".join(enclosed)
        reason = f"it is a closure over {names}, which another process does not have"
        yield UnservableError(reason, f"hand {names} in, or define them in the module")
    elif "<locals>" in function.__qualname__:
        reason = "it is defined inside a function, where another process cannot find it"
        yield UnservableError(reason, "define it at the top of the module")


def _shared_writes(code: CodeType, free: frozenset[str]) -> Iterator[tuple[str, int | None, str]]:
    """Name, line and scope of each variable outside a function that it writes, itself or in a function inside it."""
    for step in dis.get_instructions(code):
        scope = SHARED_WRITES.get(step.opname)
        name = str(step.argval)
        if scope == "global" or (scope and name in free and name in code.co_freevars):
            yield name, step.positions.lineno if step.positions else None, scope
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _shared_writes(constant, free)
