"""The answer to a finished job: raw or document, by value or by reference, one output or several."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, BinaryIO

from flask import Response
from moorage.values import BBox

from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.requests.execute_request import ResponseForm, ResponseShape, Transmission
from moorage_processes.ogc.requests.negotiation import ReturnPreference
from moorage_processes.ogc.responses.headers import add_profile, seal
from moorage_processes.ogc.responses.ranges import SentFile, file_answer

if TYPE_CHECKING:
    from collections.abc import Container

    from moorage_processes.execution.request import Artefact
    from moorage_processes.jobs.files.artefacts import ArtefactFiles
    from moorage_processes.jobs.job import Job
    from moorage_processes.ogc.requests.negotiation import Negotiation

INLINE = 1_000_000
"""Bytes above which a value in a document becomes a link."""
WHOLE = 50_000_000
"""The same where the caller prefers to have everything in the answer itself."""
BLOCK = 1 << 16


@dataclass(frozen=True)
class WantedForm:
    """The form in which a request wants results, where the execute request left it open."""

    html: bool = False
    json: bool = False
    """Whether it asks for JSON by name."""
    profile: bool = False
    """Whether it asks for the profile of results documents (draft 2.0)."""
    returns: ReturnPreference | None = None

    @classmethod
    def of(cls, asked: Negotiation, *, has_pages: bool = True) -> WantedForm:
        """What a request wants.

        Parameters
        ----------
        asked : what it says of that.
        has_pages : whether it may want a page.
        """
        return cls(
            html=has_pages and asked.wants_html,
            json=asked.names_json,
            profile="ogc-results" in asked.profiles,
            returns=asked.preferences.returns,
        )


@dataclass(frozen=True)
class Results:
    """The published outputs of one job.

    Parameters
    ----------
    job : a successful one.
    artefact_files : its files.
    base : URL of the service.
    """

    job: Job
    artefact_files: ArtefactFiles
    base: str

    def only(self, outputs: Container[str]) -> Results:
        """The same with some of the outputs."""
        kept = tuple(each for each in self.job.artefacts if each.output in outputs)
        wanted = {name: each for name, each in self.job.request.outputs.items() if name in outputs}
        return replace(self, job=replace(self.job, artefacts=kept, request=replace(self.job.request, outputs=wanted)))

    def answer(self, form: WantedForm) -> Response:
        """The HTTP answer in the shape the execute request asked for; where it did not, in that of *form*."""
        artefacts = self.job.artefacts
        if not self.job.request.outputs:
            return _no_content()
        if self._is_document(form):
            return self.document(form)
        if all(self._transmission(each) is Transmission.REFERENCE for each in artefacts):
            return self._links(artefacts)
        if self._is_single:
            return self.output(artefacts[0])
        return self._multipart(artefacts, [each for each in artefacts if self._is_reference(each)])

    def holds_links(self, form: WantedForm) -> bool:
        """Whether the answer leads to files, here or at a site, so that the job must be kept."""
        if any(self._is_reference(each) for each in self.job.artefacts):
            return True
        return self._is_document(form) and any(each.size > self._most(form) for each in self.job.artefacts)

    def document(self, form: WantedForm) -> Response:
        """results.yaml: output id to value, qualified value or link."""
        response = Response(json.dumps(self._members(form)), content_type=ogc.JSON)
        if form.profile:
            add_profile(response, ogc.PROFILE_RESULTS)
        if form.returns is not None:
            response.headers["Preference-Applied"] = f"return={form.returns}"
        return response

    @cached_property
    def _wish(self) -> ResponseForm:
        return ResponseForm.from_json(self.job.answer)

    @property
    def _is_single(self) -> bool:
        return len(self.job.artefacts) == 1 and len(self.job.request.outputs) == 1

    def _is_document(self, form: WantedForm) -> bool:
        """Draft 2.0 has several outputs in JSON where JSON is asked for; 1.0 goes by the execute request alone."""
        if form.profile or self._wish.shape is ResponseShape.DOCUMENT:
            return True
        return self._wish.shape is None and form.json and not self._is_single

    def _is_reference(self, artefact: Artefact) -> bool:
        """What stayed at its site is not carried through here."""
        return artefact.href is not None or self._transmission(artefact) is Transmission.REFERENCE

    def _transmission(self, artefact: Artefact) -> Transmission | None:
        return self._wish.transmissions.get(artefact.output)

    def _most(self, form: WantedForm) -> int:
        """Bytes of a value above which it becomes a link."""
        return WHOLE if (form.returns or self._wish.returns) is ReturnPreference.REPRESENTATION else INLINE

    def _members(self, form: WantedForm) -> dict[str, Any]:
        return {each.output: self._member(each, form) for each in self.job.artefacts}

    def output(self, artefact: Artefact) -> Response:
        """One output as it is, with ranges, ETag and Content-Length; or the way to it where it stayed at its site."""
        if artefact.href is not None:
            return self._led_to(artefact.href, artefact)
        if artefact.file is None:
            return seal(Response(json.dumps(artefact.value), content_type=artefact.media_type))
        source = SentFile(
            partial(self.artefact_files.open, artefact.file), artefact.size, self.artefact_files.path(artefact.file)
        )
        response = file_answer(source, artefact.media_type, self._etag(artefact))
        response.headers["Content-Disposition"] = f'inline; filename="{artefact.file}"'
        return seal(response)

    def link(self, artefact: Artefact) -> Response | None:
        """The way to where an output lies, where anybody may fetch it there; None where only this service may."""
        link = self.artefact_files.link(artefact.file, artefact.media_type) if artefact.file is not None else None
        return None if link is None else self._led_to(link, artefact)

    def _led_to(self, link: str, artefact: Artefact) -> Response:
        response = Response(status=303, headers={"Location": link, "Cache-Control": "no-store"})
        response.set_etag(self._etag(artefact))
        return response

    def _etag(self, artefact: Artefact) -> str:
        return f"{self.job.id}-{self.job.attempt}-{artefact.output}"

    def href(self, artefact: Artefact) -> str:
        """Where one output is found as long as its job lives."""
        return f"{self.base}/jobs/{self.job.id}/results/{artefact.output}"

    def _member(self, artefact: Artefact, form: WantedForm) -> Any:
        if self._is_reference(artefact) or artefact.size > self._most(form):
            return {"href": self.href(artefact), "type": artefact.media_type}
        if artefact.file is None:
            return _in_document(artefact.value)
        content = self.artefact_files.read(artefact.file)
        if _is_json(artefact.media_type):
            return {"value": json.loads(content), "mediaType": artefact.media_type}
        if artefact.media_type.startswith("text/"):
            return {"value": content.decode(), "mediaType": artefact.media_type}
        text = base64.b64encode(content).decode()
        return {"value": text, "mediaType": artefact.media_type, "encoding": "base64"}

    def _links(self, artefacts: tuple[Artefact, ...]) -> Response:
        response = _no_content()
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

        # RFC 2387 wants the type of the first part told
        stated = f'multipart/related; boundary={boundary}; type="{artefacts[0].media_type.partition(";")[0]}"'
        return seal(Response(parts(), content_type=stated))

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
        return _blocks(self.artefact_files.open(artefact.file))


def _no_content() -> Response:
    """204, which has no content and so no media type."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while block := file.read(BLOCK):
            yield block


def _in_document(value: Any) -> Any:
    """A value in results.yaml: an object other than a bounding box stands as a qualified value."""
    return {"value": value} if isinstance(value, dict) and not _is_box(value) else value


def _is_box(value: Mapping[str, Any]) -> bool:
    try:
        BBox.from_json(value)
    except ValueError:
        return False
    return value.keys() <= {"bbox", "crs"}


def _is_json(media_type: str) -> bool:
    bare = media_type.partition(";")[0]
    return bare == ogc.JSON or bare.endswith("+json")
