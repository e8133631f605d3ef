"""One request, and what comes of it: values that travel between processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """One call of one process, as plain JSON."""

    process: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, str]
    """Output id to the media type wanted."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Request:
        """Read what :meth:`to_json` wrote."""
        return cls(**document)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the store and for a child process."""
        return {"process": self.process, "inputs": self.inputs, "outputs": self.outputs}


@dataclass(frozen=True)
class Artefact:
    """One output of one call: a file in the attempt's directory, a small JSON value, or a file that is at a site."""

    output: str
    media_type: str
    file: str | None
    value: Any
    size: int
    """Bytes of the file, or of the value as JSON."""
    href: str | None = None
    """Where the file is found that stayed at the site which made it."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Artefact:
        """Read what :meth:`to_json` wrote."""
        return cls(**document)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the store and between processes."""
        document = {name: getattr(self, name) for name in ("output", "media_type", "file", "value", "size")}
        return document if self.href is None else {**document, "href": self.href}


@dataclass(frozen=True)
class Failure:
    """Why a call gave no result, in words for the caller."""

    reason: str
    """``input`` (the caller can mend it), ``size`` (too large an input), ``error`` (the method raised), ``crashed``,
    ``timeout``, ``memory``, ``storage`` (there was no place for its results), ``lost``, ``waited`` (for a site that was
    away), ``cluster`` (what it computes on is away) or ``interrupted``."""
    detail: str
    input: str | None = None
    reference: str | None = None
    """A number found again in the log of the job."""
    kind: str | None = None
    """Name of the author's own class of error, where the method raised a subclass of ``InputError``."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Failure:
        """Read what :meth:`to_json` wrote."""
        return cls(**document)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the store and between processes; earlier versions do not know ``kind``."""
        document = asdict(self)
        return document if self.kind is not None else {name: document[name] for name in document if name != "kind"}


class ExecutionFailed(Exception):  # noqa: N818 - it carries the failure, it is not a kind of error
    """A call that ended without a result."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure
