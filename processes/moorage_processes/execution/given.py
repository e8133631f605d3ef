"""One occurrence of an input in the forms that callers give it: a value, content, a reference, part of a dataset."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moorage.formats import Kind

from moorage_processes.errors import InputError

DATA = frozenset({Kind.GRID, Kind.FEATURES, Kind.TABLE})
"""What may be a dataset, or content of a file."""
HEAD = 64
"""Bytes of a file that tell its format."""
HEAD_LETTERS = 4 * -(-HEAD // 3)
"""As many in base64."""


@dataclass(frozen=True)
class Reference:
    """A link: it lies elsewhere."""

    href: str
    media_type: str | None
    """What the link says of it."""


@dataclass(frozen=True)
class Selection:
    """Part of a dataset of this service."""

    members: Mapping[str, Any]


@dataclass(frozen=True)
class Value:
    """It stands in the request."""

    value: Any
    media_type: str | None = None
    """What is said of it beside it, or as some clients do inside ``format``."""
    is_qualified: bool = False
    """Whether it is the ``value`` of an object: then it is content, and no name of a dataset."""


def read_given(name: str, value: Any, kind: Kind) -> Reference | Selection | Value:
    """Tell in which form the input *name* of a kind is given.

    Raises
    ------
    InputError
        where a reference states something that is not text.
    """
    if not isinstance(value, dict):
        return Value(value)
    if "href" in value:
        return _reference(name, value)
    if "value" in value:
        return Value(value["value"], _media_type(value), is_qualified=True)
    if kind in DATA and "collection" in value:
        return Selection(value)
    return Value(value)


def _reference(name: str, link: Mapping[str, Any]) -> Reference:
    href, media_type = link["href"], link.get("type")
    if not isinstance(href, str):
        raise InputError(f"{name}: href: {str(href)[:80]} is not a URL", input=name)
    if not isinstance(media_type, str | None):
        raise InputError(f"{name}: type: {str(media_type)[:80]} is not a media type such as 'image/tiff'", input=name)
    return Reference(href, media_type)


def content_of(text: str) -> bytes:
    """The content that base64 stands for; ValueError where it is none."""
    return base64.b64decode(text, validate=True)


def head_of(text: str) -> bytes:
    """The first bytes of such content, by which its format is known."""
    return content_of(text[:HEAD_LETTERS])


def _media_type(qualified: Mapping[str, Any]) -> str | None:
    stated = qualified.get("format")
    media_type = qualified.get("mediaType") or (stated.get("mediaType") if isinstance(stated, dict) else None)
    return None if media_type is None else str(media_type)
