"""How the compliance suite of the OGC reads a process description, and the execute requests it makes from it.

It is the suite's reading, with its quirks, that must be answered well: it leaves out what is a number, a list or has a
media type, and sends a text where a value may be an object.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TEXT = "teststring"
STRANGE_BOX = {"crs": "urn:ogc:def:crs:EPSG:6.6:4326", "bbox": [345345345] * 4}
"""What the suite sends for a box that is described as an object."""
BOX = {"bbox": [51.9, 7, 52, 7.1], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
LISTS = {"integer": [1, 2, 3], "string": ["test1", "test2", "test3"]}
TIFF = b"II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00"
"""A TIFF without a picture."""

Inputs = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """One type an input may have."""

    name: str
    is_binary: bool = False
    media_type: str | None = None


@dataclass(frozen=True)
class Understood:
    """An input as the suite understands it."""

    id: str
    kinds: tuple[Kind, ...]
    is_box: bool
    is_formatted: bool
    """Whether its schema itself has a format."""

    @classmethod
    def of(cls, name: str, schema: Mapping[str, Any]) -> Understood:
        """Read one schema: its type, or else the types it has in oneOf, or else whether allOf makes it a box."""
        if "type" in schema:
            stated: list[Mapping[str, Any]] = [schema]
        else:
            stated = [each for each in schema.get("oneOf", ()) if "type" in each]
        kinds = tuple(kind for each in stated for kind in _kinds(each))
        is_box = any(each["type"] == "object" and "bbox" in each.get("properties", {}) for each in stated)
        is_box |= not stated and _is_box(schema.get("allOf", ()))
        return cls(name, kinds, is_box, schema.get("type") == "string" and "format" in schema)

    def has(self, *names: str) -> bool:
        """Whether it may be of one of these types."""
        return any(kind.name in names for kind in self.kinds)

    def is_binary(self) -> bool:
        """Whether it may be binary."""
        return any(kind.is_binary for kind in self.kinds)

    def has_media_type(self) -> bool:
        """Whether it has a media type."""
        return any(kind.media_type is not None for kind in self.kinds)

    def ordinary(self) -> Inputs:
        """What an ordinary request sends for it, which may be nothing."""
        sent: Inputs = {}
        for kind in self.kinds:
            if kind.name == "string" and not self.is_formatted and kind.media_type is None:
                sent[self.id] = TEXT
            elif kind.name != "string" and self.is_box:
                sent[self.id] = STRANGE_BOX
            elif kind.name == "object":
                sent[self.id] = {"value": TEXT}
        return sent

    def list(self) -> list[Any]:
        """What is sent where it is a list."""
        item = next((kind.name for kind in self.kinds if kind.name != "array"), "")
        return LISTS.get(item, [])


def _kinds(schema: Mapping[str, Any]) -> Iterator[Kind]:
    if schema["type"] == "array" and "type" in schema.get("items", {}):
        yield Kind(schema["items"]["type"])
    is_binary = schema["type"] == "string" and schema.get("format") == "byte"
    is_binary |= schema["type"] == "string" and schema.get("contentEncoding") == "binary"
    yield Kind(schema["type"], is_binary, schema.get("contentMediaType"))


def _is_box(parts: Any) -> bool:
    """Whether one part says so; each part before it must have a format, or the suite breaks."""
    return any(part["format"] == "ogc-bbox" for part in parts)


@dataclass(frozen=True)
class Suite:
    """The requests the suite makes for one process.

    Parameters
    ----------
    described : its description.
    """

    described: Mapping[str, Any]

    @property
    def inputs(self) -> list[Understood]:
        """Its inputs as the suite understands them, in their order."""
        return [Understood.of(name, each["schema"]) for name, each in self.described["inputs"].items()]

    def first(self, is_wanted: Callable[[Understood], bool]) -> Understood | None:
        """The first input of a kind."""
        return next((each for each in self.inputs if is_wanted(each)), None)

    def ordinary(self, **instead: Any) -> Inputs:
        """The inputs of an ordinary request, some replaced."""
        sent = {name: value for each in self.inputs for name, value in each.ordinary().items()}
        return sent | instead

    def wrong(self, word: str) -> Inputs:
        """Inputs in which whatever has a media type is sent in a wrong one."""
        sent = self.ordinary()
        return sent | {each.id: {"type": f"wrong/type_{word}"} for each in self.inputs if each.has_media_type()}

    def outputs(self, is_wanted: Callable[[str, Mapping[str, Any]], bool] = lambda *_: True) -> dict[str, Any]:
        """The outputs of a kind, by value; an empty object where there are none, as the suite sends it."""
        every = self.described["outputs"].items()
        return {name: {"transmissionMode": "value"} for name, each in every if is_wanted(name, each["schema"])}

    def only_output(self) -> dict[str, Any]:
        """The output that is called like the first input."""
        name = next(iter(self.described["inputs"]))
        return self.outputs(lambda output, _: output == name)

    @staticmethod
    def picture() -> dict[str, Any]:
        """A GeoTIFF in line."""
        media_type = {"mediaType": "image/tiff", "encoding": "base64"}
        return {"value": base64.b64encode(TIFF).decode(), "format": media_type}
