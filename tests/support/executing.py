"""One execution in this process, without a service: methods as an author writes them, inputs as a caller sends them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moorage_processes.catalogue.catalogue import Catalogue, Entry
from moorage_processes.catalogue.discovery import describe
from moorage_processes.execution.executor import Executor
from moorage_processes.execution.request import Artefact, Request
from moorage_processes.ogc.descriptions import media_types


@dataclass(frozen=True)
class MethodsHere:
    """The methods of a file, run here.

    Parameters
    ----------
    catalogue : their descriptions.
    directory : where outputs are written.
    """

    catalogue: Catalogue
    directory: Path

    @classmethod
    def of(cls, file: Path, directory: Path) -> MethodsHere:
        """Those of one file."""
        return cls(Catalogue(Entry.of(process) for process in describe([str(file)])), directory)

    def execute(
        self,
        process: str,
        formats: dict[str, str] | None = None,
        report: Callable[[float, str], None] = lambda _fraction, _message: None,
        **inputs: Any,
    ) -> dict[str, Artefact]:
        """The artefacts of one call by output, in the formats named or their default."""
        outputs = self.catalogue[process].description["outputs"]
        wanted = {name: (formats or {}).get(name) or media_types(each)[0] for name, each in outputs.items()}
        executor = Executor({"catalogue": self.catalogue.to_json()})
        artefacts = executor.execute(Request(process, inputs, wanted), self.directory, report)
        return {each.output: each for each in artefacts}

    def content(self, artefact: Artefact) -> bytes:
        """The file of an artefact."""
        assert artefact.file is not None
        return (self.directory / artefact.file).read_bytes()
