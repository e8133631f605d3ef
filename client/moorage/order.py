"""One execution as it is asked for: which process, which inputs, which outputs and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from moorage import formats
from moorage.description import FILES, FORMATTED, Described, Description, format_of, python_names
from moorage.inputs import dump_request, encode_inputs


class Shape(StrEnum):
    """The standard's two ways to answer."""

    RAW = "raw"
    DOCUMENT = "document"


@dataclass(frozen=True)
class Wish:
    """What is wanted of a process.

    Parameters
    ----------
    description : the process.
    outputs : the ids of the outputs wanted; none means all of them.
    media_types : how an output is to be written, where it matters, by id.
    is_ours : whether it was asked for here; of a job that somebody else began, the shape of the answer is not known.
    """

    description: Description
    outputs: tuple[str, ...] = ()
    media_types: Mapping[str, str] = field(default_factory=dict)
    is_ours: bool = True

    @property
    def chosen(self) -> tuple[str, ...]:
        """The ids of the outputs that will come."""
        return self.outputs or tuple(self.description.outputs)

    @property
    def shape(self) -> Shape | None:
        """A single output comes as it is, so that it can be streamed; several come as a document with links."""
        if not self.is_ours:
            return None
        return Shape.RAW if len(self.chosen) == 1 else Shape.DOCUMENT

    def choose(self, outputs: tuple[str, ...], wanted: Mapping[str, str]) -> Wish:
        """The same with other outputs, or others of their formats.

        Parameters
        ----------
        outputs : ids of outputs, or their Python names.
        wanted : id or Python name of an output to the short name or media type of its format.

        Raises
        ------
        ValueError
            if there is no such output, or it has no such format.
        """
        known = self.description.outputs
        formats_by_id = {self._output(each): name for each, name in wanted.items()}
        media_types = {each: _media_type(known[each], name) for each, name in formats_by_id.items()}
        chosen = dict.fromkeys((*map(self._output, outputs), *media_types))
        return Wish(self.description, tuple(chosen), media_types)

    def _output(self, name: str) -> str:
        """The id of an output, by its id or its Python name."""
        for identifier, python in python_names(self.description.outputs).items():
            if name in (identifier, python):
                return identifier
        known = ", ".join(self.description.outputs)
        raise ValueError(f"{self.description.id} has no output {name!r}; it has {known}")

    def request(self, arguments: Mapping[str, Any], *, wrap: bool) -> bytes:
        """The execute request with *arguments* (by Python name) as JSON; see :func:`encode_inputs`."""
        document: dict[str, Any] = {"inputs": encode_inputs(self.description, arguments, wrap=wrap)}
        stated = {each: self.media_types.get(each) or _readable(self.description.outputs[each]) for each in self.chosen}
        if self.outputs or any(stated.values()):
            document["outputs"] = {
                each: {"format": {"mediaType": media_type}} if media_type else {} for each, media_type in stated.items()
            }
        return dump_request(document | {"response": self.shape})


def _media_type(described: Described, wanted: str) -> str:
    """The media type that a short name stands for."""
    if described.kind not in FORMATTED:
        return wanted
    return formats.find(described.kind, wanted).media_type


def _readable(described: Described) -> str | None:
    """The media type to ask for, where what the service would choose cannot be read here but another can."""
    offered = described.media_types
    if described.kind not in FILES or not offered or format_of(offered[0]):
        return None
    return next((each for each in offered if format_of(each)), None)
