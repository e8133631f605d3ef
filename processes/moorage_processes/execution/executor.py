"""One call of one process: inputs in, function called, outputs out. It knows no HTTP and no queue."""

from __future__ import annotations

import base64
import json
import logging
import secrets
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from moorage import formats
from moorage.formats import Kind

from moorage_processes.authoring.progress import listening, progress
from moorage_processes.authoring.result_size import check_room, room
from moorage_processes.catalogue.catalogue import Catalogue, load_process
from moorage_processes.data import datasets, remote
from moorage_processes.data.datasets import Datasets
from moorage_processes.errors import ClusterAwayError, ClusterError, InputError
from moorage_processes.execution.dask_scheduling import Computing
from moorage_processes.network.fetch import Policy, fetch
from moorage_processes.network.range_reader import UnrangedError

if TYPE_CHECKING:
    from moorage_processes.authoring.decorator import Input, Output, Process

LOGGER = logging.getLogger(__name__)

INLINE = 1 << 16
"""JSON values up to this many bytes travel with the record of the job; larger ones become files."""
FULL = 1 << 20
"""Bytes that are left on a disk that is full."""
HEAD = 64
"""Bytes of a file that tell its format."""
OURS = "moorage_processes.methods."
"""How the modules of the methods that come with Moorage begin."""


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
    """``input`` (the caller can mend it), ``error`` (the method raised), ``crashed``, ``timeout``, ``memory``,
    ``storage`` (there was no place for its results), ``lost``, ``waited`` (for a site that was away), ``cluster`` (what
    it computes on is away) or ``interrupted``."""
    detail: str
    input: str | None = None
    reference: str | None = None
    """A number found again in the log of the job."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Failure:
        """Read what :meth:`to_json` wrote."""
        return cls(**document)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the store and between processes."""
        return asdict(self)


class ExecutionFailed(Exception):  # noqa: N818 - it carries the failure, it is not a kind of error
    """A call that ended without a result."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


class Workplace:
    """Where calls are executed: the methods, the datasets beside them, and from where hrefs may be fetched.

    Parameters
    ----------
    settings : plain JSON with ``catalogue`` and, where they are needed, ``datasets``, ``references``, ``computing`` and
        ``result_size`` [bytes].
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._catalogue = Catalogue.from_json(settings["catalogue"])
        self._datasets = Datasets.from_json(settings.get("datasets", {}))
        policy = settings.get("references")
        self._policy = Policy.from_json(policy) if policy else Policy(own="")
        computing = settings.get("computing")
        self._computing = Computing.from_json(computing) if computing else Computing.among(1)
        self._result_size: int | None = settings.get("result_size")
        addresses = [entry.address for entry in self._catalogue.values() if entry.address]
        self._roots = frozenset(each.root for each in addresses if each.root)

    def preload(self) -> None:
        """Import what is the same for all calls, our own methods too, before the processes that run them are forked."""
        self._computing.preload()
        for entry in self._catalogue.values():
            # an author's module may do at its import what no fork survives; ours do nothing
            if entry.address and entry.address.module.startswith(OURS):
                try:
                    load_process(entry.address)
                except Exception:
                    # a call of it tells its caller; the others go on
                    LOGGER.exception("%s is not preloaded", entry.address.name)

    def prepare(self) -> None:
        """Import all methods now, so that no call pays for it."""
        for entry in self._catalogue.values():
            load_process(entry.address)

    def execute(self, request: Request, directory: Path, report: Callable[[float, str], None]) -> tuple[Artefact, ...]:
        """Run one request, its outputs written into *directory*, its progress told to *report*.

        Raises
        ------
        ExecutionFailed
            with words for the caller; what she must not see went to the log.
        """
        process = load_process(self._catalogue[request.process].address)
        try:
            with (
                self._computing.at_work(request.process, self._roots) as bring_home,
                ExitStack() as stack,
                listening(report),
                room(self._result_size),
            ):
                desk = Desk(self._datasets, self._policy, directory, stack)
                arguments = {name: desk.receive(process.inputs[name], value) for name, value in request.inputs.items()}
                results = {name: bring_home(each) for name, each in process.call(arguments).items()}
                return self._write_outputs(process, request, results, directory)
        except InputError as error:
            raise ExecutionFailed(Failure("input", error.detail, input=error.input)) from error
        except ClusterError as error:
            LOGGER.warning("%s: %s: %s", request.process, error, error.__cause__)
            reason = "cluster" if isinstance(error, ClusterAwayError) else "crashed"
            raise ExecutionFailed(Failure(reason, f"the method {request.process!r} failed: {error}")) from error
        except Exception as error:  # whatever a method raises is its author's to read, not the caller's
            # libraries that write files raise as they please where the disk is full
            failure = not_stored if disk_usage(directory).free < FULL else logged_failure
            raise ExecutionFailed(failure(process.id, error)) from error

    def _write_outputs(
        self, process: Process, request: Request, results: Mapping[str, Any], directory: Path
    ) -> tuple[Artefact, ...]:
        """The outputs that were asked for; one that the method left at None is left out.

        What a method left for later is computed as it is written, and told as the last step there is.
        """
        wanted = [name for name in request.outputs if name in results]
        written = []
        for number, name in enumerate(wanted):
            with self._computing.at_home(progress, number, len(wanted)):
                written.append(_write_output(process.outputs[name], results[name], request.outputs[name], directory))
        return tuple(written)


def logged_failure(process: str, error: BaseException) -> Failure:
    """The failure of a process whose reason only its log tells, under a reference number."""
    reference = secrets.token_hex(4)
    LOGGER.error("%s failed, reference %s", process, reference, exc_info=error)
    detail = f"the method {process!r} failed; its operator finds the reason under reference {reference}"
    return Failure("error", detail, reference=reference)


