"""Outputs as values of Python, each of the type that its process promises."""

from __future__ import annotations

import base64
import json
import mimetypes
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moorage import formats
from moorage.description import FILES, PATH, USUAL_TYPES, Described, format_of
from moorage.errors import ResultError
from moorage.formats import Format, Kind
from moorage.values import BBox

if TYPE_CHECKING:
    from moorage.answers import Received
    from moorage.scratch import Scratch

DURATION = re.compile(r"(-?)P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?")
NAN = float("nan")


@dataclass(frozen=True)
class File:
    """A result in a format for looking at, or one that this client does not read; it goes when this object goes.

    Parameters
    ----------
    path : where it lies; :meth:`save` it to keep it.
    media_type : what it is.
    """

    path: Path
    media_type: str
    _scratch: Scratch

    def save(self, target: str | Path) -> Path:
        """Copy it to a file of your own."""
        return Path(shutil.copyfile(self.path, target))

    def read_bytes(self) -> bytes:
        """Its content."""
        return self.path.read_bytes()

    def __repr__(self) -> str:
        return f"<File {self.media_type}, {self.path.stat().st_size} bytes>"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """A picture, where it is one that a notebook shows."""
        shown = {"text/plain": repr(self)}
        if self.media_type in ("image/png", "image/jpeg"):
            shown[self.media_type] = base64.b64encode(self.read_bytes()).decode()
        elif self.media_type == "image/svg+xml":
            shown[self.media_type] = self.path.read_text(encoding="utf-8")
        return shown


class FilePath(type(Path())):  # type: ignore[misc]  # the class of paths is chosen by the system
    """The path of a result that is a file to its method too; the file goes when this object goes."""

    scratch: Scratch

    @classmethod
    def of(cls, path: Path, scratch: Scratch) -> FilePath:
        """The same path, which keeps the place of its file."""
        kept = cls(path)
        kept.scratch = scratch
        return kept


def keep(received: Received, name: str, directory: Path) -> Path:
    """Save one output as a file, named as the output and for its format."""
    if received.path is None:
        target = directory / _file_name(name, received.media_type, usual=".json")
        target.write_text(json.dumps(received.value), encoding="utf-8")
        return target
    return Path(shutil.move(received.path, directory / _file_name(name, received.media_type)))


def _file_name(name: str, media_type: str, usual: str = "") -> str:
    """What the file of an output is called, by its media type."""
    fmt = format_of(media_type)
    suffix = fmt.suffix if fmt else mimetypes.guess_extension(media_type.partition(";")[0].strip().lower())
    stem = re.sub(r"[^\w-]", "_", name)  # a service must not choose the folder
    return f"{stem}{suffix or usual}"


def decode(received: Received, described: Described, scratch: Scratch) -> Any:
    """One output as the value it stands for.

    Parameters
    ----------
    scratch : where its content lies.

    Raises
    ------
    ResultError
        if it is broken or not what the process promises.
    ImportError
        if the library for such data is not installed.
    """
    if received.path is not None:
        return _content(received, received.path, described, scratch)
    if described.kind in (*FILES, Kind.ARRAY, Kind.GEOMETRY):
        path = scratch.path(".json")
        path.write_text(json.dumps(received.value), encoding="utf-8")
        return _content(received, path, described, scratch)
    return _value(received.value, described)


def _content(received: Received, path: Path, described: Described, scratch: Scratch) -> Any:
    """The value in a file."""
    media_type = received.media_type.partition(";")[0].strip().lower()
    if described.type_name == PATH:
        return FilePath.of(path.rename(scratch.folder() / _file_name(described.id, received.media_type)), scratch)
    if described.kind is Kind.BYTES:
        return path.read_bytes()
    fmt = _format(described, received.media_type)
    if fmt is not None:
        name = described.type_name if described.kind is fmt.kind else USUAL_TYPES[fmt.name]
        try:
            return formats.read(path, fmt, name)
        except ValueError as error:
            raise ResultError(f"the output {described.id!r} cannot be read: {error}") from error
    if media_type == "application/json" or media_type.endswith("+json"):
        return _value(json.loads(path.read_bytes()), described)
    if media_type.startswith("text/"):
        return path.read_text(encoding="utf-8")
    return File(path, received.media_type, scratch)


def _format(described: Described, media_type: str) -> Format | None:
    """The format to read content by; None where it is not read but shown, or is no data."""
    if described.kind not in (*FILES, Kind.ARRAY, Kind.GEOMETRY):
        return format_of(media_type)
    try:
        fmt = formats.find(described.kind, media_type)
    except ValueError:
        return format_of(media_type)
    return fmt if fmt.readable else None


def _value(value: Any, described: Described) -> Any:
    """A JSON value as the Python value it stands for."""
    if described.kind is Kind.BBOX:
        try:
            return BBox.from_json(value)
        except (ValueError, AttributeError) as error:
            raise ResultError(f"the output {described.id!r} is not a bounding box: {error}") from error
    if described.kind is Kind.BYTES:
        return base64.b64decode(value) if isinstance(value, str) else json.dumps(value).encode()
    return _typed(value, described.schema)


def _typed(value: Any, schema: Mapping[str, Any]) -> Any:
    """A JSON value with its moments as moments, and what is missing among numbers as NaN."""
    if value is None:
        return NAN if schema.get("type") == "number" else None
    if isinstance(value, list) and "items" in schema:
        return [_typed(each, schema["items"]) for each in value]
    if isinstance(value, Mapping) and "properties" in schema:
        return {key: _typed(each, schema["properties"].get(key, {})) for key, each in value.items()}
    if isinstance(value, str) and schema.get("format") in _READERS:
        with suppress(ValueError):  # another service may mean something else by that format
            return _READERS[schema["format"]](value)
    return value


def _duration(text: str) -> timedelta:
    """An ISO 8601 duration without years and months, which have no fixed length."""
    match = DURATION.fullmatch(text)
    if match is None:
        raise ValueError(text)
    sign, *parts = match.groups()
    weeks, days, hours, minutes, seconds = (float(part or 0) for part in parts)
    length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -length if sign else length


_READERS: Mapping[str, Callable[[str], Any]] = {
    "date": date.fromisoformat,
    "date-time": datetime.fromisoformat,
    "time": time.fromisoformat,
    "duration": _duration,
}
