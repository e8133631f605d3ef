"""A method, run with its inputs by name."""

from __future__ import annotations

import inspect
from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from moorage_processes.authoring.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class FunctionCall:
    """Runs a function."""

    function: Callable[..., Any]

    @cached_property
    def _parameters(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self.function).parameters

    def __call__(self, arguments: Mapping[str, Any]) -> Any:
        """What the function returns; an input left out has its default, or is None."""
        given: list[Any] = []
        named: dict[str, Any] = {}
        for name, parameter in self._parameters.items():
            default = None if parameter.default is parameter.empty else parameter.default
            if parameter.kind is parameter.POSITIONAL_ONLY:
                given.append(arguments.get(name, default))
            elif name in arguments or parameter.default is parameter.empty:
                named[name] = arguments.get(name)
        returned = self.function(*given, **named)
        return _in_the_end(returned) if isinstance(returned, Generator) else returned


def _in_the_end(steps: Generator[float | tuple[float, str], None, Any]) -> Any:
    """What a generator returns; what it yields on the way is its progress."""
    while True:
        try:
            told = next(steps)
        except StopIteration as end:
            return end.value
        progress(*told) if isinstance(told, tuple) else progress(told)


@dataclass(frozen=True)
class MethodCall:
    """Runs a method of a class, each time on an instance of its own."""

    cls: type
    name: str
    constructor: frozenset[str]
    """The inputs that the constructor takes."""

    def __call__(self, arguments: Mapping[str, Any]) -> Any:
        """What the method returns."""
        made = {name: value for name, value in arguments.items() if name in self.constructor}
        rest = {name: value for name, value in arguments.items() if name not in self.constructor}
        instance = FunctionCall(self.cls)(made)
        return FunctionCall(getattr(instance, self.name))(rest)
