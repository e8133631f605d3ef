"""The answer to a finished job: raw or document, by value or by reference, one output or several."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from flask import Response, send_file

from mooring_processes.ogc import vocabulary as ogc
from mooring_processes.ogc.requests import Answer, Shape, Transmission

if TYPE_CHECKING:
    from mooring_processes.execution import Artefact
    from mooring_processes.jobs.job import Job

INLINE = 1_000_000
"""Bytes above which a value in a document becomes a link."""
BLOCK = 1 << 16


@dataclass(frozen=True)
class Results:
    """The published outputs of one job.

    Parameters
    ----------
    job : a successful one.
    directory : where its files lie.
    base : URL of the service.
    """

    job: Job
    directory: Path
    base: str

    def answer(self) -> Response:
        """The HTTP answer in the shape the execute request asked for."""
        wish = Answer.from_json(self.job.answer)
        if wish.shape is Shape.DOCUMENT:
            return self.document()
        artefacts = self.job.artefacts
        by_reference = [each for each in artefacts if wish.transmissions.get(each.output) is Transmission.REFERENCE]
        if len(by_reference) == len(artefacts):
            return self._links(artefacts)
        if len(artefacts) == 1 and len(self.job.request.outputs) == 1:
            return self.output(artefacts[0])
        return self._multipart(artefacts, by_reference)

    def holds_links(self) -> bool:
        """Whether the answer leads back to files here, so that the job must be kept."""
        wish = Answer.from_json(self.job.answer)
        if Transmission.REFERENCE in wish.transmissions.values():
            return True
        return wish.shape is Shape.DOCUMENT and any(each.size > INLINE for each in self.job.artefacts)

    def document(self) -> Response:
        """results.yaml: output id to value, qualified value or link."""
        wish = Answer.from_json(self.job.answer)
        members = {each.output: self._member(each, wish) for each in self.job.artefacts}
        return Response(json.dumps(members), content_type=ogc.JSON)

    def output(self, artefact: Artefact) -> Response:
        """One output as it is, with ranges, ETag and Content-Length."""
        if artefact.file is None:
            return Response(json.dumps(artefact.value), content_type=artefact.media_type)
        response = send_file(
            self.directory / artefact.file,
            mimetype=artefact.media_type,
            conditional=True,
            etag=f"{self.job.id}-{self.job.attempt}-{artefact.output}",
            max_age=None,
        )
        response.headers["Content-Type"] = artefact.media_type  # as stored, without a charset
        response.headers["Content-Disposition"] = f'inline; filename="{artefact.file}"'
        return response

    def href(self, artefact: Artefact) -> str:
        """Where one output is found as long as its job lives."""
        return f"{self.base}/jobs/{self.job.id}/results/{artefact.output}"

    def _member(self, artefact: Artefact, wish: Answer) -> Any:
        by_reference = wish.transmissions.get(artefact.output) is Transmission.REFERENCE
        if by_reference or artefact.size > INLINE:
            return {"href": self.href(artefact), "type": artefact.media_type}
        if artefact.file is None:
            return _in_document(artefact.value)
        content = (self.directory / artefact.file).read_bytes()
        if _is_json(artefact.media_type):
            return {"value": json.loads(content), "mediaType": artefact.media_type}
        if artefact.media_type.startswith("text/"):
            return {"value": content.decode(), "mediaType": artefact.media_type}
        text = base64.b64encode(content).decode()
        return {"value": text, "mediaType": artefact.media_type, "encoding": "base64"}

    def _links(self, artefacts: tuple[Artefact, ...]) -> Response:
        response = Response(status=204)
        for each in artefacts:
            response.headers.add("Link", f'<{self.href(each)}>; rel="{each.output}"; type="{each.media_type}"')
        return response

    def _multipart(self, artefacts: tuple[Artefact, ...], by_reference: list[Artefact]) -> Response:
        """multipart/related (RFC 2387), streamed from files that may be removed once they are open."""
        boundary = secrets.token_hex(16)
        contents = {each.output: self._content(each) for each in artefacts if each not in by_reference}

        def parts() -> Iterator[bytes]:
            for each in artefacts:
                yield self._part_head(each, boundary, is_reference=each in by_reference)
                yield from contents.get(each.output, ())
                yield b"\r\n"
            yield f"--{boundary}--\r\n".encode()

        return Response(parts(), content_type=f"multipart/related; boundary={boundary}")

    def _part_head(self, artefact: Artefact, boundary: str, *, is_reference: bool) -> bytes:
        lines = [
            f"--{boundary}",
            f"Content-Type: {artefact.media_type}",
            f"Content-ID: {artefact.output}",
            f"Content-Length: {0 if is_reference else self._length(artefact)}",
        ]
        if is_reference:
            lines.append(f"Content-Location: {self.href(artefact)}")
        return "\r\n".join([*lines, "", ""]).encode()

    def _length(self, artefact: Artefact) -> int:
        return artefact.size if artefact.file is not None else len(json.dumps(artefact.value).encode())

    def _content(self, artefact: Artefact) -> Iterator[bytes]:
        if artefact.file is None:
            return iter([json.dumps(artefact.value).encode()])
        return _blocks((self.directory / artefact.file).open("rb"))


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while block := file.read(BLOCK):
            yield block


def _in_document(value: Any) -> Any:
    """A value in results.yaml: an object other than a bounding box stands as a qualified value."""
    if isinstance(value, dict) and "bbox" not in value:
        return {"value": value}
    return value


def _is_json(media_type: str) -> bool:
    bare = media_type.partition(";")[0]
    return bare == ogc.JSON or bare.endswith("+json")
