"""What a caller sends: an execute request, read, checked against the description, and made ready to run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn

from mooring import formats
from mooring.formats import Kind

from mooring_processes.errors import InputError
from mooring_processes.execution import Request
from mooring_processes.ogc import vocabulary as ogc
from mooring_processes.ogc.descriptions import media_types, type_of
from mooring_processes.ogc.errors import Problem

if TYPE_CHECKING:
    from mooring_processes.catalogue import Entry
    from mooring_processes.ogc.inputs import Checker


class Shape(StrEnum):
    """The standard's two shapes of an answer."""

    RAW = "raw"
    DOCUMENT = "document"


class Transmission(StrEnum):
    """How an output travels."""

    VALUE = "value"
    REFERENCE = "reference"


@dataclass(frozen=True)
class Answer:
    """How the caller wants the answer."""

    shape: Shape = Shape.RAW
    transmissions: Mapping[str, Transmission] = field(default_factory=dict)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Answer:
        """Read what :meth:`to_json` wrote."""
        transmissions = {name: Transmission(way) for name, way in document["transmissions"].items()}
        return cls(Shape(document["shape"]), transmissions)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, kept with the job."""
        return {"shape": self.shape, "transmissions": dict(self.transmissions)}


@dataclass(frozen=True)
class Order:
    """An execute request that was read and found good."""

    request: Request
    answer: Answer


def read_order(body: bytes, entry: Entry, checker: Checker, accept: str) -> Order:
    """Read the body of an execute request for a process.

    Raises
    ------
    InputError
        for an input that is missing, unknown or not what its schema takes.
    Problem
        for anything else that is wrong with the request.
    """
    return order_of(_read_json(body), entry, checker, accept)


def order_of(document: Mapping[str, Any], entry: Entry, checker: Checker, accept: str) -> Order:
    """Check an execute request that is parsed already; it raises what :func:`read_order` raises."""
    inputs = _member(document, "inputs")
    outputs = _member(document, "outputs")
    if document.get("subscriber") is not None:
        raise Problem(400, ogc.INVALID_PARAMETER, "subscriber: this service sends no callbacks; follow the job instead")
    checker.check(inputs)
    wanted, transmissions = _read_outputs(outputs, entry, accept)
    request = Request(entry.id, inputs, wanted)
    return Order(request, Answer(_read_shape(document), transmissions))


def _read_json(body: bytes) -> dict[str, Any]:
    if not body.strip():
        raise _malformed("the body is empty; it takes a JSON object with 'inputs'")
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except InputError as error:
        raise _malformed(error.detail) from error
    except (ValueError, RecursionError) as error:
        raise _malformed("the body is not JSON; it takes a JSON object with 'inputs'") from error
    if not isinstance(document, dict):
        raise _malformed("the body is not a JSON object; it takes {'inputs': {...}, 'outputs': {...}}")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise InputError(f"the body holds {name}, which is not JSON; leave the value out or send null")


def _malformed(detail: str) -> Problem:
    return Problem(400, ogc.INVALID_PARAMETER, detail)


def _member(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _malformed(f"{name!r} is not a JSON object; it takes one member for each of the {name}")
    return value


def _read_shape(document: Mapping[str, Any]) -> Shape:
    wanted = document.get("response", Shape.RAW)
    if wanted not in set(Shape):
        raise _malformed(f"response: {wanted!r} is neither 'raw' nor 'document'")
    return Shape(wanted)


def _read_outputs(
    outputs: Mapping[str, Any], entry: Entry, accept: str
) -> tuple[dict[str, str], dict[str, Transmission]]:
    """Media type and transmission by output; no outputs named means all of them."""
    offered: Mapping[str, Any] = entry.description["outputs"]
    for name in outputs:
        if name not in offered:
            known = ", ".join(offered)
            raise Problem(400, ogc.NO_SUCH_OUTPUT, f"there is no output {name!r}; {entry.id} has {known}")
    chosen = outputs or {name: {} for name in offered}
    negotiable = accept if len(chosen) == 1 else ""
    wanted, transmissions = {}, {}
    for name in (name for name in offered if name in chosen):
        wish = chosen[name] or {}
        if not isinstance(wish, dict):
            raise _malformed(f"outputs: {name}: takes an object such as {{'format': {{'mediaType': ...}}}}")
        wanted[name] = _media_type(name, offered[name], wish, negotiable)
        transmissions[name] = _transmission(name, wish)
    return wanted, transmissions


def _transmission(name: str, wish: Mapping[str, Any]) -> Transmission:
    way = wish.get("transmissionMode", Transmission.VALUE)
    if way not in set(Transmission):
        raise _malformed(f"outputs: {name}: transmissionMode {way!r} is neither 'value' nor 'reference'")
    return Transmission(way)


def _media_type(name: str, described: Mapping[str, Any], wish: Mapping[str, Any], accept: str) -> str:
    """The media type an output is written in: asked for in the body, else by Accept, else the first offered."""
    kind = formats.kind_of(type_of(described))
    offered = media_types(described)
    stated = wish.get("format") or {}
    asked = stated.get("mediaType") if isinstance(stated, dict) else None
    if asked is not None:
        return _offered(name, kind, str(asked), offered)
    for part in accept.split(","):
        wanted = part.split(";q=")[0].strip()
        for each in offered:
            if wanted and _bare(wanted) == _bare(each):
                return each
    return offered[0]


def _offered(name: str, kind: Kind, asked: str, offered: list[str]) -> str:
    if kind in (Kind.GRID, Kind.FEATURES, Kind.TABLE):
        try:
            found = formats.find(kind, asked).media_type
        except ValueError:
            found = ""
        if found in offered:
            return found
    for each in offered:
        if _bare(each) == _bare(asked):
            return each
    raise _malformed(f"outputs: {name}: {asked!r} is not a format it is written in; it takes {', '.join(offered)}")


def _bare(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()
