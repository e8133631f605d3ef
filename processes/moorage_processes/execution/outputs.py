"""Write the outputs of one call as artefacts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moorage import formats
from moorage.formats import Kind

from moorage_processes.authoring.result_size import check_room
from moorage_processes.errors import InputError
from moorage_processes.execution.inputs import SUFFIX
from moorage_processes.execution.request import Artefact

if TYPE_CHECKING:
    from moorage_processes.authoring.parameters import Output


INLINE = 1 << 16
"""JSON values up to this many bytes travel with the record of the job; larger ones become files."""


def write_output(declared: Output, value: Any, media_type: str, directory: Path) -> Artefact:
    """Write one output: small JSON values stay in the artefact, everything else becomes a file.

    Parameters
    ----------
    declared : the output, as its process describes it.
    value : what the method returned for it.
    media_type : the format wanted.
    directory : where its file goes.
    """
    if declared.kind in (Kind.GRID, Kind.FEATURES, Kind.TABLE, Kind.ARRAY, Kind.FIGURE):
        return _write_file(declared, value, media_type, directory)
    if isinstance(value, Path):
        return _take_file(declared, value, media_type, directory)
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


def _take_file(declared: Output, value: Path, media_type: str, directory: Path) -> Artefact:
    """Take a file that the method wrote, or copy one that is not of this call."""
    if not value.is_file():
        found = "a folder" if value.is_dir() else "not there"
        raise TypeError(f"the method returned {str(value)!r} as {declared.id!r}, which is {found}; it takes a file")
    size = value.stat().st_size
    check_room((size,), 1, f"the output {declared.id!r}")
    suffix = value.suffix if SUFFIX.fullmatch(value.suffix) else ""
    path = directory / f"{declared.id}{suffix}"
    if value.resolve().is_relative_to(directory.resolve()) and not value.is_symlink():
        value.replace(path)
    else:
        shutil.copyfile(value, path)
    return Artefact(declared.id, media_type, path.name, None, size)


def _write_file(declared: Output, value: Any, media_type: str, directory: Path) -> Artefact:
    fmt = formats.find(declared.kind, media_type)
    path = directory / f"{declared.id}{fmt.suffix}"
    if declared.kind in (Kind.GRID, Kind.ARRAY):
        check_room((value.nbytes,), 1, f"the output {declared.id!r}")
    if declared.type_name == "xarray.DataArray" and value.name is None:
        value = value.rename(declared.id)
    try:
        formats.write(value, path, fmt)
    except ValueError as error:
        raise InputError(f"the output {declared.id!r} cannot be written as {fmt.media_type}: {error}") from error
    return Artefact(declared.id, fmt.media_type, path.name, None, path.stat().st_size)
