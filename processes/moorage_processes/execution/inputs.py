"""Read the inputs of one call: decoded, fetched, opened, validated."""

from __future__ import annotations

import json
import logging
import mimetypes
import re
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from moorage import formats
from moorage.formats import Kind, unpacked

from moorage_processes.data import datasets, opening, remote
from moorage_processes.errors import InputError, TooLargeError
from moorage_processes.execution.given import DATA, HEAD, Reference, Selection, Value, content_of, read_given
from moorage_processes.network.fetch import Policy, fetch
from moorage_processes.network.range_reader import UnrangedError

if TYPE_CHECKING:
    from moorage_processes.authoring.parameters import Input
    from moorage_processes.data.datasets import Datasets


LOGGER = logging.getLogger(__name__)


PATH_TYPE = "pathlib.Path"
SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}")
"""Others that a URL may end with lead nowhere, or mean nothing to a library."""


class InputReader:
    """Where the inputs of one call are unpacked.

    Parameters
    ----------
    datasets : what a bare string may mean.
    policy : from where an href may be fetched.
    directory : where fetched files may lie while the call lasts.
    stack : closes and removes what was opened, when the call ends.
    """

    def __init__(self, datasets: Datasets, policy: Policy, directory: Path, stack: ExitStack) -> None:
        self._datasets = datasets
        self._policy = policy
        self._directory = directory
        self._stack = stack

    def receive(self, declared: Input, value: Any) -> Any:
        """The Python value of one input, all its occurrences."""
        if not declared.many:
            return self._one(declared, value)
        return [self._one(declared, item) for item in (value if isinstance(value, list) else [value])]

    def _one(self, declared: Input, value: Any) -> Any:
        match read_given(declared.id, value, declared.kind):
            case Reference() as link:
                return self._by_reference(declared, link)
            case Selection(members):
                return self._selected(declared, members)
            case Value(plain, media_type) if declared.kind not in DATA:
                return self._no_dataset(declared, plain, media_type)
            case Value(str() as text, media_type, is_qualified):
                return self._by_text(declared, text, media_type, is_qualified=is_qualified)
            case Value(document, media_type):
                return self._by_content(declared, json.dumps(document).encode(), media_type)

    def _no_dataset(self, declared: Input, value: Any, media_type: str | None) -> Any:
        """What can only be in the request itself."""
        if declared.kind is Kind.ARRAY and isinstance(value, str):
            return self._by_content(declared, _decoded(declared, value), media_type)
        content = declared.decode_value(value)
        if content is None or declared.type_name != PATH_TYPE:
            return content
        path = self._scratch(_suffix(declared, media_type))
        path.write_bytes(content)
        return path

    def _by_text(self, declared: Input, text: str, media_type: str | None, *, is_qualified: bool) -> Any:
        """A bare string: a dataset id where one matches, otherwise base64 known by its first bytes."""
        found = None if is_qualified else self._datasets.find(text, declared.kind)
        if found is not None:
            return self._dataset(declared, *found, {})
        try:
            content = content_of(text)
        except ValueError as error:
            raise InputError(self._datasets.missing(declared.id, text, declared.kind), input=declared.id) from error
        return self._by_content(declared, content, media_type)

    def _by_content(self, declared: Input, content: bytes, media_type: str | None) -> Any:
        path = self._scratch()
        path.write_bytes(content)
        return self._read(declared, path, media_type)

    def _by_reference(self, declared: Input, link: Reference) -> Any:
        form = remote.form_of(link.href, link.media_type) if declared.kind is Kind.GRID else None
        if form is not None:
            try:
                return self._linked(declared, link.href, form)
            except UnrangedError:
                LOGGER.info("%s: the host gives no parts of it, so it is fetched whole", declared.id)
        path = self._scratch(_suffix(declared, link.media_type) or Path(urlsplit(link.href).path).suffix)
        stated = fetch(link.href, path, self._policy, declared.id)
        if declared.kind is Kind.BYTES:
            return path if declared.type_name == PATH_TYPE else path.read_bytes()
        if declared.kind in (*DATA, Kind.ARRAY):
            return self._read(declared, path, link.media_type or stated)
        return declared.decode_value(self._fetched_value(declared, path, link.media_type or stated))

    def _linked(self, declared: Input, href: str, form: remote.RemoteFormat) -> Any:
        """A grid that stays where it is, of which the method reads what it needs."""
        import xarray as xr  # noqa: PLC0415 - slow, and the supervisor carries none

        opened = remote.opened(href, form, self._policy, declared.id, declared.type_name)
        grid = self._stack.enter_context(opened)
        if declared.type_name == "xarray.Dataset" or not isinstance(grid, xr.Dataset):
            return grid
        variable = urlsplit(href).fragment or None
        return opening.variable_of(grid, variable, declared.id, how="'address#variable'")

    def _fetched_value(self, declared: Input, path: Path, media_type: str) -> Any:
        """The plain value in a fetched file: JSON, or for an input that is text the text itself."""
        is_text = media_type.partition(";")[0].strip().lower() == "text/plain"
        try:
            content = path.read_text(encoding="utf-8")
            return content if is_text and declared.schema.get("type") == "string" else json.loads(content)
        except (ValueError, RecursionError) as error:
            holds = "UTF-8 text" if is_text else "JSON"
            raise InputError(f"{declared.id}: the reference does not hold {holds}", input=declared.id) from error

    def _selected(self, declared: Input, selection: Mapping[str, Any]) -> Any:
        entry, variable = self._datasets.select(declared.id, selection, declared.kind)
        return self._dataset(declared, entry, variable, selection)

    def _dataset(
        self, declared: Input, entry: datasets.Dataset, variable: str | None, selection: Mapping[str, Any]
    ) -> Any:
        if declared.kind is Kind.FEATURES:
            return opening.open_features(entry)
        if declared.kind is Kind.TABLE:
            return opening.open_table(entry)
        from moorage_processes.data.selection import subset  # noqa: PLC0415 - arrays, and the supervisor carries none

        grid = self._stack.enter_context(opening.open_grid(entry))
        part = subset(grid, selection, declared.id)
        if declared.type_name == "xarray.Dataset":
            return part
        return opening.variable_of(part, variable, declared.id)

    def _read(self, declared: Input, path: Path, media_type: str | None) -> Any:
        """The value in a file, by the format it states or, failing that, by its first bytes."""
        with path.open("rb") as file:
            head = file.read(HEAD)
        fmt = formats.sniff(head, declared.kind) or _stated(declared, media_type)
        if fmt is None:
            known = ", ".join(each.media_type for each in formats.formats_of(declared.kind, writable=False))
            raise InputError(
                f"{declared.id}: this is neither a dataset nor content this service reads; it reads {known}",
                input=declared.id,
            )
        try:
            found = formats.read(path, fmt, declared.type_name)
            return found if declared.dtype is None else _as_type(found, declared.dtype)
        except ValueError as error:
            kind = TooLargeError if isinstance(error, unpacked.TooLargeError) else InputError
            raise kind(f"{declared.id}: {error}", input=declared.id) from error

    def _scratch(self, suffix: str = "") -> Path:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(dir=self._directory, prefix="input-"))
        return Path(folder) / f"content{suffix if SUFFIX.fullmatch(suffix) else ''}"


def _decoded(declared: Input, text: str) -> bytes:
    try:
        return content_of(text)
    except ValueError as error:
        raise InputError(f"{declared.id}: it takes a list of numbers, or base64", input=declared.id) from error


def _as_type(array: Any, dtype: str) -> Any:
    from moorage.formats.arrays import as_type  # noqa: PLC0415 - numpy, and only where an array comes in

    return as_type(array, dtype)


def _suffix(declared: Input, media_type: str | None) -> str:
    """How the name of a file ends that holds an input: libraries know its format by that."""
    stated = declared.schema.get("contentMediaType", "") if declared.kind is Kind.BYTES else ""
    for each in (media_type or "", stated):
        if found := mimetypes.guess_extension(each.partition(";")[0].strip().lower()):
            return found
    return ""


def _stated(declared: Input, media_type: str | None) -> formats.Format | None:
    try:
        return formats.find(declared.kind, media_type) if media_type else None
    except ValueError:
        return None
