"""Values of Python as the inputs of an execute request."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import date, datetime, time, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from moorage import formats
from moorage.description import FILES, PATH, Described, Description, format_of
from moorage.formats import Format, Kind
from moorage.values import BBox, Link

QUALIFIED = frozenset({"value", "mediaType", "encoding", "schema", "format"})
READY = {"href": None, "value": QUALIFIED, "bbox": frozenset({"bbox", "crs"}), "collection": None}
"""A mapping with one of these members, and no others than those named, is the standard's own form already."""
HEAD = 512
"""Bytes of a file by which its format is known."""


def encode_inputs(description: Description, arguments: Mapping[str, Any], *, wrap: bool) -> dict[str, Any]:
    """The ``inputs`` of an execute request, by input id.

    Parameters
    ----------
    arguments : values by Python name; those to be left out are not among them.
    wrap : whether objects and encoded content stand in qualified form, ``{"value": ..., "mediaType": ...}``, as the
        standard has it.

    Raises
    ------
    TypeError
        for a value that cannot be sent; the message names the input.
    ValueError
        for a value with NaN or infinity in it, which JSON does not know, or one that its format cannot hold.
    """
    inputs = {}
    for name, value in arguments.items():
        described = description.inputs[name]
        inputs[described.id] = _Encoder(name, described, wrap=wrap).encode(value)
    return inputs


def dump_request(document: Mapping[str, Any]) -> bytes:
    """An execute request as JSON.

    Raises
    ------
    ValueError
        naming the input that holds NaN or infinity.
    """
    try:
        return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        for name, value in document["inputs"].items():
            _check_finite(name, value)
        raise


def _check_finite(name: str, value: Any) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise ValueError(f"{name} holds NaN or infinity, which cannot be sent; leave it out, or send None") from error


