"""The table of what the standard asks for and what proves it; run this file to write it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from standard import Requirement, requirements

HERE = Path(__file__).parent
TABLE = HERE / "TABLE.md"
HEAD = """# OGC API - Processes - Part 1: Core 1.0, and what proves that this service keeps it

Written by `python tests/ogc/conformance/table.py`; a test fails where it is stale. *sentence*: something the text
of the standard says without giving it an id; ours begins with `/text`. *kept*: the tests named prove it, and run with
every change.
"""
NOT_RUN = {"skip", "skipif", "xfail"}


@dataclass(frozen=True)
class Proof:
    """A test, and what it proves."""

    file: str
    name: str
    ids: tuple[str, ...]
    marks: frozenset[str]
    """The names of all its marks."""


def proofs() -> list[Proof]:
    """All tests below this folder."""
    return [proof for path in sorted(HERE.rglob("test_*.py")) for proof in _in_file(path)]


def _in_file(path: Path) -> Iterator[Proof]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            marks = [_mark(each) for each in node.decorator_list]
            ids = tuple(text for name, texts in marks if name == "requirement" for text in texts)
            yield Proof(str(path.relative_to(HERE)), node.name, ids, frozenset(name for name, _ in marks))


def _mark(decorator: ast.expr) -> tuple[str, list[str]]:
    """The last name of a decorator, and the texts it is given."""
    call = decorator.func if isinstance(decorator, ast.Call) else decorator
    given = decorator.args if isinstance(decorator, ast.Call) else []
    texts = [each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return (call.attr if isinstance(call, ast.Attribute) else ast.unparse(call)), texts


def cite_tests() -> dict[int, Proof]:
    """The tests of the compliance suite by their number in it."""
    found = ((re.match(r"test_(\d\d)_", each.name), each) for each in proofs() if each.file.startswith("cite/"))
    return {int(number[1]): each for number, each in found if number}


def table() -> str:
    """The whole table as Markdown."""
    proven = _tests_by_id()
    lines = [HEAD]
    for name in dict.fromkeys(each.conformance_class for each in requirements().values()):
        lines += [f"## {name}\n", "| id | kind | what it asks | tests | state |", "|---|---|---|---|---|"]
        rows = (each for each in requirements().values() if each.conformance_class == name)
        lines += [_row(each, proven.get(each.id, [])) for each in rows] + [""]
    lines += ["## The tests of the OGC CITE suite, in its order\n", "| number | test |", "|---|---|"]
    lines += [f"| {number} | {each.file} `{each.name}` |" for number, each in sorted(cite_tests().items())]
    return "\n".join(lines) + "\n"


def _tests_by_id() -> dict[str, list[Proof]]:
    found: dict[str, list[Proof]] = {}
    for proof in proofs():
        for each in proof.ids:
            found.setdefault(each, []).append(proof)
    return found


def _row(asked: Requirement, tests: list[Proof]) -> str:
    state = "kept" if tests else f"not kept: {asked.reason}" if asked.reason else "**not tested**"
    named = "<br>".join(f"{each.file} `{each.name}`" for each in tests)
    return f"| `{asked.id}` | {asked.kind} | {asked.sense} | {named} | {state} |"


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
