"""Calls to copy: a process in curl, Python and JavaScript, with values that are good for a first try."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from moorage.description import python_name, python_names
from moorage.formats import Kind, find, kind_of

from moorage_processes.authoring.signature import SINGLE
from moorage_processes.ogc.descriptions import media_types, type_of
from moorage_processes.ogc.pages.examples import YourFile, examples
from moorage_processes.ogc.pages.text_filters import laid_out

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Entry
    from moorage_processes.data.datasets import Datasets

FILES = (Kind.GRID, Kind.FEATURES, Kind.TABLE, Kind.BYTES, Kind.FIGURE, Kind.ARRAY)


@dataclass(frozen=True)
class Snippet:
    """One call in one language."""

    language: str
    title: str
    text: str


@dataclass(frozen=True)
class Snippets:
    """The calls of one process.

    Parameters
    ----------
    entry : the process.
    base : URL of the service.
    datasets : what an input may name.
    """

    entry: Entry
    base: str
    datasets: Datasets

    def __iter__(self) -> Iterator[Snippet]:
        yield Snippet("curl", "curl", self._curl())
        yield Snippet("python", "Python", self._python())
        yield Snippet("javascript", "JavaScript", self._javascript())

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """A value for each input that must be given, or that the author wants shown."""
        return examples(self.entry.description["inputs"], self.datasets)

    @cached_property
    def request(self) -> dict[str, Any]:
        """The execute request; one file as it is, values together."""
        if self._file is None:
            return {"inputs": self.inputs, "response": "document"}
        return {"inputs": self.inputs, "outputs": {self._file: {}}, "response": "raw"}

    @property
    def needs_file(self) -> bool:
        """Whether the caller has to bring a file of their own."""
        values = [each if isinstance(each, list) else [each] for each in self.inputs.values()]
        return any(isinstance(each, YourFile) for value in values for each in value)

    @cached_property
    def _file(self) -> str | None:
        """The output that is asked for as a file: the first, where it is one."""
        for name, described in self.entry.description["outputs"].items():
            return name if kind_of(type_of(described)) in FILES else None
        return None

    @property
    def _saved(self) -> str:
        """What the file is called."""
        described = self.entry.description["outputs"][self._file]
        kind, media_type = kind_of(type_of(described)), media_types(described)[0]
        try:
            suffix = find(kind, media_type).suffix
        except ValueError:
            suffix = "." + re.sub(r"\W.*", "", media_type.rpartition("/")[2])
        return f"{self.entry.id if self._file == SINGLE else self._file}{suffix}"

    @property
    def _url(self) -> str:
        return f"{self.base}/processes/{self.entry.id}/execution"

    def _curl(self) -> str:
        lines = ["curl -sS " + shlex.quote(self._url), '-H "Content-Type: application/json"']
        if not self.entry.limits.sync:
            lines.append('-H "Prefer: respond-async"')
        lines.append("-d @-" if self.needs_file else f"-d {shlex.quote(_json(self.request))}")
        if self._file is not None and self.entry.limits.sync:
            lines.append(f"-o {self._saved}")
        command = " \\\n    ".join(lines)
        return f"{self._body()} |\n  {command}" if self.needs_file else command

    def _body(self) -> str:
        """Commands that write the execute request with files of the caller in it."""
        parts = _split(self.request)
        written = [
            f"base64 -w0 {part.name}" if isinstance(part, YourFile) else f"printf %s {shlex.quote(part)}"
            for part in parts
        ]
        return "{ " + "; ".join(written) + "; }"

    def _python(self) -> str:
        names = python_names(self.entry.description["inputs"])
        lines = ["from pathlib import Path", ""] if self.needs_file else []
        name = ".".join(map(python_name, self.entry.id.split(".")))
        process = f"service.{name}" if not name.startswith("_") else f"service[{_python_value(self.entry.id)}]"
        given = [f"{names[key]}={laid_out(value, _python_value)}" for key, value in self.inputs.items()]
        if any("\n" in each for each in given):
            given = [f"    {each},".replace("\n", "\n    ") for each in given]
            call = "\n".join([f"result = {process}(", *given, ")"])
        else:
            call = f"result = {process}({', '.join(given)})"
        connected = f"service = moorage.connect({_python_value(self.base)})"
        return "\n".join([*lines, "import moorage", "", connected, call, "print(result)"])

    def _javascript(self) -> str:
        lines = ['import { readFile } from "node:fs/promises";', ""] if self.needs_file else []
        headers = '"Content-Type": "application/json"'
        if not self.entry.limits.sync:
            headers += ', "Prefer": "respond-async"'
        body = laid_out(self.request, _javascript_value).replace("\n", "\n  ")
        lines += [
            f"const answer = await fetch({json.dumps(self._url)}, {{",
            '  method: "POST",',
            f"  headers: {{{headers}}},",
            f"  body: JSON.stringify({body}),",
            "});",
            "if (!answer.ok) throw new Error((await answer.json()).detail);",
        ]
        has_json = self._file is None or not self.entry.limits.sync
        lines.append("console.log(await answer.json());" if has_json else "const file = await answer.arrayBuffer();")
        return "\n".join(lines)


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)


def _split(document: Mapping[str, Any]) -> list[str | YourFile]:
    """JSON with places left for the caller's files."""
    files: list[YourFile] = []

    def mark(value: Any) -> str:
        files.append(value)
        return f"\0{len(files) - 1}\0"

    text = json.dumps(document, default=mark, ensure_ascii=False)
    parts = re.split(r"\\u0000(\d+)\\u0000", text)
    return [files[int(part)] if number % 2 else part for number, part in enumerate(parts)]


def _python_value(value: Any) -> str:
    if isinstance(value, YourFile):
        return f"Path({_python_value(value.name)})"
    # JSON's strings are Python's, too
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _javascript_value(value: Any) -> str:
    if isinstance(value, YourFile):
        return f'(await readFile({json.dumps(value.name)})).toString("base64")'
    return json.dumps(value, ensure_ascii=False)
