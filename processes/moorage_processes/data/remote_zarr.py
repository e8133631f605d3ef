"""Zarr stores behind a link: one request for each chunk that is needed, and no codec that runs what it reads."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

from moorage.formats import FormatError
from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest

from moorage_processes.network.range_reader import MISSING, PARTIAL, WHOLE, RangeAnswer, RangeReader

if TYPE_CHECKING:
    from zarr.core.buffer import Buffer, BufferPrototype

METADATA = frozenset({"zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata"})
CODECS = frozenset({
    "adler32", "astype", "bitround", "blosc", "bytes", "bz2", "crc32", "crc32c", "delta", "endian", "fixedscaleoffset",
    "fletcher32", "gzip", "jenkins_lookup3", "lz4", "lzma", "packbits", "pcodec", "quantize", "sharding_indexed",
    "shuffle", "transpose", "vlen-bytes", "vlen-utf8", "zfpy", "zlib", "zstd",
})  # fmt: skip
"""Codecs that only turn numbers into bytes. That named pickle runs code which the store holds."""
LINK = re.compile(rb"""href=["']([^"'?#]+)["']""", re.IGNORECASE)


class LinkedStore(Store):
    """A store behind a link, read only.

    Parameters
    ----------
    link : where it is.
    """

    @property
    def supports_writes(self) -> bool:
        """It is read only."""
        return False

    @property
    def supports_deletes(self) -> bool:
        """It is read only."""
        return False

    @property
    def supports_listing(self) -> bool:
        """What is beneath a key is found where the host shows it."""
        return True

    def __init__(self, link: RangeReader) -> None:
        super().__init__(read_only=True)
        self.link = link

    def __eq__(self, other: object) -> bool:
        """Whether it is the same store."""
        return isinstance(other, LinkedStore) and other.link is self.link

    def __hash__(self) -> int:
        """By what it is."""
        return id(self.link)

    def __reduce__(self) -> tuple[Any, ...]:
        """For a process that computes a part."""
        return type(self), (self.link,)

    def __str__(self) -> str:
        """No word of where it is."""
        return "a Zarr store"

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """The content of *key*; None where there is none."""
        content = await asyncio.to_thread(self._content, key, byte_range)
        return None if content is None else prototype.buffer.from_bytes(content)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """The content of several keys, or parts of it."""
        return list(await asyncio.gather(*(self.get(key, prototype, span) for key, span in key_ranges)))

    async def exists(self, key: str) -> bool:
        """Whether there is anything at *key*."""
        answer = await asyncio.to_thread(self.link.get, self.link.beneath(key), "bytes=0-0")
        return answer.status in (WHOLE, PARTIAL)

    def list(self) -> AsyncIterator[str]:
        """Nobody asks for all there is."""
        raise NotImplementedError

    def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Nobody asks for all there is."""
        raise NotImplementedError

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """The names directly beneath *prefix*, where the host shows them as a page of links."""
        for name in await asyncio.to_thread(self._names, prefix):
            yield name

    async def set(self, key: str, value: Buffer) -> None:
        """Refuse: it is read only."""
        raise NotImplementedError

    async def delete(self, key: str) -> None:
        """Refuse: it is read only."""
        raise NotImplementedError

    def _content(self, key: str, byte_range: ByteRequest | None) -> bytes | None:
        answer = self.link.get(self.link.beneath(key), _span(byte_range))
        is_metadata = key.rpartition("/")[2] in METADATA
        if answer.status in MISSING and (is_metadata or answer.status == 404):  # noqa: PLR2004 - not found
            return None  # and a chunk that may not be read is not a chunk of fill values
        if answer.status != (WHOLE if byte_range is None else PARTIAL):
            raise self.link.unexpected(answer)
        if is_metadata:
            _check_codecs(answer)
        return answer.content

    def _names(self, prefix: str) -> Iterator[str]:
        at = self.link.beneath(prefix.strip("/")).partition("?")[0].rstrip("/") + "/"
        answer = self.link.get(at)
        if answer.status != WHOLE:
            raise FormatError("its metadata is not consolidated, and its host does not list what it holds")
        base = unquote(at)
        found = (unquote(urlsplit(urljoin(at, each.decode("latin-1"))).path) for each in LINK.findall(answer.content))
        names = {path.removeprefix(base).split("/")[0] for path in found if path.startswith(base)}
        return iter(sorted(names - {""}))


def _span(byte_range: ByteRequest | None) -> str | None:
    match byte_range:
        case RangeByteRequest(start, end):
            return f"bytes={start}-{end - 1}"
        case OffsetByteRequest(offset):
            return f"bytes={offset}-"
        case SuffixByteRequest(suffix):
            return f"bytes=-{suffix}"
        case _:
            return None


def _check_codecs(answer: RangeAnswer) -> None:
    """Refuse metadata that names codecs other than the known ones."""
    try:
        document = json.loads(answer.content)
    except (ValueError, RecursionError) as error:
        raise FormatError("its metadata is not JSON") from error
    if unknown := sorted(set(_codecs(document)) - CODECS):
        raise FormatError(f"it is packed by {', '.join(unknown)}, which this service does not unpack")


def _codecs(document: Any) -> Iterator[str]:
    """The names of all codecs in a document of metadata, of either version of Zarr."""
    if isinstance(document, list):
        for each in document:
            yield from _codecs(each)
    if not isinstance(document, Mapping):
        return
    for key, value in document.items():
        if key in ("compressor", "filters", "codecs", "index_codecs"):
            yield from _named(value)
        yield from _codecs(value)  # attributes too: an array may be called so


def _named(value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str):
            yield each.removeprefix("numcodecs.")
        if isinstance(each, Mapping):
            yield from (str(each[key]).removeprefix("numcodecs.") for key in ("id", "name") if key in each)