class _Encoder:
    """Encodes the values of one input.

    Parameters
    ----------
    name : its Python name, for messages.
    described : what the service says of it.
    wrap : whether to qualify objects and content.
    """

    def __init__(self, name: str, described: Described, *, wrap: bool) -> None:
        self._name = name
        self._described = described
        self._wrap = wrap

    def encode(self, value: Any) -> Any:
        """One input with all its occurrences."""
        if self._described.is_many and isinstance(value, list | tuple):
            return [self._one(each) for each in value]
        return self._one(value)

    def _one(self, value: Any) -> Any:
        """One occurrence."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Path):
            return self._file(value)
        if isinstance(value, Mapping) and self._is_ready(value):
            return dict(value)
        if self._described.kind is Kind.ARRAY and hasattr(value, "__array__"):
            return self._data(value, Kind.ARRAY)
        kind = kind_of_value(type(value))
        if kind in (*FILES, Kind.GEOMETRY) and not (kind is Kind.GRID and self._takes_numbers()):
            return self._data(value, kind)
        encoded = self._plain(value)
        is_bare = isinstance(encoded, dict) and not isinstance(value, BBox | Link)
        return {"value": encoded} if is_bare and self._wrap else encoded

    def _text(self, text: str) -> Any:
        """Text as it stands; for data it is the id of a dataset, or the URL of content."""
        takes_files = self._described.kind in (*FILES, Kind.ARRAY) or self._described.type_name == PATH
        if takes_files and text.startswith(("http://", "https://")):
            return {"href": text}
        if self._described.type_name == PATH:
            raise TypeError(
                f"{self._name}: {text!r} is text; send pathlib.Path({text!r}), its bytes, or an http address"
            )
        return text

    def _is_ready(self, value: Mapping[str, Any]) -> bool:
        own = self._described.schema.get("properties", {})
        return any(
            key in value and key not in own and (members is None or members >= value.keys())
            for key, members in READY.items()
        )

    def _takes_numbers(self) -> bool:
        """Whether this is not an input for data, so that the mean of a field stands for its number."""
        described = self._described
        return described.kind is Kind.VALUE and bool(described.schema) and not described.media_types

    def _data(self, value: Any, kind: Kind) -> Any:
        fmt = self._format(kind)
        with tempfile.TemporaryDirectory(prefix="moorage-") as folder:
            path = Path(folder) / f"input{fmt.suffix}"
            try:
                formats.write(value, path, fmt)
            except ValueError as error:
                raise ValueError(f"{self._name}: {error}") from error
            return self._content(path.read_bytes(), fmt.media_type)

    def _format(self, kind: Kind) -> Format:
        """The format to write in: the first that the service takes, else the usual one."""
        if kind is not Kind.GEOMETRY:
            for found in map(format_of, self._described.media_types):
                if found is not None and found.kind is kind:
                    return found
        return formats.formats_of(kind, writable=True)[0]

    def _content(self, content: bytes, media_type: str) -> Any:
        """Encoded content in qualified form: JSON as it is, anything else as base64."""
        is_json = "json" in media_type.partition(";")[0]
        value = json.loads(content) if is_json else base64.b64encode(content).decode()
        if not self._wrap:
            return value
        return {"value": value, "mediaType": media_type} | ({} if is_json else {"encoding": "base64"})

    def _file(self, path: Path) -> Any:
        """The content of a file, with its media type where that is known."""
        content = path.read_bytes()
        kind = self._described.kind
        fmt = formats.sniff(content[:HEAD], kind) if kind in FILES else None
        if fmt is None:
            return base64.b64encode(content).decode()
        return self._content(content, fmt.media_type)

    def _plain(self, value: Any) -> Any:
        """A value of JSON's own types."""
        for kind, spell in SPELLINGS:
            if isinstance(value, kind):
                return self._plain(spell(value))
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, Mapping):
            return {str(key): self._plain(each) for key, each in value.items()}
        for name, spell in DUCKS.items():
            if hasattr(value, name) and not isinstance(value, type):
                return self._plain(spell(value))
        if isinstance(value, Iterable):
            return [self._plain(each) for each in value]
        kind = formats.type_name(type(value)).removeprefix("builtins.")
        raise TypeError(
            f"{self._name}: {kind} cannot be sent; send numbers, text, lists, mappings, or data of the field"
        )


def _duration(length: timedelta) -> str:
    """A duration by ISO 8601, in seconds."""
    seconds = f"{abs(length.total_seconds()):.6f}".rstrip("0").rstrip(".")
    return f"{'-' if length < timedelta() else ''}PT{seconds}S"


def _members(record: Any) -> dict[str, Any]:
    """The members of a dataclass."""
    return {each.name: getattr(record, each.name) for each in fields(record)}


def _listed(array: Any) -> Any:
    """The numbers of an array as Python's own; moments as text, whatever their unit."""
    array = array.to_numpy() if hasattr(array, "to_numpy") else array
    is_moment = getattr(getattr(array, "dtype", None), "kind", "") == "M"
    return (array.astype(str) if is_moment else array).tolist()


SPELLINGS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (Enum, lambda member: member.value),
    (BBox | Link, lambda value: value.to_json()),
    (datetime | date | time, lambda moment: moment.isoformat()),
    (timedelta, _duration),
    (bytes | bytearray | memoryview, lambda content: base64.b64encode(content).decode()),
)
"""How values that JSON has no word for are spelled."""
DUCKS: Mapping[str, Callable[[Any], Any]] = {
    "__dataclass_fields__": _members,
    "model_dump": lambda model: model.model_dump(mode="json"),  # pydantic's
    "to_numpy": _listed,  # xarray's and pandas'
    "tolist": _listed,  # numpy's
}
"""The same for values known by an attribute, so that nobody imports their library."""


def kind_of_value(cls: type) -> Kind:
    """The kind of values of a class or of one it derives from."""
    for each in cls.__mro__:
        kind = formats.kind_of(formats.type_name(each))
        if kind is not Kind.VALUE:
            return kind
    return Kind.VALUE
