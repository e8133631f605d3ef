"""A method, run with its inputs by name."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

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
        return self.function(*given, **named)


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
