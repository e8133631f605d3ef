"""What a caller sends: an execute request, read, checked against the description, and made ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from moorage import formats
from moorage.formats import Kind

from moorage_processes.execution.request import Request
from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.descriptions import media_types, type_of
from moorage_processes.ogc.problems import Problem, shown
from moorage_processes.ogc.requests.json_text import JsonError, parsed
from moorage_processes.ogc.requests.negotiation import ReturnPreference

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Entry
    from moorage_processes.jobs.job import Callback
    from moorage_processes.ogc.requests.input_validation import InputValidator


class ResponseShape(StrEnum):
    """The standard's two shapes of an answer."""

    RAW = "raw"
    DOCUMENT = "document"


class Transmission(StrEnum):
    """How an output travels."""

    VALUE = "value"
    REFERENCE = "reference"


@dataclass(frozen=True)
class ResponseForm:
    """How the caller wants the answer."""

    shape: ResponseShape | None = None
    """None where the request does not say, as in draft 2.0: then the media type of the answer decides."""
    transmissions: Mapping[str, Transmission] = field(default_factory=dict)
    """Of the outputs for which the request says it."""
    returns: ReturnPreference | None = None
    """How much stands in the answer itself, for the other outputs."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ResponseForm:
        """Read what :meth:`to_json` wrote."""
        transmissions = {name: Transmission(way) for name, way in document["transmissions"].items()}
        shape, returns = document["shape"], document.get("returns")
        return cls(
            ResponseShape(shape) if shape else None, transmissions, ReturnPreference(returns) if returns else None
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, kept with the job."""
        return {"shape": self.shape, "transmissions": dict(self.transmissions), "returns": self.returns}


@dataclass(frozen=True)
class ResponseHeaders:
    """What the headers of an execute request say of the answer."""

    accept: str = ""
    returns: ReturnPreference | None = None
    is_draft: bool = False
    """Whether the caller speaks draft 2.0: then ``"outputs": {}`` means none, not all."""


@dataclass(frozen=True)
class ExecuteRequest:
    """An execute request that was read and found good."""

    request: Request
    answer: ResponseForm
    callbacks: tuple[Callback, ...] = ()
    """Who wants to be told how it goes."""


def order_of(
    document: Mapping[str, Any], entry: Entry, checker: InputValidator, signals: ResponseHeaders
) -> ExecuteRequest:
    """Check an execute request.

    Raises
    ------
    InputError
        for an input that is missing, unknown or not what its schema takes.
    Problem
        for anything else that is wrong with the request.
    """
    inputs = _member(document, "inputs") or {}
    outputs = _member(document, "outputs")
    checker.check(inputs)
    if not outputs and not (signals.is_draft and outputs is not None):
        outputs = {name: {} for name in entry.description["outputs"]}
    wanted, transmissions = _read_outputs(outputs or {}, entry, signals.accept)
    request = Request(entry.id, inputs, wanted)
    return ExecuteRequest(request, ResponseForm(_read_shape(document), transmissions, signals.returns))


def read_json(body: bytes) -> dict[str, Any]:
    """The body of an execute request, parsed.

    Raises
    ------
    Problem
        where it is not a JSON object.
    """
    if not body.strip():
        raise _malformed("the body is empty; it takes a JSON object with 'inputs'")
    try:
        document = parsed(body)
    except JsonError as error:
        raise _malformed(f"the body {error}; it takes a JSON object with 'inputs'") from error
    if not isinstance(document, dict):
        raise _malformed("the body is not a JSON object; it takes {'inputs': {...}, 'outputs': {...}}")
    return document


def _malformed(detail: str) -> Problem:
    return Problem(400, ogc.INVALID_PARAMETER, detail)


def _member(document: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    value = document.get(name)
    if value is not None and not isinstance(value, dict):
        raise _malformed(f"{name!r} is not a JSON object; it takes one member for each of the {name}")
    return value


def _read_shape(document: Mapping[str, Any]) -> ResponseShape | None:
    wanted = document.get("response")
    if wanted is None:
        return None
    if not isinstance(wanted, str) or wanted not in set(ResponseShape):
        raise _malformed(f"response: {shown(wanted)} is neither 'raw' nor 'document'")
    return ResponseShape(wanted)


def _read_outputs(
    outputs: Mapping[str, Any], entry: Entry, accept: str
) -> tuple[dict[str, str], dict[str, Transmission]]:
    """Media type, and transmission where it is said, by output."""
    described: Mapping[str, Any] = entry.description["outputs"]
    for name in outputs:
        if name not in described:
            known = ", ".join(described)
            raise Problem(400, ogc.NO_SUCH_OUTPUT, f"there is no output {shown(name)}; {entry.id} has {known}")
    negotiable = accept if len(outputs) == 1 else ""
    wanted, transmissions = {}, {}
    for name in (name for name in described if name in outputs):
        wish = {} if outputs[name] is None else outputs[name]
        if not isinstance(wish, dict):
            raise _malformed(f"outputs: {name}: takes an object such as {{'format': {{'mediaType': ...}}}}")
        wanted[name] = _media_type(name, described[name], wish, negotiable)
        if "transmissionMode" in wish:
            transmissions[name] = _transmission(name, wish["transmissionMode"])
    return wanted, transmissions


def _transmission(name: str, way: Any) -> Transmission:
    if not isinstance(way, str) or way not in set(Transmission):
        raise _malformed(f"outputs: {name}: transmissionMode {shown(way)} is neither 'value' nor 'reference'")
    return Transmission(way)


def _media_type(name: str, described: Mapping[str, Any], wish: Mapping[str, Any], accept: str) -> str:
    """The media type an output is written in: asked for in the body, else by Accept, else the first offered."""
    kind = formats.kind_of(type_of(described))
    supported = media_types(described)
    asked = _stated_media_type(name, wish.get("format"))
    if asked is not None:
        return _chosen(name, kind, asked, supported)
    for part in accept.split(","):
        wanted = part.split(";q=")[0].strip()
        for each in supported:
            if wanted and _bare(wanted) == _bare(each):
                return each
    return supported[0]


def _stated_media_type(name: str, stated: Any) -> str | None:
    """What ``format`` of an output says, where it says anything."""
    media_type = stated.get("mediaType") if isinstance(stated, dict) else stated
    if media_type is None or (isinstance(stated, dict) and isinstance(media_type, str)):
        return media_type
    raise _malformed(f"outputs: {name}: format: {shown(stated)} is not an object such as {{'mediaType': 'text/csv'}}")


def _chosen(name: str, kind: Kind, asked: str, supported: list[str]) -> str:
    if kind in (Kind.GRID, Kind.FEATURES, Kind.TABLE):
        try:
            found = formats.find(kind, asked).media_type
        except ValueError:
            found = ""
        if found in supported:
            return found
    for each in supported:
        if _bare(each) == _bare(asked):
            return each
    raise _malformed(
        f"outputs: {name}: {shown(asked)} is not a format it is written in; it takes {', '.join(supported)}"
    )


def _bare(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()
