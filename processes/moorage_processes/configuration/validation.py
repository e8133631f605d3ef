"""Checks a document of keys and values against what each key takes, and refuses a wrong one in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from reprlib import Repr
from typing import Any, Generic, TypeVar

from moorage_processes.errors import OperatorError

T_co = TypeVar("T_co", covariant=True)

SHOWN = Repr()
SHOWN.maxstring = SHOWN.maxother = 60


class ConfigurationError(OperatorError, ValueError):
    """A configuration that cannot be used; the message names the key and what it takes."""


def as_it_is(value: Any) -> Any:
    """Read a value by leaving it as YAML has it."""
    return value


@dataclass(frozen=True)
class KeyRule(Generic[T_co]):
    """What one key takes."""

    words: str
    """What it takes, to be read after "it takes"."""
    fits: Callable[[Any], bool]
    """Whether a value is such."""
    is_shown: bool = True
    """Whether a value that is not may be repeated; one that may hold a password is not."""
    read: Callable[[Any], T_co] = as_it_is
    """Makes what the program uses of a value that fits."""


@dataclass(frozen=True)
class Section(Generic[T_co]):
    """A mapping, of keys that are known or of names that the operator gives."""

    keys: Mapping[str, KeyRule[Any] | Section[Any]] = field(default_factory=dict)
    names: KeyRule[Any] | Section[Any] | None = None
    """What any other key takes; without it there is no other."""
    read: Callable[[Any], T_co] = as_it_is
    """Makes what the program uses of a mapping whose keys and values fit."""


def check(path: str, value: Any, expected: KeyRule[Any] | Section[Any]) -> None:
    """Refuse a value that is not valid; null means the default and is accepted.

    Parameters
    ----------
    path : the key with those above it, such as ``server.bind.port``; empty for a whole configuration.
    value : what is written there.
    expected : what may be.

    Raises
    ------
    ConfigurationError
        with the path of the first key that is wrong, or unknown, and what would be right.
    """
    if value is None:
        return
    if isinstance(expected, KeyRule):
        if not expected.fits(value):
            raise _refusal(path, value, expected.words, is_shown=expected.is_shown)
        return
    if not isinstance(value, Mapping):
        raise _refusal(path, value, "a mapping of keys to values")
    for name, each in value.items():
        inner = f"{path}.{name}" if path else str(name)
        if not isinstance(name, str):
            raise ConfigurationError(f"{inner}: {name!r} is not text; quote names that YAML reads otherwise")
        found = expected.keys.get(name, expected.names)
        if found is None:
            raise _unknown(inner, name, expected.keys)
        check(inner, each, found)


def _refusal(path: str, value: Any, words: str, *, is_shown: bool = True) -> ConfigurationError:
    shown = SHOWN.repr(value) if is_shown else "what stands there"
    return ConfigurationError(f"{path}: {shown} is not valid; expected {words}")


def _unknown(path: str, name: str, known: Mapping[str, Any]) -> ConfigurationError:
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"
    return ConfigurationError(f"{path}: there is no such key; {hint}")
