"""A process: its id, its description, its limits, and the function that it runs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from moorage.values import CLASS, CONSTRUCTOR, METHOD

from moorage_processes.authoring.signature import SINGLE
from moorage_processes.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from moorage_processes.authoring.limits import Limits
    from moorage_processes.authoring.parameters import Input, Output


EXAMPLE = "moorage:example"
"""Role of the metadata that tells what a call to copy gives for an input, as JSON; empty to take it from the data."""


@dataclass(frozen=True)
class ImportPath:
    """Where a process finds a method: strings only, so that it can be told to any process."""

    root: str | None
    """The folder that is appended to ``sys.path``, where there is one."""
    file: str | None
    """The file it was given by, where it was given by one."""
    module: str
    name: str
    """The function, or ``Class.method``."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ImportPath:
        """Read what :meth:`to_json` wrote."""
        return cls(**document)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the catalogue."""
        return asdict(self)


@dataclass(frozen=True)
class ClassMethod:
    """Which method of which class a process is, so that a caller can make an object first."""

    cls: str
    """The class, as an id."""
    method: str
    constructor: tuple[str, ...]
    """The inputs that make the object; none for a static method."""

    @classmethod
    def from_metadata(cls, metadata: Sequence[Mapping[str, str]]) -> Self | None:
        """Read what :meth:`metadata` wrote; None where it tells of no class."""
        told = {each["role"]: each["title"] for each in metadata}
        constructor = tuple(each["title"] for each in metadata if each["role"] == CONSTRUCTOR)
        return cls(told[CLASS], told[METHOD], constructor) if CLASS in told else None

    def metadata(self) -> list[dict[str, str]]:
        """OGC's metadata of a process."""
        told = [(CLASS, self.cls), (METHOD, self.method), *((CONSTRUCTOR, name) for name in self.constructor)]
        return [{"role": role, "title": title} for role, title in told]


@dataclass(frozen=True)
class Process:
    """A method that can be called by anyone, with its whole description."""

    id: str
    title: str
    description: str
    version: str
    keywords: tuple[str, ...]
    inputs: Mapping[str, Input]
    outputs: Mapping[str, Output]
    limits: Limits
    address: ImportPath
    function: Callable[[Mapping[str, Any]], Any]
    """Runs the method with its inputs by name."""
    record: type | None = None
    """The named tuple or dataclass whose fields are the outputs, where there is one."""
    example: Mapping[str, Any] = field(default_factory=dict)
    """What a call to copy gives for inputs; ``...`` to take it from the data."""
    of_class: ClassMethod | None = None
    """The class it belongs to, where it is a method."""

    def describe(self) -> dict[str, Any]:
        """The process description of OGC 18-062r2, without links."""
        asynchronous = ["async-execute", "dismiss"] if self.limits.asynchronous else []
        return {
            "id": self.id,
            "title": self.title,
            "description": self.description,
            "version": self.version,
            "keywords": list(self.keywords),
            **({} if self.of_class is None else {"metadata": self.of_class.metadata()}),
            "jobControlOptions": [*(["sync-execute"] if self.limits.sync else []), *asynchronous],
            "outputTransmission": ["value", "reference"],
            "inputs": {name: self._with_example(name, each.describe()) for name, each in self.inputs.items()},
            "outputs": {name: each.describe() for name, each in self.outputs.items()},
        }

    def _with_example(self, name: str, described: dict[str, Any]) -> dict[str, Any]:
        if name not in self.example:
            return described
        value = self.example[name]
        shown = {"role": EXAMPLE, "title": "" if value is ... else json.dumps(value)}
        return {**described, "metadata": [*described["metadata"], shown]}

    def call(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run the method: Python values in, Python values by output out; an output left at None is left out.

        Raises
        ------
        InputError
            where an input is missing or unknown.
        TypeError
            where the method returns something else than it declares.
        """
        for name in arguments:
            if name not in self.inputs:
                raise InputError(f"{self.id} has no input {name!r}; it takes {', '.join(self.inputs)}", input=name)
        for each in self.inputs.values():
            if each.required and each.id not in arguments:
                raise InputError(f"{each.id} is missing", input=each.id)
        returned = self.function(arguments)
        if not self.outputs:
            if returned is not None:
                raise TypeError(f"{self.id} returned a {type(returned).__name__}; it declares None")
            return {}
        if self.record is None:
            values = {SINGLE: returned}
        elif isinstance(returned, self.record):
            values = {name: getattr(returned, name) for name in self.outputs}
        else:
            raise TypeError(f"{self.id} returned a {type(returned).__name__}; it declares {self.record.__name__}")
        return {name: value for name, value in values.items() if self.outputs[name].holds(value)}