def not_stored(process: str, error: BaseException) -> Failure:
    """The failure of a process whose results found no place, which is not its fault."""
    told = logged_failure(process, error)
    detail = f"the results of {process!r} could not be stored; the operator finds the reason under {told.reference}"
    return Failure("storage", detail, reference=told.reference)


def stated_media_type(qualified: Mapping[str, Any]) -> str | None:
    """The media type of a qualified value, stated beside it or, as some clients do, inside ``format``."""
    stated = qualified.get("format")
    media_type = qualified.get("mediaType") or (stated.get("mediaType") if isinstance(stated, dict) else None)
    return None if media_type is None else str(media_type)


class Desk:
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
        media_type = None
        if isinstance(value, dict):
            if "href" in value:
                return self._by_reference(declared, value)
            if "value" in value:
                media_type = stated_media_type(value)
                value = value["value"]
        if declared.kind not in (Kind.GRID, Kind.FEATURES, Kind.TABLE):
            return declared.decode_value(value)
        if isinstance(value, dict) and "collection" in value:
            return self._selected(declared, value)
        if isinstance(value, str):
            return self._by_text(declared, value, media_type)
        return self._by_content(declared, json.dumps(value).encode(), media_type)

    def _by_text(self, declared: Input, text: str, media_type: str | None) -> Any:
        """A bare string: a dataset id where one matches, otherwise base64 known by its first bytes."""
        found = self._datasets.find(text, declared.kind) if media_type is None else None
        if found is not None:
            return self._dataset(declared, *found, {})
        try:
            content = base64.b64decode(text, validate=True)
        except ValueError as error:
            raise InputError(self._datasets.missing(declared.id, text, declared.kind), input=declared.id) from error
        return self._by_content(declared, content, media_type)

    def _by_content(self, declared: Input, content: bytes, media_type: str | None) -> Any:
        path = self._scratch()
        path.write_bytes(content)
        return self._read(declared, path, media_type)

    def _by_reference(self, declared: Input, link: Mapping[str, Any]) -> Any:
        href = str(link["href"])
        form = remote.form_of(href, link.get("type")) if declared.kind is Kind.GRID else None
        if form is not None:
            try:
                return self._linked(declared, href, form)
            except UnrangedError:
                LOGGER.info("%s: the host gives no parts of it, so it is fetched whole", declared.id)
        path = self._scratch()
        stated = fetch(href, path, self._policy, declared.id)
        if declared.kind is Kind.BYTES:
            return path.read_bytes()
        if declared.kind in (Kind.GRID, Kind.FEATURES, Kind.TABLE):
            return self._read(declared, path, link.get("type") or stated)
        return declared.decode_value(self._fetched_value(declared, path, str(link.get("type") or stated)))

    def _linked(self, declared: Input, href: str, form: remote.Form) -> Any:
        """A grid that stays where it is, of which the method reads what it needs."""
        import xarray as xr  # noqa: PLC0415 - slow, and the supervisor carries none

        opened = remote.opened(href, form, self._policy, declared.id, declared.type_name)
        grid = self._stack.enter_context(opened)
        if declared.type_name == "xarray.Dataset" or not isinstance(grid, xr.Dataset):
            return grid
        variable = urlsplit(href).fragment or None
        return datasets.variable_of(grid, variable, declared.id, how="'address#variable'")

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
            return datasets.open_features(entry)
        if declared.kind is Kind.TABLE:
            return datasets.open_table(entry)
        from moorage_processes.data.selection import subset  # noqa: PLC0415 - arrays, and the supervisor carries none

        grid = self._stack.enter_context(datasets.open_grid(entry))
        part = subset(grid, selection, declared.id)
        if declared.type_name == "xarray.Dataset":
            return part
        return datasets.variable_of(part, variable, declared.id)

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
            return formats.read(path, fmt, declared.type_name)
        except ValueError as error:
            raise InputError(f"{declared.id}: {error}", input=declared.id) from error

    def _scratch(self) -> Path:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(dir=self._directory, prefix="input-"))
        return Path(folder) / "content"


def _stated(declared: Input, media_type: str | None) -> formats.Format | None:
    try:
        return formats.find(declared.kind, media_type) if media_type else None
    except ValueError:
        return None


def _write_output(declared: Output, value: Any, media_type: str, directory: Path) -> Artefact:
    if declared.kind in (Kind.GRID, Kind.FEATURES, Kind.TABLE):
        return _write_file(declared, value, media_type, directory)
    if declared.kind is Kind.BYTES:
        path = directory / declared.id
        path.write_bytes(value)
        return Artefact(declared.id, media_type, path.name, None, len(value))
    document = declared.encode_value(value)
    text = json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    if len(text) <= INLINE:
        return Artefact(declared.id, media_type, None, document, len(text))
    path = directory / f"{declared.id}.json"
    path.write_bytes(text)
    return Artefact(declared.id, media_type, path.name, None, len(text))


def _write_file(declared: Output, value: Any, media_type: str, directory: Path) -> Artefact:
    fmt = formats.find(declared.kind, media_type)
    path = directory / f"{declared.id}{fmt.suffix}"
    if declared.kind is Kind.GRID:
        check_room((value.nbytes,), 1, f"the output {declared.id!r}")
    if declared.type_name == "xarray.DataArray" and value.name is None:
        value = value.rename(declared.id)
    try:
        formats.write(value, path, fmt)
    except ValueError as error:
        raise InputError(f"the output {declared.id!r} cannot be written as {fmt.media_type}: {error}") from error
    return Artefact(declared.id, fmt.media_type, path.name, None, path.stat().st_size)
