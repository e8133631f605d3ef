"""The outputs in an answer, in whichever of the standard's shapes they come.

A value alone, a document of values and links, several parts, or nothing but links in the headers; and, from an
unmodified pygeoapi, shapes of its own.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from requests.utils import parse_header_links
from urllib3.exceptions import HTTPError

from moorage.connection import document, is_json
from moorage.description import FORMATTED, Described, format_of
from moorage.download import Report, Source, blocks, load, save
from moorage.errors import ResultError, UnreachableError
from moorage.formats import Kind
from moorage.inputs import QUALIFIED
from moorage.multipart import split
from moorage.order import Shape, Wish
from moorage.transport import JSON

if TYPE_CHECKING:
    from pathlib import Path

    from requests import Response

    from moorage.scratch import Scratch

NO_CONTENT = 204


@dataclass(frozen=True)
class Received:
    """One output as it came: a JSON value, or content in a file."""

    media_type: str
    value: Any = None
    path: Path | None = None


@dataclass(frozen=True)
class Receiver:
    """Takes the outputs of one execution out of an answer.

    Parameters
    ----------
    wish : what was asked for.
    scratch : where content is put.
    report : told how much has arrived.
    """

    wish: Wish
    scratch: Scratch
    report: Report

    @property
    def _offered(self) -> Mapping[str, Described]:
        return self.wish.description.outputs

    @property
    def _only(self) -> str | None:
        """The id of the output, if a single one will come."""
        return self.wish.chosen[0] if len(self.wish.chosen) == 1 else None

    @property
    def _is_bare(self) -> bool:
        """Whether the answer is the only output, by the word of a service that keeps it."""
        return self.wish.shape is Shape.RAW and self.wish.description.is_moored

    def receive(self, response: Response, source: Source) -> dict[str, Received]:
        """The outputs in an answer, by id, in the order of the description.

        Raises
        ------
        ResultError
            if the answer holds something else.
        UnreachableError
            if it breaks off and cannot be had again.
        """
        found = self._parts(response, source)
        return {each: found[each] for each in self._offered if each in found}

    def _parts(self, response: Response, source: Source) -> dict[str, Received]:
        media_type = response.headers.get("Content-Type", "")
        if response.status_code == NO_CONTENT:
            return self._linked(response, source)
        if media_type.lower().startswith("multipart/"):
            return self._split(response, media_type, source)
        if is_json(response) and not self._is_file(media_type):
            return self._members(document(response, load(response, source)), media_type, source)
        output = self._output_of(media_type)
        return {output: self._saved(response, source)}

    # -- the four shapes ------------------------------------------------------------------------------------

    def _linked(self, response: Response, source: Source) -> dict[str, Received]:
        """One ``Link`` header for each output."""
        relations = ("monitor", "self", "up")
        links = [
            each for each in parse_header_links(response.headers.get("Link", "")) if each.get("rel") not in relations
        ]
        named = {link["rel"]: link for link in links if link.get("rel") in self._offered}
        if not named:  # they are named otherwise; their order must tell
            named = dict(zip(self.wish.chosen, links, strict=False))
        return {
            output: self._fetched(link["url"], link.get("type"), source, response.url) for output, link in named.items()
        }

    def _split(self, response: Response, media_type: str, source: Source) -> dict[str, Received]:
        found = {}
        try:
            parts = split(blocks(response), media_type, self.scratch.path)
        except HTTPError as error:
            raise UnreachableError(f"the answer breaks off: {error}") from error
        for part in parts:
            if part.location:
                found[part.id] = self._fetched(part.location, part.media_type, source, response.url)
            else:
                found[part.id] = Received(part.media_type, path=part.path)
        return found

    def _members(self, value: Any, media_type: str, source: Source) -> dict[str, Received]:
        """A JSON document: one value, or values by output id."""
        if self._is_bare and self._only:
            return {self._only: Received(media_type, value)}
        for found in (value, _as_pygeoapi_has_them(value)):
            if isinstance(found, Mapping) and found and found.keys() <= self._offered.keys():
                return {name: self._member(name, each, source) for name, each in found.items()}
        if self._only:
            return {self._only: Received(media_type, value)}
        if value == {}:
            return {}
        raise ResultError(f"the answer is JSON, but not the outputs {', '.join(self.wish.chosen)} by name")

    def _member(self, name: str, member: Any, source: Source) -> Received:
        """One member of a results document: a value, a qualified value, or a link."""
        described = self._offered[name]
        media_type = described.media_types[0] if described.media_types else JSON
        if isinstance(member, Mapping):
            if "href" in member:
                return self._fetched(member["href"], member.get("type"), source, None)
            if "value" in member and member.keys() <= QUALIFIED:
                stated = member.get("mediaType") or (member.get("format") or {}).get("mediaType") or media_type
                return self._inline(name, member["value"], stated, encoding=member.get("encoding", ""))
        return self._inline(name, member, media_type, encoding=_encoding(described))

    def _inline(self, name: str, value: Any, media_type: str, encoding: str) -> Received:
        if not isinstance(value, str):
            return Received(media_type, value)
        path = self.scratch.path()
        if encoding == "base64":
            try:
                path.write_bytes(base64.b64decode(value, validate=True))
            except ValueError as error:
                raise ResultError(f"the output {name!r} is said to be base64, but is not") from error
            return Received(media_type, path=path)
        if media_type.startswith("text/"):
            path.write_text(value, encoding="utf-8")
            return Received(media_type, path=path)
        return Received(media_type, value)

    # -- content --------------------------------------------------------------------------------------------

    def _fetched(self, href: str, media_type: str | None, source: Source, seen_at: str | None) -> Received:
        connection = source.connection
        accept = f"{media_type}, */*;q=0.5" if media_type else "*/*"
        there = Source(connection, connection.address(href, seen_at or source.url), accept)
        return self._saved(there.open(), there, media_type)

    def _saved(self, response: Response, source: Source, media_type: str | None = None) -> Received:
        path = self.scratch.path()
        save(response, source, path, self.report)
        return Received(response.headers.get("Content-Type") or media_type or "", path=path)

    def _is_file(self, media_type: str) -> bool:
        """Whether JSON is the content of the only output, not a document about outputs."""
        if self.wish.shape is Shape.DOCUMENT or not self._only:
            return False
        if self._is_bare:
            return self._offered[self._only].kind in (*FORMATTED, Kind.BYTES)
        return format_of(media_type) is not None

    def _output_of(self, media_type: str) -> str:
        """Which output content of a media type is, where the answer does not say."""
        if self._only:
            return self._only
        bare = media_type.partition(";")[0]
        for each in self.wish.chosen:
            if any(bare == stated.partition(";")[0] for stated in self._offered[each].media_types):
                return each
        raise ResultError(f"the answer is {media_type}, which is none of the outputs {', '.join(self.wish.chosen)}")


def _as_pygeoapi_has_them(value: Any) -> dict[str, Any]:
    """Outputs as in ``{"id": "echo", "value": ...}``, or a list of such under ``outputs``."""
    if isinstance(value, Mapping) and isinstance(value.get("outputs"), list):
        value = value["outputs"]
    entries = value if isinstance(value, list) else [value]
    if not all(isinstance(each, Mapping) and each.keys() == {"id", "value"} for each in entries):
        return {}
    return {str(each["id"]): each["value"] for each in entries}


def _encoding(described: Described) -> str:
    """How text stands for content in an output without a word about it."""
    first = described.alternatives[0]
    is_binary = first.get("format") in ("byte", "binary") or first.get("contentEncoding") in ("base64", "binary")
    return "base64" if is_binary else ""
