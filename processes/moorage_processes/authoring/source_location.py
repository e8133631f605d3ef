"""Where a function stands in its author's file, and what there is to say against serving it."""

from __future__ import annotations

import ast
import inspect
import linecache
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moorage_processes.authoring.annotation import UnservableError
from moorage_processes.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class SourceLocation:
    """The place of one function or class, which gathers all that stands against serving it."""

    file: str
    line: int
    function: str
    lines: Mapping[str, int] = field(default_factory=dict)
    """Lines of its parameters and of its ``return`` type, by name."""
    refusals: list[Refusal] = field(default_factory=list)

    def refuse(self, error: UnservableError, line: int | None = None) -> None:
        """Keep what stands against it."""
        self.refusals.append(Refusal(self.file, line or self.line, self.function, error.reason, error.remedy))

    @contextmanager
    def watching(self, name: str | None = None) -> Iterator[None]:
        """Keep what stands against the parameter *name*, or against ``return``, and go on."""
        try:
            yield
        except UnservableError as error:
            self.refuse(error, self.lines.get(name or ""))


def source_location_of(target: Any) -> SourceLocation:
    """Find a function or class in its file; line 1 of it where it cannot be found."""
    name = str(getattr(target, "__qualname__", repr(target)))
    inner = inspect.unwrap(target)
    code = getattr(inner, "__code__", None)
    if code is None:
        return SourceLocation(*_class_place(inner), name)
    node = _node(code.co_filename, code.co_firstlineno)
    if node is None:
        return SourceLocation(code.co_filename, code.co_firstlineno, name)
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    lines = {each.arg: each.lineno for each in arguments}
    lines["return"] = node.returns.lineno if node.returns else node.lineno
    return SourceLocation(code.co_filename, node.lineno, name, lines)


def _class_place(target: Any) -> tuple[str, int]:
    try:
        return inspect.getsourcefile(target) or "?", inspect.getsourcelines(target)[1]
    except (TypeError, OSError):
        return str(getattr(target, "__module__", "?")), 1


def _node(file: str, first: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The definition whose first decorator, or ``def`` itself, stands on the line *first*."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            start = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if start == first:
                return node
    return None
